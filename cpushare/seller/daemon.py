"""One process that sells: a worker for each `.cpu` file, told what to do by signals or a socket."""

from __future__ import annotations

import logging
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from cpushare.config import setting
from cpushare.engines.engine import Engine
from cpushare.engines.local import LocalEngine
from cpushare.market.keys import KeyPair
from cpushare.seller.allowance import Allowance
from cpushare.seller.control import ControlServer
from cpushare.seller.machine import Limits, Machine
from cpushare.seller.orders import OrderFile, find_orders
from cpushare.seller.state import TRAFFIC, State, Traffic
from cpushare.seller.status import SellerStatus
from cpushare.seller.worker import Worker
from cpushare.wire.client import ExchangeClient
from vm.errors import CPUShareError, Refused, SandboxUnavailable
from vm.sandbox.capability import Capability
from vm.sandbox.idle import be_idle

log = logging.getLogger("cpushare.seller")

LOOK_S = 1.0
"""How often the folder is looked at, and the machine."""
STOP_S = 1.5
"""How long the exchange may take to be told that leases come back."""
CLOCK_SWITCH = "clock instructions off"
SIGNALS = {
    signal.SIGTERM: "stop",
    signal.SIGINT: "stop",
    signal.SIGUSR1: "pause",
    signal.SIGUSR2: "resume",
}


def require_confinement(found: Capability) -> None:
    """Raises `SandboxUnavailable`, which says what to change, unless children can be confined and
    the clock instructions switched off.
    """
    if found.problem:
        raise SandboxUnavailable(f"nothing is sold: {found.problem}")
    if CLOCK_SWITCH in found.missing:
        raise SandboxUnavailable(
            "nothing is sold: this kernel cannot switch the clock instructions off "
            "(prctl PR_SET_TSC), which a seller needs; 'cpushare doctor' shows more"
        )


class Daemon:
    """Workers for the orders in some files and folders, until it is told to stop.

    `worker_key` is a key file to use rather than one made here (for one order); after `after`
    tasks (0: no end) it finishes; `engine` makes what runs the tasks of one worker.
    """

    def __init__(
        self,
        places: Sequence[Path],
        state: State,
        limits: Limits,
        *,
        worker_key: Path | None = None,
        after: int = 0,
        is_paused: bool = False,
        proxy: str | None = None,
        engine: Callable[[], Engine] = lambda: LocalEngine(jobs=1),
    ) -> None:
        self._places = places
        self._state = state
        self._machine = Machine(limits)
        self._worker_key = worker_key
        self._allowance = Allowance(after)
        self._is_paused = is_paused
        self._is_finishing = False
        self._proxy = proxy
        self._engine = engine
        self._workers: dict[str, Worker] = {}
        self._ignored: dict[Path, str] = {}
        self._told: list[str] = []
        self._wake = threading.Event()
        self._traffic = Traffic(state.folder / TRAFFIC)

    def run(self) -> None:
        """Work until told to stop, or all is finished. Raises `Refused`, `OSError`."""
        self._state.take()
        before = {number: signal.signal(number, self._signalled) for number in SIGNALS}
        control = None
        try:
            for lacking in be_idle() if setting("sell_yields") else ():
                log.warning("this machine does not grant %s", lacking)
            self._look()
            control = ControlServer(self._state.socket, self._answer)
            if not self._workers and not any(place.is_dir() for place in self._places):
                raise Refused("there is no sell order to work for: 'cpushare order new' makes one")
            self._serve()
        finally:
            self._stop_all(list(self._workers.values()))
            if control is not None:
                control.close()
            self._traffic.save()
            for number, handler in before.items():
                signal.signal(number, handler)
            self._state.leave()

    def _serve(self) -> None:
        while True:
            self._wake.wait(LOOK_S)
            self._wake.clear()
            while self._told:
                if self._obey(self._told.pop(0)):
                    return
            if self._allowance.is_used_up:
                self._finish()
            self._look()
            self._traffic.save()
            if self._is_finishing and not any(w.is_alive for w in self._workers.values()):
                return

    # Orders.

    def _look(self) -> None:
        """Begin what is new, end what is gone."""
        if self._is_finishing:
            return
        found = find_orders(self._places)
        for path, problem in found.problems.items():
            if self._ignored.get(path) != problem:
                log.warning("%s %s", path.name, problem)
        self._ignored = found.problems
        wanted = {file.worker: file for file in found.orders}
        gone = [name for name in self._workers if name not in wanted]
        self._stop_all([self._workers.pop(name) for name in gone])
        for name, file in wanted.items():
            if name not in self._workers:
                self._begin(name, file)
        self._machine.workers = len(self._workers)

    def _begin(self, name: str, file: OrderFile) -> None:
        if self._worker_key is not None and self._workers:
            raise Refused("a worker key is for one sell order; give one file")
        try:
            given = self._worker_key
            pair = self._state.key(name) if given is None else KeyPair.load(given)
        except (CPUShareError, OSError) as error:
            self._ignored[file.path] = f"skipped: no worker key: {error}"
            log.error("%s %s", file.path.name, self._ignored[file.path])
            return
        order = file.order

        def connect() -> ExchangeClient:
            return ExchangeClient(
                order.exchange, pair, certificate=order.certificate, proxy=self._proxy
            )

        self._workers[name] = Worker(
            file,
            connect,
            self._engine,
            self._state.spool(name),
            self._machine,
            self._traffic,
            self._allowance,
            random.random,
            is_checker=self._worker_key is not None,
            is_paused=self._is_paused,
        )
        log.info("%s: a worker begins", self._workers[name].name)
        self._workers[name].start()

    # What it is told.

    def _signalled(self, number: int, _: object) -> None:
        self._tell(SIGNALS[signal.Signals(number)])

    def _tell(self, word: str) -> None:
        self._told.append(word)
        self._wake.set()

    def _answer(self, word: str) -> bytes:
        if word != "status":
            self._tell(word)
        return msgspec.json.encode(self.status())

    def status(self) -> SellerStatus:
        """What all workers do."""
        workers = [worker.status() for worker in list(self._workers.values())]
        ignored = {path.name: problem for path, problem in self._ignored.items()}
        spools = [self._state.spool(name).size_bytes() for name in list(self._workers)]
        return SellerStatus(workers, ignored, self._traffic.today(time.time()), sum(spools))

    def _obey(self, word: str) -> bool:
        """Do what was told; gives whether all is to end now."""
        log.info("told to %s", word)
        if word == "finish":
            self._finish()
        elif word in ("pause", "resume"):
            self._is_paused = word == "pause"
            for worker in self._workers.values():
                if self._is_paused:
                    worker.pause()
                else:
                    worker.is_paused = False
                    worker.nudge()
        return word == "stop"

    def _finish(self) -> None:
        self._is_finishing = True
        for worker in self._workers.values():
            worker.is_finishing = True
            worker.nudge()

    def _stop_all(self, workers: Sequence[Worker]) -> None:
        """Stop workers, all at once."""
        threads = [threading.Thread(target=each.stop, args=(STOP_S,)) for each in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
