"""Arithmetic, lowered, with operands that are known when it is compiled, and where it traps.

The operands come from images, so that nothing is folded on the way; results are compared bit
for bit, NaN as the one NaN.
"""

from __future__ import annotations

import random

import numpy as np
import pytest
from msgspec.structs import replace

from tests.jit import inprocess
from tests.vm.build import check_kernel
from vm import scalar
from vm.bits import INFINITY_BITS, from_raw, to_raw
from vm.errors import Trap
from vm.inputs import dtype_of
from vm.jit.lower import lower
from vm.module import Border, Dimension, Image, Immediate, Instruction, Kernel, Parameter, Role
from vm.opcodes import Imm, Op
from vm.scalar import ARITHMETIC, MEANING
from vm.types import ALL, COMPUTE_INTEGERS, ScalarType
from vm.verifier import VerifiedKernel
from vm.verifier.instructions import is_conversion

I32, BOOL, U8 = ScalarType.I32, ScalarType.BOOL, ScalarType.U8
DIVISIONS = (Op.DIV, Op.REM, Op.DIV_FLOOR, Op.MOD_FLOOR, Op.DIV_ROUND)
CPUS = ("x86-64-v2", "x86-64-v4")


def edges(kind: ScalarType) -> list[int]:
    """Raw values worth trying."""
    rng = random.Random(kind.label)
    if kind.is_float:
        sign, infinity = 1 << (kind.bits - 1), INFINITY_BITS[kind]
        numbers = [0.5, 1.0, 1.5, 2.5, 3.0, 0.49999997, 255.0, 2147483648.0, 4294967296.0, 1e-40]
        numbers += [2147483520.0, 9223372036854775808.0, 1.8446744073709552e19, 16777217.0, 7e37]
        raws = [0, 1, infinity, infinity - 1, infinity | 1 << (kind.bits - 12)]
        raws += [to_raw(kind, n) for n in numbers]
        raws += [rng.getrandbits(kind.bits - 1) for _ in range(8)]
        return [value for raw in raws for value in (raw, raw | sign)]
    if kind.is_bool:
        return [0, 1]
    low, high = kind.minimum, kind.maximum
    near = [low, low + 1, low // 2, -17, -8, -7, -3, -2, -1, 0, 1, 2, 3, 7, 8, 16, 31, 63, 64]
    near += [100, high // 2, high - 1, high]
    wide = [rng.randint(low, high) for _ in range(6)]
    return [value for value in dict.fromkeys(near + wide) if low <= value <= high]


def pixels(kind: ScalarType, raws: list[int]) -> np.ndarray:
    """Raw values as an image of one line."""
    stored = U8 if kind.is_bool else kind
    if stored.is_float:
        return np.array([raws], f"<u{stored.size_bytes}").view(dtype_of(stored))
    return np.array([raws], dtype_of(stored))


def stored_type(kind: ScalarType) -> ScalarType:
    """The type of pixels that hold values of a type."""
    return U8 if kind.is_bool else kind


def result_type(op: Op, immediates: tuple[Immediate, ...]) -> ScalarType:
    """What the instruction pushes."""
    if op.pushes == ("bool",):
        return BOOL
    result = immediates[-1]
    assert isinstance(result, ScalarType)
    return result


def operand_types(op: Op, immediates: tuple[Immediate, ...]) -> list[ScalarType]:
    """What the instruction pops."""
    first, last = immediates[0], immediates[-1]
    assert isinstance(first, ScalarType)
    assert isinstance(last, ScalarType)
    words = {"T": last, "S": first, "bool": BOOL}
    return [words[word] for word in op.pops]


def mapped(op: Op, immediates: tuple[Immediate, ...], known: int | None = None) -> VerifiedKernel:
    """out[x] = op(a[x], b[x], …); the last operand is the constant `known` if that is given."""
    operands = operand_types(op, immediates)
    result = result_type(op, immediates)
    images = [
        Image(name, Role.IN, stored_type(kind), 1, 0, 1)
        for name, kind in zip("abc", operands, strict=False)
    ]
    code = [Instruction(Op.MAP, (0, 1, 0, 1))]
    for index, kind in enumerate(operands):
        if known is not None and index == len(operands) - 1:
            code.append(Instruction(Op.CONST, (kind, known)))
            continue
        code += [Instruction(Op.GET, (0,)), Instruction(Op.GET, (1,))]
        code.append(Instruction(Op.LOAD, (index, 0, Border.INSIDE)))
        if kind.is_bool:
            code += [Instruction(Op.CONST, (U8, 0)), Instruction(Op.NE, (U8,))]
    code.append(Instruction(op, immediates))
    if result.is_bool:
        code += [Instruction(Op.CONVERT, (BOOL, I32)), Instruction(Op.WRAP, (I32, U8))]
    code += [Instruction(Op.PUT, (len(images), 0)), Instruction(Op.END)]
    images.append(Image("out", Role.OUT, stored_type(result), 1, 0, 1))
    kernel = Kernel("k", (Dimension(), Dimension()), tuple(images), locals=(I32, I32))
    return check_kernel(replace(kernel, code=tuple(code)))


def expected(op: Op, immediates: tuple[Immediate, ...], raws: tuple[int, ...]) -> int | None:
    """The meaning's result, raw; None where it traps."""
    kinds = operand_types(op, immediates)
    numbers = [from_raw(kind, raw) for kind, raw in zip(kinds, raws, strict=True)]
    try:
        number = MEANING[op](*immediates, *numbers)
    except scalar.ArithmeticTrap:
        return None
    return to_raw(result_type(op, immediates), number)


def forms() -> list[tuple[Op, tuple[Immediate, ...]]]:
    """Every arithmetic instruction with every type it takes."""
    found: list[tuple[Op, tuple[Immediate, ...]]] = []
    for op in sorted(ARITHMETIC, key=lambda op: op.code):
        for target in sorted(op.types, key=lambda kind: kind.code):
            if Imm.SOURCE_TYPE not in op.immediates:
                found.append((op, (target,)))
                continue
            sources = sorted(ALL, key=lambda kind: kind.code)
            found += [(op, (s, target)) for s in sources if is_conversion(op, s, target)]
    return found


def name_of(form: tuple[Op, tuple[Immediate, ...]]) -> str:
    """A readable test id."""
    return "-".join([form[0].mnemonic, *map(str, form[1])])


def check(
    op: Op,
    immediates: tuple[Immediate, ...],
    rows: list[tuple[int, ...]],
    known: int | None,
    checked: bool = False,
) -> None:
    """Run all rows that do not trap at once, and compare."""
    good = [(row, result) for row in rows if (result := expected(op, immediates, row)) is not None]
    if not good:
        return
    kinds = operand_types(op, immediates)
    inputs = {
        name: pixels(kind, [row[index] for row, _ in good])
        for index, (name, kind) in enumerate(zip("abc", kinds, strict=False))
    }
    kernel = mapped(op, immediates, known)
    wanted = pixels(result_type(op, immediates), [result for _, result in good])
    for blind, cpu in ((0, CPUS[0]), (3, CPUS[1])):
        if not inprocess.can_run(cpu):
            continue
        out = inprocess.run_kernel(kernel, inputs, {}, blind, cpu, checked)["out"]
        differing = np.nonzero(out.view(f"u{out.itemsize}") != wanted.view(f"u{out.itemsize}"))[1]
        assert not len(differing), (good[differing[0]], out[0, differing[0]], cpu, blind)


DIVISORS = (-128, -16, -7, -2, -1, 1, 2, 3, 7, 10, 16, 255, 1 << 30, -(1 << 31), (1 << 31) - 1)


@pytest.mark.parametrize("op", DIVISIONS, ids=lambda op: op.mnemonic)
@pytest.mark.parametrize(
    "kind", sorted(COMPUTE_INTEGERS, key=lambda kind: kind.code), ids=lambda kind: kind.label
)
def test_division_by_constants(op: Op, kind: ScalarType) -> None:
    for divisor in DIVISORS:
        if kind.minimum <= divisor <= kind.maximum:
            check(op, (kind,), [(a, divisor) for a in edges(kind)], divisor)


@pytest.mark.parametrize("op", [Op.SHL, Op.SHR], ids=lambda op: op.mnemonic)
def test_shifts_by_constants(op: Op) -> None:
    for kind in (I32, ScalarType.U64):
        for count in (0, 1, kind.bits - 1, kind.bits, kind.bits + 3):
            check(op, (kind,), [(a, count) for a in edges(kind)], count)


@pytest.mark.parametrize("op", DIVISIONS, ids=lambda op: op.mnemonic)
@pytest.mark.parametrize("known", [None, 0], ids=["run-time", "constant"])
def test_division_by_zero_traps(op: Op, known: int | None) -> None:
    kernel = mapped(op, (I32,), known)
    inputs = {"a": pixels(I32, [5, 6, 7]), "b": pixels(I32, [1, 0, 2])}
    with pytest.raises(Trap) as caught:
        inprocess.run_kernel(kernel, inputs, {})
    assert caught.value.code == "division-by-zero"
    assert kernel.kernel.code[caught.value.instruction].op is op


def test_narrow_traps_just_outside() -> None:
    kernel = mapped(Op.NARROW, (I32, U8))
    for value in (-1, 256, -(1 << 31), (1 << 31) - 1):
        with pytest.raises(Trap) as caught:
            inprocess.run_kernel(kernel, {"a": pixels(I32, [0, 255, value])}, {})
        assert caught.value.code == "value-out-of-range"


def test_known_operands_are_folded_away() -> None:
    """A kernel of constants and parameters alone lowers to the stores of its results."""
    base = mapped(Op.ADD, (I32,), 4).kernel
    code = list(base.code)
    at = next(i for i, step in enumerate(code) if step.op is Op.LOAD)
    code[at - 2 : at + 1] = [Instruction(Op.PARAMETER, (0,))]
    kernel = check_kernel(replace(base, code=tuple(code), parameters=(Parameter("p", I32),)))
    assert "add i32" not in lower(kernel, ((38,),)).ir
    inputs = {"a": pixels(I32, [1, 2]), "b": pixels(I32, [1, 2])}
    assert inprocess.run_kernel(kernel, inputs, {"p": 38})["out"].tolist() == [[42, 42]]
