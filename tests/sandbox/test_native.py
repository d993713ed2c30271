"""From box and cache to an executable: hits are compiled away or refused, poison is ignored."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.jit import kernels
from tests.sandbox.children import needs_native
from vm import codec
from vm.errors import OverLimit, SandboxBroken
from vm.jit import backend
from vm.jit.image import CONSTANT_BYTES, TEXT_BYTES, KernelImage
from vm.module import Module
from vm.parameters import resolve, to_bytes
from vm.sandbox import box as box_module
from vm.sandbox import cache as cache_module
from vm.sandbox import native
from vm.sandbox.box import CompileBox
from vm.sandbox.cache import ObjectCache
from vm.sandbox.elf import write_elf
from vm.sandbox.messages import CompileAnswer, CompileRequest
from vm.sandbox.native import NativeKernel, native_kernel
from vm.verifier import verify

CLEAN = KernelImage(b"\x31\xc0\xc3", b"constants")
HIT = KernelImage(b"\x31\xc0\x0f\x05\xc3", b"")
SPLIT_HIT = KernelImage(b"\xb8\x0f\x05\x00\x00\xc3", b"")  # mov eax, 0x50f
VERIFIED = verify(codec.encode(Module((kernels.dither().kernel,))))


@dataclass
class FakeBox:
    """A compile box that answers with what it is told to."""

    answers: list[KernelImage]
    cpu: str = "x86-64-v2"
    requests: list[CompileRequest] = field(default_factory=list)

    def compile(self, request: CompileRequest) -> CompileAnswer:
        self.requests.append(request)
        image = self.answers[min(len(self.requests), len(self.answers)) - 1]
        return CompileAnswer(image.text, image.constants, "22.1.0")


def make(box: FakeBox, cache: ObjectCache | None = None, threshold: int = 90) -> NativeKernel:
    kernel = VERIFIED.kernels["k"].kernel
    given = to_bytes(kernel, resolve(kernel, {"threshold": threshold}))
    request = CompileRequest(VERIFIED.encoded, "k", given)
    return native_kernel(request, box, cache)  # type: ignore[arg-type]


@pytest.fixture
def cache(tmp_path: Path) -> ObjectCache:
    return ObjectCache(tmp_path / "objects")


def only_entry(cache: ObjectCache) -> Path:
    (path,) = cache.folder.iterdir()
    return path


# The audit's hits.


def test_clean_code_is_taken_at_once() -> None:
    box = FakeBox([CLEAN])
    made = make(box)
    assert (made.attempts, made.is_cached, made.elf) == (1, False, write_elf(CLEAN))


@pytest.mark.parametrize("hits", range(1, native.ATTEMPTS))
def test_a_hit_is_compiled_again(hits: int, cache: ObjectCache) -> None:
    box = FakeBox([HIT, SPLIT_HIT, HIT, HIT, HIT][:hits] + [CLEAN])
    made = make(box, cache)
    assert made.attempts == hits + 1
    assert [request.attempt for request in box.requests] == list(range(hits + 1))
    assert made.elf == write_elf(CLEAN)
    assert make(box, cache).is_cached


def test_hits_in_every_attempt_are_refused(cache: ObjectCache) -> None:
    box = FakeBox([SPLIT_HIT])
    with pytest.raises(SandboxBroken, match=r"'k'.*syscall.*all 6 layouts"):
        make(box, cache)
    assert [request.attempt for request in box.requests] == list(range(6))
    assert cache.info().entries == 0


@pytest.mark.parametrize("is_batch", [False, True])
def test_much_code_is_compiled_again_without_vectors_and_quickly(is_batch: bool) -> None:
    large = KernelImage(HIT.text + b"\x90" * native.LARGE_BYTES, b"")
    box = FakeBox([large, HIT, CLEAN])
    request = CompileRequest(VERIFIED.encoded, "k", b"", sets=(b"",) if is_batch else ())
    made = native_kernel(request, box, None)  # type: ignore[arg-type]
    assert made.attempts == 3
    assert [asked.attempt for asked in box.requests] == [0, *native.QUICK_ATTEMPTS]
    assert [asked.scalar for asked in box.requests] == [False, *[not is_batch] * 2]
    with pytest.raises(SandboxBroken, match="all 3 layouts"):
        native_kernel(request, FakeBox([large]), None)  # type: ignore[arg-type]


def test_both_sides_know_of_as_many_attempts() -> None:
    assert native.ATTEMPTS == backend.ATTEMPTS


# The cache.


def test_a_kernel_is_compiled_once(cache: ObjectCache) -> None:
    box = FakeBox([CLEAN])
    assert not make(box, cache).is_cached
    again = make(box, cache)
    assert (again.is_cached, again.attempts, again.elf) == (True, 0, write_elf(CLEAN))
    assert len(box.requests) == 1
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert only_entry(cache).stat().st_mode & 0o777 == 0o600


def test_the_name_of_an_entry_says_all_that_decides_it(cache: ObjectCache) -> None:
    box = FakeBox([CLEAN])
    make(box, cache)
    make(box, cache, threshold=91)
    box.cpu = "x86-64-v3"
    make(box, cache)
    assert cache.info().entries == len(box.requests) == 3
    assert ObjectCache.key(b"ab", b"c") != ObjectCache.key(b"a", b"bc")


def test_another_version_compiles_again(
    cache: ObjectCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = FakeBox([CLEAN])
    make(box, cache)
    monkeypatch.setattr(native, "CODE_VERSION", b"another")
    assert not make(box, cache).is_cached


@pytest.mark.parametrize("image", [HIT, SPLIT_HIT, KernelImage(b"\x90\x0f\x01", b"")])
def test_a_poisoned_entry_is_compiled_again(cache: ObjectCache, image: KernelImage) -> None:
    """The planted entry is whole, with the right hash: only the audit can tell."""
    box = FakeBox([CLEAN])
    make(box, cache)
    cache.store(only_entry(cache).name, image)
    made = make(box, cache)
    assert (made.is_cached, made.elf) == (False, write_elf(CLEAN))
    assert make(box, cache).elf == write_elf(CLEAN)
    assert len(box.requests) == 2


def test_every_damaged_byte_is_noticed(cache: ObjectCache) -> None:
    key = ObjectCache.key(b"x")
    cache.store(key, CLEAN)
    path = cache.folder / key
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        assert cache.load(key) is None
        assert not path.exists()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert cache.load(key) is None
    path.write_bytes(whole + b"\0")
    assert cache.load(key) is None
    path.write_bytes(whole)
    assert cache.load(key) == CLEAN


def test_lengths_that_cannot_be(cache: ObjectCache) -> None:
    key = ObjectCache.key(b"x")
    for image in (
        KernelImage(bytes(TEXT_BYTES + 1), b""),
        KernelImage(b"", bytes(CONSTANT_BYTES + 1)),
    ):
        cache.store(key, image)
        assert cache.load(key) is None


def test_links_pipes_and_folders_are_no_entries(cache: ObjectCache, tmp_path: Path) -> None:
    key = ObjectCache.key(b"x")
    cache.store(key, CLEAN)
    path = cache.folder / key
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert cache.load(key) is None
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    assert cache.load(key) is None
    path.unlink(missing_ok=True)
    path.mkdir()
    assert cache.load(key) is None
    cache.store(key, CLEAN)
    assert cache.load(key) is None
    cache.clear()
    assert path.is_dir()


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701, 0o777])
def test_a_folder_others_may_enter_is_not_used(cache: ObjectCache, mode: int) -> None:
    box = FakeBox([CLEAN])
    make(box, cache)
    cache.folder.chmod(mode)
    assert not make(box, cache).is_cached
    assert cache.info().entries == 0
    cache.folder.chmod(0o700)
    assert make(box, cache).is_cached


def test_a_folder_of_somebody_else_or_a_link_is_not_used(
    cache: ObjectCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = FakeBox([CLEAN])
    make(box, cache)
    link = cache.folder.with_name("link")
    link.symlink_to(cache.folder)
    assert not make(box, ObjectCache(link)).is_cached
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert not make(box, cache).is_cached


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = ObjectCache(tmp_path / "file" / "objects")
    assert not make(FakeBox([CLEAN]), cache).is_cached
    assert cache.info().entries == 0


def test_what_was_used_last_is_kept(tmp_path: Path) -> None:
    image = KernelImage(bytes(1000), b"")
    cache = ObjectCache(tmp_path / "objects", limit_bytes=3500)
    keys = [ObjectCache.key(bytes([i])) for i in range(5)]
    now = time.time() - 1000
    for age, key in enumerate(keys[:3]):
        cache.store(key, image)
        os.utime(cache.folder / key, (now + age, now + age))
    assert cache.load(keys[0]) == image  # now the youngest
    cache.store(keys[3], image)
    kept = {path.name for path in cache.folder.iterdir()}
    assert kept == {keys[0], keys[2], keys[3]}
    cache.store(keys[4], KernelImage(bytes(3000), b""))
    assert {path.name for path in cache.folder.iterdir()} == {keys[4]}


def test_nothing_half_written_is_left(cache: ObjectCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert not make(FakeBox([CLEAN]), cache).is_cached
    assert list(cache.folder.iterdir()) == []


def test_clearing_says_what_there_was(cache: ObjectCache) -> None:
    for i in range(3):
        cache.store(ObjectCache.key(bytes([i])), CLEAN)
    assert cache.clear().entries == 3
    assert cache.info().entries == 0
    assert cache_module.LIMIT_BYTES == 1 << 30


# A box that lies: Python programs in its place.

HEAD = """import os, sys, time
sys.path[:0] = [{root!r}]
from vm.sandbox.messages import CompileAnswer, pack
def read(count):
    data = b""
    while len(data) < count:
        part = os.read(0, count - len(data))
        if not part:
            os._exit(0)
        data += part
    return data
def message():
    return read(int.from_bytes(read(4), "little"))
message()
"""
GREET = "os.write(1, pack(CompileAnswer(llvm='x')))\n"
REQUEST = CompileRequest(VERIFIED.encoded, "k", b"", "x86-64-v2", 0)
LARGE = CompileRequest(bytes(1 << 20), "k", b"", "x86-64-v2", 0)
LIARS = {
    "dies at the start": ("os._exit(5)", REQUEST, SandboxBroken, "exit code 5"),
    "dies at a request": (GREET + "message(); os.kill(os.getpid(), 9)", REQUEST, SandboxBroken,
                          "SIGKILL"),
    "too large": (GREET + "message(); os.write(1, b'\\xff' * 4); time.sleep(60)", REQUEST,
                  SandboxBroken, "too large"),
    "nonsense": (GREET + "message(); os.write(1, b'\\4\\0\\0\\0abcd'); time.sleep(60)", REQUEST,
                 SandboxBroken, "nonsense"),
    "wrong types": (GREET + "message(); os.write(1, b'\\7\\0\\0\\0\\x81\\xa4text\\1')", REQUEST,
                    SandboxBroken, "nonsense"),
    "stops half-way": (GREET + "message(); os.write(1, b'\\x09\\0\\0\\0ab')", REQUEST,
                       SandboxBroken, "died"),
    "speaks unasked": (GREET + GREET + "time.sleep(60)", REQUEST, SandboxBroken, "asked"),
    "huge code": (GREET + "message(); d = pack(CompileAnswer(bytes(5 << 20)))\n"
                  "while d: d = d[os.write(1, d):]\ntime.sleep(60)", REQUEST, SandboxBroken,
                  "too large"),
    "loops": (GREET + "message()\nwhile True: pass", REQUEST, OverLimit, "stopped"),
    "sleeps": (GREET + "message(); time.sleep(60)", REQUEST, OverLimit, "stopped"),
    "does not listen": (GREET + "time.sleep(60)", LARGE, OverLimit, "listen"),
    "drips": (GREET + "message(); os.write(1, b'\\0\\0\\1\\0')\nwhile True:\n"
              "    os.write(1, b'x'); time.sleep(0.01)", REQUEST, OverLimit, "stopped"),
    "escapes": (GREET + "message(); os.write(1, pack(CompileAnswer(error='OverLimit', "
                "message='\\x1b[2J' + 'x' * 9999))); time.sleep(60)", REQUEST, OverLimit,
                r"^\?\[2Jx{996}$"),
    "unknown error": (GREET + "message(); os.write(1, pack(CompileAnswer(error='SystemExit', "
                      "message='hm'))); time.sleep(60)", REQUEST, SandboxBroken, "^hm$"),
}  # fmt: skip


@needs_native
@pytest.mark.parametrize("name", LIARS)
def test_a_box_that_lies(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script, request, error, message = LIARS[name]
    monkeypatch.setattr(box_module, "STARTER", HEAD + script.replace("{", "{{"))
    monkeypatch.setattr(box_module, "CPU_LIMIT_S", 0.4)
    monkeypatch.setattr(box_module, "WALL_LIMIT_S", 1.5)
    with CompileBox("x86-64-v2") as box:
        if name == "speaks unasked":
            box.start()
            time.sleep(0.2)
        began = time.monotonic()
        with pytest.raises(error, match=message):
            box.compile(request)
        assert time.monotonic() - began < 10
        left = box.process
    assert left is None or left.returncode is not None
