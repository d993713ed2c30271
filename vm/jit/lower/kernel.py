"""From a verified kernel and its parameters to LLVM IR: the frame around the walk."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType

from vm.errors import OverLimit
from vm.jit.lower import (
    arrays,
    batch,
    conversions,
    division,
    floats,
    images,
    integers,
    maps,
    narrow,
    regions,
    scans,
)
from vm.jit.lower import reductions as folds
from vm.jit.lower.folding import fold_all
from vm.jit.lower.lanes import TOO_MUCH, NotVector
from vm.jit.lower.narrow import Interval
from vm.jit.lower.state import BatchTasks, Buffer, Form, Handler, Lowering, VectorTarget
from vm.jit.lower.value import Value, constant
from vm.layout import FIELD_BYTES
from vm.limits import AXIS_PIXELS
from vm.module import Instruction, TrapCode
from vm.opcodes import Op
from vm.parameters import ParameterValues
from vm.types import ScalarType
from vm.verifier import VerifiedKernel
from vm.verifier.dimensions import bases_of
from vm.verifier.regions import find_regions

IR_BYTES = 8 << 20
MOST_WALKS = 4  # after so many, every local array goes to memory
FIRST_SCOPE = 6
SIGNATURE = "hidden i64 @kernel(ptr noalias %arena, ptr noalias %args)"
STYLES = (
    "",
    '"tune-cpu"="skylake"',
    '"tune-cpu"="silvermont" "prefer-vector-width"="128"',
    'minsize optsize "tune-cpu"="btver2"',
)  # by blinding level: the same function in other instructions, without other meaning


@dataclass(frozen=True, slots=True)
class Lowered:
    """Textual LLVM IR, and what each loop over pixels became, by its position."""

    ir: str
    forms: Mapping[int, Form]


def lower(
    kernel: VerifiedKernel,
    parameters: ParameterValues,
    *,
    blind: int = 0,
    checked: bool = False,
    target: VectorTarget | None = None,
) -> Lowered:
    """One kernel as LLVM IR, its parameters made constants.

    With `checked`, signed arithmetic traps instead of wrapping, and all loops are scalar; they are
    too without a `target`, or where only vectors make the kernel too large.

    `blind` (0 to 3) hides constants that the bytecode chose, should their bytes look like
    forbidden instructions. Raises `OverLimit` where the kernel is too large for native code.
    """
    if target is not None and not checked:
        try:
            return _lower(kernel, parameters, blind, checked, target, "")
        except OverLimit:
            return _lower(kernel, parameters, blind, checked, None, TOO_MUCH)
    return _lower(kernel, parameters, blind, checked, None, "vector code was not asked for")


def _lower(
    kernel: VerifiedKernel,
    parameters: ParameterValues,
    blind: int,
    checked: bool,
    target: VectorTarget | None,
    why_scalar: str,
) -> Lowered:
    """`lower`; `why_scalar` is why there is no target."""
    in_memory: frozenset[int] = frozenset()
    for walk in count(1):
        low = Lowering(
            kernel.kernel,
            kernel.facts,
            parameters,
            find_regions(kernel.kernel),
            HANDLERS,
            blind,
            in_memory,
            checked,
            target,
        )
        low.why_scalar = why_scalar
        metadata = _prologue(low)
        low.walk(0, len(kernel.kernel.code))
        if not low.demoted:
            return _lowered(low, metadata)
        in_memory |= low.demoted
        if walk == MOST_WALKS:
            in_memory |= frozenset(range(len(kernel.kernel.arrays)))
    raise AssertionError  # `count` has no end


def lower_batch(
    kernel: VerifiedKernel,
    sets: Sequence[ParameterValues],
    shared: Collection[int],
    target: VectorTarget,
    *,
    blind: int = 0,
) -> Lowered:
    """One kernel for many tasks at once (`vm.jit.lower.batch`), at most `batch_lanes(target)`.

    There is one set of parameters, or one for each task; `shared` are the indices of in images that
    are the same for all tasks. Raises `NotVector` where the kernel cannot have that form, and
    `OverLimit`.
    """
    code = kernel.kernel.code
    if kernel.kernel.fields or not any(step.op is Op.SCAN for step in code):
        raise NotVector("it has no scan, or gives a record")
    tasks = BatchTasks(batch_lanes(target), tuple(sets), frozenset(shared))
    tasks.ranges = _common_ranges(kernel, tasks, target)
    low = _new(kernel, sets[0], target, blind, {**HANDLERS, **batch.HANDLERS})
    low.batch = tasks
    metadata = _prologue(low)
    low.walk(0, len(code))
    if low.demoted:
        raise NotVector("an array lies in memory")
    return _lowered(low, metadata)


def _lowered(low: Lowering, metadata: list[str]) -> Lowered:
    """The end of the function, and the module around it."""
    low.build.emit("ret i64 0")
    ir = low.build.text(f"{SIGNATURE} {STYLES[low.blind]}".rstrip(), metadata)
    if len(ir) > IR_BYTES:
        raise OverLimit("the kernel is too large for native code", f"{IR_BYTES} bytes of LLVM IR")
    return Lowered(ir, low.forms)


def batch_lanes(target: VectorTarget) -> int:
    """How many tasks one run of a batch can hold."""
    return max(target.lanes, target.narrow_lanes)


def _new(
    kernel: VerifiedKernel,
    values: ParameterValues,
    target: VectorTarget,
    blind: int,
    handlers: Mapping[Op, Handler],
) -> Lowering:
    regions = find_regions(kernel.kernel)
    return Lowering(
        kernel.kernel,
        kernel.facts,
        values,
        regions,
        handlers,
        blind,
        frozenset(),
        False,
        target,
    )


def _common_ranges(
    kernel: VerifiedKernel, tasks: BatchTasks, target: VectorTarget
) -> dict[int, dict[int, Interval] | None]:
    """The intervals in each scan that hold for every set of parameters; None where one has none."""
    common: dict[int, dict[int, Interval] | None] = {}

    def note(low: Lowering, position: int, instruction: Instruction) -> None:
        low.pop()
        region = low.regions[position]
        found = narrow.find_ranges(low, region)
        before = common.setdefault(position, found.results if found else None)
        if before is not None:
            common[position] = narrow.joined_ranges(before, found.results) if found else None
        regions.forget(low, region.assigned)

    for values in dict.fromkeys(tasks.sets):
        low = _new(kernel, values, target, 0, {**HANDLERS, **batch.HANDLERS, Op.SCAN: note})
        low.batch = BatchTasks(tasks.lanes, (values,), tasks.shared)
        _prologue(low)
        low.walk(0, len(kernel.kernel.code))
    return common


def _prologue(low: Lowering) -> list[str]:
    """Read the arguments, name the buffers, clear what must be clear; gives the metadata."""
    build, kernel = low.build, low.kernel
    words = iter(range(1 << 16))

    def argument() -> str:
        address = build.value(f"getelementptr i64, ptr %args, i64 {next(words)}")
        return build.value(f"load i64, ptr {address}, align 8")

    given = [argument() for _ in kernel.dimensions]
    for index, (base, offset) in enumerate(bases_of(kernel)):
        wide = given[index] if base == index else given[base]
        if offset:
            wide = build.value(f"add i64 {wide}, {offset}")
        low.dimensions.append(low.coordinate(wide, 1, AXIS_PIXELS))
    buffers = len(kernel.images) + len(kernel.carries) + 1
    scopes = [f"!{FIRST_SCOPE + i}" for i in range(buffers)]
    for index, image in enumerate(kernel.images):
        pointer = build.value(f"getelementptr i8, ptr %arena, i64 {argument()}")
        width, height = low.dimensions[image.width].wide, low.dimensions[image.height].wide
        assert width is not None
        assert height is not None
        alias = _alias(index, buffers)
        low.images.append(Buffer(pointer, image.type, image.channels, width, height, alias))
    for index, carry in enumerate(kernel.carries, start=len(kernel.images)):
        pointer = build.value(f"getelementptr i8, ptr %arena, i64 {argument()}")
        low.carries.append(Buffer(pointer, carry.type, 1, "", "", _alias(index, buffers)))
    if kernel.fields:
        low.record = build.value(f"getelementptr i8, ptr %arena, i64 {argument()}")
        low.record_alias = _alias(buffers - 1, buffers)
    if low.batch.lanes:
        low.batch.count = argument()
        if low.facts.cleared:
            raise NotVector("an image is not wholly written")
    for index in sorted(low.facts.cleared):
        images.clear(low, index)
    return _metadata(scopes)


def _alias(index: int, buffers: int) -> str:
    """The alias metadata of a buffer: its own scope, apart from all others."""
    own, others = FIRST_SCOPE + buffers + index, FIRST_SCOPE + 2 * buffers + index
    return f", !alias.scope !{own}, !noalias !{others}"


def _metadata(scopes: list[str]) -> list[str]:
    """Fixed nodes first, then scopes, scope lists, noalias lists.

    0: branch weights of traps; 1: loops over lanes, which must not be unrolled before they are
    vectorised; 3: the domain of the scopes; 4: loops that are too short for vectors.
    """
    buffers = len(scopes)
    lines = [
        '!0 = !{!"branch_weights", i32 1048575, i32 1}',
        "!1 = distinct !{!1, !2}",
        '!2 = !{!"llvm.loop.unroll.disable"}',
        "!3 = distinct !{!3}",
        "!4 = distinct !{!4, !2, !5}",
        '!5 = !{!"llvm.loop.vectorize.enable", i1 false}',
    ]
    lines += [f"{scope} = distinct !{{{scope}, !3}}" for scope in scopes]
    lines += [f"!{FIRST_SCOPE + buffers + i} = !{{{scope}}}" for i, scope in enumerate(scopes)]
    for i in range(buffers):
        others = ", ".join(scope for j, scope in enumerate(scopes) if j != i)
        lines.append(f"!{FIRST_SCOPE + 2 * buffers + i} = !{{{others}}}")
    return lines


# Instructions that name a value, and the rest that needs no file of its own.


def _number(instruction: Instruction) -> int:
    index = instruction.immediates[0]
    assert isinstance(index, int)
    return index


def do_const(low: Lowering, position: int, instruction: Instruction) -> None:
    """CONST."""
    scalar, raw = instruction.immediates
    assert isinstance(scalar, ScalarType)
    assert isinstance(raw, int)
    low.push(constant(scalar, raw))


def do_get(low: Lowering, position: int, instruction: Instruction) -> None:
    """GET."""
    value: Value | None = low.locals[_number(instruction)]
    assert value is not None
    low.push(value, position)


def do_set(low: Lowering, position: int, instruction: Instruction) -> None:
    """SET."""
    low.locals[_number(instruction)] = low.pop()


def do_parameter(low: Lowering, position: int, instruction: Instruction) -> None:
    """PARAMETER: a constant by now."""
    index = _number(instruction)
    low.push(constant(low.kernel.parameters[index].type, low.parameters[index][0]))


def do_dimension(low: Lowering, position: int, instruction: Instruction) -> None:
    """DIMENSION."""
    low.push(low.dimensions[_number(instruction)], position)


def do_require(low: Lowering, position: int, instruction: Instruction) -> None:
    """REQUIRE."""
    low.guard(low.pop(), TrapCode.REQUIRE, position)


def do_give(low: Lowering, position: int, instruction: Instruction) -> None:
    """GIVE."""
    offset, build = _number(instruction) * FIELD_BYTES, low.build
    value = low.pop()
    text, kind = images.seen(low, value)
    if value.type.is_bool:
        text, kind = build.value(f"zext i1 {text} to i8"), "i8"
    address = build.value(f"getelementptr i8, ptr {low.record}, i64 {offset}")
    build.emit(f"store {kind} {text}, ptr {address}, align 8{low.record_alias}")


def do_nothing(low: Lowering, position: int, instruction: Instruction) -> None:
    """ELSE, END: the regions that hold them skip them."""


ARITHMETIC: dict[Op, Handler] = {
    **dict.fromkeys(
        (Op.ADD, Op.SUB, Op.MUL, Op.AND, Op.OR, Op.XOR),
        integers.do_binary,
    ),
    **dict.fromkeys(
        (Op.DIV, Op.REM, Op.DIV_FLOOR, Op.MOD_FLOOR, Op.DIV_ROUND),
        division.do_divide,
    ),
    **dict.fromkeys((Op.NEG, Op.ABS, Op.NOT), integers.do_unary),
    **dict.fromkeys((Op.MIN, Op.MAX), integers.do_extreme),
    **dict.fromkeys((Op.SHL, Op.SHR), integers.do_shift),
    **dict.fromkeys((Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE), integers.do_compare),
    Op.SELECT: integers.do_select,
    **dict.fromkeys((Op.SQRT, Op.FLOOR, Op.CEIL, Op.TRUNC, Op.NEAREST), floats.do_unary),
    Op.CONVERT: conversions.do_convert,
    Op.WRAP: conversions.do_wrap,
    Op.SATURATE: conversions.do_saturate,
    Op.NARROW: conversions.do_narrow,
    Op.BITS: conversions.do_bits,
}

HANDLERS: Mapping[Op, Handler] = MappingProxyType(
    {
        Op.CONST: do_const,
        Op.GET: do_get,
        Op.SET: do_set,
        Op.PARAMETER: do_parameter,
        Op.DIMENSION: do_dimension,
        **fold_all(ARITHMETIC),
        **arrays.HANDLERS,
        **images.HANDLERS,
        **regions.HANDLERS,
        **maps.HANDLERS,
        **scans.HANDLERS,
        **folds.HANDLERS,
        Op.ELSE: do_nothing,
        Op.END: do_nothing,
        Op.REQUIRE: do_require,
        Op.GIVE: do_give,
    }
)
assert set(HANDLERS) == set(Op), set(HANDLERS) ^ set(Op)
