"""Parameter grids, deadlines, folders' names: what a study's words mean."""

from __future__ import annotations

import pytest

from compiler.pipeline import compile_text
from cpushare.buyer.grid import axes_from, axes_of, sets_of
from cpushare.buyer.output import LABEL_CHARACTERS, labels_of
from cpushare.buyer.study import read_deadline, terms_of
from vm import parameters
from vm.errors import Refused
from vm.module import Kernel

TEXT = """kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height),
    param a: i32 in 0..=255 = 7, param f: f64 = 0.5, param w: [i32; 2] = [1, 2],
    param on: bool = false) {
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}
"""


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return compile_text(TEXT).verified.kernels["k"].kernel


def named(kernel: Kernel, *grids: str, pairs: tuple[str, ...] = ()) -> list[dict[str, object]]:
    sets = sets_of(kernel, axes_of(kernel, pairs, grids))
    return [parameters.by_name(kernel, values) for values in sets]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a=1,2,9", [1, 2, 9]),
        ("a=0..255:4", [0, 85, 170, 255]),
        ("a=3..6", [3, 4, 5, 6]),
        ("f=0..1:5", [0.0, 0.25, 0.5, 0.75, 1.0]),
        ("f=-1e-3..0.1:2", [-1e-3, 0.1]),
        ("w=7,3;5,1", [[7, 3], [5, 1]]),
        ("on=true,false", [True, False]),
        ("a=5,5,0x05", [5]),
    ],
)
def test_an_axis(kernel: Kernel, text: str, values: list[object]) -> None:
    name = text.partition("=")[0]
    assert [each[name] for each in named(kernel, text)] == values


def test_every_combination_the_first_parameter_last(kernel: Kernel) -> None:
    found = named(kernel, "f=1,2", "a=1,2", pairs=("w=4,5",))
    assert [(each["a"], each["f"]) for each in found] == [(1, 1.0), (1, 2.0), (2, 1.0), (2, 2.0)]
    assert {tuple(each["w"]) for each in found} == {(4, 5)}  # type: ignore[arg-type]
    assert named(kernel) == [{"a": 7, "f": 0.5, "w": [1, 2], "on": False}]


@pytest.mark.parametrize(
    "text",
    ["a", "b=1", "a=x", "a=0..10:4", "a=9..1", "a=0..10:1", "f=0..1", "a=300", "on=true..false:2",
     "a=0..999999999", "w=1,2,3", "a="],
)  # fmt: skip
def test_what_is_no_axis_is_refused(kernel: Kernel, text: str) -> None:
    with pytest.raises(Refused):
        named(kernel, text)


def test_a_files_values_are_one_or_several(kernel: Kernel) -> None:
    given = {"a": "1..2", "f": 2, "w": [3, 4], "on": [True, False]}
    assert axes_from(kernel, given) == {
        "a": [1, 2],
        "f": [2],
        "w": [[3, 4]],
        "on": [True, False],
    }
    assert axes_from(kernel, {"w": [[3, 4], [5, 6]]}) == {"w": [[3, 4], [5, 6]]}
    with pytest.raises(Refused, match="no parameter 'z'"):
        axes_from(kernel, {"z": 1})


def test_folders_say_what_varies(kernel: Kernel) -> None:
    assert labels_of(named(kernel, "a=1,2", "w=1,2;3,4")) == [
        "a=1,w=1_2",
        "a=1,w=3_4",
        "a=2,w=1_2",
        "a=2,w=3_4",
    ]
    assert labels_of(named(kernel, "on=true,false")) == ["on=true", "on=false"]
    long = [{"w": [k] * LABEL_CHARACTERS} for k in range(12)]
    assert labels_of(long)[0] == "p00"  # type: ignore[arg-type]
    assert len(set(labels_of(long))) == 12  # type: ignore[arg-type]


def test_a_deadline_is_a_span_or_a_time() -> None:
    assert read_deadline("90m", 1000.0) == 1000.0 + 5400
    assert read_deadline("2d", 0.0) == 2 * 86400
    assert read_deadline("2026-05-01 18:00+00:00", 0.0) == 1777658400.0
    with pytest.raises(Refused, match="deadline"):
        read_deadline("soon", 0.0)


def test_terms_that_are_missing_are_named() -> None:
    assert terms_of(5, "0.25", None).budget == 250_000
    for price, budget, trust, word in (
        (None, "1", None, "--price"),
        (5, None, None, "--budget"),
        (5, "1", "blind", "trust is one of"),
    ):
        with pytest.raises(Refused, match=word):
            terms_of(price, budget, trust)
