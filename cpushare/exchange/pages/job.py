"""What the page of one public computation shows."""

from __future__ import annotations

import asyncio

from msgspec import Struct

from cpushare.exchange.pages.front import JobLine
from cpushare.exchange.pages.kept import Kept
from cpushare.exchange.pages.kernel import MOST_SETS, Swept, listing, signature, swept, values_of
from cpushare.exchange.pages.pictures import is_small_enough, size_of
from cpushare.exchange.pages.plot import Plot, plot
from cpushare.exchange.pages.results import (
    MOST_SORTED,
    Row,
    Sorting,
    Table,
    read_rows,
    read_table,
    sort_keys,
)
from cpushare.exchange.service import World
from cpushare.exchange.store import BlobRow
from cpushare.market.errors import Missing
from cpushare.market.messages import JobOrder
from cpushare.market.states import Job
from cpushare.market.work import kernel_of
from vm.module import Kernel
from vm.verifier.verified import VerifiedKernel

MOST_PICTURES = 12
KEPT_S = 3600.0


class Picture(Struct, frozen=True):
    """An output raster of a task, and the size of its picture; none if it is too large for one."""

    row: Row
    name: str
    blob: BlobRow
    size: tuple[int, int] | None


class What(Struct, frozen=True):
    """What does not change: the kernel, its signature, parameters and listing."""

    order: JobOrder
    kernel: VerifiedKernel
    signature: list[tuple[str, str, str]]
    parameters: list[Swept]
    listing: str
    is_whole: bool

    @property
    def swept(self) -> list[Swept]:
        """Parameters that take more than one value."""
        return [each for each in self.parameters if each.is_swept]


class Wish(Struct, frozen=True):
    """What a reader asks to see: the order of rows, a page of them, the axes of the plot."""

    sorting: Sorting = Sorting()
    page: int = 1
    x: str = ""
    y: str = ""


class JobView(Struct, frozen=True):
    """A computation's page."""

    line: JobLine
    what: What
    table: Table
    pictures: list[Picture]
    plot: Plot | None
    xs: list[str]
    ys: list[str]

    @property
    def kernel(self) -> Kernel:
        """The kernel that is run."""
        return self.what.kernel.kernel


async def public_job(world: World, name: str) -> JobLine:
    """A public computation. Raises `Missing`, in the same words if there is a private one."""
    async with world.store.begin() as transaction:
        job = await transaction.job(name)
        if job is None or not job.is_public:
            raise Missing("There is no public computation of this name.")
        return JobLine(job, await transaction.progress(job))


class JobViews:
    """Pages of computations; what a computation runs is looked up once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._what: Kept[What] = Kept(world.now, KEPT_S, 16)
        self._rows: Kept[list[Row]] = Kept(world.now, 1.0, 8)

    async def what(self, job: Job) -> What:
        """What a computation runs."""

        async def make() -> What:
            async with self._world.store.begin() as transaction:
                verified = await self._world.program(transaction, job.program)
                order = await self._world.order(transaction, job.document)
            kernel = kernel_of(verified, job.kernel)
            sets = await asyncio.to_thread(values_of, kernel, order, MOST_SETS)
            text, is_whole = await asyncio.to_thread(listing, verified)
            tried = swept(kernel.kernel, sets)
            return What(order, kernel, signature(kernel.kernel), tried, text, is_whole)

        return await self._what.get(job.id, make)

    async def get(self, name: str, wish: Wish) -> JobView:
        """A computation's page. Raises `Missing`."""
        line = await public_job(self._world, name)
        job, what = line.job, await self.what(line.job)
        rows = await self._rows.get(job.id, lambda: self._first_rows(job, what))
        sorting = wish.sorting if wish.sorting.key in sort_keys(what.kernel) else Sorting()
        table = await read_table(
            self._world, job, what.kernel, what.order, rows, sorting, wish.page
        )
        xs = [each.name for each in what.swept if each.is_number]
        ys = [field.name for field in what.kernel.kernel.fields]
        x = wish.x if wish.x in xs else next(iter(xs), "")
        y = wish.y if wish.y in ys else next(iter(ys), "")
        drawn = plot(rows, x, y) if x and y else None
        return JobView(line, what, table, await self._pictures(table), drawn, xs, ys)

    async def _first_rows(self, job: Job, what: What) -> list[Row]:
        return await read_rows(self._world, job, what.kernel, what.order, 0, MOST_SORTED)

    async def _pictures(self, table: Table) -> list[Picture]:
        """Output rasters of the table's first answered rows."""
        wanted = [(row, name, blob) for row in table.rows for name, blob in row.images.items()]
        wanted = wanted[:MOST_PICTURES]
        async with self._world.store.begin() as transaction:
            known = await transaction.blobs({blob for _, _, blob in wanted})
        found = []
        for row, name, blob in wanted:
            kept = known.get(blob)
            if kept is not None and kept.shape is not None:
                size = size_of(kept.shape) if is_small_enough(kept) else None
                found.append(Picture(row, name, kept, size))
        return found

    async def picture(self, name: str, index: int, image: str) -> BlobRow:
        """What is known of the out raster `image` of a task. Raises `Missing`."""
        job = (await public_job(self._world, name)).job
        what = await self.what(job)
        rows = await read_rows(self._world, job, what.kernel, what.order, index, 1)
        blob = rows[0].images.get(image) if rows else None
        async with self._world.store.begin() as transaction:
            known = await transaction.blobs([blob] if blob else [])
        if blob is None or blob not in known:
            raise Missing("There is no such picture.")
        return known[blob]
