"""cpushare sell: lend idle processors to checked programs, and tell a running seller what to do."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cpushare.cpsc import output

if TYPE_CHECKING:
    from cpushare.seller.state import State

EPILOG = """
\b
Signals: SIGTERM and SIGINT stop at once and hand the work back, SIGUSR1 pauses, SIGUSR2 resumes.
docs/sell.md says what runs, what it can touch, and how to check that.
"""


@click.command(
    help="Work for sell orders: each .cpu FILE (or each in a FOLDER) is one processor. Without "
    "any, those of /etc/cpushare for root, of ~/.config/cpushare for others.",
    epilog=EPILOG,
)
@click.argument("places", nargs=-1, type=click.Path(path_type=Path), metavar="[ORDER.cpu|FOLDER]…")
@click.option("--status", "word", flag_value="status", help="Show what a running seller does.")
@click.option("--pause", "word", flag_value="pause", help="Have it hand all back and wait.")
@click.option("--resume", "word", flag_value="resume", help="Have it go on.")
@click.option("--finish", "word", flag_value="finish", help="Have it end what runs, then stop.")
@click.option("--stop", "word", flag_value="stop", help="Have it stop at once.")
@click.option("--json", "as_json", is_flag=True, help="The status as JSON.")
@click.option("--dry-run", is_flag=True, help="Say what would run, be stored and sent; do nothing.")
@click.option("--after", default=0, metavar="N", help="Finish after N tasks.")
@click.option("--paused", is_flag=True, help="Begin paused.")
@click.option("--state", "folder", type=click.Path(path_type=Path), help="Keys and spools.")
@click.option("--proxy", help="Go through this proxy, socks5://127.0.0.1:9050 say.")
@click.option(
    "--worker-key",
    type=click.Path(path_type=Path),
    help="Use this key: how an exchange runs its own checking worker.",
)
@click.option(
    "--until-eof", is_flag=True, help="Stop when standard input ends: with whoever holds it."
)
def command(
    places: tuple[Path, ...],
    word: str | None,
    as_json: bool,
    dry_run: bool,
    after: int,
    paused: bool,
    folder: Path | None,
    proxy: str | None,
    worker_key: Path | None,
    until_eof: bool,
) -> int:
    """Sell, or tell a running seller a word."""
    from cpushare.seller.state import State, default_state

    state = State(folder or default_state())
    if word is not None:
        return _tell(state, word, as_json)
    from cpushare.seller.daemon import Daemon, require_confinement
    from cpushare.seller.machine import Limits
    from cpushare.seller.orders import default_folder
    from vm.sandbox import capability

    chosen = [place.absolute() for place in places] or [default_folder()]
    limits = Limits.configured()
    if dry_run:
        from cpushare.seller.verbs.plan import tell_plan

        tell_plan(chosen, state, limits, capability.check())
        return 0
    require_confinement(capability.check())
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # it would log every address
    daemon = Daemon(
        chosen,
        state,
        limits,
        worker_key=worker_key,
        after=after,
        is_paused=paused,
        proxy=proxy,
    )
    if until_eof:
        threading.Thread(target=_stop_at_eof, daemon=True).start()
    daemon.run()
    return 0


def _stop_at_eof() -> None:
    """Stop as by SIGTERM when standard input ends."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _tell(state: State, word: str, as_json: bool) -> int:
    import msgspec

    from cpushare.seller.control import ask
    from cpushare.seller.status import SellerStatus, table

    answer = ask(state.socket, word)
    if as_json:
        output.result(answer.decode())
        return 0
    status = msgspec.json.decode(answer, type=SellerStatus)
    if word != "status":
        output.note(f"the seller was told to {word}")
        return 0
    from rich.console import Console

    Console().print(table(status.workers))
    for name, problem in status.ignored.items():
        output.note(f"{name} {problem}")
    output.note(
        f"{status.traffic_bytes:,} bytes moved today, "
        f"{status.spool_bytes:,} bytes of results unsent"
    )
    return 0
