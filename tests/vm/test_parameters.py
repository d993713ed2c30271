"""Parameter values: what is refused, what is canonical, what survives a journey as bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vm import parameters
from vm.bits import float_to_bits
from vm.errors import Refused
from vm.module import Kernel, Parameter
from vm.testing.signature import random_signature
from vm.testing.values import random_parameters, seeds
from vm.types import ScalarType

F32, I32, U8, BOOL = ScalarType.F32, ScalarType.I32, ScalarType.U32, ScalarType.BOOL
KERNEL = Kernel(
    "k",
    parameters=(
        Parameter("amount", I32, 0, -5, 5, (1,)),
        Parameter("gain", F32),
        Parameter("weights", I32, 3, 0, 9, (1, 2, 3)),
        Parameter("on", BOOL, default=(0,)),
    ),
)


def resolve(**values: object) -> parameters.ParameterValues:
    return parameters.resolve(KERNEL, {"gain": 1.0, **values})


def test_defaults_stand_in() -> None:
    assert resolve() == ((1,), (float_to_bits(F32, 1.0),), (1, 2, 3), (0,))


@pytest.mark.parametrize("amount", [-5, 5, 5.0, np.int64(5), np.uint8(5)])
def test_the_ends_of_a_range_belong_to_it(amount: object) -> None:
    assert abs(resolve(amount=amount)[0][0]) == 5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"amount": 6}, "out of its range -5..=5"),
        ({"amount": -6}, "out of its range"),
        ({"amount": 1.5}, "takes a whole number"),
        ({"amount": True}, "takes a i32"),
        ({"amount": "1"}, "takes a i32"),
        ({"amount": [1]}, "takes a i32"),
        ({"gain": float("nan")}, "cannot be NaN"),
        ({"gain": 1e300}, "too large for f32"),
        ({"gain": 10**400}, "too large for f32"),
        ({"weights": [1, 2]}, "takes 3 numbers, not 2"),
        ({"weights": 1}, "takes 3 numbers"),
        ({"weights": "123"}, "takes 3 numbers"),
        ({"weights": [1, 2, 10]}, "out of its range"),
        ({"on": 1}, "takes a bool"),
        ({"amuont": 1}, "has no parameter 'amuont'"),
    ],
)
def test_what_does_not_fit_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(Refused, match=message):
        resolve(**values)


def test_a_missing_value_is_refused() -> None:
    with pytest.raises(Refused, match="'gain' must be given"):
        parameters.resolve(KERNEL, {})


def test_zeros_are_kept_apart_and_infinities_kept() -> None:
    assert resolve(gain=-0.0) != resolve(gain=0.0)
    assert resolve(gain=float("-inf"))[1] == (0xFF800000,)


@given(seeds())
def test_bytes_keep_the_values(rng: object) -> None:
    from random import Random

    assert isinstance(rng, Random)
    kernel = Kernel("k", parameters=tuple(random_signature(rng).parameters))
    values = parameters.resolve(kernel, random_parameters(rng, kernel))
    data = parameters.to_bytes(kernel, values)
    assert parameters.from_bytes(kernel, data) == values
    assert len(data) == 8 * sum(map(len, values))


@given(st.binary(max_size=64) | st.binary(min_size=48, max_size=48))
def test_any_bytes_end_in_values_or_refused(data: bytes) -> None:
    try:
        values = parameters.from_bytes(KERNEL, data)
    except Refused:
        return
    assert parameters.to_bytes(KERNEL, values) == data
