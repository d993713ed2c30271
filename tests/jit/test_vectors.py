"""Every arithmetic instruction of every type on edge operands, all pairs, and on random ones.

Three answers are compared bit for bit: the interpreter's meaning, native code at every CPU level,
and an oracle of NumPy and Python integers that shares no code with either.
"""

from __future__ import annotations

import itertools
import os

import numpy as np
import pytest

from tests.counting import count
from tests.jit import inprocess, oracle
from tests.jit.oracle import Patterns
from tests.jit.test_arithmetic import forms, mapped, name_of, operand_types, result_type
from vm.bits import from_raw, to_raw
from vm.inputs import dtype_of
from vm.jit.lower import VECTOR_TARGETS
from vm.module import Immediate
from vm.opcodes import Op
from vm.scalar import MEANING, ArithmeticTrap
from vm.types import NUMBERS, ScalarType

RANDOM = 100_000 if os.environ.get("FUZZ_EXAMPLES") else 600
LEVELS = (
    ("x86-64-v2", 0, False),
    ("x86-64-v3", 0, False),
    ("x86-64-v4", 3, False),
    ("x86-64-v3", 0, True),
    ("x86-64-v4", 0, True),
)  # CPU level, blinding, whether in vectors
INTERPRETED = 4_000
Form = tuple[Op, tuple[Immediate, ...]]


@pytest.mark.parametrize("kind", sorted(NUMBERS, key=lambda kind: kind.code), ids=str)
def test_there_are_many_edges(kind: ScalarType) -> None:
    assert len(oracle.edges(kind)) == len(set(oracle.edges(kind))) >= 60


def operands(kinds: list[ScalarType], seed: int) -> list[Patterns]:
    """All combinations of edges, then random operands."""
    rows = np.array(list(itertools.product(*map(oracle.edges, kinds))), object)
    columns = []
    for index, kind in enumerate(kinds):
        edge = rows[:, index].astype(oracle.patterns_type(kind))
        columns.append(np.concatenate([edge, oracle.random_patterns(kind, RANDOM, seed + index)]))
    return columns


def raw_of(kind: ScalarType, pattern: int) -> int:
    """A bit pattern as the machine's modules write values."""
    if kind.is_signed and pattern > kind.maximum:
        return pattern - (1 << kind.bits)
    return pattern


def as_image(kind: ScalarType, column: Patterns) -> np.ndarray:
    stored = ScalarType.U8 if kind.is_bool else kind
    return column.view(dtype_of(stored))[None, :]


@pytest.mark.fuzz
@pytest.mark.parametrize("form", forms(), ids=name_of)
def test_three_answers_agree(form: Form) -> None:
    op, immediates = form
    kinds, result = operand_types(op, immediates), result_type(op, immediates)
    types = [each for each in immediates if isinstance(each, ScalarType)]
    columns = operands(kinds, seed=op.code)
    wanted, defined = oracle.expected(op, types, result, columns)
    check_meaning(form, columns, wanted, defined)
    good = [column[defined] for column in columns]
    inputs = {
        name: as_image(kind, column) for name, kind, column in zip("abc", kinds, good, strict=False)
    }
    kernel = mapped(op, immediates)
    for cpu, blind, in_vectors in LEVELS:
        if not inprocess.can_run(cpu):
            continue
        target = VECTOR_TARGETS[cpu] if in_vectors else None
        out = inprocess.Compiled(kernel, cpu, target, blind)(inputs)["out"][0]
        found = out.view(oracle.patterns_type(result))
        differing = np.nonzero(found != wanted[defined])[0]
        assert not len(differing), (cpu, [hex(column[differing[0]]) for column in good])
        count("arithmetic vectors, native", len(found))


def check_meaning(form: Form, columns: list[Patterns], wanted: Patterns, defined: Patterns) -> None:
    """The interpreter's function, on a spread of the operands; it traps where none is defined."""
    op, immediates = form
    kinds, result = operand_types(op, immediates), result_type(op, immediates)
    step = max(1, len(wanted) // INTERPRETED)
    for index in range(0, len(wanted), step):
        raws = [raw_of(kind, int(c[index])) for kind, c in zip(kinds, columns, strict=True)]
        numbers = [from_raw(kind, raw) for kind, raw in zip(kinds, raws, strict=True)]
        try:
            number = MEANING[op](*immediates, *numbers)
        except ArithmeticTrap:
            assert not defined[index], raws
            continue
        assert defined[index], raws
        assert to_raw(result, number) == raw_of(result, int(wanted[index])), raws
    count("arithmetic vectors, interpreted", len(range(0, len(wanted), step)))
