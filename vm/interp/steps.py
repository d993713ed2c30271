"""What each instruction that is no region does: a maker of steps for each."""

from __future__ import annotations

from collections.abc import Callable

from vm.bits import from_raw
from vm.errors import Crash, Trap
from vm.interp.borders import FOLDS
from vm.interp.machine import Machine, Maker, Step, integers, types
from vm.module import Border, Instruction, TrapCode
from vm.opcodes import Op
from vm.scalar import ARITHMETIC, CHECKED, MEANING, ArithmeticTrap, Value

# Values.


def _push_constant(value: Callable[[Machine, Instruction], Value]) -> Maker:
    """An instruction whose value does not change while the kernel runs."""

    def make(machine: Machine, position: int, instruction: Instruction) -> Step:
        constant, push = value(machine, instruction), machine.stack.append
        return lambda: push(constant)

    return make


def _constant(machine: Machine, instruction: Instruction) -> Value:
    (raw,) = integers(instruction)
    return from_raw(types(instruction)[0], raw)


def _parameter(machine: Machine, instruction: Instruction) -> Value:
    (index,) = integers(instruction)
    return from_raw(machine.kernel.parameters[index].type, machine.parameters[index][0])


def _dimension(machine: Machine, instruction: Instruction) -> Value:
    (index,) = integers(instruction)
    return machine.dimensions[index]


def _get(machine: Machine, position: int, instruction: Instruction) -> Step:
    (local,) = integers(instruction)
    push, values = machine.stack.append, machine.locals
    return lambda: push(values[local])


def _set(machine: Machine, position: int, instruction: Instruction) -> Step:
    (local,) = integers(instruction)
    pop, values = machine.stack.pop, machine.locals

    def step() -> None:
        values[local] = pop()

    return step


# Arrays.


def _elem_get(machine: Machine, position: int, instruction: Instruction) -> Step:
    (index,) = integers(instruction)
    array, stack = machine.arrays[index], machine.stack

    def step() -> None:
        at = stack.pop()
        if not 0 <= at < len(array):
            raise machine.trap(position, TrapCode.ELEMENT)
        stack.append(array[at])

    return step


def _elem_set(machine: Machine, position: int, instruction: Instruction) -> Step:
    (index,) = integers(instruction)
    array, pop = machine.arrays[index], machine.stack.pop

    def step() -> None:
        value, at = pop(), pop()
        if not 0 <= at < len(array):
            raise machine.trap(position, TrapCode.ELEMENT)
        array[at] = value

    return step


def _array_fill(machine: Machine, position: int, instruction: Instruction) -> Step:
    (index,) = integers(instruction)
    array, pop = machine.arrays[index], machine.stack.pop

    def step() -> None:
        array[:] = [pop()] * len(array)

    return step


def _array_copy(machine: Machine, position: int, instruction: Instruction) -> Step:
    to, source = (machine.arrays[index] for index in integers(instruction))

    def step() -> None:
        to[:] = source

    return step


# Arithmetic: all of it is in vm/scalar.py.


def _arithmetic(machine: Machine, position: int, instruction: Instruction) -> Step:
    meaning = (CHECKED if machine.checked else MEANING)[instruction.op]
    stack = machine.stack
    kinds, operands = types(instruction), len(instruction.op.pops)

    def step() -> None:
        values = stack[-operands:]
        del stack[-operands:]
        try:
            stack.append(meaning(*kinds, *values))
        except ArithmeticTrap as trap:
            raise machine.trap(position, trap.code) from None

    return step


# Pixels.


def _load(machine: Machine, position: int, instruction: Instruction) -> Step:
    index, channel = integers(instruction)
    border = instruction.immediates[2]
    picture, stack = machine.pictures[index], machine.stack
    pixels, width, channels = picture.pixels, picture.width, picture.channels
    assert isinstance(border, Border)
    if border in FOLDS:
        fold, height = FOLDS[border], picture.height

        def folded() -> None:
            y = fold(stack.pop(), height)
            x = fold(stack.pop(), width)
            stack.append(pixels[(y * width + x) * channels + channel])

        return folded

    def step() -> None:
        y, x = stack.pop(), stack.pop()
        if picture.is_inside(x, y):
            stack.append(pixels[(y * width + x) * channels + channel])
        elif border is Border.ZERO:
            stack.append(picture.zero)
        else:
            raise machine.trap(position, TrapCode.PIXEL)

    return step


def _load_or(machine: Machine, position: int, instruction: Instruction) -> Step:
    index, channel = integers(instruction)
    picture, stack = machine.pictures[index], machine.stack

    def step() -> None:
        default, y, x = stack.pop(), stack.pop(), stack.pop()
        inside = picture.is_inside(x, y)
        at = (y * picture.width + x) * picture.channels + channel
        stack.append(picture.pixels[at] if inside else default)

    return step


def _own(machine: Machine, position: int, instruction: Instruction) -> Step:
    index, channel = integers(instruction)
    picture, push, loop = machine.pictures[index], machine.stack.append, machine.loop

    def step() -> None:
        if not picture.is_inside(loop.x, loop.y):
            raise Crash(f"instruction {position} reads a pixel outside its image")
        push(picture.pixels[(loop.y * picture.width + loop.x) * picture.channels + channel])

    return step


def _put(machine: Machine, position: int, instruction: Instruction) -> Step:
    index, channel = integers(instruction)
    picture, pop, loop = machine.pictures[index], machine.stack.pop, machine.loop

    def step() -> None:
        if not picture.is_inside(loop.x, loop.y):
            raise Crash(f"instruction {position} puts a pixel outside its image")
        at = (loop.y * picture.width + loop.x) * picture.channels + channel
        picture.pixels[at] = pop()

    return step


def _store(machine: Machine, position: int, instruction: Instruction) -> Step:
    index, channel = integers(instruction)
    picture, pop = machine.pictures[index], machine.stack.pop
    drops = instruction.op is Op.STORE_DROP

    def step() -> None:
        value, y, x = pop(), pop(), pop()
        if picture.is_inside(x, y):
            picture.pixels[(y * picture.width + x) * picture.channels + channel] = value
        elif not drops:
            raise machine.trap(position, TrapCode.PIXEL)

    return step


def _clear(machine: Machine, position: int, instruction: Instruction) -> Step:
    (index,) = integers(instruction)
    pixels = machine.pictures[index].pixels.cast("B")

    def step() -> None:
        machine.count_clearing(index)
        pixels[:] = bytes(len(pixels))

    return step


# What a scan carries: a window of lines for each carry, by the line's number.


def _carry_get(machine: Machine, position: int, instruction: Instruction) -> Step:
    carry, ahead, down = integers(instruction)
    zero = from_raw(machine.kernel.carries[carry].type, 0)
    lines, loop, push = machine.carried.setdefault(carry, {}), machine.loop, machine.stack.append

    def step() -> None:
        at, line = loop.at + ahead * loop.direction, loop.line + down
        value = lines[line][at] if loop.is_inside(at, line) else zero
        if value is None:
            raise Crash(f"instruction {position} reads a carry that was not put yet")
        push(value)

    return step


def _carry_put(machine: Machine, position: int, instruction: Instruction) -> Step:
    (carry,) = integers(instruction)
    lines, loop, pop = machine.carried.setdefault(carry, {}), machine.loop, machine.stack.pop

    def step() -> None:
        lines[loop.line][loop.at] = pop()

    return step


def _carry_has(machine: Machine, position: int, instruction: Instruction) -> Step:
    ahead, down = integers(instruction)
    loop, push = machine.loop, machine.stack.append

    def step() -> None:
        push(loop.is_inside(loop.at + ahead * loop.direction, loop.line + down))

    return step


# Facts, and the record.


def _give(machine: Machine, position: int, instruction: Instruction) -> Step:
    (field,) = integers(instruction)
    pop, record = machine.stack.pop, machine.record

    def step() -> None:
        record[field] = pop()

    return step


def _require(machine: Machine, position: int, instruction: Instruction) -> Step:
    (text,) = integers(instruction)
    pop = machine.stack.pop

    def step() -> None:
        if not pop():
            line = machine.kernel.code[position].line
            message = machine.kernel.texts[text]
            raise Trap(TrapCode.REQUIRE.label, message, machine.kernel.name, position, line)

    return step


STEPS: dict[Op, Maker] = {
    Op.CONST: _push_constant(_constant),
    Op.GET: _get,
    Op.SET: _set,
    Op.PARAMETER: _push_constant(_parameter),
    Op.DIMENSION: _push_constant(_dimension),
    Op.ELEM_GET: _elem_get,
    Op.ELEM_SET: _elem_set,
    Op.ARRAY_FILL: _array_fill,
    Op.ARRAY_COPY: _array_copy,
    **dict.fromkeys(ARITHMETIC, _arithmetic),
    Op.LOAD: _load,
    Op.LOAD_OR: _load_or,
    Op.OWN: _own,
    Op.PUT: _put,
    Op.STORE: _store,
    Op.STORE_DROP: _store,
    Op.CLEAR: _clear,
    Op.CARRY_GET: _carry_get,
    Op.CARRY_PUT: _carry_put,
    Op.CARRY_HAS: _carry_has,
    Op.REQUIRE: _require,
    Op.GIVE: _give,
}
