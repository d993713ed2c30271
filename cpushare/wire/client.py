"""A client of an exchange: one method for each question. Safe to share between threads."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from urllib3 import BaseHTTPResponse, PoolManager
from urllib3.exceptions import HTTPError

from cpushare._version import __version__
from cpushare.market import errors, signing
from cpushare.market.errors import BadMessage, BadSignature, MarketError, Unreachable
from cpushare.market.frames import pack_blobs, unpack_blobs
from cpushare.market.keys import KeyPair
from cpushare.market.messages import (
    FRAME_BYTES,
    Balance,
    BlobNames,
    Dispute,
    Enrolled,
    Enrolment,
    ExchangeInfo,
    History,
    JobStatus,
    Problem,
    ResultsPage,
    WorkAnswer,
    WorkRequest,
    decode,
    encode,
)
from cpushare.market.rasters import blob_name
from cpushare.wire.pool import pool_for, shown_instead, told

HEADERS = {"user-agent": f"cpushare/{__version__}", "accept-encoding": "identity"}
PART_BYTES = 1 << 20
ANSWER_BYTES = FRAME_BYTES + (1 << 30) + 1024
ANSWER_S = 900.0
MESSAGE_CHARS = 1000
FRAME_BLOBS = 1000
M = TypeVar("M", bound=Struct)


class ExchangeClient:
    """Speaks to the exchange at `address` in the name of a key pair. A context manager.

    `certificate` is the sha256 of the exchange's own certificate, if it has one of its own making;
    `proxy` an address such as socks5://127.0.0.1:9050; `now` the clock. Every method raises
    `Unreachable` if there is no answer for now, else the error that the exchange names.
    """

    def __init__(
        self,
        address: str,
        pair: KeyPair,
        *,
        certificate: str = "",
        proxy: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.pair = pair
        self._address = address
        self._certificate = certificate
        self._proxy = proxy
        self._now = now
        self._pool: PoolManager | None = None
        self.moved_bytes = 0
        """Bytes of bodies that went out and came in."""

    # Workers.

    def enrol(self, enrolment: Enrolment) -> Enrolled:
        """Become a worker of a sell order."""
        return self._ask("POST", "/api/workers", Enrolled, encode(enrolment))

    def work(self, request: WorkRequest) -> WorkAnswer:
        """Send results, get leases."""
        return self._ask("POST", "/api/work", WorkAnswer, encode(request))

    # Blobs.

    def missing(self, names: Sequence[str]) -> set[str]:
        """Those of the names that the exchange has no blob of."""
        body = encode(BlobNames(list(names)))
        return set(self._ask("POST", "/api/blobs/missing", BlobNames, body).names)

    def upload(self, blobs: Iterable[bytes]) -> None:
        """Store blobs, many in one request if they are small."""
        for frame in _frames(blobs):
            if len(frame) == 1:
                self._send("PUT", f"/api/blobs/{blob_name(frame[0])}", frame[0])
            else:
                self._send("POST", "/api/blobs", pack_blobs(frame))

    def download(self, name: str) -> bytes:
        """One blob. Raises `BadMessage` if what comes is not what the name says."""
        data = self._send("GET", f"/api/blobs/{name}", b"")
        if blob_name(data) != name:
            raise BadMessage(f"the exchange sent another blob than {name}")
        return data

    def download_many(self, names: Sequence[str]) -> dict[str, bytes]:
        """Some of the blobs, at least the first: as many as one answer holds."""
        frame = self._send("POST", "/api/blobs/read", encode(BlobNames(list(names))))
        wanted = set(names)
        found = {blob_name(blob): blob for blob in unpack_blobs(frame)}
        if not found or not set(found) <= wanted:
            raise BadMessage("the exchange sent other blobs than it was asked for")
        return found

    # Buyers.

    def submit(self, document: bytes) -> JobStatus:
        """Begin a job; `document` is an encoded `JobOrder`."""
        return self._ask("POST", "/api/jobs", JobStatus, document)

    def jobs(self) -> list[JobStatus]:
        """One's own jobs, newest first."""
        return msgspec.json.decode(self._send("GET", "/api/jobs", b""), type=list[JobStatus])

    def status(self, job: str) -> JobStatus:
        """How far a job is."""
        return self._ask("GET", f"/api/jobs/{job}", JobStatus)

    def results(self, job: str, after: int = 0) -> ResultsPage:
        """A page of results that changed after a time in ms."""
        return self._ask("GET", f"/api/jobs/{job}/results?after={after}", ResultsPage)

    def cancel(self, job: str) -> JobStatus:
        """Begin nothing more of a job."""
        return self._ask("POST", f"/api/jobs/{job}/cancel", JobStatus)

    def accept(self, job: str) -> JobStatus:
        """Be content with what was answered."""
        return self._ask("POST", f"/api/jobs/{job}/accept", JobStatus)

    def dispute(self, job: str, tasks: Sequence[int]) -> JobStatus:
        """Have the exchange compute tasks itself."""
        body = encode(Dispute(list(tasks)))
        return self._ask("POST", f"/api/jobs/{job}/dispute", JobStatus, body)

    # Accounts, and the exchange itself.

    def balance(self) -> Balance:
        """The coins of the key's account."""
        return self._ask("GET", "/api/accounts/me", Balance)

    def history(self, before: int = 0) -> History:
        """Transfers of the key's account."""
        return self._ask("GET", f"/api/accounts/me/history?before={before}", History)

    def info(self) -> ExchangeInfo:
        """Who the exchange is."""
        return self._ask("GET", "/api/info", ExchangeInfo)

    # One request.

    def _ask(self, method: str, target: str, kind: type[M], body: bytes = b"") -> M:
        return decode(self._send(method, target, body), kind)

    def _send(self, method: str, target: str, body: bytes) -> bytes:
        path, _, query = target.partition("?")
        parts = urlsplit(self._address)
        authority = signing.authority_of(parts.scheme, parts.netloc)
        request = signing.Request(method, path, query, authority, body)
        headers = signing.sign(request, self.pair, self._now(), os.urandom(signing.NONCE_BYTES))
        try:
            answer = self._opened().request(
                method,
                self._address + target,
                body=body,
                headers=headers | HEADERS,
                preload_content=False,
                redirect=False,
            )
            with closing(answer):
                data = _read(answer)  # read whole, its connection is free for the next
        except (HTTPError, OSError) as error:
            if shown := shown_instead(error):
                raise BadSignature(
                    f"{parts.netloc} shows the certificate {shown[:16]}…, not "
                    f"{self._certificate[:16]}… as was promised: it is not that exchange, or has a "
                    "new certificate"
                ) from None
            raise Unreachable(f"{self._address} does not answer: {told(error)}") from None
        self.moved_bytes += len(body) + len(data)
        if 200 <= answer.status < 300:
            return data
        raise _problem(answer.status, data)

    def _opened(self) -> PoolManager:
        if self._pool is None:
            self._pool = pool_for(self._certificate, self._proxy or "")
        return self._pool

    def close(self) -> None:
        """End all connections."""
        if self._pool is not None:
            self._pool.clear()
            self._pool = None

    def __enter__(self) -> ExchangeClient:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _read(answer: BaseHTTPResponse) -> bytes:
    """The body as it was sent, of bounded size and in bounded time; nothing is unpacked."""
    until = time.monotonic() + ANSWER_S
    parts: list[bytes] = []
    left = ANSWER_BYTES
    for part in answer.stream(PART_BYTES, decode_content=False):
        parts.append(part)
        left -= len(part)
        if left < 0:
            raise Unreachable("the exchange's answer is too long")
        if time.monotonic() > until:
            raise Unreachable("the exchange's answer does not come to an end")
    return b"".join(parts)


def _problem(status: int, data: bytes) -> MarketError:
    """The error that an answer names, in words that a terminal does not obey."""
    if status in (429, 502, 503, 504):
        return Unreachable(f"the exchange is busy ({status}): try again later")
    try:
        problem = decode(data, Problem)
    except BadMessage:
        return MarketError(f"the exchange answered {status}")
    message = "".join(c if c.isprintable() else "?" for c in problem.message[:MESSAGE_CHARS])
    return errors.KINDS.get(problem.kind, MarketError)(message)


def _frames(blobs: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Blobs in groups that one request can carry."""
    group: list[bytes] = []
    size = 0
    for blob in blobs:
        if group and (size + len(blob) + 8 > FRAME_BYTES or len(group) >= FRAME_BLOBS):
            yield group
            group, size = [], 0
        group.append(blob)
        size += len(blob) + 8
    if group:
        yield group
