"""Running many tasks of one kernel at once, one a lane: images of one size, or sets of parameters.

    with ManyRunner(verified, "dither", [{"serpentine": True}]) as runner:
        outputs = runner.run([{"src": a}, {"src": b}, …])      up to `runner.lanes` of them

For kernels that a single image cannot fill vectors with, such as serpentine error diffusion. All
tasks belong to one caller: they lie in one arena.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from vm import parameters as parameter_values
from vm.errors import Refused
from vm.inputs import Outputs, Prepared, prepare
from vm.layout import batch_bytes, plan_batch
from vm.module import Image, Role
from vm.sandbox.child import StrictChild
from vm.sandbox.messages import CompileRequest
from vm.sandbox.native import NativeKernel, native_kernel
from vm.sandbox.runner import Images, read_image, write_image
from vm.sandbox.warm import WarmKernel
from vm.verifier import VerifiedModule

LANES = {"x86-64-v2": 32, "x86-64-v3": 32, "x86-64-v4": 64}
"""Tasks at once by CPU level: `vm.jit.lower.batch_lanes`, which this side does not import."""


class ManyRunner(WarmKernel):
    """Runs one kernel on up to `lanes` tasks at once in a strict child. A context manager."""

    def __init__(
        self,
        verified: VerifiedModule,
        kernel: str,
        sets: Sequence[Mapping[str, object]],
        *,
        shared: Sequence[str] = (),
        **common: Any,
    ) -> None:
        """`sets` is one set of parameters, or one for each task; `shared` names in images that are
        the same array for all tasks. `common` is what every `WarmKernel` takes.

        Raises `Refused`, or `SandboxUnavailable` without any box.
        """
        super().__init__(verified, kernel, **common)
        declared = self.checked.kernel
        self.lanes = LANES[self.box.cpu]
        self.sets = [dict(given) for given in sets]
        self.shared = frozenset(shared)
        if not 1 <= len(self.sets) <= self.lanes:
            raise Refused(f"there can be 1 to {self.lanes} sets of parameters, not {len(sets)}")
        unknown = self.shared - {image.name for image in declared.images_of(Role.IN)}
        if unknown:
            raise Refused(f"kernel '{kernel}' has no in image '{min(unknown)}'")
        self._values = tuple(
            parameter_values.to_bytes(declared, parameter_values.resolve(declared, given))
            for given in self.sets
        )

    def _compiled(self) -> NativeKernel:
        declared = self.checked.kernel
        shared = tuple(i for i, image in enumerate(declared.images) if image.name in self.shared)
        request = CompileRequest(
            self.verified.encoded, declared.name, b"", sets=self._values, shared=shared
        )
        return native_kernel(request, self.box, self.cache)

    def run(self, tasks: Sequence[Images]) -> list[Outputs]:
        """Run tasks whose images are alike in size: new arrays for each, in their order.

        Raises `Refused` for what does not fit, or if the kernel cannot have this form, `Trap` if
        any task traps (which one is not known), `OverLimit`, `SandboxBroken`,
        `SandboxUnavailable`.
        """
        prepared = self._prepared(tasks)
        child, placed, words, units = self._placed(prepared)
        self._order(child, words, units)
        dimensions = prepared[0].dimensions
        return [
            Outputs(
                {
                    image.name: read_image(child, offset + task * apart, image, dimensions)
                    for image, offset, apart in placed
                    if image.role is Role.OUT
                }
            )
            for task in range(len(prepared))
        ]

    def bench(self, tasks: Sequence[Images], repeat: int) -> float:
        """CPU seconds of the child for each task, of a run that is repeated (2 times or more)."""
        prepared = self._prepared(tasks)
        child, _, words, units = self._placed(prepared)
        used = []
        for times in (1, repeat):
            before = child.cpu_s()
            self._order(child, words, units, times)
            used.append(child.cpu_s() - before)
        return (used[1] - used[0]) / (repeat - 1) / len(prepared)

    def _placed(
        self, prepared: list[Prepared]
    ) -> tuple[StrictChild, list[tuple[Image, int, int]], list[int], int]:
        """The child with the images in its arena; where they lie, and how far apart; the command's
        words; the price.
        """
        kernel, dimensions = self.checked.kernel, prepared[0].dimensions
        layout = plan_batch(kernel, self.checked.facts.reaches, dimensions, self.lanes)
        child = self._child_for(layout)
        placed = [
            (image, offset, batch_bytes(kernel, index, dimensions))
            for index, (image, offset) in enumerate(
                zip(kernel.images, layout.offsets, strict=False)
            )
        ]
        for image, offset, apart in placed:
            if image.role is Role.IN:
                count = 1 if image.name in self.shared else len(prepared)
                for task in range(count):
                    pixels: NDArray[Any] = prepared[task].arrays[image.name]
                    write_image(child, offset + task * apart, pixels)
        units = sum(self.checked.cost.evaluate(dimensions, task.parameters) for task in prepared)
        return child, placed, [*dimensions, *layout.offsets, len(prepared)], units

    def _prepared(self, tasks: Sequence[Images]) -> list[Prepared]:
        several = len(self.sets) > 1
        if not 1 <= len(tasks) <= self.lanes or (several and len(tasks) != len(self.sets)):
            raise Refused(f"{len(tasks)} tasks do not fit {self.lanes} lanes, or their parameters")
        sets = self.sets if several else self.sets * len(tasks)
        found = [
            prepare(self.checked.kernel, images, given)
            for images, given in zip(tasks, sets, strict=True)
        ]
        if any(task.dimensions != found[0].dimensions for task in found):
            raise Refused("the images of tasks that run at once have the same size")
        return found
