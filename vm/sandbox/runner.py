"""Running a verified kernel natively: compile once, keep a strict child, hand tasks to it.

    with NativeRunner(verified, "dither", {"threshold": 100}) as runner:
        outputs = runner.run({"src": array})

A runner is one program with one set of parameters. Its child is kept for tasks whose arena has
the same size: they belong to one caller, and nothing of an earlier task can be seen in a later
one, since inputs are overwritten, and out images, local images and the windows of carries are
zeroed or wholly written before they are read (`Facts.cleared`). Use it in the thread that made it.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from vm import parameters as parameter_values
from vm.errors import Refused, Trap
from vm.inputs import Outputs, Prepared, as_output, dtype_of, prepare, read_record, shape_of
from vm.layout import Layout, plan
from vm.module import Image, Role
from vm.sandbox.child import ChildStatus, StrictChild
from vm.sandbox.messages import CompileRequest
from vm.sandbox.native import NativeKernel, kept_kernel, native_kernel
from vm.sandbox.warm import WarmKernel
from vm.verifier import VerifiedModule

QUICK_UNITS = 1_000_000_000  # some 40 ms of scalar code: what vector code takes longer to compile
BENCH_ROUNDS = 7
ROUND_TRIPS = 31

Images = Mapping[str, NDArray[Any]]


class RunnerStats(Struct, frozen=True):
    """What is known of a runner so far: times in seconds, sizes in bytes.

    `mode` is "strict" or "filter"; `tasks`, `mappings`, `resident_kb` are what the kernel says
    of the child (None where it does not).
    """

    compile_s: float
    is_cached: bool
    code_bytes: int
    start_s: float
    round_trip_s: float
    runs: int
    mode: str
    seccomp: int
    tasks: int
    mappings: int | None
    resident_kb: int | None
    hardening: frozenset[str]


class Timings(Struct, frozen=True):
    """What `NativeRunner.bench` measured, in seconds.

    `kernel_s` is the median of (T(repeat) - T(1)) / (repeat - 1), in CPU time of the child, so that
    a busy machine does not count; `spread_s` the distance between the quartiles of it,
    `round_trip_s` the median of a run on images of one pixel.
    """

    kernel_s: float
    spread_s: float
    round_trip_s: float
    compile_s: float
    start_s: float
    repeat: int
    rounds: int
    form: str


class NativeRunner(WarmKernel):
    """Runs one kernel with fixed parameters in a strict child. A context manager."""

    def __init__(
        self,
        verified: VerifiedModule,
        kernel: str,
        parameters: Mapping[str, object],
        *,
        checked: bool = False,
        scalar: bool = False,
        tasks: int = 0,
        **common: Any,
    ) -> None:
        """Check the parameters; in `checked` runs signed arithmetic traps instead of wrapping, in
        `scalar` ones no scan becomes a wavefront (for comparisons).

        With `tasks`, that many like the first are to come (0: nobody knows, or many), and code that
        is sooner compiled is preferred to code that is faster where that pays.

        `common` is what every `WarmKernel` takes. Raises `Refused`, or `SandboxUnavailable`
        without any box.
        """
        super().__init__(verified, kernel, **common)
        self.parameters = dict(parameters)
        self.values = parameter_values.resolve(self.checked.kernel, parameters)
        self.wraps_trap = checked
        self.scalar = scalar
        self.tasks = tasks
        self._kept: NativeKernel | None = None
        self._round_trip_s = 0.0
        self._runs = 0

    def _compiled(self) -> NativeKernel:
        return self._kept or native_kernel(self._request(), self.box, self.cache)

    def _request(self) -> CompileRequest:
        name = self.checked.kernel.name
        given = parameter_values.to_bytes(self.checked.kernel, self.values)
        return CompileRequest(
            self.verified.encoded, name, given, checked=self.wraps_trap, scalar=self.scalar
        )

    def _choose_form(self, prepared: Prepared) -> None:
        """Scalar code for little work, unless the vector code is there already."""
        if self._native is not None or not self.tasks or self.scalar or self.wraps_trap:
            return
        units = self.checked.cost.evaluate(prepared.dimensions, prepared.parameters)
        if units * self.tasks < QUICK_UNITS:
            self._kept = kept_kernel(self._request(), self.box, self.cache)
            self.scalar = self._kept is None

    def _plan(self, prepared: Prepared) -> Layout:
        return plan(self.checked.kernel, self.checked.facts.reaches, prepared.dimensions)

    # Work.

    def run(self, inputs: Images) -> Outputs:
        """Run one task: arrays (h, w) or (h, w, channels) in by name; new arrays and a record out.

        Raises `Refused` for what does not fit, `Trap`, `OverLimit`, `SandboxBroken`,
        `SandboxUnavailable`.
        """
        prepared = prepare(self.checked.kernel, inputs, self.parameters)
        self._choose_form(prepared)
        layout = self._plan(prepared)
        child = self._child_for(layout)
        self._write_inputs(child, prepared, layout)
        self._round_trip_s = self._command(child, prepared, layout, 1)
        self._runs += 1
        return self._read_outputs(child, prepared, layout)

    def _write_inputs(self, child: StrictChild, prepared: Prepared, layout: Layout) -> None:
        for image, offset in zip(self.checked.kernel.images, layout.offsets, strict=False):
            if image.role is Role.IN:
                write_image(child, offset, prepared.arrays[image.name])

    def _command(
        self, child: StrictChild, prepared: Prepared, layout: Layout, repeat: int
    ) -> float:
        """Run the kernel; gives the wall time it took. Raises `Trap`."""
        units = self.checked.cost.evaluate(prepared.dimensions, prepared.parameters)
        return self._order(child, [*prepared.dimensions, *layout.offsets], units, repeat)

    def _read_outputs(self, child: StrictChild, prepared: Prepared, layout: Layout) -> Outputs:
        """Copies of the out images and the record: the arena itself is never looked at."""
        outputs = {}
        for image, offset in zip(self.checked.kernel.images, layout.offsets, strict=False):
            if image.role is Role.OUT:
                outputs[image.name] = read_image(child, offset, image, prepared.dimensions)
        fields = self.checked.kernel.fields
        if not fields:
            return Outputs(outputs)
        data = child.copy_out(layout.offsets[-1], layout.sizes[-1])
        return Outputs(outputs, read_record(fields, data))

    # Figures.

    def bench(self, inputs: Images, repeat: int = 10, rounds: int = BENCH_ROUNDS) -> Timings:
        """Time the kernel in its child: the command carries the repeat count (2 or more)."""
        if repeat < 2:
            raise Refused("a measurement repeats the kernel at least twice")
        prepared = prepare(self.checked.kernel, inputs, self.parameters)
        layout = self._plan(prepared)
        child = self._child_for(layout)
        self._write_inputs(child, prepared, layout)
        self._command(child, prepared, layout, 1)
        kernels = []
        for _ in range(rounds):
            single = self._cpu_of_command(child, prepared, layout, 1)
            many = self._cpu_of_command(child, prepared, layout, repeat)
            kernels.append((many - single) / (repeat - 1))
        kernel_s = statistics.median(kernels)
        quartiles = statistics.quantiles(kernels, n=4) if rounds > 1 else [kernel_s] * 3
        self._round_trip_s = self._measure_round_trip(child, inputs)
        return Timings(
            kernel_s,
            quartiles[2] - quartiles[0],
            self._round_trip_s,
            self.compile().compile_s,
            self._start_s,
            repeat,
            rounds,
            self._form(),
        )

    def _form(self) -> str:
        """The forms of the kernel's loops over pixels, each named once."""
        from vm.jit.forms import forms_of

        scalar = self.scalar or self.wraps_trap
        forms = forms_of(self.checked, self.values, self.box.cpu, scalar=scalar).values()
        return ", ".join(dict.fromkeys(form.name for form in forms)) or "no loops"

    def _cpu_of_command(
        self, child: StrictChild, prepared: Prepared, layout: Layout, repeat: int
    ) -> float:
        before = child.cpu_s()
        self._command(child, prepared, layout, repeat)
        return child.cpu_s() - before

    def _measure_round_trip(self, child: StrictChild, inputs: Images) -> float:
        """The median time of a command with next to nothing to do; 0 if that cannot be had."""
        tiny = {name: image[:1, :1] for name, image in inputs.items()}
        try:
            prepared = prepare(self.checked.kernel, tiny, self.parameters)
            layout = self._plan(prepared)
            if layout.total > child.arena_bytes:
                return 0.0
            self._write_inputs(child, prepared, layout)
            return statistics.median(
                self._command(child, prepared, layout, 1) for _ in range(ROUND_TRIPS)
            )
        except (Refused, Trap):
            return 0.0

    @property
    def stats(self) -> RunnerStats:
        """What is known so far; `round_trip_s` includes the kernel unless `bench` was called."""
        native = self.compile()
        status = self._child.status() if self._child is not None and self._child.pid else NO_CHILD
        return RunnerStats(
            native.compile_s,
            native.is_cached,
            len(native.elf),
            self._start_s,
            self._round_trip_s,
            self._runs,
            status.mode,
            status.seccomp,
            status.tasks,
            status.mappings,
            status.resident_kb,
            status.hardening,
        )


def write_image(child: StrictChild, offset: int, pixels: NDArray[Any]) -> None:
    """Copy an image into a child's arena."""
    flat = pixels.reshape(-1).view(np.uint8)
    np.frombuffer(child.arena, np.uint8)[offset : offset + flat.size] = flat


def read_image(
    child: StrictChild, offset: int, image: Image, dimensions: tuple[int, ...]
) -> NDArray[Any]:
    """A copy of an image in a child's arena."""
    pixels = np.empty(shape_of(image, dimensions), dtype_of(image.type))
    size = pixels.nbytes
    pixels.reshape(-1).view(np.uint8)[:] = np.frombuffer(child.arena, np.uint8, size, offset)
    return as_output(pixels)


NO_CHILD = ChildStatus("", 0, 0, None, None, frozenset())
