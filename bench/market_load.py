"""Sellers that compute nothing: what loads an exchange, in a process of its own.

A seller is one TLS connection that says what it has to say, signed, and little more: what is
measured is the exchange. `Load` describes the sellers of one process.
"""

from __future__ import annotations

import asyncio
import multiprocessing as mp
import os
import random
import ssl
import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import uvloop
from msgspec import Struct

from cpushare.market import signing
from cpushare.market.keys import KeyPair
from cpushare.market.messages import (
    Enrolled,
    Enrolment,
    Outcome,
    TaskResult,
    WorkAnswer,
    WorkRequest,
    decode,
    encode,
)
from cpushare.market.order import SellOrder, write_order

M = TypeVar("M", bound=Struct)
EMPTY_S = 0.02
"""When who got nothing asks again, unless it waits in a long poll."""
SOURCES = 8
"""An exchange takes 2,000 connections from one address."""
AT_ONCE = 64
"""Connections that are being made together."""


class Load(Struct, frozen=True):
    """`sellers` from number `first` on, each with an account of its own, from `SOURCES` addresses.

    They take `batch` tasks at once, work on them for `work_s` on average, and wait in long polls
    of `wait_s`. Every image they give is `image`.
    """

    address: str
    authority_file: Path
    exchange: str
    first: int
    sellers: int
    image: str
    batch: int = 1
    work_s: float = 0.0
    wait_s: float = 0.0


class Seen(Struct):
    """What sellers saw: results accepted, between which times, how long each answer took in s,
    and how many of them are trusted.
    """

    accepted: int = 0
    began: float = 0.0
    ended: float = 0.0
    trusted: int = 0
    answers_s: list[float] = []


class Line:
    """One connection of one key."""

    def __init__(self, load: Load, number: int, context: ssl.SSLContext) -> None:
        self.pair = name_of(number)
        self._source = f"127.0.0.{10 + number % SOURCES}"
        self._context = context
        parts = urlsplit(load.address)
        self._host, self._port = parts.hostname or "", parts.port or 443

    async def open(self) -> None:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection(
            self._host,
            self._port,
            ssl=self._context,
            local_addr=(self._source, 0),
        )

    async def ask(self, path: str, message: Struct, kind: type[M]) -> M:
        """Send a signed message, read the answer."""
        body = encode(message)
        authority = f"{self._host}:{self._port}"
        request = signing.Request("POST", path, "", authority, body)
        signed = signing.sign(request, self.pair, time.time(), os.urandom(16))
        head = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        self._writer.write(
            f"POST {path} HTTP/1.1\r\nhost: {authority}\r\n"
            f"content-length: {len(body)}\r\n{head}\r\n".encode()
            + body
        )
        answer = await self._reader.readuntil(b"\r\n\r\n")
        fields = dict(
            line.lower().split(b": ", 1) for line in answer.split(b"\r\n")[1:] if b": " in line
        )
        content = await self._reader.readexactly(int(fields[b"content-length"]))
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer.partition(b"\r")[0].decode() + content.decode())
        return decode(content, kind)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def name_of(number: int) -> KeyPair:
    """The key pair of a seller, the same in every run."""
    return KeyPair(random.Random(f"seller {number}").randbytes(32))


async def _sell(load: Load, line: Line, seen: Seen, stop: Event) -> None:
    """Work until the end is told."""
    results: list[TaskResult] = []
    seen.began = seen.began or time.time()
    while not stop.is_set():
        request = WorkRequest(results=results, wants=load.batch, wait_s=load.wait_s)
        asked = time.perf_counter()
        answer = await line.ask("/api/work", request, WorkAnswer)
        if answer.leases:
            seen.answers_s.append(time.perf_counter() - asked)
        accepted = sum(each.verdict == "accepted" for each in answer.receipts)
        if accepted:
            seen.accepted += accepted
            seen.ended = time.time()
        outcome = Outcome(images={"dst": load.image})
        results = [TaskResult(lease.id, lease.units, outcome) for lease in answer.leases]
        if load.work_s and results:
            await asyncio.sleep(random.uniform(0.5, 1.5) * load.work_s)
        elif not results and not load.wait_s:
            await asyncio.sleep(EMPTY_S)


async def _load(load: Load, ready: Queue[int], go: Event, stop: Event) -> Seen:
    context = ssl.create_default_context(cafile=load.authority_file)
    room = asyncio.Semaphore(AT_ONCE)
    seen = Seen()

    async def enter(number: int) -> Line:
        line = Line(load, number, context)
        order = SellOrder(load.address, load.exchange, line.pair.name, min_price=1)
        async with room:
            await line.open()
            enrolment = Enrolment(write_order(order, line.pair), 1 << 33)
            found = await line.ask("/api/workers", enrolment, Enrolled)
        seen.trusted += found.state == "trusted"
        return line

    numbers = range(load.first, load.first + load.sellers)
    lines = await asyncio.gather(*map(enter, numbers))
    ready.put(seen.trusted)
    await asyncio.to_thread(go.wait)
    selling = [asyncio.ensure_future(_sell(load, line, seen, stop)) for line in lines]
    await asyncio.to_thread(stop.wait)
    if load.wait_s:
        for each in selling:
            each.cancel()
    ended = await asyncio.gather(*selling, return_exceptions=True)
    for line in lines:
        line.close()
    for found in ended:
        if isinstance(found, Exception):
            raise found
    return seen


def _run(load: Load, ready: Queue[int], go: Event, stop: Event, found: Queue[Seen]) -> None:
    found.put(uvloop.run(_load(load, ready, go, stop)))


class Crowd:
    """Processes of sellers: all are connected and enrolled when the block begins, and work from
    `begin` on until it ends; `seen` is known then.
    """

    def __init__(self, loads: list[Load]) -> None:
        spawn = mp.get_context("spawn")
        self._ready: Queue[int] = spawn.Queue()
        self._found: Queue[Seen] = spawn.Queue()
        self._go, self._stop = spawn.Event(), spawn.Event()
        rest = (self._ready, self._go, self._stop, self._found)
        self._processes = [spawn.Process(target=_run, args=(load, *rest)) for load in loads]
        self.trusted = 0
        self.seen = Seen()

    def __enter__(self) -> Crowd:
        for process in self._processes:
            process.start()
        self.trusted = sum(self._ready.get(timeout=900) for _ in self._processes)
        return self

    def begin(self) -> None:
        """Let them work."""
        self._go.set()

    def __exit__(self, *error: Any) -> None:
        self._go.set()
        self._stop.set()
        try:
            all_seen = [self._found.get(timeout=60) for _ in self._processes]
        finally:
            for process in self._processes:
                process.join(10)
                process.kill()
        self.seen = Seen(
            sum(each.accepted for each in all_seen),
            min((each.began for each in all_seen if each.began), default=0.0),
            max(each.ended for each in all_seen),
            self.trusted,
            sorted(time_s for each in all_seen for time_s in each.answers_s),
        )
