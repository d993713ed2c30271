"""A lease becomes a task that can run, or is refused: nothing that the exchange says is believed.

The program's bytes are held against their hash and verified here, the inputs against theirs, and
units of work and memory are reckoned from both before anything is compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from cpushare.engines.engine import Batch, Task
from cpushare.market.coins import pay_of
from cpushare.market.errors import BadMessage, MarketError, Missing
from cpushare.market.messages import JobOffer, Lease
from cpushare.market.order import SellOrder
from cpushare.market.programs import Programs
from cpushare.market.rasters import decode_raster, read_shape
from cpushare.market.recent import Recent
from cpushare.market.work import Meter, kernel_of, named_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vm.verifier import VerifiedKernel, VerifiedModule

KEPT_PROGRAMS = 16
KEPT_BYTES = 128 << 20
"""Inputs that are kept in memory, for tasks that look at the same ones."""


class BadLease(MarketError):
    """A task that must not be done: the exchange, or what it passes on, is not as it should be."""


class Prepared(Struct, frozen=True):
    """A lease that was checked, ready for an engine. `size_bytes` is that of its inputs."""

    lease: Lease
    batch: Batch
    task: Task
    size_bytes: int


class Preparer:
    """Turns leases into tasks. `download` gives blobs by their names, some of them or all."""

    def __init__(
        self,
        order: SellOrder,
        download: Callable[[Sequence[str]], Mapping[str, bytes]],
        *,
        is_checker: bool = False,
    ) -> None:
        self._order = order
        self._download = download
        self._is_checker = is_checker
        self._programs = Programs(KEPT_PROGRAMS)
        self._blobs = Recent(KEPT_BYTES)
        self._meters: dict[tuple[str, str, bool], Meter] = {}

    def prepare(self, lease: Lease, offer: JobOffer) -> Prepared:
        """Fetch and check what a lease names.

        Raises `BadLease` with the reason why it is refused, `Unreachable` and its like if that
        could not be found out.
        """
        try:
            return self._prepared(lease, offer)
        except (BadMessage, Missing) as error:
            raise BadLease(str(error)) from None

    def _prepared(self, lease: Lease, offer: JobOffer) -> Prepared:
        verified = self._program(offer.program)
        kernel = kernel_of(verified, offer.kernel)
        blobs = self._inputs(list(lease.inputs.values()))
        shapes = {name: read_shape(blob) for name, blob in blobs.items()}
        work = self._meter(verified, kernel, offer).measure(lease.parameters, lease.inputs, shapes)
        if (work.units, work.memory_bytes) != (lease.units, lease.memory_bytes):
            raise BadLease(
                f"the task is {work.units} units in {work.memory_bytes} bytes, not {lease.units} "
                f"in {lease.memory_bytes}"
            )
        if work.memory_bytes > self._order.memory_bytes:
            raise BadLease(f"the order allows {self._order.memory_bytes} bytes of memory")
        least = 0 if self._is_checker else pay_of(work.units, self._order.min_price)
        if lease.pay < least:
            raise BadLease(f"the task pays {lease.pay}; the order asks for {least} at least")
        values = named_values(kernel, lease.parameters)
        arrays = {name: decode_raster(blobs[blob]) for name, blob in lease.inputs.items()}
        batch = Batch(verified, offer.kernel, offer.checked, self._order.memory_bytes)
        size = sum(array.nbytes for array in arrays.values())
        return Prepared(lease, batch, Task(arrays, values), size)

    def _meter(self, verified: VerifiedModule, kernel: VerifiedKernel, offer: JobOffer) -> Meter:
        """What measures the tasks of a kernel: what it has evaluated before it knows."""
        key = offer.program, offer.kernel, offer.checked
        if key not in self._meters or self._meters[key].is_full:
            if len(self._meters) >= KEPT_PROGRAMS:
                self._meters.clear()
            self._meters[key] = Meter(verified, kernel, offer.checked, b"")
        return self._meters[key]

    def _program(self, name: str) -> VerifiedModule:
        return self._programs.find(name) or self._programs.add(self._fetch([name])[name])

    def prefetch(self, leases: Sequence[Lease]) -> None:
        """Fetch the inputs of many leases in few requests, as far as they are kept."""
        names = [name for lease in leases for name in lease.inputs.values()]
        new = [name for name in dict.fromkeys(names) if self._blobs.get(name) is None]
        if new:
            self._blobs.keep(self._download(new))

    def _inputs(self, names: list[str]) -> dict[str, bytes]:
        kept = {name: self._blobs.get(name) for name in names}
        found = {name: blob for name, blob in kept.items() if blob is not None}
        fetched = self._fetch([name for name in kept if name not in found])
        self._blobs.keep(fetched)
        return found | fetched

    def _fetch(self, names: list[str]) -> dict[str, bytes]:
        """All of them; the client holds each against its hash."""
        found: dict[str, bytes] = {}
        while left := [name for name in names if name not in found]:
            found.update(self._download(left))
        return found
