"""Rules V9 and V11: single instructions, their immediates, their types, what they pop and push."""

from __future__ import annotations

from collections.abc import Callable

from vm import limits
from vm.bits import is_raw
from vm.module import Border, Claim, Instruction, Kernel, Order, Reduction
from vm.opcodes import Imm, Op
from vm.types import COMPUTE_NUMBERS, INTEGERS, NUMBERS, ScalarType
from vm.verifier.rules import Rule, refuse

REDUCES = frozenset({Op.REDUCE, Op.REDUCE_2D})
ARG_REDUCTIONS = frozenset({Reduction.ARGMIN, Reduction.ARGMAX})

INDEX_LIMIT: dict[Imm, Callable[[Kernel], int]] = {
    Imm.LOCAL: lambda kernel: len(kernel.locals),
    Imm.ARRAY: lambda kernel: len(kernel.arrays),
    Imm.PARAMETER: lambda kernel: len(kernel.parameters),
    Imm.DIMENSION: lambda kernel: len(kernel.dimensions),
    Imm.IMAGE: lambda kernel: len(kernel.images),
    Imm.CARRY: lambda kernel: len(kernel.carries),
    Imm.TEXT: lambda kernel: len(kernel.texts),
    Imm.FIELD: lambda kernel: len(kernel.fields),
}

TYPE_WORDS: dict[str, tuple[Imm, Callable[[Kernel, int], ScalarType]]] = {
    "L": (Imm.LOCAL, lambda kernel, index: kernel.locals[index]),
    "E": (Imm.ARRAY, lambda kernel, index: kernel.arrays[index].type),
    "P": (Imm.IMAGE, lambda kernel, index: kernel.images[index].type),
    "C": (Imm.CARRY, lambda kernel, index: kernel.carries[index].type),
    "A": (Imm.PARAMETER, lambda kernel, index: kernel.parameters[index].type),
    "F": (Imm.FIELD, lambda kernel, index: kernel.fields[index].type),
}
FIXED_WORDS = {"i32": ScalarType.I32, "bool": ScalarType.BOOL}


def check_immediates(kernel: Kernel, instruction: Instruction) -> None:
    """Rule V9: as many immediates as the row says, each of its kind, each in its bounds."""
    op = instruction.op
    if len(instruction.immediates) != len(op.immediates):
        raise refuse(Rule.INDEX, f"`{op.mnemonic}` takes {len(op.immediates)} immediates")
    for kind, value in zip(op.immediates, instruction.immediates, strict=True):
        if not _is_of_kind(kind, value):
            raise refuse(Rule.INDEX, f"{value!r} is no {kind.value}")
        if kind in INDEX_LIMIT:
            assert isinstance(value, int)
            if not 0 <= value < INDEX_LIMIT[kind](kernel):
                raise refuse(Rule.INDEX, f"there is no {kind.value} {value}")
    if Imm.CHANNEL in op.immediates:
        index, channel = instruction.immediates[:2]
        assert isinstance(index, int)
        assert isinstance(channel, int)
        if not 0 <= channel < kernel.images[index].channels:
            raise refuse(Rule.INDEX, f"'{kernel.images[index].name}' has no channel {channel}")
    if Imm.VALUE in op.immediates:
        scalar, raw = instruction.immediates
        assert isinstance(scalar, ScalarType)
        assert isinstance(raw, int)
        if not is_raw(scalar, raw):
            raise refuse(Rule.TYPE, f"{raw} is no {scalar}")
    for claim in claims_of(instruction):
        if not 0 <= claim.local < len(kernel.locals):
            raise refuse(Rule.INDEX, f"there is no local {claim.local}")
        if claim.dimension is not None and not 0 <= claim.dimension < len(kernel.dimensions):
            raise refuse(Rule.INDEX, f"there is no dimension {claim.dimension}")


def _is_of_kind(kind: Imm, value: object) -> bool:
    if kind in (Imm.TYPE, Imm.SOURCE_TYPE):
        return isinstance(value, ScalarType)
    if kind is Imm.RESULT:
        return value is None or isinstance(value, ScalarType)
    if kind is Imm.BORDER:
        return isinstance(value, Border)
    if kind is Imm.ORDER:
        return isinstance(value, Order)
    if kind is Imm.REDUCTION:
        return isinstance(value, Reduction)
    if kind is Imm.CLAIMS:
        return isinstance(value, tuple) and len(value) <= limits.CLAIMS
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    if kind is Imm.STEP:
        return 1 <= value <= ScalarType.I32.maximum
    if kind is Imm.AHEAD:
        return abs(value) <= limits.CARRY_AHEAD
    if kind is Imm.DOWN:
        return -limits.CARRY_LINES <= value <= 0
    return True


def check_type(instruction: Instruction) -> None:
    """Rule V11: the instruction is defined for its types."""
    op = instruction.op
    if Imm.TYPE not in op.immediates:
        return
    target = instruction.immediates[op.immediates.index(Imm.TYPE)]
    assert isinstance(target, ScalarType)
    if target not in op.types:
        raise refuse(Rule.TYPE, f"`{op.mnemonic}` is not defined for {target}")
    if Imm.SOURCE_TYPE in op.immediates:
        source = instruction.immediates[op.immediates.index(Imm.SOURCE_TYPE)]
        assert isinstance(source, ScalarType)
        if not is_conversion(op, source, target):
            raise refuse(Rule.TYPE, f"`{op.mnemonic}` does not lead from {source} to {target}")
    if op in REDUCES:
        reduction = instruction.immediates[0]
        allowed = NUMBERS
        if reduction is Reduction.SUM:
            allowed = COMPUTE_NUMBERS
        elif reduction is Reduction.COUNT:
            allowed = frozenset({ScalarType.BOOL})
        if target not in allowed:
            raise refuse(Rule.TYPE, f"this reduction is not defined for {target}")


def is_conversion(op: Op, source: ScalarType, target: ScalarType) -> bool:
    """Whether a conversion instruction leads from one type to the other."""
    if op is Op.BITS:
        return (
            source.bits == target.bits
            and source.is_float != target.is_float
            and (source in NUMBERS)
        )
    holds = source.minimum >= target.minimum and source.maximum <= target.maximum
    both_integers = source in INTEGERS and target in INTEGERS
    if op is Op.CONVERT:
        return source is not target and (holds or not both_integers)
    return both_integers and not holds


def stack_effect(
    kernel: Kernel, instruction: Instruction
) -> tuple[tuple[ScalarType, ...], tuple[ScalarType, ...]]:
    """The types an instruction pops and pushes (regions: what they push is `region_results`)."""
    op = instruction.op

    def resolve(word: str) -> ScalarType:
        if word in FIXED_WORDS:
            return FIXED_WORDS[word]
        if word in TYPE_WORDS:
            kind, of = TYPE_WORDS[word]
            index = instruction.immediates[op.immediates.index(kind)]
            assert isinstance(index, int)
            return of(kernel, index)
        kind = Imm.TYPE if word == "T" else Imm.SOURCE_TYPE
        scalar = instruction.immediates[op.immediates.index(kind)]
        assert isinstance(scalar, ScalarType)
        return scalar

    pushes = () if op in REDUCES else tuple(map(resolve, op.pushes))
    return tuple(map(resolve, op.pops)), pushes


def body_result(instruction: Instruction) -> ScalarType | None:
    """What the body of a region must leave on its stack."""
    if instruction.op is Op.IF:
        result = instruction.immediates[0]
        return result if isinstance(result, ScalarType) else None
    if instruction.op in REDUCES:
        scalar = instruction.immediates[1]
        assert isinstance(scalar, ScalarType)
        return scalar
    return None


def region_results(instruction: Instruction) -> tuple[ScalarType, ...]:
    """What a region pushes when it is done."""
    result = body_result(instruction)
    if result is None:
        return ()
    if instruction.op is Op.IF:
        return (result,)
    reduction = instruction.immediates[0]
    if reduction is Reduction.COUNT:
        return (ScalarType.I32,)
    places = 2 if instruction.op is Op.REDUCE_2D else 1
    return (result, *[ScalarType.I32] * (places if reduction in ARG_REDUCTIONS else 0))


def claims_of(instruction: Instruction) -> tuple[Claim, ...]:
    """The claims of a `for`, none for the rest."""
    if instruction.op is not Op.FOR:
        return ()
    claims = instruction.immediates[2]
    return claims if isinstance(claims, tuple) else ()
