"""Rows: what a scan adds up for pixels to come, at constant offsets along its way."""

from __future__ import annotations

from dataclasses import dataclass

from compiler import syntax
from compiler.check.body import Body, PixelLoop, is_poison, poison
from compiler.check.conversions import demand
from compiler.check.extents import describe, extent_of
from compiler.check.images import coordinates
from compiler.source import Span
from compiler.symbols import Axis, Local, Rows
from compiler.typed import Binary, Expr, Literal, LocalRead, RowsAdd, RowsRead, Unary
from compiler.types import POISON
from vm.limits import CARRY_AHEAD
from vm.opcodes import Op


@dataclass(frozen=True, slots=True)
class Linear:
    """`x·X + y·Y + d·D + constant`: a coordinate in terms of the scan's variables."""

    x: int = 0
    y: int = 0
    d: int = 0
    constant: int = 0

    def plus(self, other: Linear, sign: int = 1) -> Linear:
        """The sum, or the difference."""
        return Linear(
            self.x + sign * other.x,
            self.y + sign * other.y,
            self.d + sign * other.d,
            self.constant + sign * other.constant,
        )

    def times(self, factor: int) -> Linear:
        """A multiple."""
        return Linear(self.x * factor, self.y * factor, self.d * factor, self.constant * factor)

    @property
    def is_constant(self) -> bool:
        """Whether no variable is in it."""
        return not (self.x or self.y or self.d)


def linear(loop: PixelLoop, value: Expr) -> Linear | None:
    """A coordinate as a linear form in the scan's variables; None if it is none."""
    if isinstance(value, Literal):
        return Linear(constant=int(value.value))
    if isinstance(value, LocalRead):
        forms: dict[Local | None, Linear] = {loop.x: Linear(x=1), loop.y: Linear(y=1)}
        if loop.d is not None:
            forms[loop.d] = Linear(d=1)
        return forms.get(value.local)
    if isinstance(value, Unary) and value.op is Op.NEG:
        operand = linear(loop, value.operand)
        return None if operand is None else operand.times(-1)
    if not isinstance(value, Binary) or value.op not in (Op.ADD, Op.SUB, Op.MUL):
        return None
    left, right = linear(loop, value.left), linear(loop, value.right)
    if left is None or right is None:
        return None
    if value.op is not Op.MUL:
        return left.plus(right, 1 if value.op is Op.ADD else -1)
    if left.is_constant:
        return right.times(left.constant)
    return left.times(right.constant) if right.is_constant else None


def _scan_for(body: Body, rows: Rows, span: Span) -> PixelLoop | None:
    """The scan that may use the rows here; None after an error."""
    loop = body.loop
    if loop is None or loop.word != "scan":
        where = "a 'map' has no order to carry them along" if loop else "no scan is running here"
        body.error(
            "CPS0229",
            span,
            where,
            f"the rows '{rows.name}' are used outside of a scan",
            help="use them inside 'scan (x, y, d) in …'",
        )
        return None
    width = extent_of(loop.image, Axis.WIDTH)
    if width != rows.width:
        body.error(
            "CPS0229",
            span,
            f"the scan goes over {describe(width)} pixels a line",
            f"the rows '{rows.name}' are {describe(rows.width)} pixels wide",
            also=((rows.span, "declared here"),),
            help=f"declare them with '({describe(width)})'",
        )
        return None
    return loop


def _offset(body: Body, loop: PixelLoop, x: Expr, y: Expr) -> tuple[int, int] | None:
    """The offset (ahead, down) of an access along the scan's way; None after an error."""
    across, down = linear(loop, x), linear(loop, y)
    names = f"'{loop.x.name}'", f"'{loop.y.name}'"
    if across is None or across.x != 1 or across.y:
        example = f"{loop.x.name} + {loop.d.name if loop.d else 1}"
        body.error(
            "CPS0224", x.span, f"not {names[0]} and a constant", help=f"write it as '{example}'"
        )
        return None
    if down is None or down.y != 1 or down.x or down.d:
        body.error(
            "CPS0224",
            y.span,
            f"not {names[1]} and a constant",
            help=f"write it as '{loop.y.name} + 1'",
        )
        return None
    if loop.turns and across.constant:
        _needs_direction(body, loop, x, across)
        return None
    ahead = across.d + across.constant
    if abs(ahead) > CARRY_AHEAD:
        body.error(
            "CPS0228", x.span, f"the limit is {CARRY_AHEAD} pixels", "this offset reaches too far"
        )
        return None
    return ahead, down.constant


def _needs_direction(body: Body, loop: PixelLoop, x: Expr, across: Linear) -> None:
    """`x + 1` in a serpentine: right is ahead on one line and behind on the next."""
    name = loop.x.name
    if loop.d is None:
        head = f"scan ({name}, {loop.y.name}, d) in …"
        help_ = f"name the direction, '{head}', and write '{name} + d'"
    else:
        total = across.constant
        step = loop.d.name if abs(total) == 1 else f"{abs(total)} * {loop.d.name}"
        help_ = (
            f"write '{name} {'+' if total > 0 else '-'} {step}', which is along the way of the scan"
        )
    body.error(
        "CPS0227",
        x.span,
        "ahead on even lines, behind on odd ones",
        "a serpentine scan counts along its direction",
        help=help_,
    )


def read_rows(body: Body, node: syntax.IndexExpr, rows: Rows) -> Expr:
    """`rows[x, y]`."""
    loop = _scan_for(body, rows, node.span)
    if loop is None:
        return poison(node.span)
    at = coordinates(body, node.indices, rows.name, node.span)
    if at is None:
        return poison(node.span)
    offset = _offset(body, loop, *at)
    if offset is None:
        return poison(node.span)
    if offset != (0, 0):
        return body.error(
            "CPS0221",
            node.span,
            "read at another pixel",
            f"'{rows.name}' is read only at the pixel the scan is at",
            help=f"write '{rows.name}[{loop.x.name}, {loop.y.name}]'; what is added to other "
            "pixels is read when the scan gets there",
        )
    return RowsRead(rows, rows.type.element, node.span)


def add_rows(
    body: Body, node: syntax.AssignStatement, target: syntax.IndexExpr, rows: Rows, drop: bool
) -> list[RowsAdd]:
    """`rows[x, y + 1] += value;`, or `rows.drop[x + d, y] += value;` (`drop`)."""
    loop = _scan_for(body, rows, target.span)
    value = demand(
        body, body.expr(node.value, rows.type.element), rows.type.element, f"'{rows.name}' adds up"
    )
    if loop is None:
        return []
    if node.operator not in ("+", "-"):
        word = f"{node.operator}="
        body.error(
            "CPS0223",
            node.span,
            "only '+=' and '-='",
            f"'{word}' does not apply to rows",
            help="several pixels add to one; 'rows[…] += value' adds, and a line begins at 0",
        )
        return []
    at = coordinates(body, target.indices, rows.name, target.span)
    offset = None if at is None else _offset(body, loop, *at)
    if offset is None or value.type == POISON or is_poison(value):
        return []
    if not _causal(body, loop, rows, target, offset, drop):
        return []
    ahead, down = offset
    return [RowsAdd(rows, ahead, down, node.operator == "-", value, drop, node.span)]


def _causal(
    body: Body,
    loop: PixelLoop,
    rows: Rows,
    target: syntax.IndexExpr,
    offset: tuple[int, int],
    drop: bool,
) -> bool:
    """Whether an addition goes to a pixel to come, inside the rows; reports if not."""
    ahead, down = offset
    d = loop.d.name if loop.d else "1"
    if down < 0 or (down == 0 and ahead <= 0):
        here = (ahead, down) == (0, 0)
        body.error(
            "CPS0225",
            target.span,
            "the pixel the scan is at" if here else "a pixel the scan has left behind",
            "this addition comes too late",
            help=f"add to pixels to come: '{loop.x.name} + {d}' on this line, or any on "
            f"'{loop.y.name} + 1'",
        )
        return False
    if down >= rows.type.lines:
        body.error(
            "CPS0228",
            target.span,
            f"line {loop.y.name} + {down}",
            f"'{rows.name}' holds {rows.type.lines} line{'s' if rows.type.lines > 1 else ''}, "
            f"from {loop.y.name} on",
            also=((rows.span, "declared here"),),
            help=f"declare it as 'rows<{rows.type.element}, {down + 1}>'",
        )
        return False
    if ahead and not drop:
        indices = ", ".join(index.span.text for index in target.indices)
        body.error(
            "CPS0226",
            target.span,
            "outside of the image at the end of a line",
            "this addition may fall outside of the image",
            help=f"write '{rows.name}.drop[{indices}]': what falls outside is dropped",
        )
        return False
    return True
