"""The interpreter on whole programs: a dither, random ones, and what it refuses."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.counting import count
from tests.vm.build import DST, I32, LOAD_HERE, SRC, U8, check, const, get, kernel, op, pixels
from vm import codec, extents, interp, parameters, text
from vm.bits import NAN_BITS
from vm.errors import Crash, Invalid, Malformed, OverLimit, Refused, Trap
from vm.inputs import prepare
from vm.interp.run import buffer, make_machine
from vm.module import Image, Instruction, Module, Parameter, Reduction, Role
from vm.opcodes import Op
from vm.testing import images, modules, mutants, mutated, parameter_values
from vm.types import ScalarType
from vm.verifier import VerifiedModule, verify

F32 = ScalarType.F32
COPY = pixels(*LOAD_HERE, op(Op.PUT, DST, 0))

DITHER = """
module 1
kernel dither
  dimension
  dimension
  image src in u8 1 #0 #1
  image dst out u8 1 #0 #1
  param serpentine bool default false
  param threshold i32 low 0 high 255 default 128
  locals i32 i32 i32 i32 i32
  carry i32
  code
    param serpentine
    scan rows l0 l1 l2 src.width src.height
      get l1
      get l2
      load src 0 inside
      convert u8 i32
      carry.get c0 -1 0
      const i32 7
      mul i32
      carry.get c0 1 -1
      const i32 3
      mul i32
      add i32
      carry.get c0 0 -1
      const i32 5
      mul i32
      add i32
      carry.get c0 -1 -1
      add i32
      const i32 8
      add i32
      const i32 16
      div_floor i32
      add i32
      set l3
      get l3
      param threshold
      ge i32
      if i32
        const i32 255
      else
        const i32 0
      end
      set l4
      get l3
      get l4
      sub i32
      carry.put c0
      get l4
      wrap i32 u8
      put dst 0
    end
"""


def dithered(src: np.ndarray[Any, Any], serpentine: bool, threshold: int) -> list[list[int]]:
    """Floyd and Steinberg's error diffusion, gathered: the same in plain Python."""
    height, width = src.shape
    errors = [[0] * (width + 2) for _ in range(height + 1)]
    out = [[0] * width for _ in range(height)]
    for y in range(height):
        step = -1 if serpentine and y % 2 else 1
        for x in range(width)[::step]:
            here, above = errors[y + 1], errors[y]
            owed = 7 * here[x + 1 - step] + 3 * above[x + 1 + step]
            owed += 5 * above[x + 1] + above[x + 1 - step]
            want = int(src[y, x]) + (owed + 8) // 16
            out[y][x] = 255 if want >= threshold else 0
            here[x + 1] = want - out[y][x]
    return out


@pytest.mark.parametrize("serpentine", [False, True])
def test_a_dither(serpentine: bool) -> None:
    verified = verify(codec.encode(text.assemble(DITHER)))
    src = np.random.default_rng(1).integers(0, 256, (64, 64), np.uint8)
    start = time.perf_counter()
    chosen = {"serpentine": serpentine, "threshold": 100}
    result = interp.run(verified, "dither", {"src": src}, chosen)
    assert time.perf_counter() - start < 2
    assert result.outputs["dst"].tolist() == dithered(src, serpentine, 100)
    assert result.counted == verified.kernels["dither"].cost.evaluate((64, 64), ((0,), (100,)))


def run_audited(data: st.DataObject, verified: VerifiedModule) -> None:
    """Run a kernel on anything, holding every value and the count against what was proved."""
    (made,) = verified.module.kernels
    given_parameters, inputs = data.draw(parameter_values(made)), data.draw(images(made))
    values = parameters.resolve(made, given_parameters)
    sizes = {name: (array.shape[1], array.shape[0]) for name, array in inputs.items()}
    price = verified.kernels["k"].cost.evaluate(extents.resolve(made, sizes, values), values)
    with contextlib.suppress(Trap, OverLimit):
        result = interp.run(
            verified,
            "k",
            inputs,
            given_parameters,
            limit_units=100_000,
            limit_bytes=1 << 24,
            audit=True,
        )
        assert result.counted <= price
        assert set(result.outputs) == {image.name for image in made.images_of(Role.OUT)}


@pytest.mark.fuzz
@given(st.data())
def test_every_value_is_what_the_verifier_proved(data: st.DataObject) -> None:
    run_audited(data, verify(codec.encode(data.draw(modules()))))
    count("random modules, every value as proved")


@pytest.mark.fuzz
@given(st.data())
def test_changed_programs_are_refused_or_hold_as_well(data: st.DataObject) -> None:
    changed = data.draw(modules().flatmap(mutants))
    with contextlib.suppress(Invalid):
        run_audited(data, verify(codec.encode(changed)))
    count("changed modules that were accepted, and safe")


@pytest.mark.fuzz
@given(st.data())
def test_changed_bytes_are_refused_or_hold_as_well(data: st.DataObject) -> None:
    changed = data.draw(mutated(codec.encode(data.draw(modules()))))
    with contextlib.suppress(Malformed, Invalid):
        verified = verify(changed)
        assert codec.encode(verified.module) == changed
        if len(verified.module.kernels) == 1 and "k" in verified.kernels:
            with contextlib.suppress(Refused, OverLimit):
                run_audited(data, verified)
    count("changed bytes, refused or safe")


def module_of(*code: Instruction, **changes: object) -> VerifiedModule:
    return verify(codec.encode(Module((kernel(*code, **changes),))))


def gray(*rows: list[int]) -> np.ndarray[Any, Any]:
    return np.array(rows, np.uint8)


def test_the_count_is_the_sum_of_the_weights() -> None:
    """4 for the map, 2 a line, and for a pixel 1 the trip, 2 the load, 2 the put."""
    result = interp.run(module_of(*COPY), "k", {"src": gray([1, 2, 3], [4, 5, 6])}, {})
    assert result.counted == 4 + 2 * 2 + 6 * (1 + 2 + 2)


def test_clearing_is_counted() -> None:
    result = interp.run(module_of(op(Op.CLEAR, DST)), "k", {"src": gray([1] * 17)}, {})
    assert result.counted == 2 + 2  # once at the start, once by `clear`: 17 bytes each


def test_inputs_are_not_changed_and_outputs_are_their_own() -> None:
    src = gray([1, 2], [3, 4])
    result = interp.run(module_of(*COPY), "k", {"src": src}, {})
    result.outputs["dst"][0, 0] = 99
    assert src.tolist() == [[1, 2], [3, 4]]


def test_strided_and_readonly_inputs_are_read() -> None:
    src = np.arange(24, dtype=np.uint8).reshape(4, 6)[::-1, ::2]
    src.flags.writeable = False
    assert (interp.run(module_of(*COPY), "k", {"src": src}, {}).outputs["dst"] == src).all()


def test_nan_has_one_pattern_in_out_images() -> None:
    out = Image("dst", Role.OUT, F32, 1, 0, 1)
    negative_nan = (
        *(const(0x80000000, F32), const(0, F32), op(Op.DIV, F32)),
        *(op(Op.NEG, F32), op(Op.PUT, DST, 0)),
    )
    source = kernel().images[0]
    verified = module_of(*pixels(*negative_nan), images=(source, out))
    found = interp.run(verified, "k", {"src": gray([0])}, {}).outputs["dst"]
    assert found.view(np.uint32).tolist() == [[NAN_BITS[F32]]]


def test_channels_are_interleaved() -> None:
    src = Image("src", Role.IN, U8, 3, 0, 1)
    dst = Image("dst", Role.OUT, U8, 3, 0, 1)
    swap = []
    for channel in range(3):
        swap += [
            get(0),
            get(1),
            Instruction(Op.LOAD, (SRC, 2 - channel, LOAD_HERE[2].immediates[2])),
        ]
        swap += [op(Op.PUT, DST, channel)]
    colours = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    result = interp.run(module_of(*pixels(*swap), images=(src, dst)), "k", {"src": colours}, {})
    assert (result.outputs["dst"] == colours[:, :, ::-1]).all()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"src": np.zeros((2, 2), np.float32)}, "takes u8 pixels, not float32"),
        ({"src": np.zeros((2, 2), ">u2")}, "takes u8 pixels, not >u2"),
        ({"src": np.zeros((2, 2), object)}, "takes u8 pixels, not object"),
        ({"src": np.zeros((2, 2, 3), np.uint8)}, r"an array \(height, width\), not \(2, 2, 3\)"),
        ({"src": np.zeros(4, np.uint8)}, r"not \(4,\)"),
        ({"src": np.zeros((0, 4), np.uint8)}, "height of 'src' would be 0"),
        ({"src": [[1]]}, "takes a NumPy array, not list"),
        ({}, "needs the image 'src'"),
        ({"src": gray([1]), "dst": gray([1])}, "takes no image 'dst'"),
    ],
)
def test_images_that_do_not_fit_are_refused(inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused, match=message):
        interp.run(module_of(*COPY), "k", inputs, {})


def test_an_image_of_one_channel_may_have_its_axis() -> None:
    found = interp.run(module_of(*COPY), "k", {"src": np.ones((2, 3, 1), np.uint8)}, {})
    assert found.outputs["dst"].shape == (2, 3)


def test_unknown_kernels_are_refused() -> None:
    with pytest.raises(Refused, match="no kernel 'j'"):
        interp.run(module_of(*COPY), "j", {"src": gray([1])}, {})


def test_memory_has_a_limit() -> None:
    verified = module_of(*COPY)
    need = verified.kernels["k"].memory.evaluate((1, 1), ())
    interp.run(verified, "k", {"src": gray([1])}, {}, limit_bytes=need)
    with pytest.raises(OverLimit, match=f"needs {need} bytes"):
        interp.run(verified, "k", {"src": gray([1])}, {}, limit_bytes=need - 1)


def test_work_has_a_limit() -> None:
    verified = module_of(*COPY)
    units = interp.run(verified, "k", {"src": gray([1, 2])}, {}).counted
    interp.run(verified, "k", {"src": gray([1, 2])}, {}, limit_units=units)
    with pytest.raises(OverLimit, match=f"{units - 1} units"):
        interp.run(verified, "k", {"src": gray([1, 2])}, {}, limit_units=units - 1)


def run_with_facts(*code: Instruction, **facts: Any) -> None:
    """Run code whose facts have been tampered with, under audit."""
    checked = check(*code)
    prepared = prepare(checked.kernel, {"src": gray([1, 2])}, {})
    buffers = [buffer(image, prepared) for image in checked.kernel.images]
    machine = make_machine(checked, prepared, buffers, 1e9, audit=True)
    machine.facts = replace(checked.facts, **facts)
    machine.block(0, len(code))()


OUTSIDE = pixels(get(0), const(5), op(Op.ADD, I32), get(1), LOAD_HERE[2], op(Op.PUT, DST, 0))


def test_a_trap_that_was_proved_impossible_is_a_crash() -> None:
    with pytest.raises(Trap, match="pixel-outside"):
        run_with_facts(*OUTSIDE)
    with pytest.raises(Crash, match="though proved"):
        run_with_facts(*OUTSIDE, checked=frozenset(), proved=frozenset({5}))


def test_a_value_outside_its_proved_interval_is_a_crash() -> None:
    with pytest.raises(Crash, match=r"`load` at 3 of 'k': 1 is not in 7..=9"):
        run_with_facts(*COPY, ranges={3: (7, 9)})


def test_a_wrapped_result_that_was_said_to_be_exact_is_a_crash() -> None:
    most = (1 << 31) - 1
    wraps = pixels(const(most), const(1), op(Op.ADD, I32), op(Op.WRAP, I32, U8), op(Op.PUT, DST, 0))
    run_with_facts(*wraps, ranges={})
    with pytest.raises(Crash, match="said to be exact"):
        run_with_facts(*wraps, ranges={}, exact=frozenset({3}))


def test_traps_carry_their_source_line() -> None:
    numbered = tuple(replace(instruction, line=40 + i) for i, instruction in enumerate(OUTSIDE))
    with pytest.raises(Trap, match="trapped at line 45: a pixel outside"):
        interp.run(module_of(*numbered), "k", {"src": gray([1])}, {})


def test_the_least_of_nothing_traps() -> None:
    code = (
        *(const(0), op(Op.PARAMETER, 0), op(Op.REDUCE, Reduction.MIN, I32, 2)),
        *(get(2), op(Op.END), op(Op.SET, 3)),
    )
    verified = module_of(*code, parameters=(Parameter("n", I32, 0, 0, 9, (3,)),))
    interp.run(verified, "k", {"src": gray([1])}, {})
    with pytest.raises(Trap, match="empty-reduction"):
        interp.run(verified, "k", {"src": gray([1])}, {"n": 0})
