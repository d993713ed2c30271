"""Every register assigned once: copies and constants vanish, everything is folded on the way.

Straight code gets a new register at each assignment. Where arms of an `if` leave different
values, both set one register; what a `for` carries around has one register set before the loop
and at the end of its body. Nothing flows out of map, scan and reductions but their results.
"""

from __future__ import annotations

from msgspec.structs import replace

from compiler import ir, walk
from compiler.passes.fold import folded
from vm.types import ScalarType

Values = dict[ir.Register, ir.Atom]


def single(kernel: ir.Kernel) -> ir.Kernel:
    """The kernel with registers assigned once, but for joins and what loops carry."""
    return replace(kernel, body=tuple(_Renamer().block(kernel.body)))


class _Renamer:
    def __init__(self) -> None:
        self.values: Values = {}

    def expr(self, expr: ir.Expr) -> ir.Expr:
        return walk.rewrite(expr, self.node)

    def node(self, node: ir.Expr) -> ir.Expr:
        if isinstance(node, ir.Read):
            return self.values.get(node.register, node)
        return folded(node)

    def block(self, block: ir.Block) -> list[ir.Statement]:
        result: list[ir.Statement] = []
        for statement in block:
            parts = tuple(self.expr(part) for part in walk.expressions(statement))
            statement = walk.with_expressions(statement, parts)
            match statement:
                case ir.Set():
                    self.set(statement, result)
                case ir.If():
                    self.if_(statement, result)
                case ir.For():
                    self.for_(statement, result)
                case ir.Map() | ir.Scan() | ir.Reduce():
                    self.isolated(statement, result)
                case _:
                    result.append(statement)
        return result

    def set(self, statement: ir.Set, result: list[ir.Statement]) -> None:
        value = statement.value
        if not isinstance(value, ir.Atom):
            register = _again(statement.register)
            result.append(replace(statement, register=register))
            value = ir.Read(register)
        self.values[statement.register] = value

    def inside(self, block: ir.Block, values: Values) -> tuple[list[ir.Statement], Values]:
        """A block with values of its own; gives those it ends with."""
        outer, self.values = self.values, values
        body = self.block(block)
        values, self.values = self.values, outer
        return body, values

    def if_(self, statement: ir.If, result: list[ir.Statement]) -> None:
        condition = statement.condition
        if isinstance(condition, ir.Constant):
            result += self.block(statement.then if condition.raw else statement.otherwise)
            return
        then, first = self.inside(statement.then, dict(self.values))
        otherwise, second = self.inside(statement.otherwise, dict(self.values))
        for register in first:
            if register not in second or first[register] == second[register]:
                continue
            joined = _again(register)
            then.append(ir.Set(joined, first[register], statement.line))
            otherwise.append(ir.Set(joined, second[register], statement.line))
            self.values[register] = ir.Read(joined)
        for register, value in first.items():
            if second.get(register) == value:
                self.values[register] = value
        if then or otherwise:
            result.append(replace(statement, then=tuple(then), otherwise=tuple(otherwise)))
        elif walk.can_trap(condition):
            result.append(ir.Set(ir.Register(ScalarType.BOOL), condition, statement.line))

    def for_(self, statement: ir.For, result: list[ir.Statement]) -> None:
        start, end = statement.start, statement.end
        if isinstance(start, ir.Constant) and isinstance(end, ir.Constant) and start.raw >= end.raw:
            return
        assigned = walk.assigned_registers(statement.body)
        carried = {register: _again(register) for register in self.values if register in assigned}
        for register, held in carried.items():
            result.append(ir.Set(held, self.values[register], statement.line))
            self.values[register] = ir.Read(held)
        variable = _again(statement.variable)
        values = dict(self.values)
        values[statement.variable] = ir.Read(variable)
        body, after = self.inside(statement.body, values)
        body += _parallel(
            [(held, after[register]) for register, held in carried.items()], statement.line
        )
        result.append(replace(statement, variable=variable, body=tuple(body)))

    def isolated(self, statement: ir.Map | ir.Scan | ir.Reduce, result: list[ir.Statement]) -> None:
        own = walk.own_registers(statement)
        renamed = {register: _again(register) for register in own}
        values = {**self.values, **{old: ir.Read(new) for old, new in renamed.items()}}
        body, _ = self.inside(statement.body, values)
        block = tuple(body)
        match statement:
            case ir.Map(x, y):
                result.append(replace(statement, x=renamed[x], y=renamed[y], body=block))
            case ir.Scan(x, y, d):
                scan = replace(statement, x=renamed[x], y=renamed[y], d=renamed[d])
                result.append(replace(scan, body=block))
            case ir.Reduce():
                targets = tuple(_again(register) for register in statement.targets)
                variables = tuple(renamed[register] for register in own)
                result.append(replace(statement, variables=variables, targets=targets, body=block))
                for old, new in zip(statement.targets, targets, strict=True):
                    self.values[old] = ir.Read(new)


def _again(register: ir.Register) -> ir.Register:
    return ir.Register(register.type, register.name)


def _parallel(moves: list[tuple[ir.Register, ir.Atom]], line: int) -> list[ir.Statement]:
    """Assignments that all read the values from before."""
    moves = [(target, value) for target, value in moves if value != ir.Read(target)]
    written: set[ir.Register] = set()
    saved: list[ir.Statement] = []
    sets: list[ir.Statement] = []
    for target, value in moves:
        if isinstance(value, ir.Read) and value.register in written:
            temporary = _again(value.register)
            saved.append(ir.Set(temporary, value, line))
            value = ir.Read(temporary)
        sets.append(ir.Set(target, value, line))
        written.add(target)
    return saved + sets
