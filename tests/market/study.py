"""A small study for tests of the exchange, and how a seller answers it: by the interpreter."""

from __future__ import annotations

from functools import cache

import numpy as np

from compiler.pipeline import compile_text
from cpushare.market.keys import KeyPair
from cpushare.market.messages import (
    Enrolment,
    JobOrder,
    JobStatus,
    Lease,
    Outcome,
    TaskResult,
    encode,
)
from cpushare.market.rasters import blob_name, encode_raster
from cpushare.market.work import kernel_of
from cpushare.wire.client import ExchangeClient
from tests.market.serving import Served
from vm import parameters
from vm.verifier import verify

PROGRAM = """
kernel invert(in src: image<u8>, out dst: image<u8>(src.width, src.height),
              param level: i32 in 0..=255 = 255) {
    scan (x, y) in src { dst[x, y] = u8(max(level - i32(src[x, y]), 0)); }
}
"""


@cache
def program() -> bytes:
    """The program's bytes."""
    return compile_text(PROGRAM, "invert.cps").encoded


@cache
def picture(seed: int) -> bytes:
    """The blob of a small picture."""
    return encode_raster(np.random.default_rng(seed).integers(0, 256, (4, 6), np.uint8))


def level(value: int) -> bytes:
    """The parameters of a task."""
    kernel = kernel_of(verify(program()), "invert").kernel
    return parameters.to_bytes(kernel, parameters.resolve(kernel, {"level": value}))


def job(levels: int = 2, pictures: int = 2, nonce: str = "", trust: str = "spot") -> JobOrder:
    """An order of `levels * pictures` tasks."""
    return JobOrder(
        blob_name(program()),
        "invert",
        [level(255 - index) for index in range(levels)],
        [{"src": blob_name(picture(seed))} for seed in range(pictures)],
        price=1_000_000_000,
        budget=1 << 40,
        trust=trust,
        nonce=nonce,
    )


def submit(client: ExchangeClient, order: JobOrder) -> JobStatus:
    """Upload what an order names, and submit it."""
    pictures = [picture(seed) for seed in range(len(order.inputs))]
    missing = client.missing([blob_name(program()), *map(blob_name, pictures)])
    client.upload(blob for blob in (program(), *pictures) if blob_name(blob) in missing)
    return client.submit(encode(order))


def enrol(exchange: Served, worker: KeyPair, account: KeyPair) -> ExchangeClient:
    """A worker that earns for an account."""
    client = exchange.client(worker)
    client.enrol(Enrolment(exchange.order(account), 1 << 33))
    return client


def answer(client: ExchangeClient, lease: Lease, *, honest: bool = True) -> TaskResult:
    """Do a task, upload its image, and give what is to be sent."""
    from cpushare.market.rasters import decode_raster

    pixels = decode_raster(client.download(lease.inputs["src"]))
    kernel = kernel_of(verify(program()), "invert").kernel
    ((raw,),) = parameters.from_bytes(kernel, lease.parameters)
    made = np.maximum(raw - pixels.astype(np.int32), 0).astype(np.uint8)
    if not honest:
        made = made ^ 1
    blob = encode_raster(made)
    client.upload([blob])
    return TaskResult(lease.id, lease.units, Outcome(images={"dst": blob_name(blob)}))
