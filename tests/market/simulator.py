"""The market in a box: exchange, sellers and buyers over a bad network, all from one seed.

    python -m tests.market.simulator --seed 7 --sellers honest,honest,noise --trace

The exchange's own services run on a `MemoryStore`, without an event loop: they never wait. The
network drops, repeats, delays and so reorders; anybody crashes at any moment: the exchange in the
middle of a transaction, which is undone, or after it, before the answer; sellers lose all but their
spool. Clocks jump. After every event the books are looked at, and `Broken` says what is wrong.
"""

from __future__ import annotations

import argparse
import heapq
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, TypeVar

from compiler.pipeline import compile_text
from cpushare.exchange.blobs import describe
from cpushare.exchange.jobs import JobDesk
from cpushare.exchange.memory import MemoryStore, MemoryTransaction
from cpushare.exchange.service import World
from cpushare.exchange.sweep import sweep
from cpushare.exchange.workdesk import WorkDesk
from cpushare.market.coins import MICRO
from cpushare.market.errors import MarketError
from cpushare.market.keys import KeyPair
from cpushare.market.messages import JobOrder, JobStatus, Mint, Outcome, canonical, encode
from cpushare.market.mint import sign_mint
from cpushare.market.rasters import blob_name
from cpushare.market.signing import Signed
from cpushare.market.states import JobState, TaskStage
from cpushare.market.trust import TrustPolicy
from tests.market.invariants import Broken, check_ended, check_store
from tests.market.parties import BlobDict
from tests.market.sellers import CHECKER_KIND, Seller, truth

SOURCE = """
record Row { total: i64 }
kernel count(param start: i64) -> Row { return Row(total: start); }
"""
T = TypeVar("T")
SWEEP_S = 2.0
PATIENCE_S = 20_000.0
"""When a simulation that has not ended is stuck."""


@cache
def program() -> bytes:
    """The program that all jobs run."""
    return compile_text(SOURCE).encoded


@cache
def pair(number: int) -> KeyPair:
    """Key pairs that are the same in every run."""
    return KeyPair(number.to_bytes(32, "big"))


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run what never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("a service waits for something")


class Crash(Exception):
    """The exchange's process is killed."""


class Weather:
    """How bad the world is: chances of an event, and seconds."""

    def __init__(self, scale: float = 1.0) -> None:
        self.drop = 0.05 * scale
        self.repeat = 0.05 * scale
        self.crash = 0.02 * scale
        self.jump = 0.002 * scale
        self.delay_s = 0.02 + 2.0 * scale


class FrailStore(MemoryStore):
    """A store whose exchange may die before it commits."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self._simulation = simulation

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryTransaction]:
        """A transaction that may end in a crash."""
        async with super().begin() as transaction:
            yield transaction
            if self._simulation.happens(self._simulation.weather.crash):
                raise Crash


class Simulation:
    """One run: `sellers` are kinds (tests/market/sellers.py), `jobs` are (trust, tasks)."""

    def __init__(
        self,
        seed: int,
        sellers: Sequence[str],
        jobs: Sequence[tuple[str, int]],
        policy: TrustPolicy | None = None,
        weather: Weather | None = None,
        *,
        trace: bool = False,
    ) -> None:
        self.random = random.Random(seed)
        self.weather = weather or Weather()
        self.trace = trace
        self.time = 1_700_000_000.0
        self.skew = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self.crashes = 0
        self.store = FrailStore(self)
        self.blobs = BlobDict()
        self.policy = policy or TrustPolicy(probation=4)
        self.operator = pair(1)
        self._start_exchange()
        self.sellers: list[Seller] = [Seller(self, CHECKER_KIND, pair(2), pair(1))]
        for number, kind in enumerate(sellers):
            account = pair(100 if kind == "twin" else 101 + number)
            self.sellers.append(Seller(self, kind, pair(1000 + number), account))
        self.buyer = pair(3)
        self.orders = [self._order(number, *job) for number, job in enumerate(jobs)]
        self.seen: dict[str, JobStatus] = {}

    def happens(self, chance: float) -> bool:
        """Draw."""
        return self.random.random() < chance

    def now(self) -> float:
        """The exchange's clock."""
        return self.time + self.skew

    def _start_exchange(self) -> None:
        draw, fresh = self.random.random, lambda: self.random.getrandbits(62)
        world = World(
            self.store,
            self.blobs,
            self.now,
            draw,
            fresh,
            self.policy,
            self.operator.public,
            pair(2).public,
        )
        self.world, self.work, self.desk = world, WorkDesk(world), JobDesk(world)

    def _order(self, number: int, trust: str, tasks: int) -> bytes:
        rows = [(number << 32 | index).to_bytes(8, "little") for index in range(tasks)]
        self.blobs.kept[blob_name(program())] = program()
        self.store.blobs[blob_name(program())] = describe(blob_name(program()), program())
        budget = 1000 * MICRO
        order = JobOrder(blob_name(program()), "count", rows, [{}], 1000, budget, trust)
        return encode(order)

    # Time and the network.

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Have something happen."""
        self._count += 1
        heapq.heappush(self._events, (self.time + seconds, self._count, what))

    def say(self, text: str) -> None:
        """A line of the trace."""
        if self.trace:
            print(f"{self.time - 1_700_000_000:10.2f} {text}")

    def sign(self, keys: KeyPair) -> Signed:
        """A signature: the simulation takes the key's word for it."""
        return Signed(keys.public, int(self.now()), self.random.randbytes(16), b"", b"")

    def call(
        self,
        keys: KeyPair,
        what: Callable[[Signed], Coroutine[Any, Any, T]],
        answered: Callable[[T], None],
    ) -> None:
        """Send a request, which may arrive never, once or twice, as may its answer."""
        signed = self.sign(keys)

        def arrive() -> None:
            try:
                answer = finish(what(signed))
            except Crash:
                self.crashes += 1
                self.say("the exchange crashes")
                self._start_exchange()
                return
            except MarketError as error:
                self.say(f"refused: {error}")
                return
            if self.happens(self.weather.crash):
                self._start_exchange()
            elif not self.happens(self.weather.drop):
                self.later(self.random.random() * self.weather.delay_s, lambda: answered(answer))

        for _ in range(1 + self.happens(self.weather.repeat)):
            if not self.happens(self.weather.drop):
                self.later(self.random.random() * self.weather.delay_s, arrive)

    # What happens.

    def run(self) -> Simulation:
        """Run until all jobs are over. Raises `Broken`."""
        self._mint()
        for seller in self.sellers:
            self.later(self.random.random(), seller.wake)
        self.later(0.1, self._buy)
        self.later(SWEEP_S, self._sweep)
        end = self.time + PATIENCE_S
        while not self.is_over():
            self.time, _, what = heapq.heappop(self._events)
            if self.time > end:
                raise Broken("the jobs do not end")
            if self.happens(self.weather.jump):
                self.skew = self.random.choice((-3600.0, -1.0, 0.0, 5.0, 200.0, 3600.0))
                self.say(f"the exchange's clock jumps to {self.skew:+.0f} s")
            what()
            if self._count % 5 == 0:
                check_store(self.store, since=self._count % 100)
        check_store(self.store)
        check_ended(self.store)
        return self

    def _mint(self) -> None:
        mint = Mint(self.buyer.name, 10_000 * MICRO, "a simulation", self.time, "1")
        signature = sign_mint(mint, self.operator)
        while True:
            try:
                return finish(self.desk.mint(mint, signature, self.operator.public))
            except Crash:
                continue

    def is_over(self) -> bool:
        """Whether every job has ended."""
        over = (JobState.DONE, JobState.CANCELLED, JobState.EXPIRED)
        jobs = self.store.jobs.values()
        return len(jobs) == len(self.orders) and all(job.state in over for job in jobs)

    def _buy(self) -> None:
        """Submit what is not known to be there, look at what is, dispute what is wrong."""
        for order in self.orders:
            self.call(self.buyer, lambda s, o=order: self.desk.submit(s, o), self._look)
        self.later(5 + self.random.random() * 20, self._buy)

    def _look(self, status: JobStatus) -> None:
        self.seen[status.job] = status
        if status.trust != "self" or status.state != "running":
            return
        (job,) = [job for job in self.store.jobs.values() if job.hash == status.job]
        if status.answered < status.tasks:
            return
        wrong = [index for index in range(job.tasks) if self.is_wrong((job.id, index))]
        accept = self.desk.accept
        if wrong:
            from cpushare.market.messages import Dispute

            self.call(
                self.buyer,
                lambda s: self.desk.dispute(s, status.job, Dispute(wrong[:1])),
                lambda _: None,
            )
        else:
            self.call(self.buyer, lambda s: accept(s, status.job), lambda _: None)

    def is_wrong(self, key: tuple[int, int]) -> bool:
        """Whether a task has an outcome that is not the true one."""
        task = self.store.tasks[key]
        order_number = next(
            number
            for number, order in enumerate(self.orders)
            if blob_name(order) == self.store.jobs[key[0]].document
        )
        right = truth((order_number << 32 | key[1]).to_bytes(8, "little"))
        return bool(task.outcome) and task.outcome != canonical(right)

    def wrong(self) -> int:
        """How many final outcomes are wrong."""
        final = [k for k, task in self.store.tasks.items() if task.stage is TaskStage.FINAL]
        return sum(map(self.is_wrong, final))

    def _sweep(self) -> None:
        try:
            finish(sweep(self.world))
        except Crash:
            self.crashes += 1
            self._start_exchange()
        self.later(SWEEP_S, self._sweep)


def main() -> None:
    """Replay a seed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--sellers", default="honest,honest,honest,noise")
    parser.add_argument("--jobs", default="spot:30,pair:10,self:10")
    parser.add_argument("--trace", action="store_true")
    given = parser.parse_args()
    jobs = [(trust, int(tasks)) for trust, tasks in (j.split(":") for j in given.jobs.split(","))]
    run = Simulation(given.seed, given.sellers.split(","), jobs, trace=given.trace).run()
    print(f"{run.crashes} crashes, {run.wrong()} wrong results of {len(run.store.tasks)}")


if __name__ == "__main__":
    main()


__all__ = ["Outcome", "Simulation", "Weather"]
