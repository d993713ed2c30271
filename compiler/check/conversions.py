"""Types that must agree, and conversions: `i32(v)`, `sat_u8(v)`, `wrap_u8(v)`, `bits_u64(v)`."""

from __future__ import annotations

from compiler import syntax
from compiler.check.body import Body, is_poison, poison
from compiler.check.folding import fold_conversion
from compiler.check.literals import untyped_kind
from compiler.check.scope import article
from compiler.source import Span
from compiler.typed import Convert as TypedConvert
from compiler.typed import Expr
from compiler.types import BOOL, I32, POISON, ArrayType, ScalarType, ValueType, VoidType, scalar_of
from vm.opcodes import Op
from vm.types import BY_NAME

MODES = {"sat": Op.SATURATE, "wrap": Op.WRAP, "bits": Op.BITS}


def conversion_target(body: Body, name: str) -> tuple[str, ScalarType] | None:
    """What a conversion's name means: its mode ("", "sat", "wrap", "bits") and its type."""
    generic = body.generics.get(name)
    if isinstance(generic, ScalarType):
        return "", generic
    if name in BY_NAME:
        return "", BY_NAME[name]
    mode, _, type_name = name.partition("_")
    if mode in MODES and type_name in BY_NAME and BY_NAME[type_name] is not BOOL:
        return mode, BY_NAME[type_name]
    return None


def check_conversion(body: Body, node: syntax.CallExpr, mode: str, target: ScalarType) -> Expr:
    """A call whose callee is the name of a conversion."""
    if len(node.arguments) != 1 or node.arguments[0].name is not None:
        return body.error(
            "CPS0401", node.span, "takes one value", f"'{node.callee.span.text}' takes one value"
        )
    value = node.arguments[0].value
    expected = None
    kind = untyped_kind(value)
    if mode == "" and (kind == "int" or (kind == "float" and target.is_float)):
        expected = target
    operand = body.expr(value, expected)
    return convert(body, operand, mode, target, node.span)


def convert(body: Body, operand: Expr, mode: str, target: ScalarType, span: Span) -> Expr:
    """The conversion of a checked value, element by element if it is an array."""
    source = scalar_of(operand.type)
    if is_poison(operand):
        return poison(span)
    if source is None:
        return body.error(
            "CPS0310", span, f"this is {operand.type}", f"only numbers convert to {target}"
        )
    if mode == "" and source is target:
        return operand
    op = _operation(mode, source, target)
    if op is None:
        return _refuse(body, mode, source, target, operand, span)
    if source is target:
        return operand
    type_ = _with_scalar(operand.type, target)
    folded = fold_conversion(op, target, operand, span)
    if folded is not None:
        return folded
    return TypedConvert(op, operand, type_, span)


def holds(target: ScalarType, source: ScalarType) -> bool:
    """Whether the target holds every value of the source (both integers, or bool)."""
    return target.minimum <= source.minimum and source.maximum <= target.maximum


def _operation(mode: str, source: ScalarType, target: ScalarType) -> Op | None:
    if target is BOOL or (source is BOOL and mode != ""):
        return None
    if mode == "bits":
        fits = source.bits == target.bits and source.is_float != target.is_float
        return Op.BITS if fits else None
    if source.is_float or target.is_float:
        return None if mode == "wrap" else Op.CONVERT
    if source is target or holds(target, source):
        return Op.CONVERT
    return MODES.get(mode, Op.NARROW)


def _refuse(
    body: Body, mode: str, source: ScalarType, target: ScalarType, operand: Expr, span: Span
) -> Expr:
    text = operand.span.text
    help_ = None
    if target is BOOL:
        help_ = f"compare instead: '{text} != 0'"
    elif mode == "bits":
        help_ = "'bits_' reads a float as an integer of its width, or back"
    elif mode == "wrap":
        help_ = f"convert to an integer first: 'wrap_{target}(i64({text}))'"
    label = f"this is {article(source)}"
    return body.error(
        "CPS0310",
        operand.span,
        label,
        f"{article(source)} does not convert to {target}" + (" so" if mode else ""),
        help=help_,
    )


def _with_scalar(type_: ValueType, scalar: ScalarType) -> ValueType:
    if isinstance(type_, ArrayType):
        return ArrayType(_with_scalar(type_.element, scalar), type_.length)
    return scalar


def demand(body: Body, value: Expr, wanted: ValueType, why: str = "") -> Expr:
    """The value if it has the wanted type; otherwise an error that says how to convert.

    `why` says who wants it: "'dst' holds".
    """
    if value.type == wanted or is_poison(value):
        return value
    if wanted == POISON:
        return poison(value.span)
    if isinstance(value.type, VoidType):
        return body.error("CPS0412", value.span, "gives no value", help="call it as a statement")
    reason = f"{why} {article(wanted)}" if why else f"expected {article(wanted)}"
    message = f"expected {article(wanted)}, found {article(value.type)}"
    label = f"this is {article(value.type)}"
    if why:
        label += f"; {reason}"
    code, help_ = "CPS0301", _advice(value, wanted)
    source = scalar_of(value.type)
    if isinstance(wanted, ScalarType) and isinstance(source, ScalarType):
        narrowing = source.is_integer and wanted.is_integer and not holds(wanted, source)
        code = "CPS0303" if narrowing else code
    return body.error(code, value.span, label, message, help=help_)


def _advice(value: Expr, wanted: ValueType) -> str | None:
    source, text = value.type, value.span.text
    if not isinstance(wanted, ScalarType) or not isinstance(source, ScalarType):
        return None
    if wanted is BOOL:
        return f"compare it: '{text} != 0'"
    if source.is_integer and wanted.is_integer and not holds(wanted, source):
        return (
            f"write '{wanted}({text})' (traps if it does not fit), 'sat_{wanted}({text})' (the "
            f"nearest value) or 'wrap_{wanted}({text})'"
        )
    if source.is_float and wanted.is_integer:
        return f"write '{wanted}({text})', which drops the fraction, or round first"
    return f"convert it: '{wanted}({text})'"


def expr_as(body: Body, node: syntax.Expr, wanted: ValueType, why: str = "") -> Expr:
    """Check an expression that must have a type."""
    return demand(body, body.expr(node, wanted), wanted, why)


def index_expr(body: Body, node: syntax.Expr, what: str) -> Expr:
    """Check an expression that must be an i32, such as a coordinate."""
    return expr_as(body, node, I32, what)


def condition(body: Body, node: syntax.Expr) -> Expr:
    """Check an expression that must be a bool."""
    value = body.expr(node, BOOL)
    if value.type == BOOL or is_poison(value):
        return value
    help_ = f"compare it: '{value.span.text} != 0'" if isinstance(value.type, ScalarType) else None
    return body.error("CPS0306", value.span, f"this is {article(value.type)}", help=help_)
