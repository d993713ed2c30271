"""A buyer at a real exchange on loopback, with honest sellers and with others."""

from __future__ import annotations

import csv
import errno
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cpushare import writing
from cpushare.buyer import records
from cpushare.buyer.pictures import Pictures
from cpushare.images import read_image
from cpushare.market.messages import decode
from cpushare.market.rasters import encode_raster
from cpushare.wire.client import ExchangeClient
from tests.market.buyers import Buyer, buying, cpushare, sellers
from tests.market.workers import lying, working


@pytest.fixture
def buyer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Buyer]:
    with buying(tmp_path, monkeypatch) as found:
        yield found


def test_a_study_is_submitted_computed_and_fetched(buyer: Buyer) -> None:
    with sellers(buyer.exchange):
        job = buyer.submit("--grid", "by=1,2")
        assert len(job) == 64
        watched = cpushare("status", job[:10], "--watch", "--json")
        assert watched.objects[-1]["state"] == "done"
        out, table = buyer.home / "out", buyer.home / "t.csv"
        said = cpushare("results", job, "-o", out, "--table", table)
    assert said.code == 0, said.err
    assert "6 of 6 tasks done, 6 of them final; 0 failed" in said.err
    assert "none differ" in said.err
    for by in ("1.0", "2.0"):
        for number in range(3):
            made = read_image(out / f"by={by}" / f"p{number}.png")
            assert np.array_equal(made, read_image(buyer.images / f"p{number}.png"))
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["by"] for row in rows] == ["1.0"] * 3 + ["2.0"] * 3
    for row in rows:
        total = int(read_image(row["src"]).sum())
        assert int(row["total"]) == total
        assert float(row["mean"]) == total / float(row["by"])


def test_the_price_is_known_before_anything_is_sent(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_connection(*arguments: object) -> None:
        raise AssertionError("something was sent")

    quoted = ("submit", buyer.program, buyer.images, "--price", 1_000_000, "--budget", 5)
    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "connect", no_connection)
        patch.setattr(ExchangeClient, "_send", no_connection)
        said = cpushare(*quoted, "--dry-run", "--json")
        poor = cpushare(*quoted[:-1], "0.000001", "--trust", "pair")
    assert said.code == 0
    assert "nothing has been sent" in said.err
    assert poor.code != 0
    assert "budget" in poor.err
    assert not list(records.records_folder().glob("*"))
    before = buyer.balance()
    job = buyer.submit()
    with buyer.exchange.client(buyer.pair) as client:
        assert client.status(job).reserved == said.objects[0]["reserved"]
    assert buyer.balance() == before - said.objects[0]["reserved"]


def test_submitting_again_is_the_same_job_and_again_makes_another(buyer: Buyer) -> None:
    before = buyer.balance()
    job = buyer.submit("--deadline", "1h")
    paid = before - buyer.balance()
    assert paid > 0
    assert buyer.submit("--deadline", "2h") == job  # the deadline is that of the first time
    assert before - buyer.balance() == paid
    other = buyer.submit("--again")
    assert other != job
    assert buyer.submit() in (job, other)
    assert len(cpushare("status", "--json").objects) == 2


def test_a_buyer_killed_while_it_sends_goes_on(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    real = ExchangeClient.upload

    def killed(self: ExchangeClient, blobs: Any) -> None:
        sent.append(1)
        real(self, [next(iter(blobs))])
        raise KeyboardInterrupt

    arguments = ("submit", buyer.program, buyer.images, "--price", 1_000_000, "--budget", 5)
    with monkeypatch.context() as patch:
        patch.setattr(ExchangeClient, "upload", killed)
        assert cpushare(*arguments).code == 130
    assert sent == [1]
    (record,) = records.records_folder().glob("*.json")
    resumed: list[int] = []

    def counted(self: ExchangeClient, blobs: Any) -> None:
        listed = list(blobs)
        resumed.append(len(listed))
        real(self, listed)

    monkeypatch.setattr(ExchangeClient, "upload", counted)
    said = cpushare(*arguments)
    assert said.out.strip() in record.name
    assert resumed == [3]  # the program was there already: three pictures were not


def test_what_was_cancelled_begins_anew_when_it_is_submitted_again(buyer: Buyer) -> None:
    before = buyer.balance()
    job = buyer.submit()
    assert "closing" in cpushare("cancel", job[:8]).out
    again = buyer.submit()
    assert again != job
    with sellers(buyer.exchange):
        assert cpushare("status", job, "--watch").out.splitlines()[-1].split()[1] == "cancelled"
        assert cpushare("status", again, "--watch").code == 0
    assert cpushare("results", again, "-o", buyer.home / "out").code == 0
    with buyer.exchange.client(buyer.pair) as client:
        assert buyer.balance() == before - client.status(again).paid


def test_traps_are_rows_and_failures_not_a_surprise(buyer: Buyer) -> None:
    with sellers(buyer.exchange):
        job = buyer.submit("-p", "least=50")
        out, table = buyer.home / "out", buyer.home / "t.jsonl"
        said = cpushare("results", job, "-o", out, "--table", table, "--wait", "--verify", "all")
    assert said.code == 3
    assert "2 failed" in said.err
    assert "3 computed again here: none differ" in said.err
    rows = [json.loads(line) for line in table.read_text().splitlines()]
    assert [row["error"] is None for row in rows] == [False, False, True]
    assert rows[0]["error"] == "kernel 'stats' trapped at line 5: too dark [requirement]"
    assert [path.name for path in out.glob("*.png")] == ["p2.png"]


def test_a_lie_is_disputed_and_done_again(buyer: Buyer) -> None:
    with working(buyer.exchange, "liar", lying) as liar:
        job = buyer.submit("--trust", "self")
        while liar.done < 3:
            pass
        out = buyer.home / "out"
        said = cpushare("results", job, "-o", out, "--verify", "all")
        assert said.code == 1
        assert "3 differ" in said.err
        assert not list(out.glob("*.png"))  # nothing wrong is written
    with sellers(buyer.exchange):
        said = cpushare("results", job, "-o", out, "--wait")
    assert said.code == 0, said.err
    assert "its sellers are paid" in said.err
    assert np.array_equal(read_image(out / "p1.png"), read_image(buyer.images / "p1.png"))


@pytest.mark.parametrize("name", ["download", "download_many"])
def test_an_exchange_that_swaps_bytes_is_noticed(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with sellers(buyer.exchange):
        job = buyer.submit()
        cpushare("status", job, "--watch")
    other = encode_raster(np.zeros((9, 14), np.uint8))
    real = ExchangeClient._send

    def swapped(self: ExchangeClient, method: str, target: str, body: bytes) -> bytes:
        answer = real(self, method, target, body)
        if target == "/api/blobs/read" and name == "download_many":
            return len(other).to_bytes(8, "little") + other
        return other if target.startswith("/api/blobs/") and method == "GET" else answer

    monkeypatch.setattr(ExchangeClient, "_send", swapped)
    verify = "all" if name == "download" else "none"
    said = cpushare("results", job, "-o", buyer.home / "out", "--verify", verify)
    assert said.code == 2
    assert "the exchange sent" in said.err
    assert not list((buyer.home / "out").glob("*.png"))


def test_an_exchange_that_swaps_an_outcome_is_noticed(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows the hash of another image, which it has: only computing it here tells."""
    with sellers(buyer.exchange):
        job = buyer.submit()
        cpushare("status", job, "--watch")
    real = ExchangeClient._send

    def swapped(self: ExchangeClient, method: str, target: str, body: bytes) -> bytes:
        answer = real(self, method, target, body)
        if "/results?" not in target:
            return answer
        page = json.loads(answer)
        outcomes = {row["index"]: row["outcome"] for row in page["results"]}
        for row in page["results"]:
            row["outcome"] = outcomes[(row["index"] + 1) % len(outcomes)]
        return json.dumps(page).encode()

    monkeypatch.setattr(ExchangeClient, "_send", swapped)
    said = cpushare("results", job, "-o", buyer.home / "out")
    assert said.code == 1
    assert "3 differ" in said.err
    assert not list((buyer.home / "out").glob("*.png"))
    assert cpushare("verify", f"{job}:0").code == 1


def test_a_result_is_verified_by_its_file(buyer: Buyer) -> None:
    with sellers(buyer.exchange):
        job = buyer.submit()
        out = buyer.home / "out"
        assert cpushare("results", job, "-o", out, "--wait").code == 0
    equal = cpushare("verify", out / "p2.png", "--interpret")
    assert equal.code == 0
    assert "the interpreter" in equal.out
    assert "DIFFER" not in equal.out
    assert equal.out.count("equal") == 4  # image, two fields, the file
    pixels = read_image(out / "p2.png").copy()
    pixels[3, 3] ^= 1
    writing.write_image(out / "p2.png", pixels)
    changed = cpushare("verify", out / "p2.png", "--json")
    assert changed.code == 1
    assert [part["equal"] for part in changed.objects[0]["parts"]] == [True, True, True, False]
    assert cpushare("verify", f"{job[:9]}:2").code == 0
    assert cpushare("verify", f"{job[:9]}:3").code == 2
    assert cpushare("verify", buyer.images / "p0.png").code == 2


def test_a_full_disk_loses_nothing(buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> None:
    with sellers(buyer.exchange):
        job = buyer.submit()
        cpushare("status", job, "--watch")
    out = buyer.home / "out"
    real, left = writing.encode, [1]

    def full(file: Any, suffix: str, image: Any) -> None:
        if not left:
            file.write(b"some")
            raise OSError(errno.ENOSPC, "No space left on device")
        left.pop()
        real(file, suffix, image)

    with monkeypatch.context() as patch:
        patch.setattr(writing, "encode", full)
        said = cpushare("results", job, "-o", out)
    assert said.code == 5
    assert "No space left on device: what is written stays" in said.err
    assert len(list(out.glob("*.png"))) == 1
    assert not [path for path in out.iterdir() if path.name.startswith(".")]
    fetched: list[str] = []
    download = ExchangeClient.download_many

    def counted(self: ExchangeClient, names: Any) -> dict[str, bytes]:
        fetched.extend(names)
        return download(self, names)

    monkeypatch.setattr(ExchangeClient, "download_many", counted)
    assert cpushare("results", job, "-o", out).code == 0
    assert len(list(out.glob("*.png"))) == 3
    assert len(fetched) == 2  # what was written is not fetched again


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_no_room_for_the_pictures_is_said_clearly() -> None:
    with Pictures() as kept:
        kept._file.rollover()
        with open("/dev/full", "wb", buffering=0) as full:
            os.dup2(full.fileno(), kept._file.fileno())
        with pytest.raises(OSError, match="TMPDIR") as caught:
            kept.add(np.zeros((400, 400), np.uint8))
    assert caught.value.errno == errno.ENOSPC


def test_a_studys_file_says_it_all(buyer: Buyer) -> None:
    study = buyer.home / "study.toml"
    study.write_text(
        'program = "stats.cps"\nimages = ["pictures/*.png"]\nprice = 1_000_000\nbudget = "2.5"\n'
        'trust = "pair"\ntitle = "means"\n[parameters]\nby = "1..2:3"\nleast = [0, 10]\n'
    )
    quoted = cpushare("submit", study, "--dry-run", "--json")
    assert quoted.code == 0, quoted.err
    assert quoted.objects[0]["tasks"] == 18
    pay, reserved = quoted.objects[0]["pay"], quoted.objects[0]["reserved"]
    assert 2 * pay < reserved < 2.2 * pay
    job = cpushare("submit", study, "--trust", "spot").out.strip()
    order = buyer.record(job).order
    assert (order.trust, order.title, order.budget) == ("spot", "means", 2_500_000)
    assert len(order.parameters) == 6
    assert decode(buyer.record(job).document, type(order)) == order
    study.write_text('program = "stats.cps"\nimage = "x"\n')
    said = cpushare("submit", study)
    assert said.code == 2
    assert "image" in said.err


def test_a_study_may_run_at_home(buyer: Buyer) -> None:
    study = buyer.home / "study.toml"
    study.write_text(
        'program = "stats.cps"\nimages = "pictures"\nengine = "interpret"\n'
        "[parameters]\nby = [1, 2]\n"
    )
    assert "-o DIR" in cpushare("submit", study).err
    here = buyer.home / "here"
    assert cpushare("submit", study, "-o", here).code == 0
    study.write_text(study.read_text().replace('"interpret"', '"market"\nprice = 9\nbudget = 1'))
    assert cpushare("submit", study, "-o", here).code == 2
    with sellers(buyer.exchange):
        job = cpushare("submit", study).out.strip()
        there = buyer.home / "there"
        assert cpushare("results", job, "-o", there, "--wait").code == 0
    for path in sorted(there.rglob("*.png")):
        assert path.read_bytes() == (here / path.relative_to(there)).read_bytes()
    rows = list(csv.DictReader((here / "by=2.0" / "table.csv").read_text().splitlines()))
    assert [row["by"] for row in rows] == ["2.0"] * 3


def test_records_that_go_to_no_table_are_shown(buyer: Buyer) -> None:
    buyer.program.write_text(
        "record Row { total: i64 }\nkernel sums(in src: image<u8>) -> Row {\n"
        "    return Row(sum(i64(src[x, y]) for (x, y) in src));\n}\n"
    )
    with sellers(buyer.exchange):
        job = buyer.submit()
        said = cpushare("results", job, "--wait")
    assert said.code == 0
    rows = list(csv.DictReader(said.out.splitlines()))
    assert [int(row["total"]) for row in rows] == [int(read_image(r["src"]).sum()) for r in rows]
    assert cpushare("results", job, "-o", buyer.home / "out").code == 2
