"""Holes that were found in other verifiers and compilers, as programs of this machine.

Each computes an index that a mistaken proof would take for one inside. None may be proved, and
with the values that broke the others each ends in a trap, in the interpreter and in native code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.counting import count
from tests.jit import inprocess
from tests.vm.listings import encoded, framed
from vm import interp
from vm.errors import Trap
from vm.verifier import VerifiedModule, verify

TABLE = "array i32[16]\n  data 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n"
BIG = 1 << 32


@dataclass(frozen=True)
class Hole:
    """A program that ends with `elem.get`, and parameters for which the index is outside."""

    name: str
    header: str
    code: str
    parameters: dict[str, object] = field(default_factory=dict)


HOLES = [
    Hole(
        "CVE-2020-8835: 32-bit bounds from those of 64 bits",
        "param p i64 low 0 high 4294967296",
        "param p\nwrap i64 i32\nconst i32 1\nsub i32",
        {"p": BIG},
    ),
    Hole(
        "CVE-2020-8835: a wrapped value is not what it was compared as",
        f"param p i64 low 0 high {(1 << 33) - 1}\nlocals i32 i64",
        "param p\nset l1\nget l1\nwrap i64 i32",
        {"p": (1 << 32) - 1},
    ),
    Hole(
        "CVE-2021-3490: bounds of bitwise operations",
        "param p i32\nparam q i32",
        "param p\nparam q\nxor i32\nconst i32 15\nor i32",
        {"p": 16, "q": 0},
    ),
    Hole(
        "CVE-2021-3490: and with what may be negative",
        "param p i32 low -8 high 15\nparam q i32 low -8 high 15",
        "param p\nparam q\nand i32",
        {"p": -1, "q": -1},
    ),
    Hole(
        "CVE-2017-16995: a sign that is extended here and not there",
        "param p u32",
        "param p\nwrap u32 i32",
        {"p": 0xFFFFFFFF},
    ),
    Hole(
        "CVE-2017-16995: minus one as an unsigned number",
        "param p i32 low -1 high 15",
        "param p\nwrap i32 u32\nwrap u32 i32",
        {"p": -1},
    ),
    Hole(
        "CVE-2023-2163: a path that was thought to be explored",
        "param p i32",
        "const i32 0\nset l0\nparam p\nconst i32 16\nlt i32\nif\n  param p\n  set l0\nelse\n"
        "  param p\n  set l0\nend\nget l0",
        {"p": 16},
    ),
    Hole(
        "CVE-2023-2163: a condition holds in its arm alone",
        "param p i32",
        "param p\nset l0\nparam p\nconst i32 0\nge i32\nif\n  const i32 0\n  set l1\nend\nget l0",
        {"p": -5},
    ),
    Hole(
        "CVE-2024-41003: both sides of a comparison are refined, and one is assigned again",
        'param p i32\ntext "small"',
        "const i32 3\nset l0\nget l0\nconst i32 16\nlt i32\nparam p\nset l0\nrequire t0\nget l0",
        {"p": 99},
    ),
    Hole(
        "CVE-2024-41003: equal to what may be anything",
        'param p i32\nparam q i32\ntext "equal"',
        "param p\nparam q\neq i32\nrequire t0\nparam p",
        {"p": 77, "q": 77},
    ),
    Hole(
        "unequal to the end says nothing of what is beyond it",
        'param p i32 low 0 high 100\ntext "unequal"',
        "param p\nconst i32 16\nne i32\nrequire t0\nparam p",
        {"p": 17},
    ),
    Hole(
        "a requirement in one arm of an or",
        'param p i32 low 0 high 100\ntext "small"',
        "param p\nconst i32 16\nlt i32\nparam p\nconst i32 50\ngt i32\nor bool\nrequire t0\n"
        "param p",
        {"p": 60},
    ),
    Hole(
        "a requirement in a loop",
        'param p i32 low 0 high 100\ntext "small"',
        "const i32 0\nconst i32 0\nfor l0 1\n  param p\n  const i32 16\n  lt i32\n"
        "  require t0\nend\nparam p",
        {"p": 16},
    ),
    Hole(
        "|MIN| is negative",
        "param p i32",
        "param p\nabs i32\nconst i32 15\nmin i32",
        {"p": -(1 << 31)},
    ),
    Hole(
        "-MIN is MIN",
        "param p i32 low -2147483648 high 0",
        "param p\nneg i32\nconst i32 15\nmin i32",
        {"p": -(1 << 31)},
    ),
    Hole(
        "the remainder has the sign of the dividend",
        "param p i32",
        "param p\nconst i32 16\nrem i32",
        {"p": -3},
    ),
    Hole(
        "MIN / -1",
        "param p i32\nparam q i32 low -1 high -1",
        "param p\nparam q\ndiv i32\nconst i32 15\nmin i32",
        {"p": -(1 << 31), "q": -1},
    ),
    Hole(
        "a shift by the width is a shift by nothing",
        "param p i32 low 0 high 64\nparam q i32 low 16 high 16",
        "param q\nparam p\nshr i32",
        {"p": 32, "q": 16},
    ),
    Hole(
        "a shift into the sign",
        "param p i32 low 0 high 31",
        "const i32 1\nparam p\nshl i32\nconst i32 15\nmin i32",
        {"p": 31},
    ),
    Hole(
        "a product that wraps",
        "param p i32 low 0 high 65536",
        "param p\nparam p\nmul i32\nconst i32 -1\nadd i32\nconst i32 15\nmin i32",
        {"p": 65536},
    ),
    Hole(
        "a difference of sizes",
        "",
        "dim src.width\ndim src.height\nsub i32\nconst i32 15\nmin i32",
    ),
    Hole(
        "a sum over pixels that wraps",
        "param p i32 low 0 high 2147483647",
        "const i32 0\nconst i32 2\nreduce sum i32 l0\n  param p\nend\nconst i32 15\nmin i32",
        {"p": (1 << 31) - 1},
    ),
    Hole(
        "a claim that a wrapped step would keep",
        "",
        "const i32 0\nset l2\nconst i32 0\nconst i32 8\nfor l0 1\n  get l2\n"
        "  const i32 2147483647\n  add i32\n  set l2\nend\nget l2\nconst i32 15\nmin i32",
    ),
    Hole(
        "a float that is no number",
        "param p f32",
        "param p\nsqrt f32\nconvert f32 i32\nconst i32 -1\nadd i32\nconst i32 15\nmin i32",
        {"p": -1.0},
    ),
    Hole(
        "a float that is larger than all integers",
        "param p f64",
        "param p\nconvert f64 i32",
        {"p": 1e300},
    ),
    Hole(
        "CVE-2021-32629: a negative index from memory is extended as it is",
        "param p i32[2]\narray i32[2] param #0",
        "const i32 1\nelem.get a0\nconst i32 1\nsub i32",
        {"p": [0, 0]},
    ),
]


def module(hole: Hole) -> VerifiedModule:
    """The program, whose table is the last of its arrays."""
    table = "a1" if "array" in hole.header else "a0"
    header = f"{hole.header}\n{TABLE}".strip()
    return verify(encoded(framed(f"{header}\ncode\n{hole.code}\nelem.get {table}\nset l0")))


@pytest.mark.parametrize("hole", HOLES, ids=lambda hole: hole.name)
def test_it_is_not_proved_and_traps(hole: Hole) -> None:
    verified = module(hole)
    kernel = verified.kernels["k"]
    last = len(kernel.kernel.code) - 2
    assert last in kernel.facts.checked
    inputs = {"src": np.zeros((7, 3), np.uint8)}
    runs: list[Callable[[], object]] = [
        lambda: interp.run(verified, "k", inputs, hole.parameters, audit=True),
        lambda: inprocess.run_kernel(kernel, inputs, hole.parameters, 0),
        lambda: inprocess.run_kernel(kernel, inputs, hole.parameters, 3),
    ]
    for run in runs:
        with pytest.raises(Trap) as caught:
            run()
        assert (caught.value.code, caught.value.instruction) == ("element-outside", last)
    count("known holes, shut")
