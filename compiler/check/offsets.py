"""Offsets along the way of a scan: `x + d`, `y + 1` as (ahead, down)."""

from __future__ import annotations

from msgspec import Struct

from compiler.check.body import Body, PixelLoop
from compiler.symbols import Local
from compiler.typed import Binary, Expr, Literal, LocalRead, Unary
from vm.limits import CARRY_AHEAD
from vm.opcodes import Op


class Linear(Struct, frozen=True):
    """`x·X + y·Y + d·D + constant`: a coordinate in terms of the scan's variables."""

    x: int = 0
    y: int = 0
    d: int = 0
    constant: int = 0

    def along(self, vertical: bool) -> tuple[int, int]:
        """How often the coordinate along a line is in it, and the one across lines."""
        return (self.y, self.x) if vertical else (self.x, self.y)

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


def offset_of(
    body: Body, loop: PixelLoop, x: Expr, y: Expr, *, gone_by: bool = False
) -> tuple[int, int] | None:
    """The offset (ahead, down) of an access along the scan's way; None after an error.

    `ahead` counts pixels in the direction of travel, `down` lines in the order of the scan.
    `gone_by`: help speaks of pixels that the scan has left behind.
    """
    vertical, sign = loop.order.is_vertical, loop.order.direction
    mark = "-" if (sign < 0) != gone_by else "+"
    places = (y, x) if vertical else (x, y)
    names = (loop.y.name, loop.x.name) if vertical else (loop.x.name, loop.y.name)
    along, across = (linear(loop, place) for place in places)
    if along is None or along.along(vertical) != (1, 0):
        step = f"{'-' if gone_by else '+'} {loop.d.name}" if loop.d else f"{mark} 1"
        help_ = f"write it as '{names[0]} {step}'"
        body.error("CPS0224", places[0].span, f"not '{names[0]}' and a constant", help=help_)
        return None
    if across is None or across.along(vertical) != (0, 1) or across.d:
        help_ = f"write it as '{names[1]} {mark} 1'"
        body.error("CPS0224", places[1].span, f"not '{names[1]}' and a constant", help=help_)
        return None
    if loop.turns and along.constant:
        _needs_direction(body, loop, places[0], names[0], along)
        return None
    ahead = along.d + sign * along.constant
    if abs(ahead) > CARRY_AHEAD:
        label = f"the limit is {CARRY_AHEAD} pixels"
        body.error("CPS0228", places[0].span, label, "this offset reaches too far")
        return None
    return ahead, sign * across.constant


def _needs_direction(body: Body, loop: PixelLoop, place: Expr, name: str, along: Linear) -> None:
    """`x + 1` in a serpentine: right is ahead on one line and behind on the next."""
    if loop.d is None:
        head = f"scan ({loop.x.name}, {loop.y.name}, d) in …"
        help_ = f"name the direction, '{head}', and write '{name} + d'"
    else:
        total = along.constant
        step = loop.d.name if abs(total) == 1 else f"{abs(total)} * {loop.d.name}"
        sign = "+" if total > 0 else "-"
        help_ = f"write '{name} {sign} {step}', which is along the way of the scan"
    body.error(
        "CPS0227",
        place.span,
        "ahead on even lines, behind on odd ones",
        "a serpentine scan counts along its direction",
        help=help_,
    )


def way(loop: PixelLoop) -> str:
    """Where pixels to come lie, in the words of a loop."""
    names = (loop.y.name, loop.x.name) if loop.order.is_vertical else (loop.x.name, loop.y.name)
    step = "-" if loop.order.direction < 0 else "+"
    ahead = f"'{names[0]} + {loop.d.name}'" if loop.d else f"'{names[0]} {step} 1'"
    lines = "column" if loop.order.is_vertical else "line"
    return f"{ahead} on this {lines}, or any on '{names[1]} {step} 1'"
