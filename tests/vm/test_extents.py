"""Dimensions: equal sizes demanded, computed ones exact, impossible ones refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vm import extents, limits, parameters
from vm.errors import OverLimit, Refused
from vm.module import Dimension, ExtentOp, ExtentTerm, Image, Kernel, Parameter, Role
from vm.types import ScalarType

U8, I32 = ScalarType.U8, ScalarType.I32
SRC = Image("src", Role.IN, U8, 1, 0, 1)
DST = Image("dst", Role.OUT, U8, 1, 0, 1)


def term(word: str | int) -> ExtentTerm:
    """`w`, `h`, `p`, an operation or a number."""
    if isinstance(word, int):
        return ExtentTerm(ExtentOp.CONST, word)
    places = {
        "w": (ExtentOp.DIMENSION, 0),
        "h": (ExtentOp.DIMENSION, 1),
        "p": (ExtentOp.PARAMETER, 0),
    }
    return ExtentTerm(*places[word]) if word in places else ExtentTerm(ExtentOp(word))


def computed(*words: str | int) -> Kernel:
    """A kernel whose out image is as wide as the words say."""
    extent = Dimension(tuple(map(term, words)))
    out = Image("dst", Role.OUT, U8, 1, 2, 1)
    parameter = Parameter("p", I32, default=(3,))
    return Kernel("k", (Dimension(), Dimension(), extent), (SRC, out), (parameter,))


def width(kernel: Kernel, size: tuple[int, int] = (7, 5), p: int = 3) -> int:
    values = parameters.resolve(kernel, {"p": p})
    return extents.resolve(kernel, {"src": size}, values)[2]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["w", "h", "add"], 12),
        (["w", "h", "sub"], 2),
        (["w", "p", "mul"], 21),
        (["w", 2, "div_floor"], 3),
        (["w", -1, "mul", 2, "div_floor", 5, "add"], 1),
        (["w", "h", "min"], 5),
        (["w", "h", "max"], 7),
        ([9], 9),
        (["w", "h", "p", "sub", "mul"], 14),
        ([1 << 61, 1 << 61, "mul", 1 << 62, "div_floor", 1 << 59, "div_floor"], 2),
    ],
)
def test_computed_dimensions(words: list[str | int], wanted: int) -> None:
    assert width(computed(*words)) == wanted


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["w", "w", "sub"], "would be 0; it must be 1 or more"),
        (["w", 8, "sub"], "would be -1"),
        (["w", "w", "w", "sub", "div_floor"], "divides by zero"),
    ],
)
def test_impossible_dimensions_are_refused(words: list[str | int], message: str) -> None:
    with pytest.raises(Refused, match=message):
        width(computed(*words))


def test_axes_at_and_above_the_limit() -> None:
    assert width(computed(limits.AXIS_PIXELS)) == limits.AXIS_PIXELS
    with pytest.raises(OverLimit, match=str(limits.AXIS_PIXELS + 1)):
        width(computed(limits.AXIS_PIXELS + 1))


def test_pixels_at_and_above_the_limit() -> None:
    rows = limits.IMAGE_PIXELS // limits.AXIS_PIXELS
    assert width(computed(limits.AXIS_PIXELS), (1, rows)) == limits.AXIS_PIXELS
    with pytest.raises(OverLimit, match="pixels an image"):
        width(computed(limits.AXIS_PIXELS), (1, rows + 1))


def test_shared_dimensions_demand_equal_sizes() -> None:
    other = Image("mask", Role.IN, U8, 1, 0, 1)
    kernel = Kernel("k", (Dimension(), Dimension()), (SRC, other, DST))
    assert extents.resolve(kernel, {"src": (3, 4), "mask": (3, 4)}, ()) == (3, 4)
    with pytest.raises(Refused, match="height of 'mask' is 5, but must equal the height of 'src'"):
        extents.resolve(kernel, {"src": (3, 4), "mask": (3, 5)}, ())


@pytest.mark.parametrize(
    ("sizes", "message"),
    [({}, "needs the image 'src'"), ({"src": (1, 1), "scr": (1, 1)}, "takes no image 'scr'")],
)
def test_missing_and_unknown_images(sizes: dict[str, tuple[int, int]], message: str) -> None:
    kernel = Kernel("k", (Dimension(), Dimension()), (SRC, DST))
    with pytest.raises(Refused, match=message):
        extents.resolve(kernel, sizes, ())


@given(st.lists(st.sampled_from(["w", "h", "p", 0, 2, -3]), min_size=2, max_size=9), st.data())
def test_any_expression_ends_in_sizes_or_an_error(
    leaves: list[str | int], data: st.DataObject
) -> None:
    ops = ["add", "sub", "mul", "div_floor", "min", "max"]
    words: list[str | int] = [leaves[0]]
    for leaf in leaves[1:]:
        words += [leaf, data.draw(st.sampled_from(ops))]
    try:
        found = width(computed(*words))
    except (Refused, OverLimit):
        return
    assert 1 <= found <= limits.AXIS_PIXELS
