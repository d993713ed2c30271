"""From a module's bytes to the LLVM IR of one kernel: what the compile box runs.

The box takes nobody's word: it decodes and verifies the bytes again, and checks the parameters
against the signature again, before a line of IR is written.
"""

from __future__ import annotations

from vm import parameters as parameter_values
from vm.errors import OverLimit, Refused
from vm.jit.lower import VECTOR_TARGETS, lower
from vm.verifier import verify

IR_BYTES = 8 << 20
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
    scans become wavefronts for its vectors; without, all loops are scalar.
    Raises `Malformed`, `Invalid`, `Refused`, `OverLimit`.
    """
    verified = verify(module)
    found = verified.kernels.get(kernel)
    if found is None:
        raise Refused(f"the module has no kernel '{kernel}'")
    if not 0 <= blind < BLIND_LEVELS:
        raise Refused(f"there is no blinding level {blind}")
    values = parameter_values.from_bytes(found.kernel, parameters)
    target = VECTOR_TARGETS.get(cpu)
    ir = lower(found, values, blind=blind, checked=checked, target=target).ir
    if len(ir) > IR_BYTES:
        raise OverLimit("the kernel is too large for native code", f"{IR_BYTES} bytes of LLVM IR")
    return ir
