"""`python -m bench`: measure, then print tables, JSON lines, or write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

import bench
from bench import commands, machine, ours, page, tables
from bench.contender import C
from bench.session import Row, Session, best
from bench.works import BY_NAME, WORKS

SWEEP_ROUNDS = 3


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        prog="python -m bench",
        description=bench.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--works", default="", help=f"some of: {','.join(BY_NAME)}")
    made.add_argument("--size", type=int, default=2048, help="of the picture, N x N; 2048")
    made.add_argument(
        "--sweep",
        default="64,512,4096",
        help="more sizes for ours and the best C, up to 8192; '' for none; %(default)s",
    )
    made.add_argument("--rounds", type=int, default=7, help="how many turns everybody has; 7")
    made.add_argument("--own-level", action="store_true", help="leave lower CPU levels out")
    made.add_argument("--no-peers", action="store_true", help="leave peers out")
    made.add_argument(
        "--quick", action="store_true", help="512 x 512, 3 rounds, own level, nothing else"
    )
    made.add_argument("--json", action="store_true", help="one object a line instead of tables")
    made.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    return made


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options, with what `--quick` means."""
    options = parser().parse_args(arguments)
    if options.quick:
        options.size, options.rounds, options.sweep = 512, 3, ""
        options.own_level = True
    unknown = [name for name in filter(None, options.works.split(",")) if name not in BY_NAME]
    if unknown:
        parser().error(f"there is no work '{unknown[0]}' (there is: {', '.join(BY_NAME)})")
    return options


def measured(session: Session, options: argparse.Namespace) -> tuple[list[Row], list[Row]]:
    """All rows at the main size, and those of ours and the best C at the other sizes."""
    names = options.works.split(",") if options.works else list(BY_NAME)
    sizes = [int(size) for size in options.sweep.split(",") if size]
    rows: list[Row] = []
    sweep: list[Row] = []
    for work in (work for work in WORKS if work.name in names):
        print(f"{work.title} …", file=sys.stderr)
        found = session.measure(work, options.size, options.size, options.rounds)
        rows += found
        best_c = best(found, C, session.levels[0])
        for size in sizes if best_c else ():
            assert best_c is not None
            sweep += session.measure_pair(work, size, size, SWEEP_ROUNDS, best_c.name)
    return rows, sweep


def main() -> int:
    """Run the benchmark; 1 if somebody's bytes are wrong."""
    options = options_of()
    levels = ours.levels()[: 1 if options.own_level else None]
    with Session(levels, not options.no_peers) as session:
        if session.missing:
            print(f"without {', '.join(session.missing)}", file=sys.stderr)
        rows, sweep = measured(session, options)
        whole = not options.works and not options.quick
        own = session.boxes[levels[0]]
        figures = commands.figures(own, session.folder) if whole else {}
        about = machine.described(session)
    if options.json:
        for row in [*rows, *sweep]:
            print(json.dumps(asdict(row)))
        print(json.dumps(figures | about))
    elif options.write:
        page.write(rows, sweep, figures, about, levels, options.rounds)
        print(f"written: {page.PAGE}")
    else:
        print(f"{tables.summary(rows, levels)}\n\n{tables.everybody(rows)}")
    for name in session.wrong:
        print(f"other bytes than ours: {name}", file=sys.stderr)
    return 1 if session.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
