"""cpushare submit: a study to the market. Its price is known before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click

from cpushare.buyer.grid import axes_of, sets_of
from cpushare.buyer.pictures import Pictures, read_all
from cpushare.buyer.quote import Quote, check_budget
from cpushare.buyer.sending import Parts, begin_job, quote_of
from cpushare.buyer.study import SUFFIX, Study, StudyFile, Terms, read_file, study_of, terms_of
from cpushare.buyer.verbs import JSON, connected, market_options
from cpushare.buyer.verbs.status import status_fields, status_line
from cpushare.config import setting
from cpushare.cpsc import output
from cpushare.cpsc.files import PICTURE, FileNamed
from cpushare.cpsc.programs import load_program
from cpushare.engines import MARKET
from cpushare.images import Reading
from cpushare.market.messages import JobOrder
from vm import parameters as parameter_values
from vm.errors import Refused


@click.command(
    help="Have a kernel run on pictures by the market: PROGRAM is a .cps or .cpb file and INPUTs "
    "are files, folders, patterns; or a STUDY.toml says it all. Submitted again, a study goes on."
)
@click.argument("program", type=FileNamed(".cps", ".cpb", SUFFIX), metavar="PROGRAM|STUDY.toml")
@click.argument("inputs", nargs=-1, type=PICTURE, metavar="INPUT…")
@click.option("--in", "named", multiple=True, metavar="NAME=FILE", help="An in image by its name.")
@click.option("--kernel", metavar="NAME", help="Which kernel, if there are more.")
@click.option("-p", "pairs", multiple=True, metavar="NAME=VALUE", help="A parameter, by its name.")
@click.option(
    "--grid", "grids", multiple=True, metavar="NAME=a,b,c|lo..hi:n", help="Several values of one."
)
@click.option("--price", type=click.IntRange(1), help="Micro-coins for a billion cost units.")
@click.option("--budget", metavar="COINS", help="The most that all of it may take.")
@click.option("--trust", type=click.Choice(["spot", "pair", "self"]), help="How it is checked.")
@click.option("--deadline", metavar="12h|TIME", help="What is not done by then is not done.")
@click.option("--title", help="What the study is called.")
@click.option("--public", "is_public", is_flag=True, help="Let the exchange's page show it.")
@click.option("--checked", is_flag=True, help="Trap where signed arithmetic would wrap.")
@click.option("--background", metavar="COLOUR", help="What lies behind transparency.")
@click.option("--dry-run", is_flag=True, help="Show the price, send nothing.")
@click.option("-o", "--output", "folder", metavar="DIR", help="Where a study's own engine writes.")
@click.option("--again", is_flag=True, help="A new job, even if this study is one already.")
@market_options
@JSON
def command(program: str, inputs: tuple[str, ...], as_json: bool, **options: Any) -> int:
    """Read, price, send."""
    file = None
    if program.endswith(SUFFIX):
        file = read_file(Path(program))
        if inputs or options["named"] or options["pairs"] or options["grids"]:
            raise Refused("a study's file names its images and parameters: change them there")
        study = study_of(file, Path(program).parent)
    else:
        study = _study(program, inputs, options)
    if study.engine != MARKET:
        from cpushare.buyer.here import run_here

        with closing(study.program):
            return run_here(study, options["folder"], as_json=as_json)
    if options["folder"] is not None:
        raise Refused("-o is for a study with an engine of your own; 'cpushare results' takes it")
    terms = _terms(file, options)
    with closing(study.program), Pictures() as pictures:
        parts, price = prepare(study, terms, pictures)
        return _submit(parts, price, terms, file, options, as_json)


def _study(program: str, inputs: tuple[str, ...], options: dict[str, Any]) -> Study:
    from cpushare.batch.plan import inputs_of
    from cpushare.cpsc.verbs.run import parse_colour

    loaded = load_program(program)
    kernel = loaded.kernel(options["kernel"])
    return Study(
        loaded,
        kernel,
        axes_of(kernel, options["pairs"], options["grids"]),
        inputs_of(kernel, inputs, options["named"]),
        Reading(setting("max_pixels"), background=parse_colour(options["background"])),
        checked=options["checked"],
    )


def _terms(file: StudyFile | None, options: dict[str, Any]) -> Terms:
    """Options, else what the study's file says, else settings."""
    given = {name: options[name] for name in ("price", "budget", "trust", "deadline", "title")}
    if file is not None:
        for name, value in given.items():
            given[name] = getattr(file, name) if value is None else value
    is_public = options["is_public"] or (file is not None and file.public)
    return terms_of(**given, is_public=is_public)


def prepare(study: Study, terms: Terms, pictures: Pictures) -> tuple[Parts, Quote]:
    """Decode the study's pictures and know its price; nothing is sent."""
    verified, kernel = study.program.verified, study.kernel
    parameters = [
        parameter_values.to_bytes(kernel, values) for values in sets_of(kernel, study.axes)
    ]
    total = len({pair for row in study.files for pair in row.items()})
    with progress("reading", total) as advance:
        said: dict[str, None] = {}
        inputs = read_all(
            pictures, kernel, study.files, study.reading, lambda t: said.update({t: None}), advance
        )
    for text in said:
        output.note(text)
    order = JobOrder(
        verified.hash,
        kernel.name,
        parameters,
        inputs,
        terms.price,
        terms.budget,
        terms.trust,
        study.checked,
        terms.deadline,
        terms.title,
        terms.is_public,
    )
    files = [
        {
            name: path if path.startswith("#") else str(Path(path).absolute())
            for name, path in row.items()
        }
        for row in study.files
    ]
    parts = Parts(verified, order, pictures, files)
    return parts, quote_of(parts)


def _submit(
    parts: Parts,
    price: Quote,
    terms: Terms,
    file: StudyFile | None,
    options: dict[str, Any],
    as_json: bool,
) -> int:
    output.note(price.text(terms.price, terms.budget))
    if as_json and options["dry_run"]:
        fields = {"tasks": price.tasks, "units": price.units, "memory_bytes": price.memory_bytes}
        output.result_json({**fields, "pay": price.pay, "reserved": price.reserved})
    check_budget(price, terms.budget)
    if options["dry_run"]:
        output.note("dry run: nothing has been sent")
        return 0
    exchange = options["exchange"] or (file.exchange if file else None)
    account = options["account"] or (file.account if file else None)
    with (
        connected(exchange, options["certificate"], account) as (place, name, client),
        sending() as begin,
    ):
        again = options["again"]
        status, _ = begin_job(client, place, name, parts, is_fresh=again, begin=begin)
    if as_json:
        output.result_json(status_fields(status))
        return 0
    output.result(status.job)
    output.note(status_line(status))
    short = status.job[:12]
    output.note(f"'cpushare status {short} --watch' follows it, 'cpushare results {short}' fetches")
    return 0


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar on standard error, if anybody looks."""
    from cpushare.batch.progress import progress_bar

    with progress_bar(total, what) as advance:
        yield advance


@contextmanager
def sending() -> Iterator[Callable[[int], Callable[[], None]]]:
    """Progress of what is sent, whose number is known when it begins."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda total: stack.enter_context(progress("sent", total))
