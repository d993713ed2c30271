"""One run of one kernel in the interpreter, from arrays to arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from vm import limits
from vm.bits import NAN_BITS, from_raw
from vm.errors import OverLimit, Refused
from vm.inputs import Outputs, Prepared, as_output, dtype_of, prepare, shape_of
from vm.interp.audit import audited
from vm.interp.machine import Machine, Maker, Picture
from vm.interp.regions import REGION_STEPS
from vm.interp.steps import STEPS
from vm.module import Image, Role
from vm.opcodes import Op
from vm.verifier import VerifiedKernel, VerifiedModule

if TYPE_CHECKING:
    from numpy.typing import NDArray

HANDLERS: dict[Op, Maker] = {**STEPS, **REGION_STEPS}
assert set(HANDLERS) == set(Op), f"no handler for {set(Op) ^ set(HANDLERS)}"
assert not set(STEPS) & set(REGION_STEPS)


class Result(Struct, frozen=True):
    """The out images by name, (height, width) or (height, width, channels), and the record by
    field; units executed.
    """

    outputs: Outputs
    counted: int


def run(
    verified: VerifiedModule,
    kernel: str,
    inputs: Mapping[str, NDArray[Any]],
    parameters: Mapping[str, object],
    *,
    limit_units: float | None = None,
    limit_bytes: int = limits.INTERPRETED_BYTES,
    audit: bool = False,
    checked: bool = False,
) -> Result:
    """Run a kernel on images, (height, width) or (height, width, channels), and parameters.

    `audit` holds every value against what the verifier proved; in a `checked` run signed
    arithmetic traps instead of wrapping. Raises `Refused` for what does not fit the signature,
    `OverLimit` beyond the limits, `Trap` where the kernel traps, `Crash` where the verifier was
    wrong.
    """
    if kernel not in verified.kernels:
        listed = ", ".join(verified.kernels)
        raise Refused(f"the module has no kernel '{kernel}' (it has: {listed})")
    found = verified.kernels[kernel]
    prepared = prepare(found.kernel, inputs, parameters)
    memory = found.memory.evaluate(prepared.dimensions, prepared.parameters)
    if memory > limit_bytes:
        raise OverLimit(f"kernel '{kernel}' needs {memory} bytes", f"{limit_bytes} bytes")
    buffers = [buffer(image, prepared) for image in found.kernel.images]
    limit = math.inf if limit_units is None else limit_units
    machine = make_machine(found, prepared, buffers, limit, audit, checked)
    for index in sorted(found.facts.cleared):
        machine.count_clearing(index)  # they are made of zeros
    machine.block(0, len(found.kernel.code))()
    outputs = Outputs(
        {
            image.name: as_output(one_nan(image, pixels))
            for image, pixels in zip(found.kernel.images, buffers, strict=True)
            if image.role is Role.OUT
        },
        {
            field.name: math.nan if value != value else value
            for field, value in zip(found.kernel.fields, machine.record, strict=True)
        },
    )
    return Result(outputs, machine.counted)


def make_machine(
    verified: VerifiedKernel,
    prepared: Prepared,
    buffers: list[NDArray[Any]],
    limit_units: float,
    audit: bool,
    checked: bool = False,
) -> Machine:
    """A machine at its start."""
    pictures = [
        Picture(
            memoryview(pixels.reshape(-1)),  # type: ignore[arg-type]
            pixels.shape[1],
            pixels.shape[0],
            image.channels,
            from_raw(image.type, 0),
        )
        for image, pixels in zip(verified.kernel.images, buffers, strict=True)
    ]
    return Machine(
        verified.kernel,
        verified.facts,
        prepared.dimensions,
        prepared.parameters,
        pictures,
        HANDLERS,
        limit_units,
        checked,
        audit=audited if audit else None,
    )


def buffer(image: Image, prepared: Prepared) -> NDArray[Any]:
    """The pixels of an image at the start: those given, or zeros."""
    import numpy as np

    if image.role is Role.IN:
        return prepared.arrays[image.name]
    return np.zeros(shape_of(image, prepared.dimensions), dtype_of(image.type))


def one_nan(image: Image, pixels: NDArray[Any]) -> NDArray[Any]:
    """The pixels with every NaN as the one pattern that may be seen."""
    import numpy as np

    if image.type.is_float:
        pixels.view(f"<u{image.type.size_bytes}")[np.isnan(pixels)] = NAN_BITS[image.type]
    return pixels
