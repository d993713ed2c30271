"""cpushare accept: be content with what was answered, so that its sellers are paid now."""

from __future__ import annotations

import click

from cpushare.buyer import records
from cpushare.buyer.verbs import JSON, of_record
from cpushare.buyer.verbs.status import tell


@click.command(
    help="Be content with a job of trust 'self', so that its sellers are paid now. 'cpushare "
    "results' does so itself when it has checked everything."
)
@click.argument("job")
@JSON
def command(job: str, as_json: bool) -> None:
    """Tell the exchange."""
    record = records.of_job(job)
    with of_record(record.exchange, record.certificate, record.account) as client:
        tell(client.accept(record.job), as_json)
