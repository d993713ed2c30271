"""Running a verified kernel natively: compile once, keep a strict child, hand tasks to it.

    with NativeRunner(verified, "dither", {"threshold": 100}) as runner:
        outputs = runner.run({"src": array})

A runner is one program with one set of parameters. Its child is kept for tasks whose arena has
the same size: they belong to one caller, and nothing of an earlier task can be seen in a later
one, since inputs are overwritten, and out images, local images and the windows of carries are
zeroed or wholly written before they are read (`Facts.cleared`). Use it in the thread that made it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from vm import parameters as parameter_values
from vm.errors import OverLimit, Refused, SandboxBroken, Trap
from vm.inputs import Outputs, Prepared, as_output, dtype_of, prepare, read_record, shape_of
from vm.jit import trapword
from vm.layout import Layout, plan
from vm.module import TRAP_TEXT, Kernel, Role, TrapCode
from vm.opcodes import Op
from vm.sandbox.box import CompileBox
from vm.sandbox.cache import ObjectCache
from vm.sandbox.child import ChildStatus, StrictChild, program_file
from vm.sandbox.native import NativeKernel, native_kernel
from vm.verifier import VerifiedKernel, VerifiedModule

MEMORY_LIMIT_BYTES = 4 << 30
CPU_LIMIT_S = 3600.0
LEAST_DEADLINE_S = 5.0
UNIT_S = 50e-9  # a unit of work takes about 0.3 ns: a hundredfold margin for slow machines
WALL_FACTOR = 20.0  # a child of low priority on a busy machine is slow, not hung
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


class NativeRunner:
    """Runs one kernel with fixed parameters in a strict child. A context manager."""

    def __init__(
        self,
        verified: VerifiedModule,
        kernel: str,
        parameters: Mapping[str, object],
        *,
        box: CompileBox | None = None,
        cache: ObjectCache | None = None,
        memory_limit_bytes: int = MEMORY_LIMIT_BYTES,
        cpu_limit_s: float = CPU_LIMIT_S,
        nice: int = 0,
        checked: bool = False,
        scalar: bool = False,
    ) -> None:
        """Check the parameters; in `checked` runs signed arithmetic traps instead of wrapping, in
        `scalar` ones no scan becomes a wavefront (for comparisons).

        Raises `Refused`, or `SandboxUnavailable` without any box.
        """
        if kernel not in verified.kernels:
            listed = ", ".join(verified.kernels)
            raise Refused(f"there is no kernel '{kernel}' (there is: {listed})")
        self.verified = verified
        self.checked: VerifiedKernel = verified.kernels[kernel]
        self.parameters = dict(parameters)
        self.values = parameter_values.resolve(self.checked.kernel, parameters)
        self.owns_box = box is None
        self.box = CompileBox() if box is None else box
        self.cache = cache
        self.memory_limit_bytes = memory_limit_bytes
        self.cpu_limit_s = cpu_limit_s
        self.nice = nice
        self.wraps_trap = checked
        self.scalar = scalar
        self._native: NativeKernel | None = None
        self._program = -1
        self._child: StrictChild | None = None
        self._start_s = 0.0
        self._round_trip_s = 0.0
        self._runs = 0
        self._is_interrupted = False

    # Getting ready.

    def compile(self) -> NativeKernel:
        """Compile the kernel, or take it from the cache: once."""
        if self._native is None:
            name = self.checked.kernel.name
            self._native = native_kernel(
                self.verified,
                name,
                self.values,
                self.box,
                self.cache,
                checked=self.wraps_trap,
                scalar=self.scalar,
            )
            self._program = program_file(self._native.elf)
        return self._native

    def _child_for(self, layout: Layout) -> StrictChild:
        self.compile()
        child = self._child
        if child is not None and child.pid and child.arena_bytes == _whole_pages(layout.total):
            return child
        self._end_child()
        self._child = StrictChild(self._program, layout.total, self.nice)
        self._start_s = self._child.start_s
        return self._child

    def _plan(self, prepared: Prepared) -> Layout:
        layout = plan(self.checked.kernel, self.checked.facts.reaches, prepared.dimensions)
        if layout.total > self.memory_limit_bytes:
            raise OverLimit(
                f"kernel '{self.checked.kernel.name}' would need {layout.total:,} bytes",
                f"{self.memory_limit_bytes:,} bytes",
            )
        return layout

    def _deadline_s(self, prepared: Prepared) -> float:
        """CPU time that is more than enough for the price."""
        units = self.checked.cost.evaluate(prepared.dimensions, prepared.parameters)
        return min(self.cpu_limit_s, LEAST_DEADLINE_S + units * UNIT_S)

    # Work.

    def run(self, inputs: Images) -> Outputs:
        """Run one task: arrays (h, w) or (h, w, channels) in by name; new arrays and a record out.

        Raises `Refused` for what does not fit, `Trap`, `OverLimit`, `SandboxBroken`,
        `SandboxUnavailable`.
        """
        prepared = prepare(self.checked.kernel, inputs, self.parameters)
        layout = self._plan(prepared)
        child = self._child_for(layout)
        if self._is_interrupted:
            raise SandboxBroken("the run was interrupted")
        self._write_inputs(child, prepared, layout)
        self._round_trip_s = self._command(child, prepared, layout, 1)
        self._runs += 1
        return self._read_outputs(child, prepared, layout)

    def _write_inputs(self, child: StrictChild, prepared: Prepared, layout: Layout) -> None:
        arena = np.frombuffer(child.arena, np.uint8)
        for image, offset in zip(self.checked.kernel.images, layout.offsets, strict=False):
            if image.role is Role.IN:
                flat = prepared.arrays[image.name].reshape(-1).view(np.uint8)
                arena[offset : offset + flat.size] = flat

    def _command(
        self, child: StrictChild, prepared: Prepared, layout: Layout, repeat: int
    ) -> float:
        """Run the kernel; gives the wall time it took. Raises `Trap`."""
        deadline_s = self._deadline_s(prepared) * repeat
        began = time.perf_counter()
        word = child.run(
            [*prepared.dimensions, *layout.offsets],
            repeat=repeat,
            deadline_cpu_s=deadline_s,
            wall_limit_s=deadline_s * WALL_FACTOR,
        )
        taken = time.perf_counter() - began
        if word:
            raise trap_of(self.checked.kernel, word)
        return taken

    def _read_outputs(self, child: StrictChild, prepared: Prepared, layout: Layout) -> Outputs:
        """Copies of the out images and the record: the arena itself is never looked at."""
        outputs = {}
        for image, offset in zip(self.checked.kernel.images, layout.offsets, strict=False):
            if image.role is Role.OUT:
                shape = shape_of(image, prepared.dimensions)
                pixels = np.empty(shape, dtype_of(image.type))
                size = pixels.nbytes
                pixels.reshape(-1).view(np.uint8)[:] = np.frombuffer(
                    child.arena, np.uint8, size, offset
                )
                outputs[image.name] = as_output(pixels)
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

    # The end.

    def _end_child(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None

    def interrupt(self) -> None:
        """Kill the child, from any thread: `run` raises `SandboxBroken`, now and from now on."""
        self._is_interrupted = True
        child = self._child
        if child is not None and child.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the child, and the box if it is ours. May be called again."""
        self._end_child()
        if self._program >= 0:
            os.close(self._program)
            self._program, self._native = -1, None
        if self.owns_box:
            self.box.close()

    def __enter__(self) -> NativeRunner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


NO_CHILD = ChildStatus("", 0, 0, None, None, frozenset())


def _whole_pages(size: int) -> int:
    page = os.sysconf("SC_PAGESIZE")
    return size + -size % page


def trap_of(kernel: Kernel, word: int) -> Trap:
    """What a kernel's nonzero result says. Raises `SandboxBroken` if that cannot be."""
    found = trapword.decode(word)
    if found is None or found[1] >= len(kernel.code):
        raise SandboxBroken("the child reported a trap that does not exist")
    trap, position = found
    instruction = kernel.code[position]
    text = TRAP_TEXT.get(trap, "")
    if trap is TrapCode.REQUIRE:
        if instruction.op is not Op.REQUIRE:
            raise SandboxBroken("the child reported a requirement that does not exist")
        which = instruction.immediates[0]
        assert isinstance(which, int)
        text = kernel.texts[which]
    return Trap(trap.label, text, kernel.name, position, instruction.line)
