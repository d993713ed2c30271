"""The standard library, evaluated by the checker's own interpreter against exact references."""

from __future__ import annotations

import math
from importlib.resources import files

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compiler.check.evaluate import Evaluator
from compiler.check.modules import Loader
from compiler.check.program import check_program
from compiler.check.world import World
from compiler.diagnostics import Diagnostics
from compiler.source import Source
from compiler.typed import Call, Function, Literal
from compiler.types import F64, ScalarType
from vm.scalar import rounded

U8 = ScalarType.U8
USER = """
use std.math { exp };
use std.image { isqrt, clamp, min, max };
use std.color { luma };
fn exp_of(v: f64) -> f64 { return exp(v); }
fn exp32(v: f32) -> f32 { return exp(v); }
fn root(v: i32) -> i32 { return isqrt(v); }
fn limited(v: i32) -> i32 { return clamp(v, -3, 5); }
fn gray(r: u8, g: u8, b: u8) -> u8 { return luma([r, g, b]); }
"""
SOURCE = Source.from_text("user.cps", USER)
FUNCTIONS = {function.label: function for function in check_program(SOURCE).functions}


def call(name: str, *arguments: float) -> float:
    function: Function = FUNCTIONS[name]
    diagnostics = Diagnostics()
    world = World(SOURCE, diagnostics, Loader(SOURCE, diagnostics))
    span = function.span
    types = [parameter.type for parameter in function.parameters]
    literals = tuple(
        Literal(value, type_, span)  # type: ignore[arg-type]
        for value, type_ in zip(arguments, types, strict=True)
    )
    result = Evaluator(world).value(Call(function, literals, (), function.type, span))
    assert isinstance(result, int | float)
    return result


def test_every_module_checks_without_a_warning() -> None:
    folder = files("stdlib").joinpath("std")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".cps"))
    assert names == [
        "angles.cps",
        "color.cps",
        "float.cps",
        "image.cps",
        "math.cps",
        "random.cps",
    ]
    for name in names:
        text = folder.joinpath(name).read_text(encoding="utf-8")
        assert not check_program(Source.from_text(name, text)).warnings


@pytest.mark.fuzz
@given(st.floats(-745.2, 709.78) | st.floats(-2.0, 2.0))
@example(709.782712893384)
@example(-708.3964185322641)
@example(-745.1332191019411)
@example(0.34657359027997264)
@example(-0.0)
@example(5e-324)
def test_exp_is_within_one_unit_in_the_last_place(v: float) -> None:
    found, wanted = call("exp_of", v), math.exp(v)
    assert abs(found - wanted) <= math.ulp(wanted)


def test_exp_at_the_ends() -> None:
    assert call("exp_of", 0.0) == 1.0
    assert call("exp_of", 710.0) == call("exp_of", 1e300) == call("exp_of", math.inf) == math.inf
    assert call("exp_of", -746.0) == call("exp_of", -1e300) == call("exp_of", -math.inf) == 0.0
    assert math.isnan(call("exp_of", math.nan))
    assert call("exp_of", -745.0) == 5e-324


@pytest.mark.fuzz
@given(st.floats(-104.0, 89.0, width=32))
def test_exp_of_f32_is_rounded_once_more(v: float) -> None:
    wanted = rounded(ScalarType.F32, math.exp(v))
    found = call("exp32", v)
    assert found == wanted or abs(found - wanted) <= 2.0**-149 or abs(found / wanted - 1) < 2.0**-22


@pytest.mark.fuzz
@given(st.integers(0, 2**31 - 1))
@example(2**31 - 1)
@example(46340**2 - 1)
@example(46340**2)
def test_isqrt_is_exact(v: int) -> None:
    assert call("root", v) == math.isqrt(v)


def test_isqrt_of_negative_numbers_is_zero() -> None:
    assert call("root", -1) == call("root", -(2**31)) == 0


@pytest.mark.parametrize(("v", "wanted"), [(-9, -3), (-3, -3), (0, 0), (5, 5), (6, 5)])
def test_clamp(v: int, wanted: int) -> None:
    assert call("limited", v) == wanted


@pytest.mark.fuzz
@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_luma_is_the_rounded_weighted_mean(r: int, g: int, b: int) -> None:
    exact = (r * 299 + g * 587 + b * 114) / 1000
    found = call("gray", r, g, b)
    assert abs(found - exact) <= 0.5 + 255 / 65536
    assert call("gray", r, r, r) == r


def test_types_of_instances() -> None:
    assert FUNCTIONS["exp<f64>"].type is F64
    assert FUNCTIONS["exp<f32>"].type is ScalarType.F32
    assert FUNCTIONS["luma"].type is U8
