"""`map` and `scan`: over every pixel, each writing where it stands; and `for`."""

from __future__ import annotations

from collections.abc import Iterator

from compiler import syntax
from compiler.check.body import Body, PixelLoop, statement
from compiler.check.conversions import condition
from compiler.check.evaluate import constant_int
from compiler.check.extents import describe_size, same_size
from compiler.check.images import find_image, is_variable, writable
from compiler.check.offsets import linear
from compiler.check.reductions import check_range
from compiler.source import Span
from compiler.symbols import Image
from compiler.typed import Expr, For, Literal, Map, Scan, Statement
from compiler.types import I32
from vm.module import Order

ORDERS = {
    "raster": Order.ROWS,
    "serpentine": Order.ROWS,
    "columns": Order.COLUMNS,
    "reverse": Order.REVERSE,
}


@statement(syntax.ForStatement)
def check_for(body: Body, node: syntax.ForStatement) -> list[Statement]:
    """`for i in a..b step k { … }`."""
    range_ = check_range(body, node.range)
    step = 1 if node.step is None else constant_int(body, node.step, "the step")
    if step is not None and step < 1:
        assert node.step is not None
        body.error(
            "CPS0505",
            node.step.span,
            "1 or more",
            "a step counts upwards",
            help="to go down, compute the index: 'n - 1 - i'",
        )
        step = None
    body.scope.blocks.append({})
    variable = body.new_local(node.name, I32)
    body.in_for += 1
    statements = body.statements(node.body.statements)
    body.in_for -= 1
    body.scope.blocks.pop()
    if range_ is None or step is None:
        return []
    return [For(variable, range_, step, statements, node.span)]


def _names(body: Body, names: tuple[syntax.Name, ...], word: str) -> bool:
    allowed = (2,) if word == "map" else (2, 3)
    if len(names) in allowed:
        return True
    span = names[0].span.to(names[-1].span)
    head = "(x, y)" if word == "map" else "(x, y, d)"
    label = "a map has no direction" if word == "map" and len(names) == 3 else f"found {len(names)}"
    body.error(
        "CPS0311",
        span,
        label,
        f"a '{word}' names its pixel {head}",
        help=f"write '{word} {head} in image {{ … }}'",
    )
    return False


def _nested(body: Body, word: str, head: Span) -> bool:
    if body.loop is None:
        return False
    body.error(
        "CPS0214",
        head,
        f"inside of a '{body.loop.word}'",
        f"a '{word}' cannot stand in a loop over pixels",
        also=((body.loop.span, "the outer loop"),),
        help="visit neighbours with 'for', or a reduction: 'sum(s[x + i, y] for i in -1..=1)'",
    )
    return True


@statement(syntax.MapStatement)
def check_map(body: Body, node: syntax.MapStatement) -> list[Statement]:
    """`map (x, y) in image { … }`."""
    image = find_image(body, node.image, "a 'map'")
    if not _names(body, node.names, "map") or _nested(body, "map", node.head) or image is None:
        return []
    loop, statements = _pixels(body, node, image, "map", Order.ROWS, False)
    return [Map(loop.x, loop.y, loop.image, statements, node.span)]


@statement(syntax.ScanStatement)
def check_scan(body: Body, node: syntax.ScanStatement) -> list[Statement]:
    """`scan (x, y, d) in image by order { … }`."""
    image = find_image(body, node.image, "a 'scan'")
    order, serpentine = _order(body, node)
    named = _names(body, node.names, "scan")
    if not named or _nested(body, "scan", node.head) or image is None:
        return []
    turns = serpentine is not None or order is None
    loop, statements = _pixels(body, node, image, "scan", order or Order.ROWS, turns)
    return [Scan(loop.x, loop.y, loop.d, loop.image, loop.order, serpentine, statements, node.span)]


def _order(body: Body, node: syntax.ScanStatement) -> tuple[Order | None, Expr | None]:
    """The order, None if it is not understood, and the flag of a serpentine that may turn."""
    order = node.order
    name = order.callee if isinstance(order, syntax.CallExpr) else order
    if order is None:
        return Order.ROWS, None
    if not isinstance(name, syntax.NameExpr) or name.name not in ORDERS:
        body.error(
            "CPS0234",
            order.span,
            "not an order",
            f"there is no order '{order.span.text}'",
            help="the orders are 'raster', 'serpentine(flag)', 'columns' and 'reverse'",
        )
        return None, None
    arguments = order.arguments if isinstance(order, syntax.CallExpr) else ()
    found = ORDERS[name.name]
    if name.name != "serpentine":
        if arguments:
            body.error("CPS0234", order.span, "takes no flag", f"'{name.name}' takes no flag")
        return found, None
    if len(arguments) != 1:
        body.error(
            "CPS0234",
            order.span,
            "needs a flag",
            "'serpentine' takes a flag",
            help="write 'by serpentine(true)'",
        )
        return None, None
    flag = condition(body, arguments[0].value)
    if isinstance(flag, Literal) and flag.value is False:
        return found, None
    return found, flag


def _pixels(
    body: Body,
    node: syntax.MapStatement | syntax.ScanStatement,
    image: Image,
    word: str,
    order: Order,
    turns: bool,
) -> tuple[PixelLoop, tuple[Statement, ...]]:
    """Check the body of a loop over pixels."""
    body.has_pixel_loop = True
    body.scope.blocks.append({})
    x, y, *rest = (body.new_local(name, I32) for name in node.names)
    d = rest[0] if rest else None
    written = dict(_written(body, node.body))
    loop = PixelLoop(word, image, x, y, d, order, turns, written, node.head)
    outer_fors, body.in_for = body.in_for, 0
    body.loop = loop
    body.scope.blocks.append({})
    statements = body.statements(node.body.statements)
    body.scope.blocks.pop()
    body.loop, body.in_for = None, outer_fors
    body.scope.blocks.pop()
    return loop, statements


def _written(body: Body, block: syntax.Block) -> Iterator[tuple[Image, Span]]:
    """The images that a body writes, and where: known before it is checked."""
    for node in block.statements:
        if isinstance(node, syntax.AssignStatement):
            root = node.target
            while isinstance(root, syntax.IndexExpr | syntax.FieldExpr):
                root = root.base
            image = body.scope.find(root.name) if isinstance(root, syntax.NameExpr) else None
            if isinstance(image, Image):
                yield image, node.target.span
        for inner in _blocks(node):
            yield from _written(body, inner)


def _blocks(node: syntax.Statement) -> Iterator[syntax.Block]:
    if isinstance(node, syntax.ForStatement | syntax.MapStatement | syntax.ScanStatement):
        yield node.body
    while isinstance(node, syntax.IfStatement):
        yield node.then
        if isinstance(node.otherwise, syntax.Block):
            yield node.otherwise
        if not isinstance(node.otherwise, syntax.IfStatement):
            return
        node = node.otherwise


def may_write(body: Body, image: Image, x: Expr, y: Expr, span: Span, drop: bool) -> bool | None:
    """Whether a write is to the pixel the loop is at (None after an error)."""
    if not writable(body, image, span):
        return None
    loop = body.loop
    if loop is None:
        body.has_pixel_loop = True
        return False
    names = f"{loop.x.name}, {loop.y.name}"
    if not (is_variable(loop.x, x) and is_variable(loop.y, y)) or drop:
        advice = _elsewhere(loop, image, x, y)
        body.error(
            "CPS0212",
            span,
            "not the pixel the loop is at" if not drop else "'.drop' has no use here",
            f"a '{loop.word}' writes only at [{names}]",
            help=advice,
        )
        return None
    if not same_size(image, loop.image):
        body.error(
            "CPS0213",
            span,
            f"'{image.name}' is {describe_size(image)}",
            f"'{image.name}' is not provably as large as '{loop.image.name}'",
            also=((loop.span, f"goes over {describe_size(loop.image)} pixels"),),
            help=f"go over '{image.name}', or declare it with the size of '{loop.image.name}'",
        )
        return None
    return True


def _elsewhere(loop: PixelLoop, image: Image, x: Expr, y: Expr) -> str:
    """What to do instead of writing to a neighbour."""
    across, down = linear(loop, x), linear(loop, y)
    here = f"'{image.name}[{loop.x.name}, {loop.y.name}] = …'"
    if across is not None and down is not None and across.x == 1 and down.y == 1:
        if loop.word == "map":
            return f"write {here} and read the neighbours instead, or use 'scan' with 'rows'"
        return f"write {here}; what goes to pixels to come is added to 'rows'"
    return f"write {here}, and read from where the value comes"
