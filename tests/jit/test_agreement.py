"""Lowered code and the reference interpreter give the same bits, or the same trap."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests import engines
from tests.jit import inprocess, kernels
from tests.test_engines_agree import draw_run
from tests.vm.build import ELSE, END, LOAD_HERE, check_kernel, const, get, kernel, op, put_local
from tests.vm.build import pixels as mapped
from vm import codec
from vm.module import Border, Carry, Image, Instruction, Module, Order, Parameter, Reduction, Role
from vm.opcodes import Op
from vm.types import ScalarType
from vm.verifier import VerifiedModule, verify

I32, U8, F32, F64, BOOL = (
    ScalarType.I32,
    ScalarType.U8,
    ScalarType.F32,
    ScalarType.F64,
    ScalarType.BOOL,
)
SHAPES = ((1, 1), (1, 2), (2, 1), (1, 13), (9, 1), (3, 4), (5, 17), (12, 31))


def compare(
    verified: VerifiedModule,
    inputs: engines.Images,
    given: Mapping[str, object],
    blind: int = 0,
    checked: bool = False,
    named: str = "",
) -> engines.Outcome:
    """Run both and compare; gives what came out."""
    name = named or verified.module.kernels[0].name

    def native(
        module: VerifiedModule, which: str, images: engines.Images, values: Mapping[str, object]
    ) -> dict[str, NDArray[Any]]:
        return inprocess.run_kernel(module.kernels[which], images, values, blind, checked=checked)

    interpret = partial(engines.interpret, checked=checked)
    left = engines.outcome(interpret, verified, name, inputs, given)
    right = engines.outcome(native, verified, name, inputs, given)
    engines.assert_same(left, right)
    return left


def module_of(made: object) -> VerifiedModule:
    """The module of a kernel that was checked alone."""
    return verify(codec.encode(Module((made.kernel,))))  # type: ignore[attr-defined]


def picture(shape: tuple[int, int], scalar: ScalarType, seed: int = 0) -> NDArray[Any]:
    """Random pixels."""
    from vm.inputs import dtype_of

    rng = np.random.default_rng(seed)
    if scalar.is_float:
        return (rng.random(shape) * 200 - 50).astype(dtype_of(scalar))
    return rng.integers(0, 200, shape).astype(dtype_of(scalar))


@pytest.mark.parametrize("make", kernels.ALL, ids=lambda make: make.__name__)
def test_handmade_kernels_agree(make: kernels.Maker) -> None:
    verified = module_of(make())
    scalar = verified.module.kernels[0].images[0].type
    for seed, shape in enumerate(SHAPES):
        compare(verified, {"src": picture(shape, scalar, seed)}, {}, blind=seed % 4)


@pytest.mark.parametrize("serpentine", [False, True])
def test_dither_agrees_with_other_weights(serpentine: bool) -> None:
    verified = module_of(kernels.dither())
    for weights in ((7, 3, 5, 1), (1, 2, 3, 4), (0, 0, 1, 0), (1024, 0, 0, 1000)):
        given = {"serpentine": serpentine, "weights": weights, "threshold": 100}
        compare(verified, {"src": picture((7, 10), U8)}, given)
    ended = compare(verified, {"src": picture((2, 2), U8)}, {"weights": (0, 0, 0, 0)})
    assert ended[0] == "trap"


def scanned(offsets: list[tuple[int, int]], flag: tuple[Instruction, ...]) -> VerifiedModule:
    """A scan whose put is a mix of its pixel and of what it carried from these offsets."""
    mixed: list[Instruction] = [*LOAD_HERE, op(Op.CONVERT, U8, I32)]
    for number, (ahead, down) in enumerate(offsets):
        mixed += [op(Op.CARRY_GET, 0, ahead, down), const(number + 2), op(Op.MUL, I32)]
        mixed += [op(Op.ADD, I32), op(Op.CARRY_HAS, ahead, down)]
        mixed += [op(Op.IF, I32), const(1 << number), ELSE, const(0), END, op(Op.ADD, I32)]
    mixed += [get(2), op(Op.ADD, I32), put_local(3), get(3), op(Op.CARRY_PUT, 0)]
    code = (*flag, op(Op.SCAN, Order.ROWS, 2, 0, 1, 0, 1), *mixed, get(3), op(Op.PUT, 1, 0), END)
    images = (Image("src", Role.IN, U8, 1, 0, 1), Image("dst", Role.OUT, I32, 1, 0, 1))
    made = kernel(*code, images=images, carries=(Carry(I32),))
    return module_of(check_kernel(made))


RASTER = (const(0, BOOL),)
SERPENTINE = (const(1, BOOL),)
BY_SIZE = (op(Op.DIMENSION, 0), const(5), op(Op.GT, I32))  # known at run time only


@pytest.mark.parametrize("flag", [RASTER, SERPENTINE, BY_SIZE], ids=["raster", "both", "by-size"])
@pytest.mark.parametrize(
    "offsets",
    [
        [(-1, 0)],
        [(-3, 0), (-1, 0)],
        [(-9, 0), (-2, 0)],
        [(0, -1)],
        [(1, -1), (-1, 0), (-1, -1)],
        [(-7, -2), (8, -1), (-1, 0)],
        [(64, -1), (-64, -1), (-64, 0)],
        [(0, -16), (2, -3), (-2, -3), (0, -3)],
    ],
    ids=str,
)
def test_scans_agree(offsets: list[tuple[int, int]], flag: tuple[Instruction, ...]) -> None:
    verified = scanned(offsets, flag)
    for seed, shape in enumerate(SHAPES):
        compare(verified, {"src": picture(shape, U8, seed)}, {})


def test_a_second_scan_starts_with_nothing_carried() -> None:
    read = (op(Op.CARRY_GET, 0, 0, -1), *LOAD_HERE, op(Op.CONVERT, U8, I32), op(Op.ADD, I32))
    body = (*read, put_local(3), get(3), op(Op.CARRY_PUT, 0), get(3), op(Op.PUT, 1, 0), END)
    scan = (*RASTER, op(Op.SCAN, Order.ROWS, 2, 0, 1, 0, 1), *body)
    images = (Image("src", Role.IN, U8, 1, 0, 1), Image("dst", Role.OUT, I32, 1, 0, 1))
    made = kernel(*scan, *scan, images=images, carries=(Carry(I32),))
    compare(module_of(check_kernel(made)), {"src": picture((6, 5), U8)}, {})


def reduced(kind: Reduction, scalar: ScalarType, fixed: int | None) -> VerifiedModule:
    """A reduction over the first pixels of a line, as many as the line holds, or `fixed`."""
    stop = (op(Op.DIMENSION, 0),) if fixed is None else (const(fixed),)
    element = (get(2), get(1), op(Op.LOAD, 0, 0, Border.CLAMP))
    body = [*element]
    if kind is Reduction.COUNT:
        body += [const(0, scalar), op(Op.GT, scalar)]
    result = BOOL if kind is Reduction.COUNT else scalar
    code = [const(0), *stop, op(Op.REDUCE, kind, result, 2), *body, END]
    if kind in (Reduction.ARGMIN, Reduction.ARGMAX):
        code += [put_local(3), put_local(6), get(3), op(Op.PUT, 2, 0), get(6)]
    elif kind is Reduction.COUNT:
        code += [op(Op.PUT, 2, 0), *LOAD_HERE]
    code += [op(Op.PUT, 1, 0)]
    images = (
        Image("src", Role.IN, scalar, 1, 0, 1),
        Image("dst", Role.OUT, scalar, 1, 0, 1),
        Image("at", Role.OUT, I32, 1, 0, 1),
    )
    made = kernel(*mapped(*code), images=images, locals=(I32,) * 6 + (scalar,))
    return module_of(check_kernel(made))


SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e38, -1e38, 1.5, -2.5]


@pytest.mark.parametrize("scalar", [I32, F32, F64], ids=str)
@pytest.mark.parametrize("kind", list(Reduction), ids=lambda kind: kind.value)
def test_reductions_agree(kind: Reduction, scalar: ScalarType) -> None:
    run_time = reduced(kind, scalar, None)
    for width in (1, 2, 15, 16, 17, 31, 32, 33, 47, 64):
        pixels = picture((2, width), scalar, width)
        if scalar.is_float:
            pixels[0, ::3] = np.resize(SPECIAL, pixels[0, ::3].shape)
        compare(run_time, {"src": pixels}, {})
        if width in (1, 15, 16, 17, 33):
            compare(reduced(kind, scalar, width), {"src": pixels}, {})


def test_a_reduction_within_a_map_has_borders_of_its_own() -> None:
    """Its x and y are not the map's, wherever the map keeps clear of the edges."""

    def neighbour(x: int, y: int, ahead: int) -> tuple[Instruction, ...]:
        at = (get(x), const(ahead), op(Op.ADD, I32), get(y), const(2), op(Op.ADD, I32))
        return (*at, op(Op.LOAD, 0, 0, Border.MIRROR), op(Op.CONVERT, U8, I32))

    inner = (op(Op.REDUCE_2D, Reduction.SUM, I32, 2, 3, 0, 1), *neighbour(2, 3, 3), END)
    code = mapped(*neighbour(0, 1, -4), *inner, op(Op.ADD, I32), op(Op.PUT, 1, 0))
    images = (Image("src", Role.IN, U8, 1, 0, 1), Image("dst", Role.OUT, I32, 1, 0, 1))
    verified = module_of(check_kernel(kernel(*code, images=images)))
    for shape in ((1, 1), (4, 9), (12, 12)):
        compare(verified, {"src": picture(shape, U8)}, {})


def test_empty_sums_are_plus_zero() -> None:
    for scalar in (F32, F64, I32):
        verified = reduced(Reduction.SUM, scalar, 0)
        outcome = compare(verified, {"src": picture((2, 2), scalar)}, {})
        assert isinstance(outcome[1], dict)
        assert not outcome[1]["dst"].view(np.uint8).any()


@pytest.mark.fuzz
def test_random_programs_agree_in_every_layout() -> None:
    @given(st.data(), st.integers(0, 3), st.booleans())
    def agree(data: st.DataObject, blind: int, checked: bool) -> None:
        verified, name, values, inputs = draw_run(data)
        compare(verified, inputs, values, blind, checked, name)

    agree()


def test_every_parameter_type_is_specialised() -> None:
    for scalar, value in ((I32, -5), (ScalarType.U64, 1 << 63), (F32, 0.1), (F64, -0.0)):
        images = (Image("src", Role.IN, U8, 1, 0, 1), Image("dst", Role.OUT, scalar, 1, 0, 1))
        code = mapped(op(Op.PARAMETER, 0), op(Op.PUT, 1, 0))
        made = kernel(*code, images=images, parameters=(Parameter("p", scalar),))
        outcome = compare(module_of(check_kernel(made)), {"src": picture((2, 3), U8)}, {"p": value})
        assert outcome[0] == "outputs"
