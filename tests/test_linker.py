"""The linker: what LLVM emits for our IR runs at its fixed place, anything else is refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sandbox.children import child_of, needs_native
from vm.errors import SandboxBroken
from vm.jit import backend, linker
from vm.jit.image import CONSTANT_BYTES, KERNEL, PAGE, TEXT_BYTES, KernelImage, constants_address
from vm.sandbox.elf import EXTERNALS, write_elf

HEAD = "define hidden i64 @kernel(ptr noalias %arena, ptr noalias %args) {\n"
TABLE = (
    "@table = private constant [5 x i64] [i64 7, i64 11, i64 13, i64 17, i64 1311768467463790320]\n"
    + HEAD
    + """  %i = load i64, ptr %args
  %p = getelementptr i64, ptr @table, i64 %i
  %v = load i64, ptr %p
  ret i64 %v
}
"""
)
MEMORY = (
    "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)\n"
    "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)\n"
    + HEAD
    + """  %n = load i64, ptr %args
  call void @llvm.memset.p0.i64(ptr %arena, i8 90, i64 %n, i1 false)
  %to = getelementptr i8, ptr %arena, i64 8192
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %arena, i64 %n, i1 false)
  ret i64 0
}
"""
)
SWITCH = (
    HEAD
    + "  %i = load i64, ptr %args\n  switch i64 %i, label %z ["
    + " ".join(f"i64 {i}, label %b{i}" for i in range(12))
    + "]\n"
    + "".join(
        f"b{i}:\n  store volatile i64 {i * i}, ptr %arena\n  ret i64 {i * 3}\n" for i in range(12)
    )
    + "z:\n  ret i64 -1\n}\n"
)
CPU = "x86-64-v2"


def link(ir: str, seed: int = 0) -> KernelImage:
    return linker.link(backend.compile_ir(ir, CPU), "kernel", EXTERNALS, layout_seed=seed)


OBJECT = backend.compile_ir(TABLE, CPU)
OBJECTS = [OBJECT, backend.compile_ir(MEMORY, CPU), backend.compile_ir(SWITCH, CPU)]


def attempt(data: bytes) -> KernelImage | None:
    """Link what may be anything: an image within its limits, or `SandboxBroken`."""
    try:
        image = linker.link(data, "kernel", EXTERNALS)
    except SandboxBroken:
        return None
    assert len(image.text) <= TEXT_BYTES
    assert len(image.constants) <= CONSTANT_BYTES
    assert write_elf(image)
    return image


# What must work.


@needs_native
@pytest.mark.parametrize("seed", range(backend.ATTEMPTS))
def test_constants_are_found_in_every_layout(seed: int) -> None:
    image = link(TABLE, seed)
    assert len(image.constants) >= 40
    with child_of(image.text, image.constants) as child:
        wanted = [7, 11, 13, 17, 1311768467463790320]
        assert [child.run([i]) for i in range(5)] == wanted


@needs_native
@pytest.mark.parametrize("seed", range(backend.ATTEMPTS))
def test_jump_tables_or_trees(seed: int) -> None:
    image = link(SWITCH, seed)
    with child_of(image.text, image.constants) as child:
        assert [child.run([i]) for i in range(13)] == [*range(0, 36, 3), -1]


@needs_native
def test_the_launchers_memset_and_memcpy() -> None:
    image = link(MEMORY)
    with child_of(image.text, image.constants) as child:
        for count in (0, 1, 17, 4096, 8191):
            before = child.copy_out(count, 20_000 - count)
            assert child.run([count]) == 0
            assert child.copy_out(0, count) == b"Z" * count
            assert child.copy_out(8192, count) == b"Z" * count
            assert child.copy_out(8192 + count, 100) == before[8192 : 8192 + 100]


def test_the_image_begins_with_a_jump_to_the_kernel() -> None:
    for seed in range(backend.ATTEMPTS):
        text = link(TABLE, seed).text
        assert text[0] == 0xE9
        target = 5 + struct.unpack_from("<i", text, 1)[0]
        assert target % 16 == 0
        assert 5 <= target < len(text)
        assert set(text[5:target]) <= {0xCC}


def test_layouts_differ_and_are_deterministic() -> None:
    texts = {link(TABLE, seed).text for seed in range(backend.ATTEMPTS)}
    assert len(texts) == backend.ATTEMPTS
    assert link(TABLE) == link(TABLE)


def test_constants_begin_on_the_page_after_the_code() -> None:
    for length in (1, PAGE - 1, PAGE, PAGE + 1):
        address = constants_address(bytes(length))
        assert address % PAGE == 0
        assert KERNEL + length <= address < KERNEL + length + PAGE


# What must be refused.


@pytest.mark.parametrize("data", OBJECTS, ids=["table", "memory", "switch"])
def test_a_truncated_object(data: bytes) -> None:
    for length in range(len(data)):
        with pytest.raises(SandboxBroken):
            linker.link(data[:length], "kernel", EXTERNALS)


@pytest.mark.fuzz
@given(st.sampled_from(OBJECTS), st.data())
def test_flipped_bits(data: bytes, source: st.DataObject) -> None:
    places = st.integers(0, 8 * len(data) - 1)
    flipped = bytearray(data)
    for place in source.draw(st.lists(places, min_size=1, max_size=6)):
        flipped[place // 8] ^= 1 << place % 8
    attempt(bytes(flipped))


@pytest.mark.fuzz
@given(st.sampled_from(OBJECTS), st.data())
def test_overwritten_header_words(data: bytes, source: st.DataObject) -> None:
    """Section headers, symbols and relocations with extreme numbers in them."""
    extremes = [0, 1, 2, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
    (table,) = struct.unpack_from("<Q", data, 40)
    changed = bytearray(data)
    for _ in range(source.draw(st.integers(1, 4))):
        begin = source.draw(st.sampled_from([0, table]))
        place = source.draw(st.integers(begin // 4, len(data) // 4 - 2)) * 4
        word = source.draw(st.sampled_from(extremes) | st.integers(0, (1 << 64) - 1))
        struct.pack_into("<Q", changed, place, word)
    attempt(bytes(changed))


@pytest.mark.parametrize("data", OBJECTS, ids=["table", "memory", "switch"])
def test_every_byte_of_the_headers_changed(data: bytes) -> None:
    (table,) = struct.unpack_from("<Q", data, 40)
    for place in (*range(64), *range(table, len(data))):
        for value in (0, 0xFF, data[place] ^ 1, data[place] ^ 0x80):
            changed = bytearray(data)
            changed[place] = value
            attempt(bytes(changed))


@pytest.mark.fuzz
@given(st.binary(max_size=300))
def test_garbage(data: bytes) -> None:
    assert attempt(data) is None
    assert attempt(OBJECT[:64] + data) is None


@pytest.mark.parametrize(
    ("ir", "message"),
    [
        ("declare double @exp(double)\n" + HEAD + "  %a = load double, ptr %arena\n"
         "  %r = call double @exp(double %a)\n"
         "  %i = fptosi double %r to i64\n  ret i64 %i\n}\n", "'exp'"),
        ("declare i64 @getpid()\n" + HEAD + "  %r = call i64 @getpid()\n  ret i64 %r\n}\n",
         "'getpid'"),
        ("@g = global i64 5\n" + HEAD + "  store i64 6, ptr @g\n  ret i64 0\n}\n", "writable"),
        ("@g = external global i64\n" + HEAD + "  %v = load i64, ptr @g\n  ret i64 %v\n}\n", "g"),
        ("define i64 @other() {\n  ret i64 0\n}\n", "does not define 'kernel' once"),
        ("@kernel = constant i64 5\n@_start = global i64 1\n", "writable"),
    ],
    ids=["libm", "libc", "writable section", "extern data", "no entry", "writable data"],
)  # fmt: skip
def test_what_our_ir_never_makes(ir: str, message: str) -> None:
    with pytest.raises(SandboxBroken, match=message):
        link(ir)


@pytest.mark.parametrize("kind", [0, 3, 8, 9, 10, 18, 19, 22, 41, 42, 0xFFFFFFFF])
def test_other_relocations(kind: int) -> None:
    """Thread-local, absolute 32-bit, through the GOT: none of them is for us."""
    data = bytearray(backend.compile_ir(MEMORY, CPU))
    sections = linker.read_sections(bytes(data))
    (table,) = struct.unpack_from("<Q", data, 40)
    changed = 0
    for index, section in enumerate(sections):
        if section.kind == linker.SHT_RELA and section.name.startswith(".rela.text"):
            (offset,) = struct.unpack_from("<Q", data, table + 64 * index + 24)
            struct.pack_into("<I", data, offset + 8, kind)
            changed += 1
    assert changed == 1
    with pytest.raises(SandboxBroken, match=f"kind {kind}"):
        linker.link(bytes(data), "kernel", EXTERNALS)


def test_too_much_code_or_too_many_constants() -> None:
    huge = f'@table = private constant [{CONSTANT_BYTES + 8} x i8] c"' + "x" * (CONSTANT_BYTES + 8)
    ir = huge + '"\n' + HEAD + (
        "  %i = load i64, ptr %args\n  %p = getelementptr i8, ptr @table, i64 %i\n"
        "  %v = load i8, ptr %p\n  %w = zext i8 %v to i64\n  ret i64 %w\n}\n"
    )  # fmt: skip
    with pytest.raises(SandboxBroken, match="too large"):
        link(ir)


# The backend.


def test_objects_are_deterministic() -> None:
    for cpu in backend.LEVELS:
        assert backend.compile_ir(SWITCH, cpu) == backend.compile_ir(SWITCH, cpu)


def test_no_level_calls_a_library_or_fuses() -> None:
    names = ("floor", "ceil", "trunc", "roundeven", "sqrt", "fabs", "copysign")
    for kind, suffix in (("float", "f32"), ("double", "f64")):
        declared = "".join(
            f"declare {kind} @llvm.{n}.{suffix}({kind}{f', {kind}' if n == 'copysign' else ''})\n"
            for n in names
        )
        body = f"  %v0 = load {kind}, ptr %arena\n"
        for i, n in enumerate(names):
            second = f", {kind} 1.0" if n == "copysign" else ""
            body += f"  %m{i} = fmul {kind} %v{i}, %v0\n  %a{i} = fadd {kind} %m{i}, %v{i}\n"
            body += f"  %v{i + 1} = call {kind} @llvm.{n}.{suffix}({kind} %a{i}{second})\n"
        body += f"  store {kind} %v{len(names)}, ptr %arena\n  ret i64 0\n}}\n"
        for cpu in backend.LEVELS:
            assert link_for(declared + HEAD + body, cpu)
            assert "fmadd" not in backend.assembly(declared + HEAD + body, cpu)


def link_for(ir: str, cpu: str) -> KernelImage:
    """Link without anything from outside."""
    return linker.link(backend.compile_ir(ir, cpu), "kernel", {})
