"""What each region does with its body: a maker of steps for each head."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from vm import limits
from vm.errors import Crash
from vm.interp.machine import Machine, Maker, Step, integers
from vm.module import Instruction, Order, Reduction, TrapCode, scan_extents
from vm.opcodes import ITERATION_COST, LINE_COST, REDUCE_COST, Op
from vm.reduction import CHECKED_REDUCTIONS, REDUCTIONS, Line
from vm.scalar import ArithmeticTrap
from vm.types import ScalarType


def _if(machine: Machine, position: int, instruction: Instruction) -> Step:
    end = machine.facts.end_of[position]
    turn = machine.facts.else_of.get(position, end)
    first, second = machine.block(position + 1, turn), machine.block(turn + 1, end)
    pop = machine.stack.pop

    def step() -> None:
        (first if pop() else second)()

    return step


def _for(machine: Machine, position: int, instruction: Instruction) -> Step:
    local, stride = integers(instruction)
    body, pop, values = machine.body(position), machine.stack.pop, machine.locals

    def step() -> None:
        stop, start = pop(), pop()
        for value in range(start, stop, stride):
            machine.count(ITERATION_COST)
            values[local] = value
            body()

    return step


def _map(machine: Machine, position: int, instruction: Instruction) -> Step:
    x_local, y_local, *axes = integers(instruction)
    width, height = (machine.dimensions[axis] for axis in axes)
    body, values, loop = machine.body(position), machine.locals, machine.loop

    def step() -> None:
        for loop.y in range(height):
            machine.count(LINE_COST)
            for loop.x in range(width):
                machine.count(ITERATION_COST)
                values[x_local], values[y_local] = loop.x, loop.y
                body()

    return step


Place = Callable[[int, int], tuple[int, int]]


def places(order: Order, lines: int) -> Place:
    """How (place on the line, line) in visiting order becomes (x, y)."""
    if order is Order.COLUMNS:
        return lambda at, line: (line, at)
    if order is Order.REVERSE:
        return lambda at, line: (at, lines - 1 - line)
    return lambda at, line: (at, line)


def _scan(machine: Machine, position: int, instruction: Instruction) -> Step:
    direction_local, x_local, y_local, *_ = integers(instruction)
    order = instruction.immediates[0]
    assert isinstance(order, Order)
    length, lines = (machine.dimensions[axis] for axis in scan_extents(instruction))
    place, carries = places(order, lines), carries_of(machine, position)
    body, values, loop = machine.body(position), machine.locals, machine.loop

    def step() -> None:
        turning = machine.stack.pop()
        loop.length, loop.lines = length, lines
        for carry in carries:
            machine.carried[carry].clear()
            machine.count((machine.facts.reaches[carry][0].lines + 1) * length)
        for loop.line in range(lines):
            machine.count(LINE_COST)
            for carry in carries:
                machine.carried[carry][loop.line] = [None] * length
                machine.carried[carry].pop(loop.line - limits.CARRY_LINES - 1, None)
            loop.direction = -order.direction if turning and loop.line % 2 else order.direction
            for at in range(length)[:: loop.direction]:
                loop.at = at
                machine.count(ITERATION_COST)
                loop.x, loop.y = place(loop.at, loop.line)
                values[x_local], values[y_local] = loop.x, loop.y
                values[direction_local] = loop.direction
                body()

    return step


def carries_of(machine: Machine, position: int) -> list[int]:
    """The carries that the scan at this position puts."""
    inside = machine.kernel.code[position : machine.facts.end_of[position]]
    return [integers(inner)[0] for inner in inside if inner.op is Op.CARRY_PUT]


def _reduce(machine: Machine, position: int, instruction: Instruction) -> Step:
    (local,) = integers(instruction)
    body, pop, values = machine.body(position), machine.stack.pop, machine.locals

    def line(start: int, stop: int) -> Line:
        for value in range(start, stop):
            machine.count(ITERATION_COST + REDUCE_COST)
            values[local] = value
            body()
            yield pop(), (value,)

    def step() -> None:
        stop, start = pop(), pop()
        finish_reduction(machine, position, [line(start, stop)])

    return step


def _reduce_2d(machine: Machine, position: int, instruction: Instruction) -> Step:
    x_local, y_local, *axes = integers(instruction)
    width, height = (machine.dimensions[axis] for axis in axes)
    body, pop, values = machine.body(position), machine.stack.pop, machine.locals

    def line(y: int) -> Line:
        machine.count(LINE_COST)
        for x in range(width):
            machine.count(ITERATION_COST + REDUCE_COST)
            values[x_local], values[y_local] = x, y
            body()
            yield pop(), (x, y)

    return lambda: finish_reduction(machine, position, map(line, range(height)))


def finish_reduction(machine: Machine, position: int, lines: Iterable[Line]) -> None:
    """Fold the lines as the reduction at this position says, and push what comes out."""
    reduction, scalar = machine.kernel.code[position].immediates[:2]
    assert isinstance(reduction, Reduction)
    assert isinstance(scalar, ScalarType)
    try:
        pushed = (CHECKED_REDUCTIONS if machine.checked else REDUCTIONS)[reduction](scalar, lines)
    except ArithmeticTrap as trap:
        raise machine.trap(position, trap.code) from None
    if pushed is None:
        raise machine.trap(position, TrapCode.EMPTY)
    machine.stack.extend(pushed)


def _no_step(machine: Machine, position: int, instruction: Instruction) -> Step:
    raise Crash(f"`{instruction.op.mnemonic}` at {position} is not part of a region")


REGION_STEPS: dict[Op, Maker] = {
    Op.IF: _if,
    Op.FOR: _for,
    Op.MAP: _map,
    Op.SCAN: _scan,
    Op.REDUCE: _reduce,
    Op.REDUCE_2D: _reduce_2d,
    Op.ELSE: _no_step,
    Op.END: _no_step,
}
