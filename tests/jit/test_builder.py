"""The limits of what is written: at them, and one beyond."""

from __future__ import annotations

import pytest

from vm.errors import OverLimit
from vm.jit import builder
from vm.jit.builder import Builder


def test_a_block_holds_its_limit_and_no_more() -> None:
    build = Builder()
    for _ in range(builder.BLOCK_INSTRUCTIONS):
        build.emit("nop")
    with pytest.raises(OverLimit):
        build.emit("nop")


def test_a_function_holds_its_limit_and_no_more() -> None:
    build = Builder()
    for number in range(builder.IR_INSTRUCTIONS):
        if number % 1000 == 0:
            build.start(build.label())
        build.emit("nop")
    build.start(build.label())
    with pytest.raises(OverLimit):
        build.emit("nop")


def test_a_trial_leaves_no_trace() -> None:
    build = Builder()
    build.emit("kept")
    mark = build.mark()
    build.start(build.label())
    build.unlikely("%ok", 7)
    build.rewind(mark)
    assert (build.lines, build.cold, build.count, build.block) == (["  kept"], [], 1, "entry")
