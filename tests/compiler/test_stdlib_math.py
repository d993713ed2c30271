"""std.math against mpmath: native code over many points, in units in the last place."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

from compiler.pipeline import compile_text
from tests.jit import inprocess
from vm import interp
from vm.verifier import VerifiedModule, verify

ONE: dict[str, tuple[Callable[..., Any], float]] = {
    "exp": (mpmath.exp, 1.0),
    "log": (mpmath.log, 1.0),
    "log2": (lambda v: mpmath.log(v, 2), 1.0),
    "log10": (mpmath.log10, 1.0),
    "cbrt": (lambda v: mpmath.sign(v) * mpmath.cbrt(abs(v)), 1.0),
    "sin": (mpmath.sin, 1.0),
    "cos": (mpmath.cos, 1.0),
    "tan": (mpmath.tan, 2.0),
    "atan": (mpmath.atan, 2.0),
}
TWO: dict[str, tuple[Callable[..., Any], float]] = {
    "pow": (mpmath.power, 1.0),
    "atan2": (mpmath.atan2, 2.0),
    "hypot": (mpmath.hypot, 1.0),
}


@cache
def module_of(name: str, type_: str) -> VerifiedModule:
    """Kernels that map a function over the pixels of one image, or of two."""
    second = f"in b: image<{type_}>(a.width, a.height), " if name in TWO else ""
    call = f"{name}(a[x, y], b[x, y])" if name in TWO else f"{name}(a[x, y])"
    text = (
        f"use std.math {{ {name} }};\n"
        f"kernel k(in a: image<{type_}>, {second}out dst: image<{type_}>(a.width, a.height)) {{\n"
        f"    map (x, y) in dst {{ dst[x, y] = {call}; }}\n}}\n"
    )
    return verify(compile_text(text).encoded)


def images(name: str, columns: tuple[NDArray[Any], ...]) -> dict[str, NDArray[Any]]:
    return {key: column[None, :] for key, column in zip("ab", columns, strict=False)}


def native(name: str, *columns: NDArray[Any]) -> NDArray[Any]:
    """The function of each of the points, in native code."""
    kind = "f64" if columns[0].dtype == np.float64 else "f32"
    kernel = module_of(name, kind).kernels["k"]
    return inprocess.run_kernel(kernel, images(name, columns), {})["dst"][0]


def error_in_ulps(found: float, exact: Any) -> float:
    """How far from exact, in units in the last place of the nearest float."""
    nearest = float(exact)
    if math.isinf(nearest) or math.isinf(found):
        largest = mpmath.mpf(math.ldexp(1.0, 1023)) * 2
        return 0.0 if found == nearest or abs(exact) > largest * (1 - 2**-53) else math.inf
    return float(abs(mpmath.mpf(found) - exact) / mpmath.mpf(math.ulp(nearest)))


def bits(seed: int, count: int) -> NDArray[np.float64]:
    """Finite floats of all sizes and both signs."""
    raw = np.random.default_rng(seed).integers(0, 1 << 64, count, np.uint64)
    values = raw.view(np.float64)
    return values[np.isfinite(values)]


def spread(seed: int, low: float, high: float, count: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(low, high, count)


def near(value: float, count: int = 20) -> list[float]:
    """A float and its neighbours."""
    (start,) = struct.unpack("<q", struct.pack("<d", value))
    steps = range(-count, count + 1)
    return [struct.unpack("<d", struct.pack("<q", start + step))[0] for step in steps]


def points(name: str) -> NDArray[np.float64]:
    """Where a function of one number is looked at."""
    everywhere = bits(1, 400)
    middle = np.concatenate([spread(2, -2, 2, 400), spread(3, -40, 40, 300)])
    turns = [v for k in range(1, 12) for v in near(k * math.pi / 4, 4)]
    special = {
        "exp": [*spread(4, -745, 709.7, 600), *near(709.782712893384, 3), *near(-708.4, 3)],
        "log": [*near(1.0, 60), *near(2.0), *near(math.sqrt(0.5)), *near(math.sqrt(2.0))],
        "sin": [*turns, *spread(5, -2e6, 2e6, 300), 1647099.0, 1647100.0, 6381956970095103.0 * 4],
        "cbrt": [*near(1.0), *near(8.0), *near(2.0), 5e-324, 1e-310],
        "atan": [*near(0.5), *near(1.0), *near(2.0)],
    }
    kin = {"log2": "log", "log10": "log", "cos": "sin", "tan": "sin"}
    found = np.concatenate([everywhere, middle, special[kin.get(name, name)]])
    return np.abs(found) if name.startswith("log") else found


def is_far_turn(name: str, v: float) -> bool:
    """Angles for which less is promised."""
    return name in ("sin", "cos", "tan") and abs(v) > 1647099.0


@pytest.mark.parametrize("name", ONE)
def test_functions_of_one_number(name: str) -> None:
    exact, promised = ONE[name]
    given = points(name)
    found = native(name, given)
    with mpmath.workprec(1400 if name in ("sin", "cos", "tan") else 160):
        for v, got in zip(given.tolist(), found.tolist(), strict=True):
            wanted = exact(mpmath.mpf(v))
            if is_far_turn(name, v):
                angle = mpmath.atan(got) - mpmath.atan(wanted) if name == "tan" else got - wanted
                assert abs(angle) <= 2**-51.5, v
                continue
            assert error_in_ulps(got, wanted) <= promised, (v, got)


def pairs(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where a function of two numbers is looked at."""
    a = np.concatenate([spread(6, 0, 5, 400), np.exp(spread(7, -40, 40, 400)), near(1.0, 60)])
    b = np.concatenate([spread(8, -40, 40, 400), spread(9, -17, 17, 400), near(1e10, 60)])
    if name != "pow":
        signs = np.where(np.arange(len(a)) % 2, 1.0, -1.0)
        rest = bits(10, 402)
        return np.concatenate([a * signs, rest[:200]]), np.concatenate([b, rest[-200:]])
    return a, b


@pytest.mark.parametrize("name", TWO)
def test_functions_of_two_numbers(name: str) -> None:
    exact, promised = TWO[name]
    a, b = pairs(name)
    found = native(name, a, b)
    with mpmath.workprec(300):
        for u, v, got in zip(a.tolist(), b.tolist(), found.tolist(), strict=True):
            wanted = exact(mpmath.mpf(u), mpmath.mpf(v))
            assert error_in_ulps(got, wanted) <= promised, (u, v, got)


SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, -2.0, -3.0, 1e308, 5e-324, math.inf, -math.inf,
           math.nan]  # fmt: skip


@pytest.mark.parametrize("name", [*ONE, *TWO])
def test_special_values_are_those_of_c99(name: str) -> None:
    pairs_ = [(u, v) for u in SPECIAL for v in (SPECIAL if name in TWO else [0.0])]
    columns = [np.array(column) for column in zip(*pairs_, strict=True)]
    found = native(name, *columns[: 2 if name in TWO else 1])
    for (u, v), got in zip(pairs_, found.tolist(), strict=True):
        wanted = reference(name, u, v)
        assert (got != got) == (wanted != wanted), (u, v, got)
        if wanted == wanted and (wanted == 0 or math.isinf(wanted)):
            assert got == wanted, (u, v, got)
            assert math.copysign(1, got) == math.copysign(1, wanted), (u, v)


def reference(name: str, u: float, v: float) -> float:
    """What NumPy's, which follow C99, say."""
    function = {"pow": np.float_power, "atan2": np.arctan2, "atan": np.arctan}.get(name)
    with np.errstate(all="ignore"):
        function = function or getattr(np, name)
        return float(function(u, v) if name in TWO else function(u))


@pytest.mark.parametrize("name", [*ONE, *TWO])
def test_f32_is_computed_in_f64(name: str) -> None:
    with np.errstate(over="ignore"):
        given = [column[:200].astype(np.float32) for column in arguments(name)]
        wide = native(name, *[column.astype(np.float64) for column in given])
        assert np.array_equal(native(name, *given), wide.astype(np.float32), equal_nan=True)


def arguments(name: str) -> tuple[NDArray[np.float64], ...]:
    with np.errstate(over="ignore"):
        return pairs(name) if name in TWO else (points(name),)


@pytest.mark.parametrize("name", [*ONE, *TWO])
def test_the_interpreter_gives_the_same_bits(name: str) -> None:
    given = tuple(column[::40] for column in arguments(name))
    inputs = images(name, given)
    found = interp.run(module_of(name, "f64"), "k", inputs, {}).outputs["dst"][0]
    assert found.tobytes() == native(name, *given).tobytes()
