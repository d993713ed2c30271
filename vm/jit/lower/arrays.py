"""Arrays: as values where every index is known, else in stack memory or constant tables."""

from __future__ import annotations

from dataclasses import replace

from vm.jit.lower import spans
from vm.jit.lower.conversions import resize
from vm.jit.lower.state import Lowering
from vm.jit.lower.value import LLVM_TYPE, Value, constant, signed
from vm.module import Instruction, TrapCode
from vm.opcodes import Op
from vm.types import ScalarType

SCALAR_ELEMENTS = 64  # longer local arrays always lie in memory


def _index(instruction: Instruction, which: int = 0) -> int:
    index = instruction.immediates[which]
    assert isinstance(index, int)
    return index


def known_elements(low: Lowering, array: int) -> tuple[int, ...] | None:
    """The raw elements of a parameter's or data array."""
    declared = low.kernel.arrays[array]
    if declared.parameter is not None:
        return low.parameters[declared.parameter]
    return declared.data or None


def is_scalar(low: Lowering, array: int) -> bool:
    """Whether a local array is kept as values."""
    declared = low.kernel.arrays[array]
    if not declared.is_local or declared.length > SCALAR_ELEMENTS:
        return False
    return array not in low.in_memory


def pointer(low: Lowering, array: int) -> str:
    """The array in memory: an alloca, or a constant table."""
    if array not in low.array_pointers:
        low.array_pointers[array] = _make(low, array)
    return low.array_pointers[array]


def _make(low: Lowering, array: int) -> str:
    declared = low.kernel.arrays[array]
    known = known_elements(low, array)
    if known is None:
        kind = LLVM_TYPE[declared.type]
        return low.build.at_entry(f"alloca [{declared.length} x {kind}], align 64")
    bits = declared.type.bits
    if low.blind:
        known = tuple(low.blinded_raw(raw, bits) for raw in known)
    elements = ", ".join(f"i{bits} {signed(raw, bits)}" for raw in known)
    name = f"@table{array}"
    low.build.globals.append(
        f"{name} = internal unnamed_addr constant [{len(known)} x i{bits}] [{elements}], align 16"
    )
    return name


def _place(low: Lowering, array: int, index: Value) -> str:
    kind = LLVM_TYPE[low.kernel.arrays[array].type]
    return low.build.value(
        f"getelementptr {kind}, ptr {pointer(low, array)}, i64 {low.wide(index)}"
    )


def _check(low: Lowering, position: int, array: int, index: Value) -> bool:
    """Trap unless the index is inside; False if a known index never is."""
    length = low.kernel.arrays[array].length
    if low.is_checked(position):
        if index.raw is not None:
            inside = constant(ScalarType.BOOL, int(0 <= index.raw < length))
        else:
            wide = low.wide(index)
            inside = low.instruction(ScalarType.BOOL, f"icmp ult i64 {wide}, {length}")
        low.guard(inside, TrapCode.ELEMENT, position)
    return index.raw is None or 0 <= index.raw < length


def do_elem_get(low: Lowering, position: int, instruction: Instruction) -> None:
    """ELEM_GET."""
    array, index = _index(instruction), low.pop()
    scalar = low.kernel.arrays[array].type
    if not _check(low, position, array, index):
        low.push(constant(scalar, 0))
        return
    known = known_elements(low, array)
    if known is not None and index.raw is not None:
        low.push(constant(scalar, known[index.raw]))
    elif is_scalar(low, array):
        low.push(_scalar_get(low, array, index), position)
    else:
        found = _load(low, array, _place(low, array, index), known is not None)
        if known is not None and scalar.is_float:
            found = replace(found, span=spans.of_elements(scalar, known))
        low.push(found, position)


def _scalar_get(low: Lowering, array: int, index: Value) -> Value:
    elements = low.arrays[array]
    assert elements is not None
    if index.raw is None:  # this walk is void; the next keeps the array in memory
        low.demoted.add(array)
        return low.instruction(elements[0].type, f"freeze {LLVM_TYPE[elements[0].type]} poison")
    return elements[index.raw]


def _load(low: Lowering, array: int, place: str, is_table: bool) -> Value:
    scalar = low.kernel.arrays[array].type
    if not (is_table and low.blind):
        text = f"load {LLVM_TYPE[scalar]}, ptr {place}, align {scalar.size_bytes}"
        return low.instruction(scalar, text)
    bits = scalar.bits
    hidden = low.build.value(f"load i{bits}, ptr {place}, align {scalar.size_bytes}")
    plain = low.build.value(f"xor i{bits} {hidden}, {low.key(bits)}")
    if scalar.is_float:
        plain = low.build.value(f"bitcast i{bits} {plain} to {LLVM_TYPE[scalar]}")
    return low.make(scalar, plain)


def do_elem_set(low: Lowering, position: int, instruction: Instruction) -> None:
    """ELEM_SET."""
    array = _index(instruction)
    value, index = low.pop(), low.pop()
    if not _check(low, position, array, index):
        return
    if not is_scalar(low, array):
        _store(low, _place(low, array, index), value)
        return
    elements = low.arrays[array]
    assert elements is not None
    if index.raw is None:
        low.demoted.add(array)
    else:
        elements[index.raw] = value


def _store(low: Lowering, place: str, value: Value) -> None:
    low.build.emit(f"store {low.typed(value)}, ptr {place}, align {value.type.size_bytes}")


def do_array_fill(low: Lowering, position: int, instruction: Instruction) -> None:
    """ARRAY_FILL."""
    array, value = _index(instruction), low.pop()
    declared = low.kernel.arrays[array]
    if is_scalar(low, array):
        low.arrays[array] = [value] * declared.length
        return
    if value.raw == 0 or declared.type.size_bytes == 1:
        byte = low.text(resize(low, value, ScalarType.U8)) if value.raw != 0 else "0"
        types = ("ptr", "i8", "i64", "i1")
        size = str(declared.length * declared.type.size_bytes)
        args = (pointer(low, array), byte, size, "false")
        low.build.call("void", "llvm.memset.p0.i64", types, args)
        return
    _each(low, declared.length, lambda at: _store(low, _place(low, array, at), value))


def _each(low: Lowering, count: int, act: object) -> None:
    """Do something for 0 .. count - 1, in a loop."""
    assert callable(act)
    build = low.build
    before, head, after = build.block, build.label(), build.label()
    build.jump(head)
    build.start(head)
    phi = build.phi("i64")
    act(Value(ScalarType.I32, wide=phi.name))
    following = build.value(f"add i64 {phi.name}, 1")
    phi.add("0", before)
    phi.add(following, build.block)
    build.branch(build.value(f"icmp ult i64 {following}, {count}"), head, after)
    build.start(after)


def do_array_copy(low: Lowering, position: int, instruction: Instruction) -> None:
    """ARRAY_COPY."""
    target, source = _index(instruction), _index(instruction, 1)
    if target == source:
        return
    declared = low.kernel.arrays[target]
    elements = _elements(low, source)
    if is_scalar(low, target):
        if elements is None:
            elements = [_element(low, source, i) for i in range(declared.length)]
        low.arrays[target] = list(elements)
    elif elements is not None and declared.length <= SCALAR_ELEMENTS:
        for i, element in enumerate(elements):
            _store(low, _place(low, target, constant(ScalarType.I32, i)), element)
    elif low.blind and known_elements(low, source) is not None:
        _each(
            low,
            declared.length,
            lambda at: _store(
                low, _place(low, target, at), _load(low, source, _place(low, source, at), True)
            ),
        )
    else:
        size = str(declared.length * declared.type.size_bytes)
        args = (pointer(low, target), pointer(low, source), size, "false")
        low.build.call("void", "llvm.memcpy.p0.p0.i64", ("ptr", "ptr", "i64", "i1"), args)


def _elements(low: Lowering, array: int) -> list[Value] | None:
    known = known_elements(low, array)
    if known is not None:
        return [constant(low.kernel.arrays[array].type, raw) for raw in known]
    return low.arrays[array] if is_scalar(low, array) else None


def _element(low: Lowering, array: int, index: int) -> Value:
    place = _place(low, array, constant(ScalarType.I32, index))
    return _load(low, array, place, is_table=False)


HANDLERS = {
    Op.ELEM_GET: do_elem_get,
    Op.ELEM_SET: do_elem_set,
    Op.ARRAY_FILL: do_array_fill,
    Op.ARRAY_COPY: do_array_copy,
}
