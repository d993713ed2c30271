"""cpushare status: how far jobs are."""

from __future__ import annotations

import time

import click
import msgspec

from cpushare.buyer import records
from cpushare.buyer.sending import patiently
from cpushare.buyer.verbs import JSON, connected, market_options, of_record
from cpushare.cpsc import output
from cpushare.market.coins import show_coins
from cpushare.market.messages import JobStatus
from cpushare.market.states import OVER

WATCH_S = 0.5


@click.command(help="Show how far a job is, or all of an account's jobs, newest first.")
@click.argument("job", required=False)
@click.option("--watch", is_flag=True, help="Go on until the job has ended.")
@market_options
@JSON
def command(
    job: str | None,
    watch: bool,
    exchange: str | None,
    certificate: str | None,
    account: str | None,
    as_json: bool,
) -> int:
    """Ask the exchange."""
    if job is None:
        with connected(exchange, certificate, account) as (_, _, client):
            found = client.jobs()
        for status in found:
            tell(status, as_json)
        if not found:
            output.note("there is no job yet")
        return 0
    record = records.of_job(job)
    with of_record(record.exchange, record.certificate, record.account) as client:
        last = None
        while True:
            status = patiently(lambda: client.status(record.job))
            if status != last:
                tell(status, as_json)
            last = status
            if not watch or status.state in OVER:
                return 0
            time.sleep(WATCH_S)


def tell(status: JobStatus, as_json: bool) -> None:
    """A job on a line."""
    if as_json:
        output.result_json(status_fields(status))
    else:
        output.result(status_line(status))


def status_fields(status: JobStatus) -> dict[str, object]:
    """A job for JSON."""
    fields: dict[str, object] = msgspec.to_builtins(status)
    return fields


def status_line(status: JobStatus) -> str:
    """A job in words."""
    parts = [f"{status.job[:12]}  {status.state:9}  {status.answered:,} of {status.tasks:,} done"]
    if status.failed:
        parts.append(f"{status.failed} given up")
    if status.state in OVER:
        parts.append(f"{show_coins(status.paid)} coins paid, {show_coins(status.refunded)} back")
    else:
        parts.append(f"{show_coins(status.reserved)} coins set aside")
    if status.title:
        parts.append(status.title)
    return ", ".join(parts)
