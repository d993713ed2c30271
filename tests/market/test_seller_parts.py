"""The seller's parts, without an exchange: what it believes, keeps, waits for, says and removes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from cpushare.command.main import cpushare
from cpushare.market.coins import pay_of
from cpushare.market.errors import BadMessage
from cpushare.market.messages import JobOffer, Lease, Outcome, TaskResult
from cpushare.market.order import SellOrder
from cpushare.market.rasters import blob_name, encode_raster
from cpushare.seller.allowance import Allowance
from cpushare.seller.backoff import FIRST_S, MOST_S, Backoff
from cpushare.seller.daemon import CLOCK_SWITCH, require_confinement
from cpushare.seller.machine import Limits, Machine, outside
from cpushare.seller.spool import Batch, Spool
from cpushare.seller.state import State, Traffic
from cpushare.seller.task import BadLease, Preparer
from cpushare.seller.words import harmless, without_addresses
from tests.market.parties import pair
from tests.market.study import level, picture, program
from vm.errors import Refused, SandboxUnavailable
from vm.sandbox.capability import Capability

BLOBS = {blob_name(blob): blob for blob in (program(), picture(0), picture(1), b"no program")}
ORDER = SellOrder("https://x.example", pair("x").name, pair("s").name, 1000)
OFFER = JobOffer(blob_name(program()), "invert")


def download(names: Sequence[str]) -> dict[str, bytes]:
    return {name: BLOBS[name] for name in names}


def good() -> Lease:
    """A lease as an honest exchange makes it: 4 × 6 pixels."""
    from cpushare.market.rasters import read_shape
    from cpushare.market.work import Meter, kernel_of
    from vm.verifier import verify

    verified, name = verify(program()), blob_name(picture(0))
    shapes = {name: read_shape(picture(0))}
    meter = Meter(verified, kernel_of(verified, "invert"), False, b"")
    work = meter.measure(level(200), {"src": name}, shapes)
    pay = pay_of(work.units, ORDER.min_price)
    return Lease(1, "0" * 64, level(200), {"src": name}, work.units, work.memory_bytes, pay, 0.0)


def test_an_honest_lease_is_prepared() -> None:
    prepared = Preparer(ORDER, download).prepare(good(), OFFER)
    assert prepared.task.parameters == {"level": 200}
    assert prepared.task.inputs["src"].shape == (4, 6)
    assert prepared.size_bytes == 24


@pytest.mark.parametrize(
    ("change", "offer", "reason"),
    [
        ({"units": 1}, {}, "units in"),
        ({"memory_bytes": 1}, {}, "bytes, not"),
        ({"pay": 0}, {}, "asks for"),
        ({"parameters": b""}, {}, "take 8 bytes"),
        ({"parameters": (999).to_bytes(8, "little")}, {}, "out of its range"),
        ({"inputs": {}}, {}, "takes image"),
        ({"inputs": {"src": blob_name(program())}}, {}, "no raster"),
        ({}, {"kernel": "other"}, "no kernel 'other'"),
        ({}, {"program": blob_name(b"no program")}, "program is refused"),
    ],
)
def test_a_lying_lease_is_refused(
    change: dict[str, object], offer: dict[str, object], reason: str
) -> None:
    lease = msgspec.structs.replace(good(), **change)
    with pytest.raises(BadLease, match=reason):
        Preparer(ORDER, download).prepare(lease, msgspec.structs.replace(OFFER, **offer))


def test_what_comes_under_another_hash_is_refused() -> None:
    def swapped(names: Sequence[str]) -> dict[str, bytes]:
        raise BadMessage("the exchange sent other blobs than it was asked for")

    with pytest.raises(BadLease, match="other blobs"):
        Preparer(ORDER, swapped).prepare(good(), OFFER)


def test_the_checker_works_without_pay_and_nobody_beyond_the_orders_memory() -> None:
    unpaid = msgspec.structs.replace(good(), pay=0)
    assert Preparer(ORDER, download, is_checker=True).prepare(unpaid, OFFER)
    small = msgspec.structs.replace(ORDER, memory_bytes=1)
    with pytest.raises(BadLease, match="allows 1 bytes"):
        Preparer(small, download).prepare(good(), OFFER)


# The spool.


def batch(lease: int) -> Batch:
    blob = encode_raster_of(lease)
    result = TaskResult(lease, 5, Outcome({"dst": blob_name(blob)}, {"v": (1 << 64) - 1}))
    return Batch([result], {blob_name(blob): blob}, {lease: 7})


def encode_raster_of(value: int) -> bytes:
    import numpy as np

    return encode_raster(np.full((2, 2), value, np.uint8))


def test_the_spool_gives_back_what_it_was_given_in_order(tmp_path: Path) -> None:
    for lease in (1, 2):
        Spool(tmp_path / "spool").write(batch(lease))
    again = Spool(tmp_path / "spool")
    assert [again.read(path) for path in again.files()] == [batch(1), batch(2)]
    assert again.size_bytes() > 0
    again.forget(again.files()[0])
    assert [again.read(path) for path in again.files()] == [batch(2)]


def test_a_damaged_batch_and_half_a_write_are_gone(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    path = spool.write(batch(1))
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    (tmp_path / ".new-9").write_bytes(b"half")
    assert spool.files() == [path]
    assert spool.read(path) is None
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        Spool(tmp_path).write(batch(1))
    assert not list(tmp_path.iterdir())


# When to wait.


def test_waits_double_and_differ() -> None:
    low, high = Backoff(lambda: 0.0), Backoff(lambda: 1.0)
    assert [low.failed() for _ in range(3)] == [FIRST_S / 2, FIRST_S, 2 * FIRST_S]
    assert [high.failed() for _ in range(30)][-1] == MOST_S
    high.worked()
    assert high.failed() == FIRST_S


def test_the_machine_says_why_to_wait(tmp_path: Path) -> None:
    (tmp_path / "pressure").mkdir()
    pressure, clock = tmp_path / "pressure" / "cpu", [0.0]
    machine = Machine(
        Limits(cpu=50, on_battery=False),
        now=lambda: clock[0],
        proc=tmp_path,
        power=tmp_path / "power",
    )

    def why(percent: float) -> str:
        pressure.write_text(f"some avg10={percent:.2f} avg60=0.00 avg300=0.00 total=1\n")
        clock[0] += 2
        return machine.why_not()

    assert why(40) == ""
    assert why(60) == "the machine is busy: cpu pressure 60 %, above 50 %"
    assert "busy" in why(40)  # not calm again before half
    assert why(20) == ""
    battery = tmp_path / "power" / "BAT0"
    battery.mkdir(parents=True)
    (battery / "status").write_text("Discharging\n")
    assert why(0) == "the machine runs on battery"
    (tmp_path / "power" / "AC").mkdir()
    (tmp_path / "power" / "AC" / "online").write_text("1\n")
    assert why(0) == ""


def test_without_pressure_the_load_counts(tmp_path: Path) -> None:
    (tmp_path / "loadavg").write_text(f"{2 * (os.cpu_count() or 1)}.00 0 0 1/1 1\n")
    assert "cpu pressure 200 %" in Machine(Limits(cpu=50), proc=tmp_path).why_not()


def test_hours_are_the_machines_own() -> None:
    import time

    def at(hour: int) -> float:
        return time.mktime((2024, 5, 5, hour, 30, 0, 0, 0, -1))

    assert outside("22:00-07:00", at(23)) == outside("22:00-07:00", at(6)) == ""
    assert "22:00-07:00" in outside("22:00-07:00", at(12))
    assert "09:00-17:00" in outside("09:00-17:00", at(18))
    assert outside("", at(3)) == outside("09:00-17:00", at(10)) == ""


def test_traffic_is_of_a_day_and_outlives_a_restart(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path / "traffic")
    traffic.add(100, 1_000_000.0)
    traffic.save()
    again = Traffic(tmp_path / "traffic")
    assert again.today(1_000_000.0) == 100
    assert again.today(1_000_000.0 + 2 * 86400) == 0


def test_an_allowance_is_set_aside_before_it_is_used() -> None:
    allowance = Allowance(5)
    assert (allowance.take(3), allowance.take(3)) == (3, 2)
    allowance.give(1)
    assert (allowance.take(9), allowance.take(9)) == (1, 0)
    allowance.used(5)
    assert allowance.is_used_up
    assert Allowance().take(9) == 9


# What it says, and what it refuses.


def test_no_address_and_no_escape_is_logged() -> None:
    text = "https://x.example:8443 at 10.0.0.1:80 and [fe80::1] of host.example\x1b[2J\n"
    said = without_addresses(text, "host.example")
    for part in ("x.example", "10.0.0.1", "fe80", "host.example", "\x1b", "\n"):
        assert part not in said
    assert len(harmless("x" * 10_000)) == 300


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (Capability("v3", "", (), "the kernel needs CONFIG_SECCOMP=y"), "CONFIG_SECCOMP=y"),
        (Capability("v3", "strict", (CLOCK_SWITCH,), ""), "PR_SET_TSC"),
    ],
)
def test_it_refuses_to_start_unconfined(found: Capability, reason: str) -> None:
    with pytest.raises(SandboxUnavailable, match=reason):
        require_confinement(found)
    require_confinement(Capability("v3", "strict", (), ""))


def test_the_clock_switch_is_named_as_the_launcher_names_it() -> None:
    from vm.sandbox.launcher import HARDENING

    assert CLOCK_SWITCH in HARDENING


def test_one_seller_a_state_folder(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.take()
    with pytest.raises(Refused, match="runs already"):
        State(tmp_path).take()
    state.leave()
    State(tmp_path).take()


def test_purge_asks_warns_and_removes_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    state = State(tmp_path / "state")
    state.key("w")
    state.spool("w").write(batch(1))
    words = ["purge", "--state", str(state.folder)]
    asked = CliRunner().invoke(cpushare, words, input="n\n")
    assert asked.exit_code != 0
    assert "1 batches of results were not sent" in asked.output
    assert state.key_path("w").exists()
    done = CliRunner().invoke(cpushare, [*words, "--yes"])
    assert "1 worker keys" in done.output
    assert not state.folder.exists()


def test_a_dry_run_tells_and_does_nothing(tmp_path: Path) -> None:
    from cpushare.market.order import write_order

    path = tmp_path / "mine.cpu"
    path.write_text(write_order(ORDER, pair("s")))
    (tmp_path / "bad.cpu").write_text("nonsense")
    words = ["sell", "--dry-run", "--state", str(tmp_path / "state"), str(tmp_path)]
    told = CliRunner().invoke(cpushare, words)
    assert told.exit_code == 0
    for part in ("https://x.example", ORDER.credit, "would make the worker key", "would send"):
        assert part in told.output
    assert "bad.cpu would be skipped: this is no sell order" in told.output
    assert not (tmp_path / "state").exists()
