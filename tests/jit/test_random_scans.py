"""Random scans: the interpreter, scalar code and every vector form give the same bits, and none of
them reaches beyond the arena, which lies between pages that end the process.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import engines
from tests.conftest import FUZZ_EXAMPLES
from tests.counting import count
from tests.jit import inprocess
from tests.jit.guarded import ROOMS
from tests.jit.test_wavefront import LEVELS
from vm import codec
from vm.jit.lower import VECTOR_TARGETS
from vm.testing import lane_images, parameter_values, scan_modules
from vm.verifier import verify

EXAMPLES = settings(max_examples=FUZZ_EXAMPLES // 20 or 25)


@pytest.mark.fuzz
@EXAMPLES
@given(st.data(), st.sampled_from(LEVELS), st.sampled_from(ROOMS), st.integers(0, 3))
def test_random_scans_agree(data: st.DataObject, cpu: str, room: Any, blind: int) -> None:
    verified = verify(codec.encode(data.draw(scan_modules())))
    kernel = verified.kernels["k"]
    values = data.draw(parameter_values(kernel.kernel))
    inputs = data.draw(lane_images(kernel.kernel))
    wanted = engines.outcome(engines.interpret, verified, "k", inputs, values)
    for target in (None, VECTOR_TARGETS[cpu]):
        level = cpu if inprocess.can_run(cpu) else "x86-64-v2"
        made = inprocess.Compiled(kernel, level, target, blind, given=values, room=room)
        found = engines.outcome(lambda *_, made=made: made(inputs), verified, "k", inputs, values)
        engines.assert_same(wanted, found)
    count("random scans, interpreter = scalar = vectors")


@pytest.mark.fuzz
@EXAMPLES
@given(st.data())
def test_random_scans_agree_in_strict_children(data: st.DataObject) -> None:
    verified = verify(codec.encode(data.draw(scan_modules())))
    kernel = verified.kernels["k"].kernel
    values, inputs = data.draw(parameter_values(kernel)), data.draw(lane_images(kernel))
    wanted = engines.outcome(engines.interpret, verified, "k", inputs, values)
    engines.assert_same(wanted, engines.outcome(engines.native, verified, "k", inputs, values))
