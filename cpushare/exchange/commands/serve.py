"""cpushare exchange serve: the front ends, and the exchange's own worker beside them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
import structlog

from cpushare.cpsc import output
from cpushare.exchange.commands import folder as place
from cpushare.exchange.config import Config, read_config
from cpushare.exchange.edge.app import Beside, create_app
from cpushare.exchange.edge.server import Serving, listen, log_as_json, make_server, run_here
from cpushare.exchange.pages.routes import Site
from cpushare.exchange.sql import migrate
from cpushare.market.errors import BadMessage

FIRST_S, LONGEST_S, STEADY_S = 1.0, 60.0, 60.0
"""Before the checker is started again; the wait doubles until it has lived for `STEADY_S`."""
STOP_S = 15.0
log = structlog.get_logger("cpushare.exchange")


HELP = """Serve sellers and buyers until Ctrl-C or SIGTERM.

With a PostgreSQL database several front ends may share the port, a process each: about one a
processor. Rates ([limits]) and most of /metrics are each front end's own.
"""


@click.command(help=HELP)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--checker/--no-checker",
    default=True,
    help="Run the exchange's own worker, which settles what nobody else checks.",
)
@click.option(
    "--front-ends",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many processes serve.",
)
@click.option("--socket", "inherited", type=int, hidden=True, help="A front end beside another.")
def command(folder: Path, checker: bool, front_ends: int, inherited: int | None) -> int:
    """Serve; 0 when it was told to stop."""
    config = read_config(folder)
    if front_ends > 1 and not config.database.startswith("postgres"):
        raise BadMessage("several front ends need a PostgreSQL database: see docs/operate.md")
    log_as_json()
    if inherited is not None:
        own = socket.socket(fileno=inherited)
        run_here(_serve(folder, config, own, [_leave_with_parent]))
        return 0
    asyncio.run(migrate(config.database))
    own, *others = listen(*config.place, count=front_ends)
    beside: list[Beside] = [lambda: keep_checking(folder)] if checker else []
    beside += [partial(_keep_serving, folder, each) for each in others]
    output.note(f"the exchange is at {config.address}; Ctrl-C stops it")
    run_here(_serve(folder, config, own, beside))
    return 0


async def _serve(
    folder: Path, config: Config, own: socket.socket, beside: Sequence[Beside]
) -> None:
    world = await place.open_world(folder, config)
    has_tls = config.certificate and not config.is_behind_proxy
    how = Serving(
        folder / config.certificate if has_tls else None,
        folder / config.key if has_tls else None,
        config.is_behind_proxy,
    )
    app = create_app(
        world,
        authorities=frozenset({config.authority}),
        operator=place.operator_key(folder),
        limits=config.limits,
        beside=beside,
        site=Site(config.address, place.certificate_hash(folder, config), "/api/docs"),
    )
    try:
        with own:
            await make_server(app, how).serve([own])
    finally:
        await world.store.close()


async def _leave_with_parent() -> None:
    """Stop when whoever started this front end is no more."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


NO_WAITING = {
    f"CPUSHARE_SELL_{name}": "0"
    for name in ("YIELDS", "CPU_PRESSURE", "MEMORY_PRESSURE", "IO_PRESSURE")
}
"""Sellers wait for the exchange's own worker, so it gives way to nobody."""


async def keep_checking(folder: Path) -> None:
    """Run the exchange's own worker, until cancelled."""
    line = ("sell", str(folder / "checker.cpu"), "--worker-key", str(folder / place.CHECKER))
    await _keep("the checker", (*line, "--state", str(folder / "checker"), "--until-eof"))


async def _keep_serving(folder: Path, shared: socket.socket) -> None:
    """Run one more front end, on a socket that outlives it, until cancelled."""
    number = shared.fileno()
    line = ("exchange", "serve", str(folder), "--socket", str(number))
    await _keep("a front end", line, (number,))


async def _keep(what: str, line: Sequence[str], sockets: Sequence[int] = ()) -> None:
    """Run another `cpushare`, and start it again when it ends, until cancelled."""
    wait_s = FIRST_S
    while True:
        loop = asyncio.get_running_loop()
        began = loop.time()
        code = await _run(line, sockets)
        if loop.time() - began > STEADY_S:
            wait_s = FIRST_S
        log.warning(f"{what} has ended", code=code, again_s=wait_s)
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, LONGEST_S)


async def _run(line: Sequence[str], sockets: Sequence[int]) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cpushare.command.main",
        *line,
        stdin=asyncio.subprocess.PIPE,  # ends with us, even if we are killed
        env={**os.environ, **NO_WAITING},
        start_new_session=True,
        pass_fds=sockets,
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_S)
            except TimeoutError:
                process.kill()
                await process.wait()
