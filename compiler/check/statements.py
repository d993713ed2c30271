"""Statements: `let`, `var`, `if`, calls, `require`, and those out of place."""

from __future__ import annotations

from compiler import syntax
from compiler.check import testblocks
from compiler.check.body import Body, is_poison, poison, statement
from compiler.check.calls import TEST_WORDS, check_require
from compiler.check.conversions import condition, expr_as
from compiler.check.extents import check_extent, check_size, remember_initial
from compiler.check.functions import call_statement
from compiler.check.images import find_place
from compiler.check.scope import Broken, Outcome, View
from compiler.check.typesyntax import resolve_type, value_type
from compiler.symbols import Image, ImageRole, Rows
from compiler.typed import (
    Declare,
    DeclareImage,
    DeclareRows,
    If,
    Jump,
    Literal,
    Require,
    Statement,
)
from compiler.types import (
    ArgType,
    ImageType,
    PoisonType,
    RowsType,
    ValueType,
    VoidType,
)
from vm.limits import TEXT_CHARS


@statement(syntax.LetStatement)
def check_let(body: Body, node: syntax.LetStatement) -> list[Statement]:
    """`let name = value;`, `var name: type = value;`."""
    if body.kind == "test" and testblocks.check_let(body, node):
        return []
    place = find_place(body, node.value)
    if isinstance(place, View | Image | Rows | Outcome | Broken):
        return _bind_place(body, node, place)
    wanted: ValueType | None = None
    if node.type is not None:
        wanted = value_type(body, node.type, "a local")
    body.direct = node.value
    if wanted is None:
        value = body.expr(node.value)
    else:
        value = expr_as(body, node.value, wanted, f"'{node.name.text}' is")
    if isinstance(value.type, VoidType):
        body.error(
            "CPS0412",
            node.value.span,
            "gives nothing",
            "this call gives no value",
            help="call it as a statement",
        )
        value = poison(node.value.span)
    if node.mutable and isinstance(value.type, ArgType):
        body.error(
            "CPS0314",
            node.value.span,
            f"this is a {value.type}",
            "what argmin and argmax give is kept with 'let'",
        )
    type_ = wanted if wanted is not None and is_poison(value) else value.type
    local = body.new_local(node.name, type_, node.mutable)
    if is_poison(value):
        return []
    body.declared.append((local, node.name.span))
    remember_initial(body, local, value)
    return [Declare(local, value, node.span)]


def _bind_place(
    body: Body, node: syntax.LetStatement, place: View | Image | Rows | Outcome | Broken
) -> list[Statement]:
    """`let s = src.clamp;`: a name for a view."""
    if isinstance(place, View):
        if place.fill is not None and not isinstance(place.fill, Literal):
            body.error(
                "CPS0128",
                place.fill.span,
                "not a constant",
                "a named view has a constant value outside",
                help=f"write '{place.span.text}[x, y]' where it is read",
            )
        if node.type is not None or node.mutable:
            body.error(
                "CPS0128",
                node.span,
                "a name for a view",
                "a view is named with 'let' alone",
                help=f"write 'let {node.name.text} = {place.span.text};'",
            )
        body.declare(node.name, place)
        return []
    if not isinstance(place, Broken):
        what = "rows" if isinstance(place, Rows) else "an image"
        body.error(
            "CPS0406",
            node.value.span,
            f"{what}",
            "images and rows are not stored in locals",
            help="a view can be named: 'let s = src.clamp;'" if isinstance(place, Image) else None,
        )
    body.declare(node.name, Broken(node.name.span))
    return []


@statement(syntax.AllocateStatement)
def check_allocate(body: Body, node: syntax.AllocateStatement) -> list[Statement]:
    """`var t: image<f32>(width, height);`, `var err: rows<i32, 2>(width);`."""
    type_ = resolve_type(body, node.type)
    span = node.span
    if body.loop is not None:
        body.error(
            "CPS0214",
            span,
            f"inside of a '{body.loop.word}'",
            "images and rows are declared outside of loops over pixels",
            help="declare it before the loop",
        )
    name = node.name.text
    if isinstance(type_, ImageType):
        body.has_pixel_loop = True
        size = check_size(body, node.size, span, 2, f"var {name}: {type_}(src.width, src.height);")
        if size is not None:
            image = Image(name, type_, node.name.span, ImageRole.LOCAL, size[0], size[1])
            body.declare(node.name, image)
            return [DeclareImage(image, span)]
    elif isinstance(type_, RowsType):
        if len(node.size) == 1 and node.size[0].name is None:
            width = check_extent(body, node.size[0].value)
            if width is not None:
                rows = Rows(name, type_, node.name.span, width)
                body.declare(node.name, rows)
                body.declared.append((rows, node.name.span))
                return [DeclareRows(rows, span)]
        else:
            body.error(
                "CPS0605", span, "expected a width", help=f"write 'var {name}: {type_}(src.width);'"
            )
    elif not isinstance(type_, PoisonType):
        body.error(
            "CPS0314",
            node.type.span,
            f"{type_} has no size",
            "only images and rows have a size",
            help=f"write 'var {name}: {type_} = …;'",
        )
    body.declare(node.name, Broken(node.name.span))
    return []


@statement(syntax.ExprStatement)
def check_call_statement(body: Body, node: syntax.ExprStatement) -> list[Statement]:
    """A call for what it does."""
    call = node.expression
    if not isinstance(call, syntax.CallExpr):
        value = body.expr(call)
        if not is_poison(value):
            body.error("CPS0411", node.span, "has no effect", "this value is not used")
        return []
    name = call.callee.name if isinstance(call.callee, syntax.NameExpr) else ""
    entry = body.module.find(name) if body.scope.find(name) is None else None
    if entry is not None and isinstance(entry.item, syntax.FunctionItem):
        return list(call_statement(body, call, entry))
    if entry is not None and isinstance(entry.item, syntax.KernelItem) and body.kind != "test":
        return list(call_statement(body, call, entry))
    if name == "require" and entry is None:
        return _require(body, call)
    if body.kind == "test" and testblocks.check_statement(body, call, name):
        return []
    if name in TEST_WORDS and entry is None:
        body.error(
            "CPS0702",
            call.callee.span,
            "only in tests",
            f"'{name}' belongs to tests",
            help="in a kernel, use 'require(condition, \"text\");'",
        )
        return []
    value = body.expr(call)
    if not is_poison(value):
        body.error("CPS0411", node.span, "has no effect", "the value of this call is not used")
    return []


def _require(body: Body, call: syntax.CallExpr) -> list[Statement]:
    checked = check_require(body, call)
    if checked is None or is_poison(checked[0]):
        return []
    test, text = checked
    if len(text) > TEXT_CHARS:
        body.error("CPS0110", call.span, f"{len(text)} characters", "this text is too long")
        return []
    return [Require(test, text, call.span)]


@statement(syntax.IfStatement)
def check_if(body: Body, node: syntax.IfStatement) -> list[Statement]:
    """`if condition { … } else { … }`."""
    test = condition(body, node.condition)
    then = body.block(node.then)
    otherwise: tuple[Statement, ...] = ()
    if isinstance(node.otherwise, syntax.IfStatement):
        otherwise = tuple(check_if(body, node.otherwise))
    elif node.otherwise is not None:
        otherwise = body.block(node.otherwise)
    return [] if is_poison(test) else [If(test, then, otherwise, node.span)]


@statement(syntax.ReturnStatement)
def check_return(body: Body, node: syntax.ReturnStatement) -> list[Statement]:
    """A `return` that is not the last statement of a function."""
    if node.value is not None:
        body.expr(node.value)
    if body.kind == "function" or (body.kind == "kernel" and body.loop is not None):
        body.error(
            "CPS0404",
            node.span,
            "not the last statement",
            f"'return' stands last in a {body.kind}",
            help="choose the value with 'if': 'return if c { a } else { b };'",
        )
    else:
        what = "a test" if body.kind == "test" else "a kernel"
        body.error(
            "CPS0404",
            node.span,
            "not in a function",
            f"{what} returns nothing",
            help="results go to 'out' images, or with '-> Row' into a record, given last"
            if body.kind == "kernel"
            else None,
        )
    return []


@statement(syntax.JumpStatement)
def check_jump(body: Body, node: syntax.JumpStatement) -> list[Statement]:
    """`break` and `continue`."""
    if body.in_for == 0:
        body.error(
            "CPS0235",
            node.span,
            "not in a 'for'",
            f"'{node.word}' belongs to a 'for'",
            help="a map or scan visits every pixel: make what it does depend on a condition"
            if body.loop is not None
            else None,
        )
        return []
    return [Jump(node.word == "break", node.span)]
