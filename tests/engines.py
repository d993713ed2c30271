"""The engines under test, each as one function from inputs to outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vm import interp
from vm.errors import SandboxUnavailable, Trap
from vm.inputs import Outputs
from vm.verifier import VerifiedModule

Images = Mapping[str, NDArray[Any]]
Engine = Callable[[VerifiedModule, str, Images, Mapping[str, object]], Outputs]
Outcome = tuple[str, Outputs | tuple[str, int]]


def interpret(
    verified: VerifiedModule,
    kernel: str,
    inputs: Images,
    parameters: Mapping[str, object],
    checked: bool = False,
) -> Outputs:
    """The reference interpreter."""
    return interp.run(verified, kernel, inputs, parameters, checked=checked).outputs


def native(
    verified: VerifiedModule,
    kernel: str,
    inputs: Images,
    parameters: Mapping[str, object],
    checked: bool = False,
) -> Outputs:
    """A strict child; the test is skipped where none can be had."""
    from vm.sandbox.runner import NativeRunner

    try:
        box = shared_box()
        with NativeRunner(verified, kernel, parameters, box=box, checked=checked) as runner:
            return runner.run(inputs)
    except SandboxUnavailable as reason:
        pytest.skip(str(reason))


_BOX: list[Any] = []


def shared_box() -> Any:
    """One warm compile box for the whole run; it goes with this process."""
    from vm.sandbox.box import CompileBox

    if not _BOX:
        _BOX.append(CompileBox())
    return _BOX[0]


def outcome(
    engine: Engine,
    verified: VerifiedModule,
    kernel: str,
    inputs: Images,
    parameters: Mapping[str, object],
) -> Outcome:
    """What a run ends in: its outputs, or the trap's code and instruction."""
    try:
        return "outputs", engine(verified, kernel, inputs, parameters)
    except Trap as trap:
        return "trap", (trap.code, trap.instruction)


def assert_same(left: Outcome, right: Outcome) -> None:
    """Both ended alike, bit for bit."""
    assert left[0] == right[0], (left, right)
    if not isinstance(left[1], Outputs) or not isinstance(right[1], Outputs):
        assert left[1] == right[1]
        return
    assert left[1].keys() == right[1].keys()
    assert repr(left[1].record) == repr(right[1].record)
    for name, image in left[1].items():
        other = right[1][name]
        assert image.dtype == other.dtype
        assert image.shape == other.shape
        if image.tobytes() != other.tobytes():
            where = np.argwhere(
                image.view(f"u{image.itemsize}") != other.view(f"u{other.itemsize}")
            )
            first = tuple(where[0])
            raise AssertionError(f"'{name}' differs at {first}: {image[first]} and {other[first]}")
