"""From a module's bytes to the LLVM IR of one kernel: what the compile box runs.

The box takes nobody's word: it decodes and verifies the bytes again, and checks the parameters
against the signature again, before a line of IR is written.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from vm import parameters as parameter_values
from vm.errors import Refused
from vm.jit.lower import VECTOR_TARGETS, batch_lanes, lower, lower_batch
from vm.jit.lower.lanes import NotVector
from vm.module import Role
from vm.verifier import VerifiedKernel, verify

BLIND_LEVELS = 4


def kernel_ir(
    module: bytes,
    kernel: str,
    parameters: bytes,
    blind: int,
    *,
    checked: bool = False,
    cpu: str = "",
) -> str:
    """The IR of a kernel specialised to its parameters (`vm.parameters.to_bytes`).

    `blind` is 0, or up to 3 where the byte audit found constants that look like forbidden
    instructions; with `checked`, signed arithmetic traps instead of wrapping. With a `cpu` level
    loops become vectors for it; without, or where there would be too much code, all are scalar.
    Raises `Malformed`, `Invalid`, `Refused`, `OverLimit`.
    """
    found = _verified(module, kernel, blind)
    values = parameter_values.from_bytes(found.kernel, parameters)
    target = VECTOR_TARGETS.get(cpu)
    return lower(found, values, blind=blind, checked=checked, target=target).ir


def _verified(module: bytes, kernel: str, blind: int) -> VerifiedKernel:
    found = verify(module).kernels.get(kernel)
    if found is None:
        raise Refused(f"the module has no kernel '{kernel}'")
    if not 0 <= blind < BLIND_LEVELS:
        raise Refused(f"there is no blinding level {blind}")
    return found


def batch_ir(
    module: bytes,
    kernel: str,
    sets: Sequence[bytes],
    shared: Collection[int],
    blind: int,
    cpu: str,
) -> str:
    """The IR of one kernel for many tasks at once (`vm.jit.lower.batch`).

    `sets` is one set of parameters, or one for each task; `shared` are the images that they share.
    Raises `Malformed`, `Invalid`, `Refused` (also if the kernel cannot have that form),
    `OverLimit`.
    """
    found, target = _verified(module, kernel, blind), VECTOR_TARGETS[cpu]
    if not 1 <= len(sets) <= batch_lanes(target):
        raise Refused(f"a batch has 1 to {batch_lanes(target)} sets of parameters")
    images = found.kernel.images
    if any(not 0 <= i < len(images) or images[i].role is not Role.IN for i in shared):
        raise Refused("only in images can be shared")
    values = [parameter_values.from_bytes(found.kernel, given) for given in sets]
    try:
        return lower_batch(found, values, shared, target, blind=blind).ir
    except NotVector as why:
        raise Refused(f"'{kernel}' cannot run on many images at once: {why}") from None
