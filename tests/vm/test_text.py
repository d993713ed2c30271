"""Assembly text: an exact round trip, and every bad line named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vm.build import DST, LOAD_HERE, check_kernel, kernel, op, pixels
from vm import codec, text
from vm.bits import float_to_bits
from vm.errors import Malformed
from vm.module import Module
from vm.opcodes import Op
from vm.testing import forms
from vm.text.words import read_raw, write_raw
from vm.types import ScalarType

COPY = kernel(*pixels(*LOAD_HERE, op(Op.PUT, DST, 0)))

GAIN = """
module 1
doc "Two\\nlines."   ; of documentation
kernel gain
  dimension
  dimension
  dimension = #0 2 div_floor 1 max
  image src in u8 1 #0 #1
  image dst out u8 1 #0 #1 "the result"
  image odd out f32 3 #2 #1
  param amount i32 low -255 high 255 default 32 "Levels to add."
  param weights f32[3] default 0.1 -0.0 1e+10
  locals i32 i32 i32
  array f32[3] param #1
  array i32[4]
    data 1 2
    data 3 -4
  carry i32 low -5 high 5
  text "no ; \\"gain\\""
  code
    param amount
    const i32 0
    ne i32
    require t0
    .line 12
    map l0 l1 src.width src.height
        get l0
        get l1
        load src 0 clamp
        convert u8 i32
        param amount
        add i32
        saturate i32 u8
        put dst 0
    end
    const i32 0
    set l2
    const i32 0
    const i32 9
    for l0 2 claim(l2,0,7) claim(l2,0,9,odd.width,-1)
    end
"""


def test_a_hand_written_module_is_read() -> None:
    module = text.assemble(GAIN)
    (gain,) = module.kernels
    assert module.doc == "Two\nlines."
    assert gain.texts == ('no ; "gain"',)
    assert gain.arrays[1].data == (1, 2, 3, -4)
    assert gain.parameters[1].default[0] == float_to_bits(ScalarType.F32, 0.1)
    assert [instruction.line for instruction in gain.code[3:6]] == [0, 12, 12]
    assert text.assemble(text.disassemble(module)) == module
    assert codec.decode(codec.encode(module)) == module


def test_what_is_written_is_readable() -> None:
    lines = text.disassemble(Module((COPY,))).splitlines()
    assert "      0: map l0 l1 src.width src.height" in lines
    assert "      3:   load src 0 inside" in lines
    assert "      5: end" in lines


def test_a_verified_program_can_be_written_in_text() -> None:
    made = text.assemble(text.disassemble(Module((COPY,)))).kernels[0]
    assert check_kernel(made).proved == 1


@given(forms())
def test_assemble_undoes_disassemble(module: Module) -> None:
    assert text.assemble(text.disassemble(module)) == module


@given(st.sampled_from([ScalarType.F32, ScalarType.F64]), st.data())
def test_floats_are_written_exactly(scalar: ScalarType, data: st.DataObject) -> None:
    raw = data.draw(st.integers(0, (1 << scalar.bits) - 1))
    assert read_raw(scalar, write_raw(scalar, raw)) == raw


@pytest.mark.parametrize(
    ("scalar", "value", "word"),
    [
        (ScalarType.F32, 0.1, "0.1"),
        (ScalarType.F32, 1.0, "1.0"),
        (ScalarType.F32, 16777216.0, "16777216.0"),
        (ScalarType.F64, -0.0, "-0.0"),
        (ScalarType.F64, float("inf"), "inf"),
        (ScalarType.F32, float("nan"), "nan"),
    ],
)
def test_floats_are_written_short(scalar: ScalarType, value: float, word: str) -> None:
    assert write_raw(scalar, float_to_bits(scalar, value)) == word


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("frob l0", "no instruction 'frob'"),
        ("get", "ends where it needs a local"),
        ("get x0", "not like l0"),
        ("get l0 l1", "'l1' is too much"),
        ("get l99999999", "not in 0..="),
        ("load nowhere 0 clamp", "no image 'nowhere'"),
        ("load src 0 sideways", "none of inside"),
        ("dim src.depth", "neither a width nor a height"),
        ("const i33 1", "no type 'i33'"),
        ("const i32 1.5", "no integer"),
        ("const f32 0x1ffffffff", "wider than f32"),
        ("const f32 x", "no f32"),
        ("const i32 99999999999999999999", "not in"),
        ("for l0 1 claim(l0)", "not like claim"),
        ("for l0 1 claim(l0,1,2,nowhere.width,1)", "no image"),
        (".line -1", "not in"),
        ('require "x', "string is not closed"),
        ("code", "no instruction 'code'"),
    ],
)
def test_a_bad_line_is_named(line: str, message: str) -> None:
    lines = GAIN.splitlines()
    at = next(i for i, other in enumerate(lines) if "const i32 0" in other)
    lines[at] = line
    with pytest.raises(Malformed, match=message) as caught:
        text.assemble("\n".join(lines))
    assert (caught.value.offset, caught.value.unit) == (at + 1, "line")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "begin with `module`"),
        ("kernel k", "begin with `module`"),
        ("module 2", "needs bytecode version 2"),
        ("module 1\nmodule 1", "twice"),
        ("module 1\nimage a in u8 1 #0 #0", "does not belong here"),
        ("module 1\nkernel k\ndata 1", "belongs to an array"),
        ("module 1\nkernel 9", "no name"),
        ('module 1\ndoc "\\u001b[31m"', r"control character U\+001B"),
        ('module 1\ndoc "\\x"', "wrong escape"),
        ('module 1\nsource "a" 12', "no sha256"),
        ("module 1\nkernel k\nparam a i32[99999]", "not in 0..="),
        ("module 1\nkernel k\ndimension #0", "written `dimension = "),
        ("module 1\nkernel k\nimage a out u8 1 0 0", "not like #0"),
        ("module 1\nkernel \x1b[31m", r"'\\x1b\[31m' is no name"),
    ],
)
def test_bad_headers_are_refused(source: str, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        text.assemble(source)


@given(st.text(max_size=80), st.integers(0, len(GAIN)))
def test_any_text_ends_in_a_module_or_malformed(noise: str, position: int) -> None:
    refused = None
    try:
        module = text.assemble(GAIN[:position] + noise + GAIN[position:])
        assert codec.decode(codec.encode(module)) == module
    except Malformed as error:
        refused = error
    assert refused is None or refused.unit == "line"
