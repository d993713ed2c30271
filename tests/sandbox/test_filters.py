"""What the two system-call filters decide, call by call; the launcher is what its source says."""

from __future__ import annotations

from tests.sandbox import bpf
from vm.jit import backend
from vm.jit.image import PAGE
from vm.sandbox import box_main, launcher, launcher_code, seccomp

I386, AARCH64 = 0x40000003, 0xC00000B7
X32 = 0x40000000
STRICT = {0, 1, 15, 60}
MADE_WITH = (22, 1, 0)


def test_the_childs_own_filter_word_by_word() -> None:
    load, equal, give = 0x20, 0x15, 0x06
    assert bpf.steps_of(launcher.filter_words()) == [
        (load, 0, 0, 4),  # the architecture
        (equal, 1, 0, 0xC000003E),
        (give, 0, 0, 0x80000000),
        (load, 0, 0, 0),  # the call's number
        (equal, 4, 0, 0),
        (equal, 3, 0, 1),
        (equal, 2, 0, 60),
        (equal, 1, 0, 15),
        (give, 0, 0, 0x80000000),
        (give, 0, 0, 0x7FFF0000),
    ]


def test_the_childs_own_filter_is_strict_mode() -> None:
    steps = bpf.steps_of(launcher.filter_words())
    for number in (*range(700), *range(X32, X32 + 700), 0xFFFFFFFF):
        wanted = bpf.ALLOW if number in STRICT else bpf.KILL_PROCESS
        assert bpf.decide(steps, number) == wanted, number
        for other in (I386, AARCH64, 0):
            assert bpf.decide(steps, number, architecture=other) == bpf.KILL_PROCESS


def test_the_boxes_filter() -> None:
    steps = seccomp.assemble(box_main.ALLOWED, box_main.WITHOUT_EXEC, box_main.REFUSED)
    for number in (*range(700), *range(X32, X32 + 700)):
        wanted = bpf.KILL_PROCESS
        if number in box_main.ALLOWED or number in box_main.WITHOUT_EXEC:
            wanted = bpf.ALLOW
        elif number in box_main.REFUSED:
            wanted = bpf.ERRNO_EPERM
        assert bpf.decide(steps, number) == wanted, number
        assert bpf.decide(steps, number, architecture=I386) == bpf.KILL_PROCESS


def test_the_box_never_gets_executable_memory() -> None:
    steps = seccomp.assemble(box_main.ALLOWED, box_main.WITHOUT_EXEC, box_main.REFUSED)
    for number in box_main.WITHOUT_EXEC:
        for protection in range(8):
            wanted = bpf.KILL_PROCESS if protection & 4 else bpf.ALLOW
            assert bpf.decide(steps, number, (0, 4096, protection)) == wanted
            high = protection | 0xFFFF_FFFF_0000_0000
            assert bpf.decide(steps, number, (0, 4096, high)) == wanted


def test_the_box_may_do_nothing_that_leaves_it() -> None:
    opens = {2, 257, 437, 85, 41, 42, 43, 44, 45, 49, 50, 53, 288, 304, 319, 323}
    starts = {56, 57, 58, 59, 322, 435, 101, 62, 200, 234, 310, 311, 425, 426, 427, 157, 317}
    maps = {329, 29, 30, 216, 135, 298, 321, 16, 22, 32, 33, 292, 72, 293, 40, 20, 18}
    assert not (opens | starts | maps) & {*box_main.ALLOWED, *box_main.WITHOUT_EXEC}


def test_the_launcher_is_what_its_source_says() -> None:
    if backend.llvm_version() != ".".join(map(str, MADE_WITH)):
        code, offsets = launcher.compile_launcher()
        assert len(code) <= PAGE
        assert offsets.keys() == launcher_code.OFFSETS.keys()
        return
    assert launcher.compile_launcher() == (launcher_code.CODE, launcher_code.OFFSETS)
    path = launcher_code.__file__
    with open(path, encoding="utf-8") as file:
        assert file.read() == launcher.render(launcher_code.CODE, launcher_code.OFFSETS)


def test_the_launcher_fits_its_page() -> None:
    assert 0 < len(launcher_code.CODE) <= PAGE
    assert all(0 <= at < len(launcher_code.CODE) for at in launcher_code.OFFSETS.values())
