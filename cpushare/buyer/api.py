"""The market from Python: a program, images, parameters and a price become futures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cpushare.buyer.accounts import load_account
from cpushare.buyer.exchanges import find_exchange, open_client
from cpushare.buyer.following import SAMPLE, Followed, Follower
from cpushare.buyer.pictures import Pictures
from cpushare.buyer.quote import check_budget
from cpushare.buyer.sending import Parts, begin_job, quote_of
from cpushare.buyer.study import terms_of
from cpushare.config import text_setting
from cpushare.cpsc.programs import load_program
from cpushare.images import read_image
from cpushare.market.messages import JobOrder, decode
from cpushare.program import Program
from cpushare.wire.client import ExchangeClient
from vm import parameters as parameter_values
from vm.errors import Refused
from vm.inputs import checked_image
from vm.module import Kernel, Role

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vm.inputs import Outputs

    Image = NDArray[Any] | Path | str


def submit(
    program: Program | Path | str,
    images: Iterable[Image | Mapping[str, Image]],
    *,
    parameters: Mapping[str, object] | Sequence[Mapping[str, object]] | None = None,
    kernel: str | None = None,
    price: int,
    budget: str | int,
    trust: str = "spot",
    exchange: str | None = None,
    certificate: str | None = None,
    account: str | None = None,
    checked: bool = False,
    deadline: str | None = None,
    title: str = "",
    is_public: bool = False,
    verify: int = SAMPLE,
) -> list[Future[Outputs]]:
    """Have the market run a kernel on images; gives a future for every task.

    `images` are arrays (height, width) or (height, width, channels), or files; or mappings of them
    by the names of the in images. `parameters` are one set or several: future number
    `p * len(images) + i` is of parameter set p on image i. `price` is in micro-coins for a billion
    cost units, `budget` in coins. `exchange` (an address or a .cpu file), `certificate` and
    `account` are else those of the settings. `verify` tasks are computed on this machine too.

    A future gives `Outputs` or raises `Trap`, or a `MarketError`. The same call again, after a
    crash, goes on with the same job. Raises `Refused`, `TooMuch` beyond the budget, and what the
    exchange says.
    """
    loaded = program if isinstance(program, Program) else load_program(str(program))
    wanted = loaded.kernel(kernel)
    terms = terms_of(price, budget, trust, deadline, title, is_public)
    sets = parameters or {}
    given = [sets] if isinstance(sets, Mapping) else list(sets)
    values = [
        parameter_values.to_bytes(wanted, parameter_values.resolve(wanted, each)) for each in given
    ]
    place, name = find_exchange(exchange, certificate), account or text_setting("account")
    with Pictures() as pictures:
        inputs, files = _inputs(pictures, wanted, images)
        order = JobOrder(
            loaded.verified.hash,
            wanted.name,
            values,
            inputs,
            terms.price,
            terms.budget,
            terms.trust,
            checked,
            terms.deadline,
            title,
            is_public,
        )
        parts = Parts(loaded.verified, order, pictures, files)
        check_budget(quote_of(parts), terms.budget)
        client = open_client(place, load_account(name))
        try:
            status, document = begin_job(client, place, name, parts)
        except BaseException:
            client.close()
            raise
    return _followed(client, status.job, loaded, decode(document, JobOrder), verify)


def _followed(
    client: ExchangeClient, job: str, program: Program, order: JobOrder, verify: int
) -> list[Future[Outputs]]:
    """A future for every task, and a thread that fulfils them and closes the client."""
    futures: list[Future[Outputs]] = [Future() for _ in range(order.tasks)]
    for future in futures:
        future.set_running_or_notify_cancel()
    waiting = {index: [future] for index, future in enumerate(futures)}
    Follower(client.close).add(Followed(client, job, program.verified, order, waiting, verify))
    return futures


def _inputs(
    pictures: Pictures, kernel: Kernel, images: Iterable[Image | Mapping[str, Image]]
) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Names of rasters, and of files or places in the list, for each set of inputs."""
    wanted = {image.name: image for image in kernel.images_of(Role.IN)}
    rows, files = [], []
    for number, given in enumerate(images):
        if not isinstance(given, Mapping) and len(wanted) != 1:
            raise Refused(
                f"kernel '{kernel.name}' takes {len(wanted)} images: give each set as a mapping"
            )
        named = given if isinstance(given, Mapping) else {next(iter(wanted)): given}
        if set(named) != set(wanted):
            raise Refused(f"kernel '{kernel.name}' takes the images {', '.join(wanted)}")
        row, file = {}, {}
        for name, image in named.items():
            is_file = isinstance(image, str | Path)
            pixels = read_image(image) if isinstance(image, str | Path) else image
            row[name] = pictures.add(checked_image(wanted[name], pixels))
            file[name] = str(Path(str(image)).absolute()) if is_file else f"image{number:06}"
        rows.append(row)
        files.append(file)
    if not rows:
        raise Refused("there is no image")
    return rows, files
