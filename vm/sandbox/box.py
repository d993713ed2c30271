"""The compile box, from the caller's side: start it, ask it, watch its time, end it.

The box is a process of its own, started by exec when it is first needed, kept warm, and gone with
this one. It is confined (`vm.sandbox.box_main`); this side believes nothing it says: answers are
bounded, typed, and the code in them is audited before it is used (`vm.sandbox.native`).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import vm
from vm import errors
from vm.codec import encode
from vm.errors import CPUShareError, OverLimit, SandboxBroken
from vm.jit.image import CONSTANT_BYTES, TEXT_BYTES
from vm.module import Border, Dimension, Image, Instruction, Kernel, Module, Role
from vm.opcodes import Op
from vm.sandbox.capability import require_native
from vm.sandbox.closing import Closing
from vm.sandbox.messages import (
    ANSWER_BYTES,
    LENGTH_BYTES,
    CompileAnswer,
    CompileRequest,
    pack,
)
from vm.types import ScalarType

if TYPE_CHECKING:
    import subprocess

START_LIMIT_S = 120.0
CPU_LIMIT_S = 60.0
WALL_LIMIT_S = 600.0
POLL_S = 0.5
MESSAGE_CHARS = 1000
DYING_S = 10.0
ROOT = Path(vm.__file__).resolve().parents[1]
STARTER = """import sys
sys.path[:0] = [{root!r}]
from vm.sandbox.box_main import main
main({pid}, {cpu!r})
"""
ERRORS = {
    name: getattr(errors, name) for name in ("OverLimit", "Refused", "Crash", "SandboxBroken")
}


def warm_module() -> bytes:
    """A small module that takes the box through every stage before it is confined."""
    place = (Instruction(Op.GET, (0,)), Instruction(Op.GET, (1,)))
    code = (
        Instruction(Op.MAP, (0, 1, 0, 1)),
        *place,
        Instruction(Op.LOAD, (0, 0, Border.INSIDE)),
        Instruction(Op.PUT, (1, 0)),
        Instruction(Op.END),
    )
    images = (
        Image("src", Role.IN, ScalarType.U8, 1, 0, 1),
        Image("dst", Role.OUT, ScalarType.U8, 1, 0, 1),
    )
    types = (ScalarType.I32, ScalarType.I32)
    return encode(
        Module((Kernel("warm", (Dimension(), Dimension()), images, locals=types, code=code),))
    )


class CompileBox(Closing):
    """A compile box. Starts when first used; safe to share between threads; a context manager."""

    def __init__(self, cpu: str | None = None) -> None:
        self.cpu = cpu or require_native().cpu
        self.process: subprocess.Popen[bytes] | None = None
        self.lock = threading.Lock()
        self.start_s = 0.0
        self.llvm = ""

    def compile(self, request: CompileRequest) -> CompileAnswer:
        """Have a kernel compiled.

        Raises `OverLimit` beyond its time or memory, and `SandboxBroken` if it dies or refuses
        what the caller has verified already.
        """
        with self.lock:
            try:
                process = self._started()
                self._send(process, pack(request), WALL_LIMIT_S)
                found = self._receive(process, CPU_LIMIT_S, WALL_LIMIT_S)
            except BaseException:  # an answer that is still to come would go to the next request
                self._end()
                raise
        if found.error:
            kind = ERRORS.get(found.error, SandboxBroken)
            raise kind(_harmless(found.message))
        if len(found.text) > TEXT_BYTES or len(found.constants) > CONSTANT_BYTES:
            raise SandboxBroken("the native code is too large")
        return found

    def interrupt(self) -> None:
        """Kill the box, from any thread: who waits for it is told `SandboxBroken`."""
        process = self.process
        if process is not None:
            process.kill()

    def start(self) -> None:
        """Start the box now, if it is not running."""
        with self.lock:
            self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        if self.process is not None and self.process.poll() is None:
            return self.process
        import subprocess  # not for a hit of the object cache

        self._end()
        began = time.perf_counter()
        starter = STARTER.format(root=str(ROOT), pid=os.getpid(), cpu=self.cpu)
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", "-c", starter],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        assert self.process.stdin is not None
        os.set_blocking(self.process.stdin.fileno(), False)
        module = warm_module()
        packed = len(module).to_bytes(LENGTH_BYTES, "little") + module
        self._send(self.process, packed, START_LIMIT_S)
        self.llvm = self._receive(self.process, START_LIMIT_S, START_LIMIT_S).llvm
        self.start_s = time.perf_counter() - began
        return self.process

    def _send(self, process: subprocess.Popen[bytes], data: bytes, wall_limit_s: float) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        if _is_ready(process.stdout.fileno(), select.POLLIN, 0.0) and process.poll() is None:
            self._end()
            raise SandboxBroken("the compile box spoke without being asked")
        deadline = time.monotonic() + wall_limit_s
        fd = process.stdin.fileno()
        view = memoryview(data)
        while view:
            try:
                if _is_ready(fd, select.POLLOUT, POLL_S):
                    view = view[os.write(fd, view) :]
            except BrokenPipeError:
                raise self._died() from None
            if view and time.monotonic() > deadline:
                self._end()
                raise OverLimit("the compile box did not listen", f"{wall_limit_s:g} s")

    def _receive(
        self, process: subprocess.Popen[bytes], cpu_limit_s: float, wall_limit_s: float
    ) -> CompileAnswer:
        deadline = time.monotonic() + wall_limit_s
        cpu_limit_s += self._cpu_s(process)
        head = self._take(process, LENGTH_BYTES, cpu_limit_s, deadline)
        length = int.from_bytes(head, "little")
        if length > ANSWER_BYTES:
            self._end()
            raise SandboxBroken("the compile box's answer is too large")
        data = self._take(process, length, cpu_limit_s, deadline)
        try:
            return msgspec.msgpack.decode(data, type=CompileAnswer)
        except msgspec.MsgspecError:
            self._end()
            raise SandboxBroken("the compile box answered nonsense") from None

    def _take(
        self, process: subprocess.Popen[bytes], count: int, cpu_limit_s: float, deadline: float
    ) -> bytes:
        assert process.stdout is not None
        fd = process.stdout.fileno()
        data = bytearray()
        while len(data) < count:
            if _is_ready(fd, select.POLLIN, POLL_S):
                part = os.read(fd, count - len(data))
                if not part:
                    raise self._died()
                data += part
            if len(data) < count and self._is_late(process, cpu_limit_s, deadline):
                self._end()
                raise OverLimit(
                    "compiling the kernel was stopped", f"{CPU_LIMIT_S:g} s of CPU time"
                )
        return bytes(data)

    def _is_late(
        self, process: subprocess.Popen[bytes], cpu_limit_s: float, deadline: float
    ) -> bool:
        return self._cpu_s(process) > cpu_limit_s or time.monotonic() > deadline

    def _cpu_s(self, process: subprocess.Popen[bytes]) -> float:
        try:
            return time.clock_gettime((~process.pid << 3) | 2)
        except OSError:
            return 0.0

    def _died(self) -> CPUShareError:
        import subprocess

        process = self.process
        code = 0
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(DYING_S)
        self._end()
        ending = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return SandboxBroken(f"the compile box died ({ending})")

    def _end(self) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def close(self) -> None:
        """End the box. It starts again if it is used again."""
        with self.lock:
            self._end()


def _is_ready(fd: int, event: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(fd, event)
    return bool(poll.poll(seconds * 1000))


def _harmless(text: str) -> str:
    """Text of a box that may have been taken over: no control characters, not too long."""
    return "".join(c if c.isprintable() else "?" for c in text[:MESSAGE_CHARS])
