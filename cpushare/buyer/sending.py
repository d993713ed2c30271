"""A job on its way to the exchange: only what is missing there is sent, many blobs in a request.

A job is named by its document. Sent twice it is one job, so after a crash one sends it again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct, structs

from cpushare.buyer import records
from cpushare.buyer.exchanges import Exchange
from cpushare.buyer.pictures import Pictures
from cpushare.buyer.quote import Quote, quote
from cpushare.buyer.records import JobRecord, study_key
from cpushare.market.errors import Missing, Unreachable
from cpushare.market.messages import JobOrder, JobStatus, encode
from cpushare.market.rules import job_hash
from cpushare.market.states import OVER
from cpushare.wire.client import ExchangeClient
from vm.verifier import VerifiedModule

NAMES_AT_ONCE = 10_000
WAITS_S = (0.2, 0.5, 1.0, 2.0, 4.0)
R = TypeVar("R")


class Parts(Struct, frozen=True):
    """What a job is made of: program, its order, the rasters of its inputs, their files' names."""

    verified: VerifiedModule
    order: JobOrder
    pictures: Pictures
    files: list[dict[str, str]]


def quote_of(parts: Parts) -> Quote:
    """The price of a job. Raises `Refused` where sizes do not fit, `OverLimit`."""
    order, verified = parts.order, parts.verified
    kernel, shapes = verified.kernels[order.kernel].kernel, parts.pictures.shapes
    work = order.parameters, order.inputs
    return quote(verified, kernel, *work, shapes, order.price, order.trust)


def patiently(ask: Callable[[], R]) -> R:
    """Ask, and ask again where there is no answer for now. Raises `Unreachable` in the end.

    For questions that change nothing when they are asked twice.
    """
    for wait_s in WAITS_S:
        try:
            return ask()
        except Unreachable:
            time.sleep(wait_s)
    return ask()


def missing_blobs(client: ExchangeClient, names: Sequence[str]) -> list[str]:
    """Those of the names that the exchange lacks, each once, in order."""
    distinct = list(dict.fromkeys(names))
    lacking: set[str] = set()
    for start in range(0, len(distinct), NAMES_AT_ONCE):
        some = distinct[start : start + NAMES_AT_ONCE]
        lacking |= patiently(lambda some=some: client.missing(some))  # type: ignore[misc]
    return [name for name in distinct if name in lacking]


def upload(
    client: ExchangeClient, parts: Parts, begin: Callable[[int], Callable[[], None]]
) -> None:
    """Send the program and the inputs that the exchange lacks; `begin` is told how many."""
    program = parts.verified.encoded
    sources: Mapping[str, Callable[[str], bytes]] = {parts.order.program: lambda name: program}
    names = [parts.order.program, *(blob for row in parts.order.inputs for blob in row.values())]
    lacking = missing_blobs(client, names)
    advance = begin(len(lacking))

    def blobs() -> Iterator[bytes]:
        for name in lacking:
            yield sources.get(name, parts.pictures.blob)(name)
            advance()

    client.upload(blobs())


def send(
    client: ExchangeClient,
    parts: Parts,
    document: bytes,
    begin: Callable[[int], Callable[[], None]],
) -> JobStatus:
    """Begin a job, or find it begun. Raises what the exchange says to it."""
    try:
        return patiently(lambda: client.status(job_hash(document, client.pair.public)))
    except Missing:
        upload(client, parts, begin)
        return patiently(lambda: client.submit(document))


def quiet(total: int) -> Callable[[], None]:
    """Progress that nobody looks at."""
    return lambda: None


def begin_job(
    client: ExchangeClient,
    exchange: Exchange,
    account: str,
    parts: Parts,
    *,
    keeps: bool = True,
    is_fresh: bool = False,
    begin: Callable[[int], Callable[[], None]] = quiet,
) -> tuple[JobStatus, bytes]:
    """Submit a study, or go on with the job that it is already; gives the job and its document.

    A job that was cancelled, has expired or lacks tasks that were given up is followed by another,
    as is any if `is_fresh`. With `keeps` the job is noted on this machine first.
    """
    order, buyer = parts.order, client.pair.public

    def submit(document: bytes) -> JobStatus:
        if keeps:
            study = study_key(exchange.address, buyer, order)
            program = parts.verified.encoded
            place = exchange.address, exchange.certificate, account
            name = job_hash(document, buyer)
            records.keep(JobRecord(name, study, *place, document, program, parts.files))
        return send(client, parts, document, begin)

    known = records.of_study(study_key(exchange.address, buyer, order)) if keeps else None
    if not is_fresh:
        document = known.document if known is not None else encode(order)
        status = submit(document)
        ended_badly = status.state in OVER and (status.state != "done" or status.failed)
        if not ended_badly and status.state != "closing":
            return status, document
        if status.state == "closing" and status.answered == status.tasks:
            return status, document
    document = encode(structs.replace(order, nonce=os.urandom(16).hex()))
    return submit(document), document
