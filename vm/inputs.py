"""What a caller hands to a kernel, checked against its signature: shared by all ways to run one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from vm import extents
from vm import parameters as parameter_values
from vm.bits import from_pattern
from vm.errors import Refused
from vm.layout import FIELD_BYTES
from vm.module import Field, Image, Kernel, Role
from vm.parameters import ParameterValues
from vm.types import ScalarType

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DTYPES: dict[ScalarType, str] = {
    ScalarType.BOOL: "|b1",
    ScalarType.U8: "|u1",
    ScalarType.I8: "|i1",
    ScalarType.U16: "<u2",
    ScalarType.I16: "<i2",
    ScalarType.U32: "<u4",
    ScalarType.I32: "<i4",
    ScalarType.U64: "<u8",
    ScalarType.I64: "<i8",
    ScalarType.F32: "<f4",
    ScalarType.F64: "<f8",
}
"""How NumPy names each type as it lies in the arena: little-endian, no padding."""
assert set(DTYPES) == set(ScalarType)


Number = int | float | bool


class Prepared(Struct, frozen=True):
    """A run that fits the kernel: every dimension, every parameter's raw values, every input.

    `arrays` maps each `in` image to its pixels, C-contiguous, (height, width, channels).
    """

    dimensions: tuple[int, ...]
    parameters: ParameterValues
    arrays: dict[str, NDArray[Any]]


class Outputs(dict[str, "NDArray[Any]"]):
    """What a run gave: out images by name, and in `record` the record's values by field."""

    def __init__(
        self, images: Mapping[str, NDArray[Any]], record: Mapping[str, Number] | None = None
    ) -> None:
        super().__init__(images)
        self.record: dict[str, Number] = dict(record or {})


def prepare(
    kernel: Kernel, inputs: Mapping[str, NDArray[Any]], parameters: Mapping[str, object]
) -> Prepared:
    """Check inputs, (height, width) or (height, width, channels), and parameters.

    Raises `Refused` for what does not fit the signature, `OverLimit` for images too large.
    """
    values = parameter_values.resolve(kernel, parameters)
    images = {image.name: image for image in kernel.images_of(Role.IN)}
    for name in inputs:
        if name not in images:
            raise Refused(f"kernel '{kernel.name}' takes no image '{name}'")
    arrays = {
        name: checked_image(image, inputs[name]) for name, image in images.items() if name in inputs
    }
    sizes = {name: (array.shape[1], array.shape[0]) for name, array in arrays.items()}
    return Prepared(extents.resolve(kernel, sizes, values), values, arrays)


def checked_image(image: Image, pixels: object) -> NDArray[Any]:
    """The pixels as (height, width, channels), C-contiguous. Raises `Refused`."""
    import numpy as np

    if not isinstance(pixels, np.ndarray):
        raise Refused(f"image '{image.name}' takes a NumPy array, not {type(pixels).__name__}")
    if pixels.dtype != dtype_of(image.type):
        raise Refused(f"image '{image.name}' takes {image.type} pixels, not {pixels.dtype}")
    given = pixels.shape
    if pixels.ndim == 2:
        pixels = pixels[:, :, np.newaxis]
    if pixels.ndim != 3 or pixels.shape[2] != image.channels:
        wanted = "(height, width)" if image.channels == 1 else f"(height, width, {image.channels})"
        raise Refused(f"image '{image.name}' takes an array {wanted}, not {given}")
    return np.ascontiguousarray(pixels)


def read_record(fields: tuple[Field, ...], data: bytes) -> dict[str, Number]:
    """The record from its bytes in the arena, which a hostile child may have written."""
    record: dict[str, Number] = {}
    for index, field in enumerate(fields):
        start = index * FIELD_BYTES
        raw = int.from_bytes(data[start : start + field.type.size_bytes], "little")
        record[field.name] = from_pattern(field.type, raw)
    return record


def dtype_of(scalar: ScalarType) -> np.dtype[Any]:
    """The NumPy type of pixels of this type."""
    import numpy as np

    return np.dtype(DTYPES[scalar])


def shape_of(image: Image, dimensions: tuple[int, ...]) -> tuple[int, int, int]:
    """Height, width and channels of an image."""
    return dimensions[image.height], dimensions[image.width], image.channels


def as_output(pixels: NDArray[Any]) -> NDArray[Any]:
    """Pixels (height, width, channels) as callers see them: without the axis of one channel."""
    return pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
