"""cpushare exchange serve: the front end, and the exchange's own worker beside it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click
import structlog

from cpushare.cpsc import output
from cpushare.exchange.commands import folder as place
from cpushare.exchange.config import Config, read_config
from cpushare.exchange.edge.app import create_app
from cpushare.exchange.edge.server import Serving, listen, log_as_json, make_server
from cpushare.exchange.pages.routes import Site
from cpushare.exchange.sql import migrate

FIRST_S, LONGEST_S, STEADY_S = 1.0, 60.0, 60.0
"""Before the checker is started again; the wait doubles until it has lived for `STEADY_S`."""
STOP_S = 15.0
log = structlog.get_logger("cpushare.exchange")


@click.command(help="Serve sellers and buyers until Ctrl-C or SIGTERM.")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--checker/--no-checker",
    default=True,
    help="Run the exchange's own worker, which settles what nobody else checks.",
)
def command(folder: Path, checker: bool) -> int:
    """Serve; 0 when it was told to stop."""
    config = read_config(folder)
    log_as_json()
    asyncio.run(_serve(folder, config, checker))
    return 0


async def _serve(folder: Path, config: Config, checker: bool) -> None:
    await migrate(config.database)
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
        beside=[lambda: keep_checking(folder)] if checker else [],
        site=Site(config.address, place.certificate_hash(folder, config), "/api/docs"),
    )
    try:
        with listen(*config.place) as socket:
            output.note(f"the exchange is at {config.address}; Ctrl-C stops it")
            await make_server(app, how).serve([socket])
    finally:
        await world.store.close()


NO_WAITING = {
    f"CPUSHARE_SELL_{name}": "0"
    for name in ("YIELDS", "CPU_PRESSURE", "MEMORY_PRESSURE", "IO_PRESSURE")
}
"""Sellers wait for the exchange's own worker, so it gives way to nobody."""


async def keep_checking(folder: Path) -> None:
    """Run the exchange's own worker, and start it again when it ends, until cancelled."""
    wait_s = FIRST_S
    while True:
        loop = asyncio.get_running_loop()
        began = loop.time()
        code = await _run_checker(folder)
        if loop.time() - began > STEADY_S:
            wait_s = FIRST_S
        log.warning("the checker has ended", code=code, again_s=wait_s)
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, LONGEST_S)


async def _run_checker(folder: Path) -> int:
    line = ("-m", "cpushare.command.main", "sell", str(folder / "checker.cpu"))
    mine = ("--worker-key", str(folder / place.CHECKER), "--state", str(folder / "checker"))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *line,
        *mine,
        "--until-eof",  # so it ends with us, even if we are killed
        stdin=asyncio.subprocess.PIPE,
        env={**os.environ, **NO_WAITING},
        start_new_session=True,
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
