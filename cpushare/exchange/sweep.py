"""What time brings: leases that run out, jobs that end, pay that has been held long enough.

A front end calls `sweep` every half second or so; of several that do at once one gets on with it.
Each step is a transaction of its own, of so many rows at the most, so that nobody waits long.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec import structs

from cpushare.exchange.service import World
from cpushare.exchange.store import Transaction, again
from cpushare.market.desk import Desk
from cpushare.market.rules import Rules
from cpushare.market.states import Execution, Job, JobState

STEP = 1000
"""Rows in one transaction."""
DISPUTE_S = 3600.0
"""How long a buyer who trusts only itself may dispute what was answered last."""


async def sweep(world: World) -> int:
    """Do all that is due; gives how many rows changed."""
    changed = await _expire(world)
    async with world.store.begin() as transaction:
        live = await transaction.live_jobs()
    for job in live:
        changed += await _advance(world, job)
    return changed


@again
async def _in_steps(
    world: World,
    lay: Callable[[Transaction, Desk], Awaitable[list[Execution]]],
    act: Callable[[Rules, Execution], None],
) -> int:
    """Do something to all executions that `lay` lays out, some in a transaction; gives how many."""
    total = 0
    while True:
        async with world.store.begin() as transaction:
            if not await transaction.is_sweeper():
                return total
            desk = Desk()
            found = await lay(transaction, desk)
            rules = world.rules(desk)
            for execution in found:
                act(rules, execution)
            await transaction.save(desk)
        total += len(found)
        if len(found) < STEP:
            return total


async def _expire(world: World) -> int:
    """Take back leases whose time is over."""
    return await _in_steps(
        world, lambda t, desk: t.lay_expired(desk, world.now(), STEP), Rules.expire
    )


async def _advance(world: World, job: Job) -> int:
    """Bring a job as far as it can go."""
    changed = 0
    if job.state is JobState.STOPPING:
        changed += await _drop(world, job)
    async with world.store.begin() as transaction:
        open_, held = await transaction.open_count(job.id)
    if open_ and job.state is JobState.RUNNING and 0 < job.deadline <= world.now():
        await _stop(world, job, JobState.EXPIRED)
    if open_ or not await _may_close(world, job):
        if held:
            changed += await _settle(world, job, world.now() - world.policy.hold_s)
        return changed
    changed += await _settle(world, job, world.now())
    return changed + await _end(world, job)


@again
async def _stop(world: World, job: Job, ending: JobState) -> None:
    async with world.store.begin() as transaction:
        desk = Desk()
        job = await transaction.lay_job(desk, job.id)
        world.rules(desk).stop(job, ending)
        await transaction.save(desk)


async def _drop(world: World, job: Job) -> int:
    """Void what a stopping job had not begun."""
    return await _in_steps(world, lambda t, desk: t.lay_waiting_of(desk, job.id, STEP), Rules.drop)


@again
async def _may_close(world: World, job: Job) -> bool:
    """Whether a job with nothing open may be paid: one that trusts itself has time to dispute."""
    async with world.store.begin() as transaction:
        desk = Desk()
        job = await transaction.lay_job(desk, job.id)
        if not job.closes:
            wait_s = DISPUTE_S if job.trust == "self" else 0.0
            desk.put(structs.replace(job, closes=world.now() + wait_s))
            await transaction.save(desk)
        return desk.jobs[job.id].closes <= world.now()


async def _settle(world: World, job: Job, before: float) -> int:
    """Pay for what has been held since before a time."""
    return await _in_steps(
        world, lambda t, desk: t.lay_held_of(desk, job.id, before, STEP), Rules.settle
    )


@again
async def _end(world: World, job: Job) -> int:
    """Close a job, if nothing of it is open or held any more."""
    async with world.store.begin() as transaction:
        desk = Desk()
        job = await transaction.lay_job(desk, job.id)
        if any(await transaction.open_count(job.id)):
            return 0
        if job.is_over:
            return 0
        balances = await transaction.balances([job.escrow])
        world.rules(desk).end(job, balances[job.escrow].available)
        await transaction.save(desk)
        return 1
