"""The encoding: exact, canonical, and total over hostile bytes."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.vm.build import DST, LOAD_HERE, kernel, op, pixels
from vm import codec, limits
from vm.errors import Malformed
from vm.module import Instruction, Module, SourceFile
from vm.opcodes import BYTECODE_VERSION, Op
from vm.testing import forms, mutated
from vm.wire import Reader, Writer, text_problem

COPY = kernel(*pixels(*LOAD_HERE, op(Op.PUT, DST, 0)))
SMALL = Module((COPY,), "two\nlines", (SourceFile("copy.cps", "ab" * 32),))


@given(forms())
def test_decode_undoes_encode(module: Module) -> None:
    assert codec.decode(codec.encode(module)) == module


@given(st.data())
def test_what_decodes_is_canonical(data: st.DataObject) -> None:
    original = data.draw(st.just(SMALL) | forms())
    changed = data.draw(mutated(codec.encode(original)))
    refused = None
    try:
        assert codec.encode(codec.decode(changed)) == changed
    except Malformed as error:
        refused = error
    assert refused is None or (refused.unit == "byte" and 0 <= refused.offset <= len(changed))


@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_module_or_malformed(tail: bytes) -> None:
    for data in (tail, codec.MAGIC + bytes([BYTECODE_VERSION]) + tail):
        with contextlib.suppress(Malformed):
            assert codec.encode(codec.decode(data)) == data


def test_every_prefix_is_malformed() -> None:
    data = codec.encode(SMALL)
    for length in range(len(data)):
        with pytest.raises(Malformed):
            codec.decode(data[:length])


def test_trailing_bytes_are_refused() -> None:
    with pytest.raises(Malformed, match="bytes follow the module"):
        codec.decode(codec.encode(SMALL) + b"\0")


def test_a_newer_version_is_refused_by_naming_what_is_needed() -> None:
    data = bytearray(codec.encode(SMALL))
    data[len(codec.MAGIC)] = BYTECODE_VERSION + 2
    with pytest.raises(Malformed, match=f"needs bytecode version {BYTECODE_VERSION + 2}.*upgrade"):
        codec.decode(bytes(data))


def test_other_files_are_refused() -> None:
    with pytest.raises(Malformed, match=r"no \.cpb file"):
        codec.decode(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("data", [b"\x80\x00", b"\xff" * 9 + b"\x02", b"\xff" * 11, b"\x80", b""])
def test_varints_have_one_form(data: bytes) -> None:
    with pytest.raises(Malformed):
        Reader(data).varint()


@given(st.integers(0, (1 << 64) - 1), st.integers(-(1 << 63), (1 << 63) - 1))
def test_varints_round_trip(unsigned: int, signed: int) -> None:
    writer = Writer()
    writer.varint(unsigned)
    writer.signed(signed)
    reader = Reader(bytes(writer.data))
    assert (reader.varint(), reader.signed()) == (unsigned, signed)
    assert reader.offset == len(writer.data)


@pytest.mark.parametrize(
    "text",
    ["\x1b[31m", "\x00", "a\nb", "\u202eabc", "\u2066", "\x9b", "\ufeff", "\ud800", "\u2028"],
)
def test_texts_cannot_steer_a_terminal(text: str) -> None:
    problem = text_problem(text, 100)
    assert problem is not None
    assert problem.isascii()
    assert problem.isprintable()


def test_documentation_may_have_lines() -> None:
    assert text_problem("two\nlines", 100, newlines=True) is None


def test_lengths_at_and_above_their_limits() -> None:
    at = replace(COPY, name="n" * limits.NAME_CHARS, doc="ä" * limits.DOC_CHARS)
    assert codec.decode(codec.encode(Module((at,)))).kernels == (at,)
    for above in (replace(at, name=at.name + "n"), replace(at, doc=at.doc + "ä")):
        with pytest.raises(Malformed):
            codec.decode(codec.encode(Module((above,))))


@pytest.mark.parametrize(
    ("field", "limit"),
    [
        ("locals", limits.LOCALS),
        ("arrays", limits.ARRAYS),
        ("carries", limits.CARRIES),
        ("texts", limits.TEXTS),
        ("code", limits.INSTRUCTIONS),
    ],
)
def test_counts_at_and_above_their_limits(field: str, limit: int) -> None:
    from vm.module import Array, Carry
    from vm.types import ScalarType

    item = {
        "locals": ScalarType.I32,
        "arrays": Array(ScalarType.U8, 1),
        "carries": Carry(ScalarType.I32),
        "texts": "why",
        "code": Instruction(Op.END),
    }[field]
    at = replace(COPY, **{field: (item,) * limit})  # type: ignore[arg-type]
    assert codec.decode(codec.encode(Module((at,)))).kernels == (at,)
    above = replace(COPY, **{field: (item,) * (limit + 1)})  # type: ignore[arg-type]
    with pytest.raises(Malformed):
        codec.decode(codec.encode(Module((above,))))


def test_a_count_is_refused_before_anything_is_read_for_it() -> None:
    writer = Writer()
    writer.data += codec.MAGIC
    for value in (BYTECODE_VERSION, 0, 0, 1):  # version, doc, sources, one kernel
        writer.varint(value)
    writer.string("k")
    writer.varint(0)
    writer.varint((1 << 64) - 1)
    with pytest.raises(Malformed, match="is above"):
        codec.decode(bytes(writer.data))


def test_large_hostile_bytes_are_read_in_bounded_time() -> None:
    start = time.perf_counter()
    with pytest.raises(Malformed, match="larger than"):
        codec.decode(codec.encode(SMALL) + b"\0" * limits.MODULE_BYTES)
    from vm.module import Array
    from vm.types import ScalarType

    arrays = (Array(ScalarType.U8, limits.ARRAY_ELEMENTS, None, (1,) * limits.ARRAY_ELEMENTS),) * 15
    data = codec.encode(Module((replace(COPY, arrays=arrays),)))
    assert len(data) < limits.MODULE_BYTES
    codec.decode(data)
    assert time.perf_counter() - start < 10


def test_meaning_leaves_out_what_does_not_compute() -> None:
    numbered = tuple(replace(instruction, line=7) for instruction in COPY.code)
    other = Module((replace(COPY, code=numbered, doc="different"),), "other", ())
    assert codec.encode(other) != codec.encode(SMALL)
    assert codec.meaning_bytes(other) == codec.meaning_bytes(SMALL)
    changed = replace(COPY, code=(*COPY.code, *COPY.code))
    assert codec.meaning_bytes(Module((changed,))) != codec.meaning_bytes(SMALL)
