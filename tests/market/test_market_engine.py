"""The market from Python: futures, and the engine beside local and Dask."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError, wait
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cpushare
import cpushare.market
from cpushare.engines import open_engine
from cpushare.images import read_image
from cpushare.market.errors import MarketError, TooMuch
from cpushare.wire.client import ExchangeClient
from tests.cpushare.cli import cpsc
from tests.market.buyers import STATS, Buyer, buying, sellers
from tests.market.workers import lying, working
from vm.errors import Refused, Trap

PRICE = 1_000_000


@pytest.fixture
def buyer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Buyer]:
    with buying(tmp_path, monkeypatch) as found:
        monkeypatch.setenv("CPUSHARE_PRICE", str(PRICE))
        monkeypatch.setenv("CPUSHARE_BUDGET", "5")
        yield found


def noise(seed: int, first: int = 200) -> np.ndarray[Any, Any]:
    pixels = np.random.default_rng(seed).integers(0, 256, (11, 13), np.uint8)
    pixels[0, 0] = first
    return pixels


def test_submit_gives_futures_of_outputs_and_traps(buyer: Buyer) -> None:
    images = [noise(1), noise(2, first=3), noise(3)]
    with sellers(buyer.exchange):
        futures = cpushare.market.submit(
            buyer.program,
            images,
            parameters=[{"by": 2.0}, {"by": 4.0, "least": 100}],
            price=PRICE,
            budget=5,
        )
        assert not wait(futures, timeout=60).not_done
    assert len(futures) == 6
    for index in (0, 1, 2, 3, 5):
        image, by = images[index % 3], (2.0, 4.0)[index // 3]
        outputs = futures[index].result()
        assert np.array_equal(outputs["dst"], image)
        assert outputs.record == {"total": image.sum(), "mean": image.sum() / by}
    with pytest.raises(Trap) as caught:
        futures[4].result()
    assert (caught.value.code, caught.value.line) == ("requirement", 5)
    with pytest.raises(Trap) as here, cpushare.compile(buyer.program) as program:
        program.run(engine="interpret", src=images[1], by=4.0, least=100)
    assert str(here.value) == str(caught.value)


def test_files_are_images_too_and_the_budget_holds(buyer: Buyer) -> None:
    files = sorted(buyer.images.iterdir())
    with pytest.raises(TooMuch, match="budget"):
        cpushare.market.submit(buyer.program, files, price=PRICE, budget="0.000001")
    with pytest.raises(Refused, match="no image"):
        cpushare.market.submit(buyer.program, [], price=PRICE, budget=5)
    with sellers(buyer.exchange):
        futures = cpushare.market.submit(buyer.program, files, price=PRICE, budget=5)
        again = cpushare.market.submit(buyer.program, files, price=PRICE, budget=5)
        for future, other, file in zip(futures, again, files, strict=True):
            assert np.array_equal(future.result(60)["dst"], read_image(file))
            assert np.array_equal(other.result(60)["dst"], read_image(file))
    with buyer.exchange.client(buyer.pair) as client:
        assert len(client.jobs()) == 1


def test_a_lie_that_is_checked_here_never_arrives(buyer: Buyer) -> None:
    with working(buyer.exchange, "liar", lying) as liar:
        futures = cpushare.market.submit(
            buyer.program, [noise(1), noise(2)], price=PRICE, budget=5, trust="self"
        )
        while liar.done < 2:
            pass
        assert wait(futures, timeout=0.5).not_done == set(futures)
    with sellers(buyer.exchange):
        assert np.array_equal(futures[0].result(60)["dst"], noise(1))
        assert np.array_equal(futures[1].result(60)["dst"], noise(2))


def test_swapped_bytes_end_futures_in_an_error(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ExchangeClient._send

    def swapped(self: ExchangeClient, method: str, target: str, body: bytes) -> bytes:
        answer = real(self, method, target, body)
        return answer[:-1] + b"?" if target == "/api/blobs/read" else answer

    with sellers(buyer.exchange):
        monkeypatch.setattr(ExchangeClient, "_send", swapped)
        (future,) = cpushare.market.submit(buyer.program, [noise(1)], price=PRICE, budget=5)
        error = future.exception(60)
    assert isinstance(error, MarketError)
    assert "other blobs" in str(error)


def test_map_and_submit_by_the_market_give_what_others_give(buyer: Buyer) -> None:
    images = [noise(seed) for seed in range(20)]
    with sellers(buyer.exchange), cpushare.compile(buyer.program) as program:
        found = list(program.map(images, engine="market", by=3.0))
        futures = [program.submit(engine="market", src=noise(1), by=k) for k in (1.0, 2.0, 1.0)]
        records = [future.result(60).record for future in futures]
    for image, result in zip(images, found, strict=True):
        assert np.array_equal(result.dst, image)
        assert result.record == {"total": image.sum(), "mean": image.sum() / 3.0}
    assert [record["mean"] for record in records] == [noise(1).sum() / k for k in (1, 2, 1)]
    with buyer.exchange.client(buyer.pair) as client:
        assert sorted(job.tasks for job in client.jobs()) == [2, 20]


def test_cpsc_run_by_the_market_and_what_is_paid_once(buyer: Buyer) -> None:
    out, table = buyer.home / "out", buyer.home / "t.csv"
    run = ("run", buyer.program, buyer.images, "-o", out, "--engine", "market", "--table", table)
    with sellers(buyer.exchange):
        said = cpsc(*run, "--no-cache")
        assert said.code == 0, said.err
        paid = buyer.balance()
        again = cpsc(*run, "--no-cache", "--force")
        assert again.code == 0, again.err
        assert buyer.balance() == paid
    for number in range(3):
        made = read_image(out / f"p{number}.png")
        assert np.array_equal(made, read_image(buyer.images / f"p{number}.png"))
    assert "3 of 3 pictures done" in said.err
    assert len(table.read_text().splitlines()) == 4


def test_closing_cancels_what_is_not_done(buyer: Buyer) -> None:
    before = buyer.balance()
    with cpushare.compile(buyer.program) as program:
        future = program.submit(engine="market", src=noise(1))
        with buyer.exchange.client(buyer.pair) as client:
            while not client.jobs():
                pass
            assert buyer.balance() < before
            program.close()
            (job,) = client.jobs()
            assert job.state == "closing"
            with pytest.raises(CancelledError):
                future.result(10)
            with sellers(buyer.exchange):
                while client.status(job.job).state != "cancelled":
                    pass
    assert buyer.balance() == before


def test_a_run_takes_no_more_than_its_budget(buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CPUSHARE_BUDGET", "0.000001")
    with cpushare.compile(buyer.program) as program:
        error = program.submit(engine="market", src=noise(1)).exception(60)
        assert isinstance(error, TooMuch)
        assert "budget" in str(error)
        refused = program.submit(engine="market", src=noise(1), by="x").exception(60)
        assert isinstance(refused, Refused)


def test_a_setting_that_is_missing_is_named(buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CPUSHARE_PRICE", "0")
    with pytest.raises(Refused, match="what do you pay"):
        open_engine("market")
    monkeypatch.setenv("CPUSHARE_PRICE", "5")
    monkeypatch.setenv("CPUSHARE_TRUST", "blind")
    with pytest.raises(Refused, match="trust is one of"):
        open_engine("market")


@pytest.mark.parametrize("missing", ["nacl", "urllib3"])
@pytest.mark.parametrize("verb", ["account", "engine"])
def test_without_its_extra_it_says_what_to_install(missing: str, verb: str, tmp_path: Path) -> None:
    """In a process of its own, in which the package cannot be imported."""
    (tmp_path / "k.cps").write_text(STATS)
    commands = {
        "account": ("cpushare.command.main", ["account", "balance"]),
        "engine": ("cpushare.cpsc.main", ["run", "k.cps", "--engine", "market", "x.npy"]),
    }
    module, arguments = commands[verb]
    code = (
        f"import sys, runpy; sys.modules[{missing!r}] = None; "
        f"sys.argv = ['x', *{json.dumps(arguments)}]; "
        f"runpy.run_module({module!r}, run_name='__main__')"
    )
    np.save(tmp_path / "x.npy", np.zeros((4, 4), np.uint8))
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert f"this needs {missing}: pip install 'cpushare[market]'" in ran.stderr
