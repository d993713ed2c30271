"""The exchange's front end, from outside, by the client that sellers and buyers use."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from cpushare.market.errors import BadMessage, Missing, TooMuch
from cpushare.market.messages import HandBack, WorkAnswer, WorkRequest
from cpushare.market.rasters import blob_name
from tests.market.parties import pair
from tests.market.serving import COINS, Served, served
from tests.market.study import answer, enrol, job, submit


@pytest.fixture(scope="module")
def exchange() -> Iterator[Served]:
    with served() as found:
        yield found


def test_a_study_from_its_order_to_its_pay() -> None:
    with served() as exchange, exchange.client(exchange.buyer) as buyer:
        status = submit(buyer, job(trust="pair"))
        assert (status.tasks, status.answered, status.state) == (4, 0, "running")
        assert buyer.balance().available == COINS - status.reserved
        seller, second = (enrol(exchange, pair(n), pair(f"{n}'s")) for n in ("one", "two"))
        given = seller.work(WorkRequest(wants=10))
        assert len(given.leases) == 4
        done = seller.work(WorkRequest(results=[answer(seller, each) for each in given.leases]))
        assert [each.verdict for each in done.receipts] == ["accepted"] * 4
        checks = second.work(WorkRequest(wants=10)).leases
        assert len(checks) == 4
        second.work(WorkRequest(results=[answer(second, each) for each in checks]))
        wait_for(lambda: buyer.status(status.job).state == "done")
        results = buyer.results(status.job).results
        assert [each.is_final for each in results] == [True] * 4
        ended = buyer.status(status.job)
        assert ended.paid + ended.refunded == ended.reserved
        seller.close()
        second.close()
        with exchange.client(pair("one's")) as account:
            assert account.balance().available == sum(each.pay for each in given.leases)
            assert [line.amount > 0 for line in account.history().transfers] == [True] * 8
        assert [each.job for each in buyer.jobs()] == [status.job]


def wait_for(is_so: object, within_s: float = 5.0) -> None:
    assert callable(is_so)
    until = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)


def test_blobs_come_back_as_they_were(exchange: Served) -> None:
    with exchange.client(pair("somebody")) as client:
        blobs = [b"", b"one", b"x" * 200_000]
        names = [blob_name(blob) for blob in blobs]
        assert client.missing(names) == set(names)
        client.upload(blobs)
        client.upload([b"alone"])
        assert client.missing([*names, blob_name(b"alone")]) == set()
        assert client.download(names[2]) == blobs[2]
        assert client.download_many(names) == dict(zip(names, blobs, strict=True))
        with pytest.raises(Missing, match="no blob"):
            client.download("0" * 64)


def test_who_waits_for_work_is_told_when_there_is_some(exchange: Served) -> None:
    seller = enrol(exchange, pair("waits"), pair("its account"))
    got: list[WorkAnswer] = []
    waiting = WorkRequest(wants=4, wait_s=20)
    thread = threading.Thread(target=lambda: got.append(seller.work(waiting)))
    thread.start()
    time.sleep(0.2)
    assert not got
    began = time.monotonic()
    with exchange.client(exchange.buyer) as buyer:
        status = submit(buyer, job(nonce="waited for"))
        thread.join(5)
        assert len(got[0].leases) == 4
        assert time.monotonic() - began < 2
        seller.work(WorkRequest(returned=[HandBack(each.id) for each in got[0].leases]))
        buyer.cancel(status.job)
    seller.close()


def test_nothing_comes_after_a_wait_but_leave_to_ask_again(exchange: Served) -> None:
    with enrol(exchange, pair("idle"), pair("idle's")) as seller:
        began = time.monotonic()
        assert seller.work(WorkRequest(wants=1, wait_s=0.3)) == WorkAnswer()
        assert 0.3 <= time.monotonic() - began < 2
        assert seller.work(WorkRequest(wants=1)).retry_s > 0


def test_the_exchange_says_who_it_is_and_where_coins_came_from(exchange: Served) -> None:
    with exchange.client(pair("anybody")) as client:
        assert client.info().key == exchange.exchange.name
    mints = httpx.get(f"{exchange.address}/api/mints").json()
    assert mints["operator"] == exchange.operator.name
    assert mints["mints"][0]["mint"]["amount"] == COINS


def test_errors_come_back_as_what_they_are(exchange: Served) -> None:
    with exchange.client(pair("poor")) as client:
        with pytest.raises(TooMuch, match="takes"):
            submit(client, job())
        with pytest.raises(Missing, match="no job"):
            client.status("0" * 64)
        with pytest.raises(Missing, match="enrolled"):
            client.work(WorkRequest(wants=1))
        with pytest.raises(BadMessage, match="JobOrder"):
            client.submit(b"{}")
