"""Division by vectors through binary32, and what narrow lanes conclude from comparisons: against
Python's integers, all of them at small widths.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.counting import count
from tests.jit import inprocess, oracle
from tests.vm.listings import encoded, framed
from vm.inputs import dtype_of
from vm.jit.lower import VECTOR_TARGETS, lower, narrow
from vm.jit.lower.division import FLOAT_EXACT
from vm.opcodes import Op
from vm.parameters import resolve
from vm.scalar import MEANING
from vm.types import ScalarType
from vm.verifier import VerifiedKernel, verify

I32, U32 = ScalarType.I32, ScalarType.U32
CPU = "x86-64-v2"
DIVISIONS = sorted(oracle.DIVISIONS, key=lambda op: op.code)
COMPARISONS = (Op.EQ, Op.NE, Op.LT, Op.LE)
ROW = 600


def divided(op: Op, kind: ScalarType, most: int, sign: int) -> VerifiedKernel:
    """A scan that divides numbers by numbers of 1 to `most`, or of the other sign; the greatest of
    both together are as great as they may be.
    """
    high = FLOAT_EXACT - 1 - most
    low = -high if kind.is_signed else 0
    divisor = (1, most) if sign > 0 else (-most, -1)
    code = ""
    for image, (least, greatest) in (("a", (low, high)), ("b", divisor)):
        code += f"own {image} 0\nconst {kind} {least}\nmax {kind}\nconst {kind} {greatest}\n"
        code += f"min {kind}\n"
    images = "".join(f"image {name} in {kind} 1 #0 #1\n" for name in "ab")
    scan = "const bool false\nscan rows l2 l0 l1 a.width a.height\n"
    out = f"image dst out {kind} 1 #0 #1\n"
    text = f"{images}{out}code\n{scan}{code}{op.mnemonic} {kind}\nput dst 0\nend\n"
    return verify(encoded(framed(text))).kernels["k"]


def small_pairs(sign: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All numbers of up to eight bits by all of up to six."""
    a, b = np.meshgrid(np.arange(-255, 256), np.arange(1, 64))
    return a.ravel(), sign * b.ravel()


def large_pairs(most: int, sign: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers at and beside multiples of their divisors, up to the greatest."""
    rng = np.random.default_rng(most)
    high = FLOAT_EXACT - 1 - most
    b = np.concatenate([rng.integers(1, most + 1, 6_000), np.full(2_000, most), np.arange(1, 1001)])
    a = rng.integers(0, high // b + 1) * b + rng.integers(-1, 2, b.size)
    a[::7] = high - rng.integers(0, 3, a[::7].size)
    a[::3] *= -1
    return np.clip(a, -high, high), sign * np.minimum(b, most)


@pytest.mark.parametrize("op", DIVISIONS, ids=lambda op: op.mnemonic)
@pytest.mark.parametrize(("kind", "sign"), [(I32, 1), (I32, -1), (U32, 1)], ids=str)
def test_division_through_floats_is_exact(op: Op, kind: ScalarType, sign: int) -> None:
    for most in (63, 4_095, 65_535, FLOAT_EXACT // 2, FLOAT_EXACT - 600):
        kernel = divided(op, kind, most, sign)
        forms = lower(kernel, resolve(kernel.kernel, {}), target=VECTOR_TARGETS[CPU]).forms
        assert {form.name for form in forms.values()} == {"wavefront"}
        vector = inprocess.Compiled(kernel, CPU, VECTOR_TARGETS[CPU])
        pairs = [large_pairs(most, sign)] + ([small_pairs(sign)] if most == 63 else [])
        for a, b in pairs:
            size = a.size // ROW * ROW
            stored = [np.abs(a) if not kind.is_signed else a, b]
            given = [column[:size].astype(dtype_of(kind)).reshape(-1, ROW) for column in stored]
            found = vector({"a": given[0], "b": given[1]})["dst"]
            columns = [column.reshape(-1).view(oracle.patterns_type(kind)) for column in given]
            wanted, _ = oracle.expected(op, [kind], kind, columns)
            assert (found.reshape(-1).view(wanted.dtype) == wanted).all(), most
            count("vector divisions", size)


def test_too_large_numbers_are_not_divided_by_vectors() -> None:
    text = "const bool false\nscan rows l2 l0 l1 src.width src.height\n"
    text += "own src 0\nown src 0\nconst i32 1\nmax i32\nconst i32 9\nmin i32\ndiv i32\n"
    text += "put dst 0\nend\n"
    images = "image src in i32 1 #0 #1\nimage dst out i32 1 #0 #1\n"
    kernel = verify(encoded(framed(f"{images}code\n{text}"))).kernels["k"]
    (form,) = lower(kernel, resolve(kernel.kernel, {}), target=VECTOR_TARGETS[CPU]).forms.values()
    assert form.name == "scalar"
    assert "too large" in form.why


INTERVALS = [(low, high) for low in range(-3, 4) for high in range(low, 4)]


@pytest.mark.parametrize("op", COMPARISONS, ids=lambda op: op.mnemonic)
def test_what_comparisons_decide_and_teach(op: Op) -> None:
    """For all pairs of small intervals: decided only if all numbers agree; and no number for which
    a comparison comes out so is ever excluded by what is learned from it.
    """
    for a, b in product(INTERVALS, INTERVALS):
        numbers = list(product(range(a[0], a[1] + 1), range(b[0], b[1] + 1)))
        outcomes = {bool(MEANING[op](I32, x, y)) for x, y in numbers}
        decided = narrow._decide(op, narrow._Cell(I32, *a), narrow._Cell(I32, *b))
        assert decided is None or outcomes == {decided}, (a, b)
        if op not in (Op.EQ, Op.NE):
            assert decided is not None or outcomes == {True, False}, (a, b)
        for outcome in (True, False):
            left, right = narrow._Cell(I32, *a), narrow._Cell(I32, *b)
            kept = [pair for pair in numbers if bool(MEANING[op](I32, *pair)) is outcome]
            try:
                narrow._learn(op, left, right, outcome)
            except narrow._ImpossibleError:
                assert not kept, (a, b, outcome)
                continue
            for x, y in kept:
                assert left.low <= x <= left.high, (a, b, outcome)
                assert right.low <= y <= right.high, (a, b, outcome)
    count("comparisons of intervals", len(INTERVALS) ** 2)
