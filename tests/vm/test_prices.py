"""Prices at the edges: empty loops, odd steps, pictures of one pixel. Never below the count."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.vm.listings import encoded, framed
from vm import interp
from vm.verifier import VerifiedModule, verify

ENDS = ["const i32 0", "const i32 -3", "const i32 7", "dim src.width", "param n", "param m"]
STEPS = [1, 2, 3, 1000, (1 << 31) - 1]
SIZES = [(1, 1), (1, 5), (7, 1), (3, 4)]
PARAMETERS = "param n i32 low -5 high 12\nparam m i32 low 0 high 3"


def looped(start: str, stop: str, step: int) -> VerifiedModule:
    code = f"{start}\n{stop}\nfor l0 {step}\nget l0\nset l1\nend"
    return verify(encoded(framed(f"{PARAMETERS}\ncode\n{code}")))


def counted_and_price(
    module: VerifiedModule, size: tuple[int, int], n: int, m: int
) -> tuple[int, int]:
    width, height = size
    inputs = {"src": np.zeros((height, width), np.uint8)}
    counted = interp.run(module, "k", inputs, {"n": n, "m": m}).counted
    return counted, module.kernels["k"].cost.evaluate([width, height], [(n,), (m,)])


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("start", "stop"), list(itertools.product(ENDS, ENDS)))
def test_loops(start: str, stop: str, step: int) -> None:
    """Both ends are exact here, so the price is the count, where nothing else may be dearer."""
    module = looped(start, stop, step)
    for size, n, m in itertools.product(SIZES, (-5, 0, 12), (0, 3)):
        counted, price = counted_and_price(module, size, n, m)
        assert counted == price, (size, n, m)


@pytest.mark.parametrize("order", ["rows", "reverse", "columns"])
@pytest.mark.parametrize("lines", [0, 1, 16])
def test_scans(order: str, lines: int) -> None:
    read = f"carry.get c0 -1 -{lines}\nset l3\n"
    code = f"const bool false\nscan {order} l2 l0 l1 src.width src.height\n{read}"
    text = f"carry i32\ncode\n{code}const i32 1\ncarry.put c0\nend"
    module = verify(encoded(framed(f"{PARAMETERS}\n{text}")))
    for size in SIZES:
        counted, price = counted_and_price(module, size, 0, 0)
        assert counted == price


@pytest.mark.parametrize("reduction", ["sum i32", "max i32"])
def test_reductions(reduction: str) -> None:
    code = f"const i32 0\ndim src.width\nreduce {reduction} l0\nget l0\nend\nset l1"
    module = verify(encoded(framed(f"{PARAMETERS}\ncode\n{code}")))
    for size in SIZES:
        counted, price = counted_and_price(module, size, 0, 0)
        assert counted == price


def test_the_dearer_arm_is_paid() -> None:
    cheap, dear = "const i32 1\nset l1", "const i32 9\nconst i32 2\ndiv i32\nset l1"
    code = f"param n\nconst i32 0\ngt i32\nif\n{cheap}\nelse\n{dear}\nend"
    module = verify(encoded(framed(f"{PARAMETERS}\ncode\n{code}")))
    counts = [counted_and_price(module, (2, 2), n, 0) for n in (-1, 1)]
    assert counts[0][0] == counts[0][1] == counts[1][1]
    assert counts[1][0] < counts[1][1]


@pytest.mark.parametrize(
    ("start", "stop", "decide"),
    [
        ("const i32 0", "const i32 7", set()),
        ("const i32 0", "param n", {0}),
        ("const i32 0", "param m", {1}),
        ("param m", "param n", {0, 1}),
        ("param n", "dim src.width", {0}),
    ],
)
@pytest.mark.parametrize("step", [1, 3])
def test_a_price_names_the_parameters_that_decide_it(
    start: str, stop: str, decide: set[int], step: int
) -> None:
    """Within a trip count too; any of the others may be anything."""
    cost = looped(start, stop, step).kernels["k"].cost
    assert cost.parameters == decide
    for index in {0, 1} - decide:
        prices = {
            cost.evaluate([9, 9], [(value,) if i == index else (3,) for i in (0, 1)])
            for value in (-5, 0, 12)
        }
        assert len(prices) == 1
