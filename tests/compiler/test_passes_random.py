"""Random programs mean the same with all passes and with hardly any, traps and lines included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from compiler import ir, passes
from compiler.check.program import check_program
from compiler.diagnostics import CompileError
from compiler.passes.gather import gather
from compiler.passes.single import single
from compiler.pipeline import checked_bytes, module_of
from compiler.source import Source
from compiler.typed import TypedProgram
from tests.compiler import random_programs
from vm import interp
from vm.errors import OverLimit, Trap
from vm.verifier import VerifiedModule, verify

Passes = tuple[Callable[[ir.Kernel], ir.Kernel], ...]
FEW: Passes = (single, gather)
REFUSED = {"CPS0312"}
UNITS = 400_000


def checked(text: str) -> TypedProgram:
    """The typed tree; the rare program that is surely wrong is not an example."""
    try:
        return check_program(Source.from_text("random.cps", text))
    except CompileError as error:
        reject(error)


def reject(error: CompileError) -> NoReturn:
    """Give up an example that the checker refuses for a constant that cannot be right."""
    assert {each.code for each in error.diagnostics} <= REFUSED, error.render()
    assume(False)
    raise AssertionError


def compiled(program: TypedProgram, some: Passes) -> VerifiedModule:
    """The program after some passes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "PASSES", some)
        module = module_of(program, program.kernels)
    return verify(checked_bytes(module, program.kernels))


def outcome(verified: VerifiedModule, src: Any, n: int) -> object:
    """The output, or the trap's code and line."""
    try:
        result = interp.run(verified, "k", {"src": src}, {"n": n}, audit=True, limit_units=UNITS)
    except Trap as trap:
        return trap.code, trap.line
    except OverLimit:  # loops in loops in loops
        assume(False)
    return result.outputs["dst"].tolist()


@pytest.mark.fuzz
@pytest.mark.parametrize("programs", ["top_level", "mapped", "scanned"])
def test_passes_keep_the_meaning(programs: str) -> None:
    @given(getattr(random_programs, programs)(), st.integers(0, 4), st.integers(0, 2**32))
    def check(text: str, n: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        shape = random.integers(1, 5, 2)
        src = random.integers(-4, 9, shape).astype(np.int32)
        program = checked(text)
        few, all_ = compiled(program, FEW), compiled(program, passes.PASSES)
        assert outcome(few, src, n) == outcome(all_, src, n), text

    check()
