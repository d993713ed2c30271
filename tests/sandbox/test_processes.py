"""What only a process of its own can show: outer filters, dead parents, a locked-down box."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.sandbox.children import ROOT, in_subprocess, needs_native, wait_gone

pytestmark = needs_native

OUTER_FILTER = """
import json, sys
from vm.sandbox import seccomp
seccomp.install([(seccomp.GIVE, 0, 0, seccomp.ALLOW)])
"""


def test_under_an_outer_filter_the_child_installs_its_own() -> None:
    """Docker, podman, Kubernetes and systemd all put a filter around what they run."""
    found = in_subprocess(
        OUTER_FILTER
        + """
from vm.sandbox import capability, doctor
report = doctor.examine()
status = report.status
print(json.dumps([capability.check().mode, status.mode, status.seccomp, status.tasks,
    report.is_good, len(report.trials), sorted(status.hardening), status.mappings]))
"""
    )
    mode, child_mode, number, tasks, is_good, trials, hardening, mappings = found
    assert (mode, child_mode, number, tasks) == ("filter", "filter", 2, 1)
    assert is_good
    assert trials >= 34
    assert "vdso unmapped" in hardening
    assert mappings is None or mappings <= 5


def test_under_an_outer_filter_every_system_call_but_four_kills() -> None:
    found = in_subprocess(
        OUTER_FILTER
        + """
import os
from vm.errors import SandboxBroken
from vm.jit.image import KernelImage
from vm.sandbox.child import StrictChild, program_file
from vm.sandbox.elf import write_elf
from vm.sandbox.hostile import system_call
answered = []
for number in range(601):
    program = program_file(write_elf(KernelImage(system_call(number), b"")))
    with StrictChild(program, 4096) as child:
        if number not in (0, 1, 15, 60):
            try:
                answered.append((number, child.run([], deadline_cpu_s=0.2, wall_limit_s=2.0)))
            except SandboxBroken:
                pass
    os.close(program)
print(json.dumps(answered))
"""
    )
    assert found in ([], [[336, -6]])  # uprobe(2) of Linux 6.18, exempt from seccomp: ENXIO


def test_under_an_outer_filter_kernels_compile_and_run() -> None:
    """The compile box, inside the outer filter too, and a child do a whole dithering."""
    same = in_subprocess(
        OUTER_FILTER
        + """
import numpy as np
from tests import engines
from tests.jit import kernels
from vm import codec
from vm.module import Module
from vm.sandbox.runner import NativeRunner
from vm.verifier import verify
verified = verify(codec.encode(Module((kernels.dither().kernel,))))
source = np.random.default_rng(1).integers(0, 256, (40, 60), np.uint8)
with NativeRunner(verified, "k", {"threshold": 90}) as runner:
    got = runner.run({"src": source})["dst"]
    stats = runner.stats
want = engines.interpret(verified, "k", {"src": source}, {"threshold": 90})["dst"]
print(json.dumps([got.tobytes() == want.tobytes(), bool(got.any()), stats.mode, stats.seccomp]))
"""
    )
    assert same == [True, True, "filter", 2]


PARENT = """
import json, os, time
from vm.sandbox.box import CompileBox
from vm.sandbox.child import StrictChild, program_file
from vm.sandbox.elf import write_elf
from vm.sandbox.hostile import HARMLESS, ARENA_BYTES, HOSTILE
import struct
box = CompileBox()
box.start()
idle = StrictChild(program_file(write_elf(HARMLESS.image)), ARENA_BYTES)
endless = next(h for h in HOSTILE if h.name == "endless loop")
busy = StrictChild(program_file(write_elf(endless.image)), ARENA_BYTES)
os.write(busy.commands, struct.pack("<64q", 1, 1, *[0] * 62))
print(json.dumps([box.process.pid, idle.pid, busy.pid]), flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_children_and_box_die_with_their_parent(how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = json.loads(parent.stdout.readline())
        assert len(pids) == 3
        parent.send_signal(how)
        parent.wait(30)
    assert [pid for pid in pids if not wait_gone(pid)] == []


PROBES = """
import ctypes, json, os, signal, sys
from vm.sandbox import box_main
libc = ctypes.CDLL(None, use_errno=True)
path = ctypes.create_string_buffer(b"/etc/passwd")
at = ctypes.addressof(path)
page = os.sysconf("SC_PAGESIZE")
memory = libc.syscall(9, 0, page, 3, 0x22, -1, 0)
libc.syscall.restype = ctypes.c_long
memory = libc.syscall(9, None, ctypes.c_long(page), 3, 0x22, -1, ctypes.c_long(0))
probes = {
    "open": (2, at, 0), "openat": (257, -100, at, 0), "openat2": (437, -100, at, at, 24),
    "stat": (4, at, at), "readlink": (89, at, at, 8), "unlink": (87, at), "close": (3, 0),
    "socket": (41, 2, 1, 0), "socketpair": (53, 1, 1, 0, at), "connect": (42, 0, at, 16),
    "fork": (57,), "vfork": (58,), "clone": (56, 17, 0), "clone3": (435, at, 64),
    "execve": (59, at, 0, 0), "execveat": (322, -100, at, 0, 0, 0),
    "ptrace": (101, 16, os.getppid()), "kill": (62, os.getppid(), 0), "tgkill": (234, 1, 1, 0),
    "process_vm_readv": (310, 1, at, 1, at, 1, 0), "pidfd_open": (434, 1, 0),
    "mmap rwx": (9, 0, page, 7, 0x22, -1, 0), "mmap rx": (9, 0, page, 5, 0x22, -1, 0),
    "mmap rw": (9, 0, page, 3, 0x22, -1, 0),
    "mprotect rx": (10, memory, page, 5), "mprotect r": (10, memory, page, 1),
    "pkey_mprotect": (329, memory, page, 5, -1), "shmat": (30, 0, 0, 0),
    "memfd_create": (319, at, 0), "io_uring_setup": (425, 1, at), "bpf": (321, 0, at, 8),
    "prctl": (157, 38, 0), "seccomp": (317, 0, 0, 0), "personality": (135, 0x400000),
    "setrlimit": (160, 9, at), "prlimit64": (302, 0, 9, at, 0), "dup": (32, 0), "dup2": (33, 0, 5),
    "pipe": (22, at), "userfaultfd": (323, 0), "perf_event_open": (298, at, 0, -1, -1, 0),
    "mount": (165, at, at, at, 0, 0), "chdir": (80, at), "setns": (308, 0, 0), "getpid": (39,),
}
found = {}
for name, call in probes.items():
    child = os.fork()
    if not child:
        box_main.lock_down()
        words = [ctypes.c_long(word) for word in call]
        result = libc.syscall(*words)
        os._exit(ctypes.get_errno() if result == -1 else 100)
    _, status = os.waitpid(child, 0)
    found[name] = os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status)
child = os.fork()
if not child:
    box_main.lock_down()
    try:
        bytearray(4 << 30)
    except MemoryError:
        os._exit(7)
    os._exit(8)
found["memory"] = -os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(json.dumps(found))
"""
FINE = {"mmap rw", "mprotect r", "getpid"}
REFUSED = {"open", "openat", "stat", "readlink", "close"}


def test_a_locked_down_box_reaches_nothing() -> None:
    found = in_subprocess(PROBES)
    assert found.pop("memory") == -7
    for name, ending in found.items():
        if name in FINE:
            assert ending == -100, name
        elif name in REFUSED:
            assert ending == -1, name  # EPERM
        else:
            assert ending == signal.SIGSYS, name
    assert len(found) > 40


def test_a_box_without_its_parent_ends_at_once() -> None:
    """The parent may be gone before the box could ask to die with it."""
    script = "from vm.sandbox import seccomp; seccomp.die_with_parent(1 << 22); print('alive')"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert os.getppid() != 1 << 22


REFUSING = """
import json
from vm.sandbox import seccomp
LOAD, EQUAL, GIVE, EPERM = seccomp.LOAD, seccomp.EQUAL, seccomp.GIVE, seccomp.ERRNO | 1
seccomp.install([
    (LOAD, 0, 0, 0), (EQUAL, 0, {skip}, {number}), {more} (GIVE, 0, 0, EPERM),
    (GIVE, 0, 0, seccomp.ALLOW),
])
from vm.sandbox import capability, doctor
report = doctor.examine()
found = report.capability
print(json.dumps([found.is_native, found.mode, found.missing, found.problem,
    [trial.name for trial in report.trials if not trial.is_good]]))
"""


def refusing(number: int, option: int | None = None) -> list[object]:
    """The doctor, where an outer filter refuses a system call (or one option of prctl)."""
    more = "" if option is None else f"(LOAD, 0, 0, 16), (EQUAL, 0, 1, {option}),"
    code = REFUSING.format(number=number, skip=1 if option is None else 3, more=more)
    found = in_subprocess(code)
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize(
    ("number", "option", "lacking", "answering"),
    [
        (436, None, "descriptors closed at once", set()),  # close_range: Docker before 20.10
        (157, 65, "memory deny-write-execute", set()),
        (157, 26, "clock instructions off", {"rdtsc", "rdtscp"}),
    ],
)
def test_a_hardening_that_is_refused_is_said_to_be_missing(
    number: int, option: int | None, lacking: str, answering: set[str]
) -> None:
    native, mode, missing, problem, bad = refusing(number, option)
    assert (native, mode, problem) == (True, "filter", "")
    assert isinstance(missing, list)
    assert lacking in missing
    assert isinstance(bad, list)
    assert set(bad) == answering


def test_where_seccomp_is_refused_nothing_runs() -> None:
    """Only installing the outer filter itself went through, before the filter was there."""
    native, mode, _, problem, _ = refusing(157, 22)
    assert (native, mode) == (False, "")
    assert "could not be confined" in str(problem)
    assert "CONFIG_SECCOMP" in str(problem)


def test_where_no_new_privileges_is_refused_nothing_runs() -> None:
    native, _, _, problem, _ = refusing(157, 38)
    assert not native
    assert "could not be confined" in str(problem)
