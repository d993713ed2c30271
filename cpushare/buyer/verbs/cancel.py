"""cpushare cancel: begin nothing more of a job."""

from __future__ import annotations

import click

from cpushare.buyer import records
from cpushare.buyer.verbs import JSON, of_record
from cpushare.buyer.verbs.status import tell


@click.command(help="Begin nothing more of a job; what sellers have begun is waited for and paid.")
@click.argument("job")
@JSON
def command(job: str, as_json: bool) -> None:
    """Tell the exchange."""
    record = records.of_job(job)
    with of_record(record.exchange, record.certificate, record.account) as client:
        tell(client.cancel(record.job), as_json)
