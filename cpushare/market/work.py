"""What a task takes, by everybody's own reckoning: exchange, sellers and buyers come to the same.

Nothing is compiled or run here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from msgspec import Struct

from cpushare.market.errors import BadMessage, Missing, TooMuch
from cpushare.market.messages import Outcome
from cpushare.market.rasters import RasterShape
from vm import extents, parameters
from vm.errors import OverLimit, Refused
from vm.module import Role
from vm.parameters import ParameterValues
from vm.store import key_of
from vm.verifier import VerifiedModule
from vm.verifier.verified import VerifiedKernel

MOST_UNITS = 10**13
"""Cost units of a task: some hours."""
MOST_MEMORY = 1 << 46
MOST_MEASURED = 200_000
"""Different parameters × shapes in a job."""


class Work(Struct, frozen=True):
    """What a task takes: cost units, bytes of memory, and the hash of all that decides it."""

    units: int
    memory_bytes: int
    work: bytes


def kernel_of(verified: VerifiedModule, name: str) -> VerifiedKernel:
    """A kernel by name. Raises `Missing`."""
    if name not in verified.kernels:
        listed = ", ".join(verified.kernels)
        raise Missing(f"the program has no kernel '{name}' (it has: {listed})")
    return verified.kernels[name]


def read_values(kernel: VerifiedKernel, given: bytes) -> ParameterValues:
    """Parameters from their canonical bytes. Raises `BadMessage`."""
    try:
        return parameters.from_bytes(kernel.kernel, given)
    except Refused as error:
        raise BadMessage(str(error)) from None


def named_values(kernel: VerifiedKernel, given: bytes) -> dict[str, object]:
    """Parameters by name, from their canonical bytes. Raises `BadMessage`."""
    return parameters.by_name(kernel.kernel, read_values(kernel, given))


def reckon(
    kernel: VerifiedKernel, values: ParameterValues, sizes: Mapping[str, tuple[int, int]]
) -> tuple[int, int]:
    """Cost units and bytes of memory of a task, by the (width, height) of its in images.

    Raises `Refused` where sizes do not fit, `OverLimit`.
    """
    dimensions = extents.resolve(kernel.kernel, sizes, values)
    return kernel.cost.evaluate(dimensions, values), kernel.memory.evaluate(dimensions, values)


class Meter:
    """Measures tasks of a kernel: `owner` is who may know what comes of them.

    What a task takes is evaluated once for each set of shapes and of those parameters that it
    depends on.
    """

    def __init__(
        self,
        verified: VerifiedModule,
        kernel: VerifiedKernel,
        checked: bool,
        owner: bytes,
    ) -> None:
        self._kernel = kernel
        self._images = kernel.kernel.images_of(Role.IN)
        name = kernel.kernel.name.encode()
        head = [verified.meaning.encode(), name, b"checked" if checked else b"", owner]
        self._head = bytes.fromhex(key_of(b"CPUShare work 1\n", *head))
        counts = kernel.cost.parameters | kernel.memory.parameters
        self._deciding = sorted(counts | extents.deciding(kernel.kernel))
        self._last: tuple[bytes, ParameterValues] | None = None
        self._known: dict[tuple[object, ...], tuple[int, int]] = {}

    @property
    def is_full(self) -> bool:
        """Whether it measures no more than it has."""
        return len(self._known) >= MOST_MEASURED

    def measure(
        self, given: bytes, inputs: Mapping[str, str], shapes: Mapping[str, RasterShape]
    ) -> Work:
        """What a task takes; `inputs` are names of blobs, which have `shapes`.

        Raises `BadMessage`, `TooMuch`.
        """
        for image in self._images:
            if image.name not in inputs:
                raise BadMessage(f"kernel '{self._kernel.kernel.name}' takes image '{image.name}'")
        if len(inputs) != len(self._images):
            extra = ", ".join(sorted(set(inputs) - {image.name for image in self._images}))
            raise BadMessage(f"kernel '{self._kernel.kernel.name}' takes no image '{extra[:100]}'")
        values = self._values(given)
        seen = tuple(shapes[inputs[image.name]] for image in self._images)
        key = *(values[number] for number in self._deciding), seen
        if key not in self._known:
            if self.is_full:
                raise TooMuch(
                    f"a job has at most {MOST_MEASURED} different sets of parameters and sizes: "
                    f"submit it in parts"
                )
            self._known[key] = self._evaluate(values, seen)
        names = "".join(f"{image.name} {inputs[image.name]}\n" for image in self._images)
        decides = self._head + len(given).to_bytes(4, "little") + given + names.encode()
        return Work(*self._known[key], hashlib.sha256(decides).digest())

    def _values(self, given: bytes) -> ParameterValues:
        """Parameters from their bytes: many tasks that follow each other have the same."""
        if self._last is None or self._last[0] != given:
            self._last = given, read_values(self._kernel, given)
        return self._last[1]

    def _evaluate(
        self, values: ParameterValues, shapes: tuple[RasterShape, ...]
    ) -> tuple[int, int]:
        """Cost units and bytes of memory."""
        sizes = {}
        for image, shape in zip(self._images, shapes, strict=True):
            if (shape.type, shape.channels) != (image.type, image.channels):
                raise BadMessage(
                    f"image '{image.name}' takes {image.channels} × {image.type}, the raster has "
                    f"{shape.channels} × {shape.type}"
                )
            sizes[image.name] = (shape.width, shape.height)
        try:
            units, memory_bytes = reckon(self._kernel, values, sizes)
        except (Refused, OverLimit) as error:
            raise BadMessage(str(error)) from None
        if units > MOST_UNITS or memory_bytes > MOST_MEMORY:
            raise TooMuch(
                f"a task of {units} cost units and {memory_bytes} bytes is too big: at most "
                f"{MOST_UNITS} and {MOST_MEMORY}"
            )
        return units, memory_bytes


def check_outcome(kernel: VerifiedKernel, outcome: Outcome) -> str:
    """Why an outcome cannot be one of this kernel; nothing if it can."""
    if outcome.trap:
        return "a trap has no images and no record" if outcome.images or outcome.record else ""
    images = {image.name for image in kernel.kernel.images_of(Role.OUT)}
    fields = {field.name: field.type.size_bytes for field in kernel.kernel.fields}
    if set(outcome.images) != images or set(outcome.record) != set(fields):
        return "the outcome has not the images and the record of this kernel"
    if any(pattern >> 8 * fields[name] for name, pattern in outcome.record.items()):
        return "a value of the record has more bits than its type"
    return ""
