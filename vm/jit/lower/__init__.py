"""Lowering: a verified kernel with its parameters -> textual LLVM IR.

    lower(kernel, parameters, blind=0, checked=False, target=None) -> Lowered    raises OverLimit

With a `VectorTarget` scans become wavefronts where they can; `Lowered.forms` says what each loop
over pixels became, and why.

The function made is `i64 @kernel(ptr %arena, ptr %args)`. `args` holds all dimensions, then the
byte offsets of all buffers in the arena (`vm.layout`), as i64. It returns 0, or a trap:
a word of `vm.jit.trapword`.
"""

from __future__ import annotations

from vm.jit.lower.kernel import Lowered, batch_lanes, lower, lower_batch
from vm.jit.lower.state import VECTOR_TARGETS, Form, VectorTarget

__all__ = [
    "VECTOR_TARGETS",
    "Form",
    "Lowered",
    "VectorTarget",
    "batch_lanes",
    "lower",
    "lower_batch",
]
