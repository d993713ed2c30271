"""Where nothing can be confined, nothing runs natively, and a message says what to change."""

from __future__ import annotations

import io
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.children import child_of, needs_native
from vm.errors import OverLimit, SandboxUnavailable
from vm.sandbox import capability, child, doctor
from vm.sandbox.box import CompileBox
from vm.sandbox.hostile import HARMLESS


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    capability.check.cache_clear()
    capability.cpu_level.cache_clear()
    yield
    capability.check.cache_clear()
    capability.cpu_level.cache_clear()


def problem() -> str:
    """The message; the same from every door."""
    found = capability.check()
    assert not found.is_native
    with pytest.raises(SandboxUnavailable) as error:
        capability.require_native()
    assert str(error.value) == found.problem
    with pytest.raises(SandboxUnavailable):
        CompileBox()
    report = doctor.examine()
    assert not report.is_good
    assert not report.trials
    return found.problem


def cpuinfo(monkeypatch: pytest.MonkeyPatch, flags: set[str] | None) -> None:
    text = "processor : 0\n" if flags is None else f"processor : 0\nflags : {' '.join(flags)}\n"
    monkeypatch.setattr(Path, "open", lambda self: io.StringIO(text))


def test_not_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    message = problem()
    assert "Linux, not Darwin" in message
    assert "--interpret" in message


def test_not_x86_64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    message = problem()
    assert "x86-64 processor, not aarch64" in message
    assert "--interpret" in message


def test_no_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    exists = Path.exists
    monkeypatch.setattr(
        Path, "exists", lambda self: not str(self).startswith("/proc") and exists(self)
    )
    assert "mount -t proc proc /proc" in problem()


@pytest.mark.parametrize("flags", [set(), capability.LEVEL_2 - {"sse4_1"}, None])
def test_below_level_2(monkeypatch: pytest.MonkeyPatch, flags: set[str] | None) -> None:
    cpuinfo(monkeypatch, flags)
    assert capability.cpu_level() is None
    assert "x86-64-v2" in problem()


@pytest.mark.parametrize(
    ("flags", "level"),
    [
        (capability.LEVEL_2, "x86-64-v2"),
        (capability.LEVEL_2 | capability.LEVEL_4, "x86-64-v2"),
        ((capability.LEVEL_2 | capability.LEVEL_3) - {"fma"}, "x86-64-v2"),
        (capability.LEVEL_2 | capability.LEVEL_3, "x86-64-v3"),
        (capability.LEVEL_2 | capability.LEVEL_3 | capability.LEVEL_4, "x86-64-v4"),
    ],
)
def test_levels(monkeypatch: pytest.MonkeyPatch, flags: set[str], level: str) -> None:
    cpuinfo(monkeypatch, flags)
    assert capability.cpu_level() == level


@needs_native
def test_programs_in_memory_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sysctl vm.memfd_noexec = 2: memfd_create gives EACCES for executable files."""
    make = os.memfd_create

    def refuse(name: str, flags: int) -> int:
        if flags & child.MFD_EXEC:
            raise PermissionError(13, "Permission denied")
        return make(name, flags)

    monkeypatch.setattr(os, "memfd_create", refuse)
    assert "vm.memfd_noexec=1" in problem()


@needs_native
def test_before_linux_6_3(monkeypatch: pytest.MonkeyPatch) -> None:
    """memfd_create answers EINVAL to flags that it does not know."""
    make = os.memfd_create

    def old(name: str, flags: int) -> int:
        if flags & (child.MFD_EXEC | child.MFD_NOEXEC_SEAL):
            raise OSError(22, "Invalid argument")
        return make(name, flags)

    monkeypatch.setattr(os, "memfd_create", old)
    assert capability.check().is_native


@needs_native
@pytest.mark.parametrize("fields", [{}, {"Threads": 2, "Seccomp": 1}, {"Threads": 1, "Seccomp": 0}])
def test_a_child_that_is_not_confined_gets_no_work(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, int]
) -> None:
    monkeypatch.setattr(child, "_status_fields", lambda status: fields)
    assert "could not be confined" in problem()


@needs_native
def test_a_filter_that_is_not_the_childs_own_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Seccomp 2 may be inherited: there must be one filter more than the parent has."""
    fields = {"Threads": 1, "Seccomp": 2, "Seccomp_filters": 1}
    monkeypatch.setattr(child, "_status_fields", lambda status: fields)
    monkeypatch.setattr(child, "MODE_STRICT", 9)
    monkeypatch.setattr(child, "MODE_FILTER", 1)
    monkeypatch.setattr(child, "MODES", {1: "filter"})
    fields["Seccomp"] = 1
    assert "its own filter" in problem()


@needs_native
def test_without_proc_a_child_says_what_to_mount(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> int:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(os, "posix_spawn", missing)
    with pytest.raises(SandboxUnavailable, match="mount -t proc"), child_of(HARMLESS.code):
        pass


@needs_native
def test_no_more_descriptors_is_over_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> tuple[int, int]:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pipe", full)
    with pytest.raises(OverLimit, match="Too many open files"), child_of(HARMLESS.code):
        pass
