"""What a seller would do: `cpushare sell --dry-run` reads, tells, and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cpushare.cpsc import output
from cpushare.seller.machine import KINDS, Limits
from cpushare.seller.orders import find_orders
from cpushare.seller.state import State
from vm.sandbox.capability import Capability


def tell_plan(places: Sequence[Path], state: State, limits: Limits, found: Capability) -> None:
    """Say what would run, be stored, and be sent."""
    orders = find_orders(places)
    if found.problem:
        output.result(f"nothing would run: {found.problem}")
    else:
        output.result(f"children would be confined ({found.mode}), lacking: {found.missing or '-'}")
    for file in orders.orders:
        order, key = file.order, state.key_path(file.worker)
        output.result(f"{file.path}: one worker")
        output.result(f"  asks {order.exchange} for work, earns for {order.credit}")
        output.result(
            f"  runs checked programs for {order.min_price} micro-coins a billion units or more, "
            f"in {order.memory_bytes:,} bytes of memory, {order.hours or 'at any hour'}"
        )
        output.result(f"  {'uses' if key.exists() else 'would make'} the worker key {key}")
    for path, problem in orders.problems.items():
        output.result(f"{path} would be {problem}")
    waits = [
        f"{kind} pressure {getattr(limits, kind)} %" for kind in KINDS if getattr(limits, kind)
    ]
    output.result(f"would wait above {', '.join(waits) or 'no pressure'}")
    output.result(
        f"would store under {state.folder}: worker keys, unsent results up to "
        f"{limits.disk_bytes:,} bytes; and compiled kernels in the cache ('cpsc cache')"
    )
    output.result(
        "would send: the worker's public key, the order, this version's number, results; "
        "nothing about this machine"
    )
