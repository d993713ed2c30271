"""Disks that are really full: small file systems, where the tests may mount them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cpushare.exchange.blobs import BlobStore
from cpushare.exchange.books import audit
from cpushare.exchange.sql import migrate
from cpushare.exchange.sql.sqlite import SqliteStore
from cpushare.market.errors import Unreachable
from cpushare.market.rasters import blob_name
from cpushare.market.trust import TrustPolicy
from tests.market.buyers import buying, cpushare, sellers
from tests.market.selling import expected, selling, wait_for, write_order
from tests.market.serving import served
from tests.market.study import job, picture, program, submit

MB = 1 << 20
POLICY = TrustPolicy(patience_s=0.0)


class Disk:
    """A small file system; `fill` leaves no byte free, `free` takes that back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Write until nothing fits any more."""
        with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(1 << 16)):
                pass

    def free(self) -> None:
        """Make room."""
        self._ballast.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m,mode=755", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small file system, and only where that is allowed")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_an_exchange_whose_disk_is_full_loses_nothing_and_goes_on(disk: Disk) -> None:
    path = disk.folder / "exchange.sqlite"
    asyncio.run(migrate(f"sqlite:///{path}"))
    store = SqliteStore(path)
    blobs = BlobStore.open((disk.folder / "blobs").as_uri(), least_free_bytes=0)
    order = job(20, 4)
    with (
        served(store=store, blobs=blobs, policy=POLICY) as exchange,
        exchange.client(exchange.buyer) as buyer,
    ):
        with sellers(exchange) as workers:
            status = submit(buyer, order)
            disk.fill()
            with pytest.raises(Unreachable, match=r"full|try again later"):
                buyer.upload([os.urandom(MB)])
            wait_for(lambda: all(worker.errors for worker in workers))
            assert all(isinstance(e, Unreachable) for w in workers for e in w.errors)
            with pytest.raises(Unreachable, match="try again later"):
                submit(buyer, job(4, 4, nonce="no room"))
            disk.free()
            wait_for(lambda: buyer.status(status.job).state == "done")
            found = {each.index: each.outcome for each in buyer.results(status.job).results}
        rasters = {blob_name(picture(seed)): picture(seed) for seed in range(4)}
        assert [found[i] for i in range(order.tasks)] == expected(order, program(), rasters)
        assert exchange.run(audit(store)) == []
        exchange.run(store.close())


def test_a_seller_whose_disk_is_full_goes_on_from_memory(disk: Disk, tmp_path: Path) -> None:
    with served(policy=POLICY) as exchange, exchange.client(exchange.buyer) as buyer:
        path = write_order(exchange, tmp_path)
        (disk.folder / "state").mkdir(mode=0o700)
        (tmp_path / "state").symlink_to(disk.folder / "state")
        with selling(tmp_path, str(path)) as seller:
            wait_for(lambda: "enrolled" in seller.log.read_text())
            disk.fill()
            status = submit(buyer, job(4, 4, trust="self"))
            wait_for(lambda: buyer.status(status.job).answered == 16)
            assert "cannot be kept on disk (No space left on device)" in seller.log.read_text()
            disk.free()
            later = submit(buyer, job(4, 4, nonce="later", trust="self"))
            wait_for(lambda: buyer.status(later.job).answered == 16)


def test_a_buyer_whose_disk_is_full_goes_on_where_it_was(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with buying(tmp_path / "home", monkeypatch) as buyer:
        named = buyer.submit()
        with sellers(buyer.exchange):
            disk.fill()
            fetch = ("results", named, "--wait", "-o", disk.folder / "out")
            said = cpushare(*fetch, "--table", disk.folder / "t.csv")
            assert said.code != 0
            assert "No space left on device" in said.err
            disk.free()
            said = cpushare(*fetch, "--table", disk.folder / "t.csv")
        assert said.code == 0, said.err
        assert len(list((disk.folder / "out").rglob("*.png"))) == 3
