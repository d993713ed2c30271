"""Attacks on an exchange from outside: each is refused with a clear error, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from msgspec import structs

from cpushare.exchange.edge.gate import Limits
from cpushare.exchange.edge.server import Serving
from cpushare.market.messages import (
    JOB_BYTES,
    REQUEST_BYTES,
    Enrolment,
    HandBack,
    Outcome,
    TaskResult,
    WorkRequest,
    encode,
)
from cpushare.market.order import read_order, write_order
from cpushare.market.rasters import blob_name
from tests.market.hostile import ask, ask_as, raw, refused, signed, unchanged
from tests.market.parties import pair
from tests.market.serving import FREE, Served, served
from tests.market.study import answer, enrol, job, program, submit

WORK = "/api/work"


@pytest.fixture(scope="module")
def exchange() -> Iterator[Served]:
    """An exchange with one job, one seller that has two leases, and one that has none."""
    with served() as found:
        with found.client(found.buyer) as buyer:
            submit(buyer, job())
        for name in ("seller", "thief"):
            enrol(found, pair(name), pair(f"{name}'s")).close()
        with found.client(pair("seller")) as seller:
            found.leases = seller.work(WorkRequest(wants=2)).leases  # type: ignore[attr-defined]
        yield found


def lease(exchange: Served) -> int:
    number: int = exchange.leases[0].id  # type: ignore[attr-defined]
    return number


# Signatures.


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/api/workers"),
        ("POST", WORK),
        ("POST", "/api/blobs"),
        ("POST", "/api/blobs/missing"),
        ("POST", "/api/blobs/read"),
        ("PUT", f"/api/blobs/{'0' * 64}"),
        ("GET", f"/api/blobs/{'0' * 64}"),
        ("POST", "/api/jobs"),
        ("GET", "/api/jobs"),
        ("GET", f"/api/jobs/{'0' * 64}"),
        ("GET", f"/api/jobs/{'0' * 64}/results"),
        ("POST", f"/api/jobs/{'0' * 64}/cancel"),
        ("POST", f"/api/jobs/{'0' * 64}/accept"),
        ("POST", f"/api/jobs/{'0' * 64}/dispute"),
        ("GET", "/api/accounts/me"),
        ("GET", "/api/accounts/me/history"),
    ],
)
def test_unsigned(exchange: Served, method: str, target: str) -> None:
    with unchanged(exchange):
        refused(ask(exchange, method, target), 401, "bad-signature", "not signed")


def test_a_signature_of_another_body(exchange: Served) -> None:
    headers = signed(exchange, pair("seller"), "POST", WORK, encode(WorkRequest()))
    with unchanged(exchange):
        body = encode(WorkRequest(returned=[HandBack(lease(exchange))]))
        refused(ask(exchange, "POST", WORK, body, headers), 401, "bad-signature", "body")


def test_a_signature_of_another_path(exchange: Served) -> None:
    headers = signed(exchange, pair("buyer"), "GET", "/api/accounts/me")
    with unchanged(exchange):
        refused(ask(exchange, "GET", "/api/jobs", b"", headers), 401, "bad-signature")


def test_a_signature_of_another_query(exchange: Served) -> None:
    target = "/api/accounts/me/history"
    headers = signed(exchange, pair("buyer"), "GET", f"{target}?before=5")
    with unchanged(exchange):
        refused(ask(exchange, "GET", f"{target}?before=6", b"", headers), 401, "bad-signature")


def test_a_signature_of_another_method(exchange: Served) -> None:
    name = blob_name(b"x")
    headers = signed(exchange, pair("buyer"), "GET", f"/api/blobs/{name}", b"x")
    with unchanged(exchange):
        refused(ask(exchange, "PUT", f"/api/blobs/{name}", b"x", headers), 401, "bad-signature")


def test_a_signature_for_another_exchange(exchange: Served) -> None:
    who, target = pair("buyer"), "/api/jobs"
    headers = signed(exchange, who, "GET", target, authority="other.example")
    with unchanged(exchange):
        refused(ask(exchange, "GET", target, b"", headers), 401, "bad-signature")
        refused(
            ask(exchange, "GET", target, b"", {**headers, "host": "other.example"}),
            401,
            "bad-signature",
            "this exchange is",
        )


def test_a_signature_by_another_key(exchange: Served) -> None:
    headers = signed(exchange, pair("thief"), "GET", "/api/jobs")
    forged = headers["signature-input"].replace(pair("thief").name, pair("buyer").name)
    with unchanged(exchange):
        found = ask(exchange, "GET", "/api/jobs", b"", {**headers, "signature-input": forged})
        refused(found, 401, "bad-signature", "does not fit")


def test_a_signature_that_covers_less(exchange: Served) -> None:
    headers = signed(exchange, pair("buyer"), "GET", "/api/jobs")
    less = headers["signature-input"].replace(' "content-digest"', "")
    with unchanged(exchange):
        found = ask(exchange, "GET", "/api/jobs", b"", {**headers, "signature-input": less})
        refused(found, 401, "bad-signature", "another form")


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "/api/jobs", b""),
        ("POST", WORK, encode(WorkRequest())),
        ("POST", "/api/blobs/missing", b'{"names":[]}'),
        ("PUT", f"/api/blobs/{blob_name(b'twice')}", b"twice"),
    ],
)
def test_replayed(exchange: Served, method: str, target: str, body: bytes) -> None:
    headers = signed(exchange, pair("seller"), method, target, body)
    assert ask(exchange, method, target, body, headers).status_code == 200
    with unchanged(exchange):
        found = ask(exchange, method, target, body, headers)
        refused(found, 401, "bad-signature", "sent before")


@pytest.mark.parametrize("age_s", [302.0, -302.0])
def test_expired_or_of_the_future(exchange: Served, age_s: float) -> None:
    headers = signed(exchange, pair("buyer"), "GET", "/api/jobs", age_s=age_s)
    with unchanged(exchange):
        refused(ask(exchange, "GET", "/api/jobs", b"", headers), 401, "bad-signature", "clock")


# Leases.


def test_a_result_for_the_lease_of_another(exchange: Served) -> None:
    with exchange.client(pair("thief")) as thief, unchanged(exchange):
        thief_result = TaskResult(lease(exchange), 1, Outcome(images={"dst": blob_name(b"")}))
        exchange_known = blob_name(program())
        thief_result = structs.replace(thief_result, outcome=Outcome({"dst": exchange_known}))
        (receipt,) = thief.work(WorkRequest(results=[thief_result])).receipts
        assert (receipt.verdict, receipt.reason) == ("refused", "that is no lease of yours")


def test_handing_back_the_lease_of_another(exchange: Served) -> None:
    with exchange.client(pair("thief")) as thief, unchanged(exchange):
        thief.work(WorkRequest(returned=[HandBack(lease(exchange), "spite", True)]))


def test_a_result_for_no_lease(exchange: Served) -> None:
    with exchange.client(pair("thief")) as thief, unchanged(exchange):
        (receipt,) = thief.work(WorkRequest(results=[TaskResult(12345, 1, Outcome())])).receipts
        assert (receipt.verdict, receipt.reason) == ("refused", "that is no lease of yours")


def test_a_lease_that_is_no_number_of_ours(exchange: Served) -> None:
    with unchanged(exchange):
        for number in (-1, 1 << 63, 1 << 64, 10**30):
            body = b'{"results":[{"lease":%d,"units":1,"outcome":{}}]}' % number
            found = ask_as(exchange, pair("thief"), "POST", WORK, body)
            assert found.status_code in (200, 400)
            assert found.status_code == 400 or b'"refused"' in found.content


def test_a_lease_answered_twice() -> None:
    with served() as exchange, exchange.client(exchange.buyer) as buyer:
        submit(buyer, job(1, 1, trust="self"))
        with enrol(exchange, pair("seller"), pair("its account")) as seller:
            (given,) = seller.work(WorkRequest(wants=1)).leases
            result = answer(seller, given)
            twice = encode(WorkRequest(results=[result, result]))
            with unchanged(exchange):
                found = ask_as(exchange, pair("seller"), "POST", WORK, twice)
                refused(found, 400, "bad-message", "twice")
            seller.work(WorkRequest(results=[result]))
            with unchanged(exchange):
                (receipt,) = seller.work(WorkRequest(results=[result])).receipts
                assert receipt.verdict == "known"
            other = structs.replace(result, outcome=Outcome(trap="it was too much"))
            with unchanged(exchange):
                (receipt,) = seller.work(WorkRequest(results=[other])).receipts
                assert receipt.verdict == "refused"


# Sizes, and slowness.


@pytest.mark.parametrize(
    ("method", "target", "most"),
    [("POST", WORK, REQUEST_BYTES), ("POST", "/api/jobs", JOB_BYTES), ("GET", "/api/jobs", 0)],
)
def test_a_body_that_is_too_long(exchange: Served, method: str, target: str, most: int) -> None:
    """It is refused by its length, before it is read."""
    lines = signed(exchange, pair("seller"), method, target, b"x")
    lines |= {"host": exchange.address[7:], "content-length": str(most + 1)}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    with unchanged(exchange):
        got = raw(exchange, f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode())
        assert got.startswith(b"HTTP/1.1 413 ")
        assert b"too-much" in got


def test_a_body_of_no_length(exchange: Served) -> None:
    lines = signed(exchange, pair("seller"), "POST", WORK, b"{}")
    lines |= {"host": exchange.address[7:], "transfer-encoding": "chunked", "connection": "close"}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    with unchanged(exchange):
        got = raw(exchange, f"POST {WORK} HTTP/1.1\r\n{head}\r\n2\r\n{{}}\r\n0\r\n\r\n".encode())
        assert got.startswith(b"HTTP/1.1 400 ")
        assert b"Content-Length" in got


def test_slow_bodies_and_headers() -> None:
    limits = structs.replace(FREE, body_s=0.2)
    with served(limits=limits, how=Serving(headers_s=0.3)) as exchange:
        enrol(exchange, pair("seller"), pair("its account")).close()
        lines = signed(exchange, pair("seller"), "POST", WORK, b"{}")
        lines |= {"host": exchange.address[7:], "content-length": "2"}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        with unchanged(exchange):
            got = raw(exchange, f"POST {WORK} HTTP/1.1\r\n{head}\r\n{{".encode())
            assert got.startswith(b"HTTP/1.1 408 ")
            got = raw(exchange, b"GET /api/info HTTP/1.1\r\nhost: x\r\nslow:")
            assert got.startswith(b"HTTP/1.1 408 ")
            assert raw(exchange).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "flood",
    [
        b"".join(b"h%d: x\r\n" % number for number in range(100)),
        b"h: " + b"x" * 40_000 + b"\r\n",
        b"h: " + b"x" * 10_000_000,
    ],
)
def test_header_floods(exchange: Served, flood: bytes) -> None:
    with unchanged(exchange):
        got = raw(exchange, b"GET /api/info HTTP/1.1\r\nhost: x\r\n", flood, b"\r\n")
        assert got == b"" or got.startswith(b"HTTP/1.1 431 ")
        assert ask(exchange, "GET", "/api/info").status_code == 200


def test_floods_of_requests() -> None:
    with served(limits=Limits(0.01, 3.0, 0.01, 8.0)) as exchange:
        found = [ask_as(exchange, pair("eager"), "GET", "/api/jobs") for _ in range(5)]
        assert [each.status_code for each in found] == [200, 200, 200, 429, 429]
        assert int(found[-1].headers["retry-after"]) >= 1
        found = [ask_as(exchange, pair(f"key {n}"), "GET", "/api/jobs") for n in range(5)]
        assert [each.status_code for each in found] == [200, 200, 200, 429, 429]


# Sell orders.


def test_forged_sell_orders(exchange: Served) -> None:
    text = exchange.order(pair("honest"))
    order = read_order(text)
    other = structs.replace(order, exchange_key=pair("another exchange").name)
    forged = {
        text.replace("min_price = 1 ", "min_price = 9 "): (401, "bad-signature"),
        text.replace(pair("honest").name, pair("thief").name): (401, "bad-signature"),
        write_order(other, pair("honest")): (403, "forbidden"),
        text + 'more = "x"\n': (400, "bad-message"),
        text.replace("min_price = 1 ", "min_price = -1 "): (400, "bad-message"),
        "x" * 9000: (400, "bad-message"),
    }
    with unchanged(exchange):
        for each, (status, kind) in forged.items():
            body = encode(Enrolment(each, 1 << 32))
            refused(ask_as(exchange, pair("new"), "POST", "/api/workers", body), status, kind)


def test_a_worker_does_not_change_its_account(exchange: Served) -> None:
    body = encode(Enrolment(exchange.order(pair("thief's other")), 1 << 32))
    with unchanged(exchange):
        found = ask_as(exchange, pair("thief"), "POST", "/api/workers", body)
        refused(found, 403, "forbidden", "another account")


# Names of blobs.


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "%2e%2e",
        "ab%2F" + "0" * 61,
        "0" * 63 + "%00",
        "0" * 64 + "%00",
        "A" * 64,
        "0" * 63,
        "0" * 65,
        "0" * 64 + "%0a",
        "0" * 64 + "/x",
        "%EF%BC%90" * 64,
    ],
)
def test_path_tricks_in_blob_names(exchange: Served, name: str) -> None:
    with unchanged(exchange):
        for method, body in (("GET", b""), ("PUT", b"x")):
            target = f"/api/blobs/{name}"
            assert ask_as(exchange, pair("thief"), method, target, body).status_code in (400, 404)
        body = msgspec.json.encode({"names": [name]})
        for target in ("/api/blobs/read", "/api/blobs/missing"):
            refused(ask_as(exchange, pair("thief"), "POST", target, body), 400, "bad-message")


def test_a_blob_under_the_name_of_another(exchange: Served) -> None:
    target = f"/api/blobs/{blob_name(b'good')}"
    with unchanged(exchange):
        refused(ask_as(exchange, pair("thief"), "PUT", target, b"bad"), 400, "bad-message")


def test_frames_that_lie(exchange: Served) -> None:
    with unchanged(exchange):
        for frame in (b"x", b"\xff" * 8, (5).to_bytes(8, "little") + b"1234", bytes(8 * 10_001)):
            refused(
                ask_as(exchange, pair("thief"), "POST", "/api/blobs", frame), 400, "bad-message"
            )
