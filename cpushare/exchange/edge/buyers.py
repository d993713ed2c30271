"""What buyers ask, and anybody about its own coins: /api/jobs, /api/accounts."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from cpushare.exchange.edge.answers import JSON, answer
from cpushare.exchange.edge.bell import Bell
from cpushare.exchange.edge.gate import Gate
from cpushare.exchange.edge.openapi import spoken
from cpushare.exchange.jobs import JobDesk
from cpushare.market.errors import BadMessage
from cpushare.market.messages import (
    JOB_BYTES,
    Balance,
    Dispute,
    History,
    JobOrder,
    JobStatus,
    ResultsPage,
    decode,
)

DISPUTE_BYTES = 64 << 10


def job_routes(desk: JobDesk, gate: Gate, bell: Bell) -> APIRouter:
    """The routes of jobs."""
    router = APIRouter(prefix="/api/jobs", tags=["jobs"])

    @router.post("", **spoken(JobStatus, JobOrder))
    async def submit(request: Request) -> Response:
        """Begin a job, whose whole price is set aside. Sent again, it gives the job that is."""
        sent = await gate.receive(request, JOB_BYTES)
        status = await desk.submit(sent.signed, sent.body)
        bell.ring()
        return answer(status)

    @router.get("", **spoken(list[JobStatus]))
    async def jobs(request: Request) -> Response:
        """The signer's last jobs, newest first."""
        sent = await gate.receive(request)
        return Response(msgspec.json.encode(await desk.list(sent.signed)), media_type=JSON)

    @router.get("/{job}", **spoken(JobStatus))
    async def status(request: Request, job: str) -> Response:
        """How far a job of the signer is."""
        sent = await gate.receive(request)
        return answer(await desk.status(sent.signed, job))

    @router.get("/{job}/results", **spoken(ResultsPage, query=["after"]))
    async def results(request: Request, job: str) -> Response:
        """Tasks of a job that changed after a time in ms; a page may repeat an earlier one."""
        sent = await gate.receive(request)
        return answer(await desk.results(sent.signed, job, _number(request, "after")))

    @router.post("/{job}/cancel", **spoken(JobStatus))
    async def cancel(request: Request, job: str) -> Response:
        """Begin nothing more of a job; what sellers have begun is waited for and paid."""
        sent = await gate.receive(request)
        return answer(await desk.cancel(sent.signed, job))

    @router.post("/{job}/accept", **spoken(JobStatus))
    async def accept(request: Request, job: str) -> Response:
        """Be content: a job whose tasks are all answered is paid now."""
        sent = await gate.receive(request)
        return answer(await desk.accept(sent.signed, job))

    @router.post("/{job}/dispute", **spoken(JobStatus, Dispute))
    async def dispute(request: Request, job: str) -> Response:
        """Have the exchange compute tasks itself: whoever lied about them is not paid."""
        sent = await gate.receive(request, DISPUTE_BYTES)
        status = await desk.dispute(sent.signed, job, decode(sent.body, Dispute))
        bell.ring()
        return answer(status)

    return router


def account_routes(desk: JobDesk, gate: Gate) -> APIRouter:
    """The routes of accounts: whoever signs sees its own."""
    router = APIRouter(prefix="/api/accounts", tags=["accounts"])

    @router.get("/me", **spoken(Balance))
    async def balance(request: Request) -> Response:
        """What the signer can spend, and what is still held back."""
        sent = await gate.receive(request)
        return answer(await desk.balance(sent.signed))

    @router.get("/me/history", **spoken(History, query=["before"]))
    async def history(request: Request) -> Response:
        """The signer's transfers, newest first, those before a number if one is given."""
        sent = await gate.receive(request)
        return answer(await desk.history(sent.signed, _number(request, "before")))

    return router


def _number(request: Request, name: str) -> int:
    """A whole number of the query, 0 if it is not there. Raises `BadMessage`."""
    text = request.query_params.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise BadMessage(f"'{name}' is a whole number, not '{text[:40]}'")
    return int(text)
