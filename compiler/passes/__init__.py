"""Passes over the intermediate form: each a pure function from kernel to kernel.

`PASSES` is their order. `run_passes(kernel)` applies them; it raises `PassError` for what a
pass cannot do.
"""

from __future__ import annotations

from collections.abc import Callable

from compiler import ir
from compiler.passes.claims import claims
from compiler.passes.common import common
from compiler.passes.dead import dead
from compiler.passes.forward import forward
from compiler.passes.gather import gather
from compiler.passes.hoist import hoist
from compiler.passes.scalars import scalars
from compiler.passes.selects import selects
from compiler.passes.single import single
from compiler.passes.unroll import unroll

PASSES: tuple[Callable[[ir.Kernel], ir.Kernel], ...] = (
    single,
    unroll,
    scalars,
    single,
    dead,
    gather,
    single,
    selects,
    single,
    dead,
    hoist,
    common,
    single,
    forward,
    dead,
    claims,
)


def run_passes(kernel: ir.Kernel) -> ir.Kernel:
    """All passes, in order."""
    for each in PASSES:
        kernel = each(kernel)
    return kernel
