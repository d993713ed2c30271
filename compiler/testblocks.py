"""The typed form of `test` blocks: a straight line of images made, kernels run, assertions.

Images inside expressions have been named first, so that every image is a symbol of role TEST.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from compiler.source import Span
from compiler.symbols import Image, Local
from compiler.typed import Assign, AssignElement, AssignField, Declare, Expr, Kernel


class Maker(Enum):
    """Images made from nothing, in tests; `top` is the type's greatest value, 1.0 for floats.

    FILL (value, width, height): every pixel is the value (of the pixel's type).
    RAMP (width, height): x * top / max(1, width - 1), rounded down for integers.
    NOISE (seed, width, height): sample k (pixels in raster order, channels innermost) is
        splitmix64(seed + (k + 1) * 0x9E3779B97F4A7C15 mod 2^64); its upper bits for integers
        (the sign bit included); for floats its upper 24 bits (f64: 53) / 2^24 (2^53).
    """

    FILL = "fill"
    RAMP = "ramp"
    NOISE = "noise"


class MakeImage(Struct, frozen=True):
    """`image` becomes what `maker` makes of the arguments; sizes are i32, the seed u64."""

    image: Image
    maker: Maker
    arguments: tuple[Expr, ...]
    span: Span


class RunKernel(Struct, frozen=True):
    """Run a kernel of this program or of one it uses.

    `inputs` and `outputs` follow `kernel.inputs` and `kernel.outputs`; outputs are new images.
    `parameters` follow `kernel.parameters`: None takes the default. `record` stands for what the
    kernel gives, if it gives a record.
    """

    kernel: Kernel
    inputs: tuple[Image, ...]
    parameters: tuple[Expr | None, ...]
    outputs: tuple[Image, ...]
    record: Local | None
    span: Span


class AssertEqual(Struct, frozen=True):
    """Two values of one type, or two images (same size, every sample the same bits)."""

    left: Expr | Image
    right: Expr | Image
    span: Span


class AssertClose(Struct, frozen=True):
    """|left - right| <= tolerance, for scalars or every sample of two images."""

    left: Expr | Image
    right: Expr | Image
    tolerance: Expr
    span: Span


class AssertBetween(Struct, frozen=True):
    """low <= value <= high."""

    value: Expr
    low: Expr
    high: Expr
    span: Span


class AssertHash(Struct, frozen=True):
    """The SHA-256, in lower-case hex, of the image's samples.

    Samples are little-endian, in raster order with channels innermost. `digest` is the whole hash
    or its beginning (at least 8 digits).
    """

    image: Image
    digest: str
    span: Span


class AssertTraps(Struct, frozen=True):
    """Running the kernel traps."""

    run: RunKernel
    span: Span


TestStatement = (
    Declare
    | Assign
    | AssignElement
    | AssignField
    | MakeImage
    | RunKernel
    | AssertEqual
    | AssertClose
    | AssertBetween
    | AssertHash
    | AssertTraps
)


class TypedTest(Struct, frozen=True, eq=False):
    """`test "name" { … }`, as a straight line: images inside expressions have been named first.

    Its expressions read images of role TEST, and hold no `ParameterRead`.
    """

    name: str
    body: tuple[TestStatement, ...]
    span: Span
