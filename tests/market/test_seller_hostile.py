"""A seller against an exchange that answers as it should not: clear words, waits, and no harm."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cpushare.engines.interpret import InterpretEngine
from cpushare.market.messages import (
    Enrolled,
    Lease,
    Problem,
    Receipt,
    WorkAnswer,
    WorkRequest,
    decode,
    encode,
)
from cpushare.market.order import SellOrder, write_order
from cpushare.seller.allowance import Allowance
from cpushare.seller.machine import Limits, Machine
from cpushare.seller.orders import find_orders
from cpushare.seller.spool import Spool
from cpushare.seller.state import Traffic
from cpushare.seller.worker import Worker
from cpushare.wire import client as wire
from cpushare.wire.client import ExchangeClient
from tests.market.parties import pair
from tests.market.selling import wait_for

Reply = tuple[int, list[bytes]]
ENROLLED: Reply = (200, [encode(Enrolled(pair("s").name, "new"))])


@contextmanager
def lying(
    folder: Path, reply: Callable[[str, bytes], Reply], draw: float = 0.0
) -> Iterator[Worker]:
    """A worker of an exchange that answers (status, parts of the body, sent slowly)."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, parts = reply(self.path, body)
            self.send_response(status)
            self.send_header("content-length", str(sum(map(len, parts))))
            self.end_headers()
            try:
                for part in parts:
                    self.wfile.write(part)
                    time.sleep(0.05 if len(parts) > 1 else 0)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    order = SellOrder(address, pair("x").name, pair("s").name, 1000)
    path = folder / "mine.cpu"
    path.write_text(write_order(order, pair("s")))
    worker = Worker(
        find_orders([path]).orders[0],
        lambda: ExchangeClient(address, pair("w")),
        InterpretEngine,
        Spool(folder / "spool"),
        Machine(Limits()),
        Traffic(folder / "traffic"),
        Allowance(),
        lambda: draw,
    )
    worker.start()
    try:
        yield worker
    finally:
        worker.stop(2)
        server.shutdown()
        server.server_close()


ENROL_LIE = (200, [encode(Enrolled(pair("thief").name, "new"))])
ESCAPES = (400, [encode(Problem("bad-message", "\x1b]0;owned\x07 at 10.1.2.3 \x1b[2J"))])


@pytest.mark.parametrize(
    ("enrolment", "work", "words"),
    [
        ((200, [b"\x00\xff garbage"]), ENROLLED, "no Enrolled"),
        (ENROL_LIE, ENROLLED, "another account"),
        (ENROLLED, (200, [b'{"leases": 5}']), "no WorkAnswer"),
        (ENROLLED, (200, [b"[" * 100_000]), "no WorkAnswer"),
        (ENROLLED, (302, [b""]), "answered 302"),
        (ENROLLED, (503, [b""]), "busy"),
        (ENROLLED, (200, [b" " * 2_000_000]), "too long"),
        (ENROLLED, (200, [b" "] * 40), "does not come to an end"),
        (ENROLLED, ESCAPES, "owned"),
    ],
)
def test_a_bad_answer_is_named_and_the_seller_waits(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    enrolment: Reply,
    work: Reply,
    words: str,
) -> None:
    monkeypatch.setattr(wire, "ANSWER_BYTES", 1_000_000)
    monkeypatch.setattr(wire, "ANSWER_S", 0.5)
    asked: list[str] = []

    def reply(path: str, _: bytes) -> Reply:
        asked.append(path)
        return enrolment if path == "/api/workers" else work

    with lying(tmp_path, reply) as worker:
        wait_for(lambda: words in worker.status().why)
        why = worker.status().why
        assert why.isprintable()
        assert "127.0.0.1" not in why
        assert "10.1.2.3" not in why
        assert worker.is_alive
        assert worker.status().held == 0
        time.sleep(0.3)
        assert len(asked) < 8


def test_leases_without_a_program_and_unknown_receipts_do_no_harm(tmp_path: Path) -> None:
    requests: list[WorkRequest] = []
    lease = Lease(5, "1" * 64, b"", {}, 10, 10, 10, 0.0)

    def reply(path: str, body: bytes) -> Reply:
        if path == "/api/workers":
            return ENROLLED
        requests.append(decode(body, WorkRequest))
        leases = [lease, lease] if len(requests) == 1 else []
        receipts = [Receipt(99, "\x1b[2J", "\x1b[2J")]
        return 200, [encode(WorkAnswer(receipts, leases, withdrawn=[1, 2, 3], retry_s=1e300))]

    with lying(tmp_path, reply) as worker:
        wait_for(lambda: any(request.returned for request in requests))
        (back,) = next(request.returned for request in requests if request.returned)
        assert (back.lease, back.is_refused) == (5, True)
        assert "which program" in back.reason
        assert worker.status().done == 0
        assert worker.is_alive


def test_a_swapped_program_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    from cpushare.market.frames import pack_blobs
    from cpushare.market.messages import JobOffer
    from tests.market.study import program

    requests: list[WorkRequest] = []
    lease = Lease(5, "1" * 64, b"", {}, 10, 10, 10, 0.0)

    def reply(path: str, body: bytes) -> Reply:
        if path == "/api/workers":
            return ENROLLED
        if path == "/api/blobs/read":
            return 200, [pack_blobs([program()])]
        requests.append(decode(body, WorkRequest))
        leases = [lease] if len(requests) == 1 else []
        offers = {lease.job: JobOffer("2" * 64, "invert")}
        return 200, [encode(WorkAnswer([], leases, offers))]

    with lying(tmp_path, reply):
        wait_for(lambda: any(request.returned for request in requests))
        (back,) = next(request.returned for request in requests if request.returned)
        assert (back.lease, back.is_refused) == (5, True)
        assert "other blobs" in back.reason
        assert not any(request.results for request in requests)
