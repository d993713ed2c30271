"""Hostile messages: each is refused with a clear error, and changes nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
from msgspec import structs

from cpushare.market.messages import Enrolment, HandBack, WorkRequest, encode
from cpushare.market.rasters import blob_name
from tests.market.hostile import ask, ask_as, refused, rows, unchanged
from tests.market.parties import pair
from tests.market.serving import Served, served
from tests.market.study import enrol, job, picture, program, submit

WORK = "/api/work"
EVIL = (
    "'; DROP TABLE jobs; --",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    "\u202egnp.exe",
)


@pytest.fixture(scope="module")
def exchange() -> Iterator[Served]:
    """An exchange with one job, and somebody who is up to no good."""
    with served() as found:
        with found.client(found.buyer) as buyer:
            submit(buyer, job())
        enrol(found, pair("thief"), pair("thief's")).close()
        yield found


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"wants":NaN}',
        b'{"wants":Infinity}',
        b'{"wait_s":NaN}',
        b'{"wait_s":1e999}',
        b'{"wants":-1}',
        b'{"wants":257}',
        b'{"wants":1e30}',
        b'{"units":-5}',
        b'{"unknown":1}',
        b"[" * 100_000,
        b'{"results":' + b"[" * 2000 + b"]" * 2000 + b"}",
        b'{"results":[{"lease":1,"units":1,"outcome":{"record":{"a":-1}}}]}',
        b'{"results":[{"lease":1,"units":-1,"outcome":{}}]}',
    ],
)
def test_messages_that_are_none(exchange: Served, body: bytes) -> None:
    with unchanged(exchange):
        refused(ask_as(exchange, pair("thief"), "POST", WORK, body), 400, "bad-message")


def test_fields_that_come_twice(exchange: Served) -> None:
    """The last one counts, as everywhere in msgspec: there is no second reader to disagree."""
    body = b'{"wants":200,"wants":0}'
    with unchanged(exchange):
        assert ask_as(exchange, pair("thief"), "POST", WORK, body).json()["leases"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"price": 0},
        {"price": -1},
        {"price": 1 << 41},
        {"budget": -1},
        {"budget": 1 << 63},
        {"deadline": -1},
        {"trust": "none"},
        {"parameters": []},
        {"inputs": []},
        {"extra": 1},
        {"program": "0" * 63},
        {"price": 1.5},
        {"price": "1"},
        {"title": "x" * 201},
    ],
)
def test_orders_of_huge_and_negative_amounts(exchange: Served, change: dict[str, object]) -> None:
    order = json.loads(encode(job(nonce="odd"))) | change
    body = json.dumps(order).encode()
    with unchanged(exchange):
        refused(ask_as(exchange, exchange.buyer, "POST", "/api/jobs", body), 400, "bad-message")


def test_more_than_the_budget(exchange: Served) -> None:
    order = structs.replace(job(nonce="dear"), budget=1)
    with unchanged(exchange):
        found = ask_as(exchange, exchange.buyer, "POST", "/api/jobs", encode(order))
        refused(found, 413, "too-much", "budget")


def test_a_program_that_does_not_verify(exchange: Served) -> None:
    bad = bytearray(program())
    bad[len(bad) // 2] ^= 0xFF
    with exchange.client(exchange.buyer) as buyer:
        buyer.upload([bytes(bad), b"no program at all"])
    with unchanged(exchange):
        for blob in (bytes(bad), b"no program at all", picture(0)):
            order = structs.replace(job(nonce="bad"), program=blob_name(blob))
            found = ask_as(exchange, exchange.buyer, "POST", "/api/jobs", encode(order))
            refused(found, 400, "bad-message", "the program is refused")


def test_inputs_that_are_no_rasters(exchange: Served) -> None:
    order = structs.replace(job(nonce="input"), inputs=[{"src": blob_name(program())}])
    with unchanged(exchange):
        found = ask_as(exchange, exchange.buyer, "POST", "/api/jobs", encode(order))
        refused(found, 404, "missing", "no rasters")


def test_text_of_sql_and_html_stays_text(exchange: Served) -> None:
    """It is kept, shown and escaped; it does nothing."""
    before = rows(exchange)
    with exchange.client(exchange.buyer) as buyer, exchange.client(pair("thief")) as thief:
        for text in EVIL:
            order = structs.replace(job(1, 1, nonce=text[:60]), title=text, is_public=True)
            status = submit(buyer, order)
            assert buyer.status(status.job).title == text
            thief.work(WorkRequest(returned=[HandBack(1, text, True)]))
            thief.enrol(Enrolment(exchange.order(pair("thief's")), 1 << 32, version=text))
            page = ask(exchange, "GET", "/").text
            assert "<script>alert" not in page
            assert "<img src=x" not in page
            buyer.cancel(status.job)
            kernel = structs.replace(order, kernel=text)
            refused(
                ask_as(exchange, exchange.buyer, "POST", "/api/jobs", encode(kernel)),
                404,
                "missing",
            )
    after = rows(exchange)
    assert len(after["jobs"]) == len(before["jobs"]) + len(EVIL)
    assert set(after["workers"]) == set(before["workers"])


def test_overspending_by_racing_orders() -> None:
    """Of orders that race for the same coins, only those are taken that the coins pay for."""
    with served() as exchange:
        poor = pair("poor")
        with exchange.client(exchange.buyer) as rich:
            price = submit(rich, job(2, 2)).reserved
        exchange.fund(poor.name, 2 * price + price // 2)
        found: list[int] = []

        def race(number: int) -> None:
            body = encode(job(2, 2, nonce=f"race {number}"))
            found.append(ask_as(exchange, poor, "POST", "/api/jobs", body).status_code)

        threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert sorted(found) == [200, 200, *[413] * 6]
        with exchange.client(poor) as client:
            assert client.balance().available == price // 2


def test_a_job_of_another(exchange: Served) -> None:
    with exchange.client(exchange.buyer) as buyer:
        name = buyer.jobs()[0].job
    with unchanged(exchange):
        for method, what in (("GET", ""), ("GET", "/results"), ("POST", "/cancel")):
            found = ask_as(exchange, pair("thief"), method, f"/api/jobs/{name}{what}")
            refused(found, 404, "missing", "no job")
