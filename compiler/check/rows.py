"""Rows: what a scan adds up for pixels to come, at constant offsets along its way."""

from __future__ import annotations

from compiler import syntax
from compiler.check.body import Body, PixelLoop, is_poison, poison
from compiler.check.conversions import demand
from compiler.check.extents import describe, extent_of
from compiler.check.images import coordinates
from compiler.check.offsets import offset_of, way
from compiler.source import Span
from compiler.symbols import Axis, Rows
from compiler.typed import Expr, RowsAdd, RowsRead
from compiler.types import POISON


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
    vertical = loop.order.is_vertical
    length = extent_of(loop.image, Axis.HEIGHT if vertical else Axis.WIDTH)
    if length != rows.width:
        lines = "column" if vertical else "line"
        body.error(
            "CPS0229",
            span,
            f"the scan goes over {describe(length)} pixels a {lines}",
            f"the rows '{rows.name}' are {describe(rows.width)} pixels wide",
            also=((rows.span, "declared here"),),
            help=f"declare them with '({describe(length)})'",
        )
        return None
    return loop


def read_rows(body: Body, node: syntax.IndexExpr, rows: Rows) -> Expr:
    """`rows[x, y]`."""
    loop = _scan_for(body, rows, node.span)
    if loop is None:
        return poison(node.span)
    at = coordinates(body, node.indices, rows.name, node.span)
    if at is None:
        return poison(node.span)
    offset = offset_of(body, loop, *at)
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
    offset = None if at is None else offset_of(body, loop, *at)
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
    if down < 0 or (down == 0 and ahead <= 0):
        here = (ahead, down) == (0, 0)
        body.error(
            "CPS0225",
            target.span,
            "the pixel the scan is at" if here else "a pixel the scan has left behind",
            "this addition comes too late",
            help=f"add to pixels to come: {way(loop)}",
        )
        return False
    if down >= rows.type.lines:
        body.error(
            "CPS0228",
            target.span,
            f"{down} lines on",
            f"'{rows.name}' holds {rows.type.lines} line{'s' if rows.type.lines > 1 else ''}, "
            "this one the first",
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
