"""A strict child, from its parent's side: spawn it, check it, talk to it, end it.

The parent believes nothing: the child must show one task and the right seccomp mode before it
gets work; every reply has one length and one sequence number; the arena is shared with whoever
the child may have become, so it is copied before it is looked at.

The kernel ends a child when the *thread* that spawned it ends (PR_SET_PDEATHSIG is per thread):
use a child in the thread that made it.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import select
import signal
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from vm.errors import OverLimit, SandboxBroken, SandboxUnavailable
from vm.sandbox.closing import Closing
from vm.sandbox.launcher import (
    ARGUMENT_WORDS,
    COMMAND_BYTES,
    HARDENING,
    HELLO_BYTES,
    MAGIC,
    MODE_FILTER,
    MODE_STRICT,
    READY_BYTES,
    REPLY_BYTES,
)

FIRST_DESCRIPTOR = 4  # above those that posix_spawn's dup2 writes over
SEAL_ALL = 0x1 | 0x2 | 0x4 | 0x8  # SEAL, SHRINK, GROW, WRITE
SEAL_SIZE = 0x1 | 0x2 | 0x4
F_ADD_SEALS = 1033
MFD_NOEXEC_SEAL, MFD_EXEC = 0x8, 0x10  # Linux 6.3
READY_LIMIT_S = 10.0
CPU_LIMIT_S = 24 * 3600
POLL_S = 0.25
STATUS_BYTES = 1 << 14
STATUS_LABELS = {name: f"\n{name}:".encode() for name in ("Threads", "Seccomp", "Seccomp_filters")}
MODES = {MODE_STRICT: "strict", MODE_FILTER: "filter"}
DEFAULT_SIGNALS = [s for s in signal.valid_signals() if s not in (signal.SIGKILL, signal.SIGSTOP)]


class ChildStatus(Struct, frozen=True):
    """What the kernel says of a child.

    `mode` is "strict" or "filter", `seccomp` the number in /proc; `mappings` and `resident_kb`
    (without the arena) are None where /proc does not show them to us.
    """

    mode: str
    seccomp: int
    tasks: int
    mappings: int | None
    resident_kb: int | None
    hardening: frozenset[str]


def _memory_file(name: str, size: int, executable: bool) -> int:
    """A sealable memfd, its descriptor above those that the spawn writes over."""
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        fd = os.memfd_create(name, flags | (MFD_EXEC if executable else MFD_NOEXEC_SEAL))
    except PermissionError as error:
        raise SandboxUnavailable(
            "this system forbids programs in memory (vm.memfd_noexec = 2); set it to 1: "
            "sysctl vm.memfd_noexec=1"
        ) from error
    except OSError:  # before Linux 6.3 the flags are unknown
        fd = os.memfd_create(name, flags)
    try:
        os.ftruncate(fd, size)
    except OSError:
        os.close(fd)
        raise
    return _raised(fd)


def _raised(fd: int) -> int:
    """The descriptor, or a duplicate of it that the spawn does not write over."""
    if fd >= FIRST_DESCRIPTOR:
        return fd
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR)
    finally:
        os.close(fd)


def program_file(elf: bytes) -> int:
    """A sealed memory file of an executable, to start children from. The caller closes it."""
    fd = _memory_file("kernel", len(elf), executable=True)
    os.pwrite(fd, elf, 0)
    fcntl.fcntl(fd, F_ADD_SEALS, SEAL_ALL)
    return fd


class StrictChild(Closing):
    """A running child. Use as a context manager, in the thread that made it."""

    def __init__(self, program: int, arena_bytes: int, nice: int = 0) -> None:
        """Spawn from a `program_file` descriptor and wait until it is confined and checked.

        Raises `SandboxUnavailable` if this system cannot confine it, `OverLimit` if memory or
        descriptors run out.
        """
        self.pid = 0
        self.sequence = 0
        self.descriptors: list[int] = []
        self.memory: mmap.mmap | None = None
        self.asked_bytes = arena_bytes
        started = time.perf_counter()
        try:
            self._spawn(program, arena_bytes)
            if nice:
                os.setpriority(os.PRIO_PROCESS, self.pid, nice)
            self._greet()
        except FileNotFoundError as error:
            self.close()
            raise SandboxUnavailable("/proc is not mounted: mount -t proc proc /proc") from error
        except OSError as error:
            self.close()
            raise OverLimit(f"no child could be started: {error.strerror}") from error
        except BaseException:
            self.close()
            raise
        self.start_s = time.perf_counter() - started

    def _spawn(self, program: int, arena_bytes: int) -> None:
        size = arena_bytes + -arena_bytes % mmap.PAGESIZE
        arena = self._own(_memory_file("arena", size, executable=False))
        fcntl.fcntl(arena, F_ADD_SEALS, SEAL_SIZE)
        read_command, self.commands = self._pipe()
        self.replies, write_reply = self._pipe()
        self._write_hello(size)  # before the child is there, so that it need not wait
        self.pid = os.posix_spawn(
            f"/proc/self/fd/{program}",
            ["kernel"],
            {},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, read_command, 0),
                (os.POSIX_SPAWN_DUP2, write_reply, 1),
                (os.POSIX_SPAWN_DUP2, arena, 3),
            ],
            setsigmask=[],
            setsigdef=DEFAULT_SIGNALS,
            setpgroup=0,
        )
        self.memory = mmap.mmap(arena, size)  # while the child gets ready
        for fd in (read_command, write_reply, arena):
            os.close(fd)
            self.descriptors.remove(fd)
        self.arena_bytes = size

    def _pipe(self) -> tuple[int, int]:
        ends = [self._own(fd) for fd in os.pipe()]
        for low in ends:
            self.descriptors.remove(low)
            self._own(_raised(low))
        return self.descriptors[-2], self.descriptors[-1]

    def _own(self, fd: int) -> int:
        self.descriptors.append(fd)
        return fd

    def _write_hello(self, size: int) -> None:
        hello = struct.pack("<8q", MAGIC, os.getpid(), CPU_LIMIT_S, size, 0, 0, 0, 0)
        assert len(hello) == HELLO_BYTES
        os.write(self.commands, hello)

    def _greet(self) -> None:
        with _open_status(str(self.pid)) as status:  # opened while the child gets ready
            if not self._wait(READY_LIMIT_S):
                raise SandboxBroken("the child did not become ready in time")
            ready = os.read(self.replies, READY_BYTES + 1)
            if len(ready) != READY_BYTES:
                raise SandboxUnavailable(
                    f"the child could not confine itself ({self._ending()}): this kernel needs "
                    "CONFIG_SECCOMP=y and CONFIG_SECCOMP_FILTER=y"
                )
            magic, mode, bits, _ = struct.unpack("<4q", ready)
            if magic != MAGIC or mode not in MODES:
                raise SandboxBroken("the child said something else than ready")
            self._check_confined(mode, _status_fields(status))
        self.mode = MODES[mode]
        self.hardening = frozenset(name for name, bit in HARDENING.items() if bits & bit)

    def _check_confined(self, mode: int, shown: Mapping[str, int]) -> None:
        """One task, in the seccomp mode it claims, with one filter more than ours."""
        if shown.get("Threads") != 1:
            raise SandboxBroken(f"the child has {shown.get('Threads')} tasks, not 1")
        if shown.get("Seccomp") != mode:
            raise SandboxBroken(f"the child's seccomp mode is {shown.get('Seccomp')}, not {mode}")
        if mode == MODE_FILTER and "Seccomp_filters" in shown:
            with _open_status("self") as status:
                wanted = _status_fields(status).get("Seccomp_filters", 0) + 1
            if shown["Seccomp_filters"] != wanted:
                raise SandboxBroken("the child has not installed its own filter")

    # Work.

    @property
    def arena(self) -> memoryview:
        """The shared arena, to write inputs into."""
        assert self.memory is not None
        return memoryview(self.memory)

    def copy_out(self, offset: int, size: int) -> bytes:
        """A copy of part of the arena: look at the copy only."""
        assert self.memory is not None
        return self.memory[offset : offset + size]

    def run(
        self,
        arguments: list[int],
        *,
        repeat: int = 1,
        deadline_cpu_s: float = 60.0,
        wall_limit_s: float = 600.0,
    ) -> int:
        """Run the kernel `repeat` times; gives its result: 0, or a trap word.

        Raises `OverLimit` beyond the deadline (the child's CPU time) or the wall limit (seconds),
        `SandboxBroken` if the child dies or answers anything but one reply.
        """
        if not self.pid:
            raise SandboxBroken("the child has been ended")
        if len(arguments) > ARGUMENT_WORDS:
            raise SandboxBroken(f"{len(arguments)} arguments; {ARGUMENT_WORDS} fit")
        if self._wait(0.0):
            raise self._broken("the child spoke without being asked")
        self.sequence += 1
        words = [self.sequence, repeat, 0, 0, *arguments]
        command = struct.pack("<64q", *words, *[0] * (64 - len(words)))
        assert len(command) == COMMAND_BYTES
        try:
            os.write(self.commands, command)
        except BrokenPipeError:
            raise self._broken("the child is gone") from None
        self._await_reply(deadline_cpu_s, wall_limit_s)
        return self._read_reply()

    def _await_reply(self, deadline_cpu_s: float, wall_limit_s: float) -> None:
        began = time.monotonic()
        cpu_before: float | None = None
        wait = min(POLL_S, deadline_cpu_s, wall_limit_s)
        while not self._wait(wait):
            if cpu_before is None:
                cpu_before = max(0.0, self.cpu_s() - (time.monotonic() - began))
            if self.cpu_s() - cpu_before > deadline_cpu_s:
                self.close()
                raise OverLimit("the kernel was stopped", f"{deadline_cpu_s:g} s of CPU time")
            if time.monotonic() - began > wall_limit_s:
                self.close()
                raise OverLimit("the kernel was stopped", f"{wall_limit_s:g} s")

    def _read_reply(self) -> int:
        reply = os.read(self.replies, REPLY_BYTES + 1)
        if not reply:
            raise self._broken("the child died while it ran")
        if len(reply) != REPLY_BYTES:
            raise self._broken("the child's reply has the wrong length")
        sequence, result, _, zero = struct.unpack("<4q", reply)
        if sequence != self.sequence or zero != 0:
            raise self._broken("the child answered something that was not asked")
        return int(result)

    def _wait(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self.replies, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def cpu_s(self) -> float:
        """CPU time the child has used, in seconds."""
        clock = (~self.pid << 3) | 2  # what clock_getcpuclockid(3) computes
        try:
            return time.clock_gettime(clock)
        except OSError:
            return 0.0

    def status(self) -> ChildStatus:
        """What /proc shows of the child now."""
        with _open_status(str(self.pid)) as status:
            fields = _status_fields(status)
        mappings = resident = None
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{self.pid}/smaps").read_text().splitlines()
            heads = [line for line in lines if "-" in line.split(" ")[0]]
            mappings = len(heads)
            resident = _resident_kb(lines)
        return ChildStatus(
            self.mode,
            fields.get("Seccomp", 0),
            fields.get("Threads", 0),
            mappings,
            resident,
            self.hardening,
        )

    # The end.

    def _broken(self, what: str) -> SandboxBroken:
        ending = self._ending()
        self.close()
        return SandboxBroken(f"{what} ({ending})")

    def _ending(self) -> str:
        """How the child ended; it is killed if it has not."""
        if not self.pid:
            return "it had already been ended"
        time.sleep(0.001)
        ended, status = os.waitpid(self.pid, os.WNOHANG)
        if not ended:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
            return "it was still running, and was killed"
        self.pid = 0
        if os.WIFSIGNALED(status):
            return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
        return f"exit code {os.WEXITSTATUS(status)}"

    def close(self) -> None:
        """Kill and reap the child, free everything. May be called again."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
            self.pid = 0
        for fd in self.descriptors:
            os.close(fd)
        self.descriptors = []
        if self.memory is not None:
            with contextlib.suppress(BufferError):  # somebody still looks at the arena
                self.memory.close()
            self.memory = None


@contextlib.contextmanager
def _open_status(process: str) -> Iterator[int]:
    """A descriptor of /proc/…/status."""
    try:
        fd = os.open(f"/proc/{process}/status", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise SandboxUnavailable("/proc does not show processes' status") from error
    try:
        yield fd
    finally:
        os.close(fd)


def _status_fields(status: int) -> dict[str, int]:
    """The numbers of /proc/…/status that tell about confinement, as they are now."""
    text = os.pread(status, STATUS_BYTES, 0)
    fields = {}
    for name, label in STATUS_LABELS.items():
        _, found, rest = text.partition(label)
        if found:
            fields[name] = int(rest[: rest.index(b"\n")])
    return fields


def _resident_kb(lines: list[str]) -> int:
    """Resident kB of all mappings but the arena, from the lines of smaps."""
    total, in_arena = 0, False
    for line in lines:
        if "-" in line.split(" ")[0]:
            in_arena = "memfd:arena" in line
        elif line.startswith("Rss:") and not in_arena:
            total += int(line.split()[1])
    return total
