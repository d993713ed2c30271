"""Strict children: hostile ones die, lying ones are found out, and nothing is left of them."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import threading
import time
from pathlib import Path

import pytest

from tests.counting import count
from tests.sandbox.children import (
    ANSWER_0,
    FOREVER,
    ZERO,
    child_of,
    descriptors,
    in_subprocess,
    is_alive,
    needs_native,
    no_leak,
    write_arena,
)
from vm.errors import OverLimit, SandboxBroken
from vm.jit.image import ARENA, KernelImage
from vm.sandbox import doctor
from vm.sandbox.child import StrictChild, program_file
from vm.sandbox.elf import write_elf
from vm.sandbox.hostile import ARENA_BYTES, HARMLESS, HOSTILE, RETURN, system_call

__all__ = ["no_leak"]
pytestmark = needs_native
FOUR_CALLS = {0, 1, 15, 60}
F_GET_SEALS = 1034
UPROBE = 336
HELD = 0x1 | 0x2 | 0x4  # SEAL, SHRINK, GROW


# Hostile kernels.


@pytest.mark.usefixtures("no_leak")
@pytest.mark.parametrize("program", HOSTILE, ids=lambda program: program.name)
def test_a_hostile_kernel_ends_without_an_answer(program: doctor.Hostile) -> None:
    trial = doctor.attempt(program)
    assert trial.is_good, trial.ending
    count("hostile native kernels")


def test_there_are_many_kinds_of_hostile_kernels() -> None:
    assert len({program.name for program in HOSTILE}) == len(HOSTILE) >= 33


@pytest.mark.usefixtures("no_leak")
def test_the_harmless_kernel_answers_again_and_again() -> None:
    with child_of(HARMLESS.code) as child:
        assert [child.run([], repeat=n) for n in (1, 2, 1000)] == [0, 0, 0]


def test_an_answer_where_death_is_due_is_noticed() -> None:
    trial = doctor.attempt(HARMLESS)
    assert not trial.is_good
    assert trial.ending == "answered 0"


def answers_no_such_device(child: StrictChild) -> bool:
    """Linux 6.18 exempts uprobe(2) from seccomp; without a probe it does nothing but say ENXIO."""
    try:
        return child.run([]) == -errno.ENXIO
    except SandboxBroken:
        return True


@pytest.mark.usefixtures("no_leak")
def test_every_system_call_but_four_kills() -> None:
    for number in range(601):
        program = program_file(write_elf(KernelImage(system_call(number), b"")))
        try:
            with StrictChild(program, 4096) as child:
                if number in FOUR_CALLS:
                    continue
                if number == UPROBE and answers_no_such_device(child):
                    continue
                with pytest.raises(SandboxBroken):
                    child.run([], deadline_cpu_s=0.2, wall_limit_s=2.0)
        finally:
            os.close(program)


def test_the_four_calls_are_let_through() -> None:
    with child_of(system_call(0, 0, ARENA, 0)) as child:
        assert child.run([]) == 0
    with child_of(write_arena(0) + RETURN) as child:
        assert child.run([]) == 0
    with child_of(system_call(60, 7)) as child, pytest.raises(SandboxBroken):
        child.run([])


# What the kernel says of a child.


def test_status_while_a_kernel_runs() -> None:
    with child_of(FOREVER) as child:
        words = struct.pack("<64q", 1, 1, *[0] * 62)
        os.write(child.commands, words)
        time.sleep(0.02)
        status = child.status()
        assert (status.mode, status.seccomp) in (("strict", 1), ("filter", 2))
        assert status.tasks == 1
        assert status.mappings is None or status.mappings <= 5
        assert status.resident_kb is None or status.resident_kb < 100
        assert child.cpu_s() > 0.005
        assert len(os.listdir(f"/proc/{child.pid}/task")) == 1


def test_no_clock_page_and_nothing_writable_and_executable() -> None:
    with child_of(HARMLESS.code, b"constant") as child:
        try:
            maps = Path(f"/proc/{child.pid}/maps").read_text().splitlines()
        except PermissionError:
            pytest.skip("this user may not see the maps of a process that is not dumpable")
        names = [line.split()[-1] for line in maps]
        assert not [name for name in names if name in ("[vdso]", "[vvar]", "[vvar_vclock]")]
        flags = [line.split()[1] for line in maps if "[vsyscall]" not in line]
        assert sorted(flags) == ["r--p", "r-xp", "rw-p", "rw-s"]


def test_only_two_descriptors_are_open() -> None:
    leaked = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(leaked, True)
    try:
        with child_of(HARMLESS.code) as child:
            try:
                assert sorted(os.listdir(f"/proc/{child.pid}/fd")) == ["0", "1"]
            except PermissionError:
                pytest.skip("this user may not see the descriptors of that process")
    finally:
        os.close(leaked)


def test_nothing_of_the_start_is_left_on_the_stack() -> None:
    """The kernel copies everything from its arguments to the stack's end into the arena."""
    copy = b"\x48\x8b\x0e\x48\x29\xf1\xf3\xa4" + ANSWER_0
    with child_of(copy) as child:
        try:
            maps = Path(f"/proc/{child.pid}/maps").read_text().splitlines()
        except PermissionError:
            pytest.skip("this user may not see the maps of a process that is not dumpable")
        stack = next(line for line in maps if "[stack]" in line)
        end = int(stack.split()[0].split("-")[1], 16)
        assert child.run([end]) == 0
        seen = child.copy_out(0, ARENA_BYTES)
        assert struct.unpack_from("<q", seen)[0] == end
        assert not any(seen[768:])
        assert b"kernel" not in seen


def test_floats_round_to_nearest_and_nothing_is_flushed() -> None:
    store_mxcsr = b"\x0f\xae\x1f" + ANSWER_0  # stmxcsr [rdi]
    with child_of(store_mxcsr) as child:
        child.run([])
        assert struct.unpack("<I", child.copy_out(0, 4))[0] == 0x1F80


def test_the_float_environment_is_set_before_every_run() -> None:
    spoil = b"\x0f\xae\x1f\x81\x4f\x04\x00\xff\x00\x00\x0f\xae\x57\x04" + ANSWER_0
    with child_of(spoil) as child:
        for _ in range(2):
            child.run([], repeat=2)
            assert struct.unpack("<I", child.copy_out(0, 4))[0] == 0x1F80


# Lies.


def reply(sequence: int, result: int = 0, runs: int = 1, zero: int = 0) -> bytes:
    return struct.pack("<4q", sequence, result, runs, zero)


LIES = {
    "wrong sequence": reply(2),
    "sequence zero": reply(0),
    "last word not zero": reply(1, zero=1),
    "too short": reply(1)[:8],
    "one byte": b"\0",
    "one byte less": reply(1)[:31],
    "one byte more": reply(1) + b"\0",
    "two at once": reply(1) + reply(2),
    "text": b"Traceback (most recent call last)",
    "a page": bytes(4096),
}


@pytest.mark.usefixtures("no_leak")
@pytest.mark.parametrize("name", LIES)
def test_a_false_reply_is_found_out(name: str) -> None:
    lie = LIES[name]
    with child_of(write_arena(len(lie)) + FOREVER) as child:
        child.arena[: len(lie)] = lie
        pid = child.pid
        with pytest.raises(SandboxBroken):
            child.run([])
        assert not Path(f"/proc/{pid}").exists()
        with pytest.raises(SandboxBroken):
            child.run([])


@pytest.mark.usefixtures("no_leak")
def test_a_second_reply_is_found_out_before_the_next_command() -> None:
    with child_of(write_arena(32) + ANSWER_0) as child:
        child.arena[:32] = reply(1)
        with pytest.raises(SandboxBroken):  # noqa: PT012
            child.run([])
            time.sleep(0.05)
            child.run([])
        assert not child.pid


@pytest.mark.usefixtures("no_leak")
def test_a_flood_of_replies_is_bounded() -> None:
    flood = write_arena(65536)
    code = flood + b"\xe9" + struct.pack("<i", -len(flood) - 5)
    with child_of(code) as child:
        began = time.monotonic()
        with pytest.raises(SandboxBroken):
            child.run([])
        assert time.monotonic() - began < 5


@pytest.mark.usefixtures("no_leak")
@pytest.mark.parametrize(
    ("code", "error"),
    [
        (FOREVER, OverLimit),
        (system_call(0, 0, ARENA, 512), OverLimit),  # sleeps: no CPU time passes
        (system_call(60, 0), SandboxBroken),
        (b"\x0f\x0b", SandboxBroken),
        (b"", SandboxBroken),
    ],
    ids=["loops", "waits", "exits", "undefined", "empty"],
)
def test_a_silent_child_is_ended(code: bytes, error: type[Exception]) -> None:
    with child_of(code) as child:
        pid = child.pid
        with pytest.raises(error):
            child.run([], deadline_cpu_s=0.1, wall_limit_s=0.6)
        assert not is_alive(pid)
        with pytest.raises(SandboxBroken):
            child.run([])


@pytest.mark.usefixtures("no_leak")
def test_an_ended_child_is_not_written_to() -> None:
    """Its descriptors' numbers may be somebody else's by now."""
    with child_of(HARMLESS.code) as child:
        commands = child.commands
        child.close()
        read, write = os.pipe()
        try:
            if commands not in (read, write):
                os.dup2(write, commands)
            with pytest.raises(SandboxBroken, match="ended"):
                child.run([])
            os.set_blocking(read, False)
            with pytest.raises(BlockingIOError):
                os.read(read, 1)
        finally:
            for fd in {read, write, commands}:
                os.close(fd)


def test_too_many_arguments() -> None:
    with child_of(HARMLESS.code) as child:
        with pytest.raises(SandboxBroken, match="60"):
            child.run([0] * 61)
        assert child.run([0] * 60) == 0


def test_a_result_is_only_a_number() -> None:
    all_ones = b"\x48\x83\xc8\xff" + RETURN
    with child_of(all_ones) as child:
        assert child.run([], repeat=5) == -1


# The arena.


def arena_descriptor() -> int:
    """The descriptor that the parent's mapping holds."""
    for name in os.listdir("/proc/self/fd"):
        path = f"/proc/self/fd/{name}"
        if os.path.islink(path) and "memfd:arena" in os.readlink(path):
            return int(name)
    raise AssertionError("there is no arena")


def test_nobody_resizes_or_unseals_the_arena() -> None:
    with child_of(HARMLESS.code) as child:
        fd = arena_descriptor()
        assert fcntl.fcntl(fd, F_GET_SEALS) & HELD == HELD
        for size in (0, ARENA_BYTES - 4096, ARENA_BYTES + 4096):
            with pytest.raises(PermissionError):
                os.ftruncate(fd, size)
        with pytest.raises(PermissionError):
            fcntl.fcntl(fd, 1033, 0x8)
        assert os.fstat(fd).st_size == ARENA_BYTES
        assert child.run([]) == 0


def test_a_program_cannot_be_changed() -> None:
    fd = program_file(write_elf(HARMLESS.image))
    try:
        assert fcntl.fcntl(fd, F_GET_SEALS) & 0xF == 0xF
        with pytest.raises(PermissionError):
            os.pwrite(fd, b"x", 0)
        with pytest.raises(PermissionError):
            os.ftruncate(fd, 0)
        assert fd > 3  # the spawn writes over 0, 1 and 3
        assert not os.get_inheritable(fd)
    finally:
        os.close(fd)


def test_a_child_starts_where_low_descriptors_are_free() -> None:
    """What is opened gets the lowest free numbers, which the spawn would write over."""
    code = """
import json, os
from tests.sandbox.children import child_of
from vm.sandbox.hostile import HARMLESS
os.close(0)
os.closerange(3, 20)
with child_of(HARMLESS.code) as child:
    print(json.dumps(child.run([])))
"""
    assert in_subprocess(code) == 0


def test_a_new_childs_arena_is_zero() -> None:
    fill = b"\xb9" + struct.pack("<I", ARENA_BYTES) + b"\xb0\xff\xf3\xaa" + ANSWER_0
    program = program_file(write_elf(KernelImage(fill, b"")))
    try:
        for _ in range(2):
            with StrictChild(program, ARENA_BYTES) as child:
                assert not any(child.copy_out(0, ARENA_BYTES))
                child.run([])
                assert child.copy_out(0, ARENA_BYTES) == b"\xff" * ARENA_BYTES
    finally:
        os.close(program)


def test_a_copy_does_not_change_with_the_arena() -> None:
    """The child goes on counting in the arena while its parent looks at a copy."""
    count = b"\x48\xff\x07" + b"\xeb\xfb"  # inc qword [rdi]; again
    with child_of(count) as child:
        os.write(child.commands, struct.pack("<64q", 1, 1, *[0] * 62))
        time.sleep(0.02)
        first = child.copy_out(0, 8)
        kept = bytes(bytearray(first))
        deadline = time.monotonic() + 5
        while child.copy_out(0, 8) == first and time.monotonic() < deadline:
            time.sleep(0.001)
        assert child.copy_out(0, 8) != first
        assert first == kept


# Starting and ending.


@pytest.mark.usefixtures("no_leak")
def test_no_descriptors_left_to_start_with() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    program = program_file(write_elf(HARMLESS.image))
    try:
        for limit in range(descriptors() + 60, descriptors() + 75):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            before = descriptors()
            try:
                StrictChild(program, 4096).close()
            except OverLimit as error:
                assert "child" in str(error)  # noqa: PT017
            assert descriptors() == before
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.close(program)


@pytest.mark.usefixtures("no_leak")
@pytest.mark.parametrize("elf", [b"", b"text", b"\x7fELF" + bytes(100)])
def test_what_is_no_program_is_not_started(elf: bytes) -> None:
    program = program_file(elf)
    try:
        with pytest.raises(OverLimit):
            StrictChild(program, 4096)
    finally:
        os.close(program)


@pytest.mark.usefixtures("no_leak")
def test_a_child_ends_with_the_thread_that_made_it() -> None:
    """PR_SET_PDEATHSIG is about threads; whoever forgets it gets a clear error."""
    program = program_file(write_elf(HARMLESS.image))
    made = []
    thread = threading.Thread(target=lambda: made.append(StrictChild(program, 4096)))
    thread.start()
    thread.join()
    os.close(program)
    time.sleep(0.05)
    with pytest.raises(SandboxBroken), made[0] as child:
        child.run([])


@pytest.mark.usefixtures("no_leak")
def test_closing_twice_and_while_somebody_looks() -> None:
    with child_of(ZERO + RETURN) as child:
        view = child.arena
        child.close()
        child.close()
        assert view[0] == 0
        del view


def test_niceness() -> None:
    program = program_file(write_elf(HARMLESS.image))
    with StrictChild(program, 4096, nice=19) as child:
        assert os.getpriority(os.PRIO_PROCESS, child.pid) == 19
        assert child.run([]) == 0
    os.close(program)
