"""A compiled kernel and the strict child that is kept for it: what runners have in common."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from abc import abstractmethod
from collections.abc import Sequence

from vm.errors import OverLimit, Refused, SandboxBroken, Trap
from vm.jit import trapword
from vm.layout import Layout
from vm.module import TRAP_TEXT, Kernel, TrapCode
from vm.opcodes import Op
from vm.sandbox.box import CompileBox
from vm.sandbox.cache import ObjectCache
from vm.sandbox.child import StrictChild, program_file
from vm.sandbox.closing import Closing
from vm.sandbox.native import NativeKernel
from vm.verifier import VerifiedKernel, VerifiedModule

MEMORY_LIMIT_BYTES = 4 << 30
CPU_LIMIT_S = 3600.0
LEAST_DEADLINE_S = 5.0
UNIT_S = 50e-9  # a unit of work takes about 0.3 ns: a hundredfold margin for slow machines
WALL_FACTOR = 20.0  # a child of low priority on a busy machine is slow, not hung


class WarmKernel(Closing):
    """One kernel, compiled once, and one child for tasks whose arena has the same size.

    A context manager; to be used in the thread that made it, but for `interrupt`.
    """

    def __init__(
        self,
        verified: VerifiedModule,
        kernel: str,
        *,
        box: CompileBox | None = None,
        cache: ObjectCache | None = None,
        memory_limit_bytes: int = MEMORY_LIMIT_BYTES,
        cpu_limit_s: float = CPU_LIMIT_S,
        nice: int = 0,
    ) -> None:
        if kernel not in verified.kernels:
            listed = ", ".join(verified.kernels)
            raise Refused(f"there is no kernel '{kernel}' (there is: {listed})")
        self.verified = verified
        self.checked: VerifiedKernel = verified.kernels[kernel]
        self.owns_box = box is None
        self.box = CompileBox() if box is None else box
        self.cache = cache
        self.memory_limit_bytes = memory_limit_bytes
        self.cpu_limit_s = cpu_limit_s
        self.nice = nice
        self._native: NativeKernel | None = None
        self._program = -1
        self._child: StrictChild | None = None
        self._start_s = 0.0
        self._is_interrupted = False

    @abstractmethod
    def _compiled(self) -> NativeKernel:
        """Have the kernel compiled, or take it from the cache."""

    def compile(self) -> NativeKernel:
        """The compiled kernel; compiles it the first time."""
        if self._native is None:
            self._native = self._compiled()
            self._program = program_file(self._native.elf)
        return self._native

    def _child_for(self, layout: Layout) -> StrictChild:
        """The child, with an arena of this size; a new one if there is none yet."""
        if layout.total > self.memory_limit_bytes:
            raise OverLimit(
                f"kernel '{self.checked.kernel.name}' would need {layout.total:,} bytes",
                f"{self.memory_limit_bytes:,} bytes",
            )
        self.compile()
        child = self._child
        if child is not None and child.pid and child.arena_bytes == _whole_pages(layout.total):
            return child
        self._end_child()
        self._child = StrictChild(self._program, layout.total, self.nice)
        self._start_s = self._child.start_s
        if self._is_interrupted:
            raise SandboxBroken("the run was interrupted")
        return self._child

    def _deadline_s(self, units: int) -> float:
        """CPU time that is more than enough for the price."""
        return min(self.cpu_limit_s, LEAST_DEADLINE_S + units * UNIT_S)

    def _order(
        self, child: StrictChild, words: Sequence[int], units: int, repeat: int = 1
    ) -> float:
        """Run the kernel, priced at so many units; gives the wall time it took. Raises `Trap`."""
        deadline_s = self._deadline_s(units) * repeat
        began = time.perf_counter()
        word = child.run(
            list(words),
            repeat=repeat,
            deadline_cpu_s=deadline_s,
            wall_limit_s=deadline_s * WALL_FACTOR,
        )
        taken = time.perf_counter() - began
        if word:
            raise trap_of(self.checked.kernel, word)
        return taken

    # The end.

    def _end_child(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None

    def interrupt(self) -> None:
        """Kill the child, from any thread: runs raise `SandboxBroken`, now and from now on."""
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
