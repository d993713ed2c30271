"""From types as written to types: scalars, generics, arrays, images, rows."""

from __future__ import annotations

from compiler import syntax
from compiler.check.body import Body
from compiler.check.evaluate import constant_int
from compiler.check.modules import Entry
from compiler.check.scope import nearest
from compiler.source import Span
from compiler.types import (
    BOOL,
    POISON,
    ArrayType,
    ImageType,
    PoisonType,
    RecordField,
    RecordType,
    RowsType,
    ScalarType,
    Type,
    ValueType,
    element_count,
)
from vm.limits import ARRAY_ELEMENTS, CHANNELS, FIELDS
from vm.types import BY_NAME

ROWS_LINES = 16
"""The most lines a rows may have: a carried read reaches that far."""

FOREIGN_TYPES = {
    "int": "i32",
    "uint": "u32",
    "float": "f32",
    "double": "f64",
    "byte": "u8",
    "char": "u8",
    "uint8": "u8",
    "int8": "i8",
    "uint16": "u16",
    "int16": "i16",
    "int32": "i32",
    "uint32": "u32",
    "int64": "i64",
    "uint64": "u64",
    "float32": "f32",
    "float64": "f64",
    "boolean": "bool",
    "usize": "u32",
    "isize": "i32",
    "long": "i64",
    "size_t": "u32",
    "vec3": "[f32; 3]",
    "vec2": "[f32; 2]",
    "vec4": "[f32; 4]",
    "half": "f32",
    "f16": "f32",
}


def resolve_type(body: Body, node: syntax.TypeSyntax) -> Type:
    """The type a piece of syntax means; `POISON` after an error."""
    if isinstance(node, syntax.BracketType):
        return _array(body, node)
    name = node.name.text
    if name in ("image", "rows"):
        return _image(body, node) if name == "image" else _rows(body, node)
    if node.arguments:
        body.error("CPS0126", node.span, "takes no arguments", f"'{name}' takes no arguments")
        return POISON
    generic = body.generics.get(name)
    if isinstance(generic, ScalarType):
        return generic
    if name in BY_NAME:
        return BY_NAME[name]
    entry = body.module.find(name)
    if entry is not None and isinstance(entry.item, syntax.RecordItem):
        return record_type(body, entry) or POISON
    if name in body.module.broken:
        return POISON
    return _unknown(body, name, node.span)


def record_type(body: Body, entry: Entry) -> RecordType | None:
    """The type that a record declares, checked once; None after an error."""
    item, records = entry.item, body.world.records
    assert isinstance(item, syntax.RecordItem)
    if id(item) not in records:
        records[id(item)] = _record_type(Body(body.world, entry.module, "constant", ""), item)
    return records[id(item)]


def _record_type(body: Body, item: syntax.RecordItem) -> RecordType | None:
    fields: dict[str, RecordField] = {}
    for node in item.fields:
        type_ = resolve_type(body, node.type)
        if node.name.text in fields:
            body.error(
                "CPS0122",
                node.name.span,
                "declared again here",
                f"the record '{item.name.text}' has two fields '{node.name.text}'",
            )
        elif isinstance(type_, ScalarType):
            fields[node.name.text] = RecordField(node.name.text, type_, node.doc)
        elif not isinstance(type_, PoisonType):
            body.error(
                "CPS0314",
                node.type.span,
                f"this is {article_of(type_)}",
                "the fields of a record are numbers and bools",
                help="give each number a field of its own",
            )
    if not item.fields or len(item.fields) > FIELDS:
        found = f"{len(item.fields)} fields"
        body.error("CPS0308", item.name.span, found, f"a record has 1 to {FIELDS} fields")
    return (
        RecordType(item.name.text, tuple(fields.values()))
        if len(fields) == len(item.fields) and 0 < len(fields) <= FIELDS
        else None
    )


def _unknown(body: Body, name: str, span: Span) -> PoisonType:
    records = [
        entry.name
        for entry, _ in body.module.entries.values()
        if isinstance(entry.item, syntax.RecordItem)
    ]
    known = [*BY_NAME, "image", "rows", *body.generics, *records]
    meant = FOREIGN_TYPES.get(name.lower()) or nearest(name, known)
    help_ = f"did you mean '{meant}'?" if meant else f"the types are {', '.join(BY_NAME)}"
    body.error("CPS0126", span, "not a type", f"there is no type '{name}'", help=help_)
    return POISON


def _array(body: Body, node: syntax.BracketType) -> Type:
    element = resolve_type(body, node.element)
    length = constant_int(body, node.length, "the length of an array")
    if length is None or isinstance(element, PoisonType):
        return POISON
    if not isinstance(element, ScalarType | ArrayType):
        body.error(
            "CPS0314", node.element.span, "not a value", f"{element} cannot be stored in arrays"
        )
        return POISON
    type_ = array_type(body, element, length, node.length.span)
    return POISON if type_ is None else type_


def array_type(body: Body, element: ValueType, length: int, span: Span) -> ArrayType | None:
    """An array type of a checked length; None after an error."""
    if length < 1:
        body.error("CPS0308", span, "must be 1 or more", f"an array cannot have {length} elements")
        return None
    if length * element_count(element) > ARRAY_ELEMENTS:
        body.error(
            "CPS0308", span, f"the limit is {ARRAY_ELEMENTS} numbers", "this array is too large"
        )
        return None
    return ArrayType(element, length)


def _image(body: Body, node: syntax.NamedType) -> Type:
    if not 1 <= len(node.arguments) <= 2:
        body.error("CPS0126", node.span, "incomplete", help="write 'image<u8>' or 'image<u8, 3>'")
        return POISON
    first = node.arguments[0]
    if isinstance(first, syntax.Number):
        body.error("CPS0126", first.span, "expected a number type", help="write 'image<u8>'")
        return POISON
    element = resolve_type(body, first)
    channels = 1 if len(node.arguments) == 1 else _count(body, node.arguments[1], "channels")
    if channels is None or isinstance(element, PoisonType):
        return POISON
    if not isinstance(element, ScalarType) or element is BOOL:
        body.error(
            "CPS0314",
            first.span,
            "not a number type",
            f"images hold numbers, not {element}",
            help="a mask is an image<u8>" if element is BOOL else "write 'image<u8, 3>'",
        )
        return POISON
    if not 1 <= channels <= CHANNELS:
        body.error(
            "CPS0308", node.span, f"1 to {CHANNELS}", f"an image cannot have {channels} channels"
        )
        return POISON
    return ImageType(element, channels)


def _rows(body: Body, node: syntax.NamedType) -> Type:
    if len(node.arguments) != 2 or isinstance(node.arguments[0], syntax.Number):
        body.error("CPS0126", node.span, "incomplete", help="write 'rows<i32, 2>'")
        return POISON
    element = resolve_type(body, node.arguments[0])
    lines = _count(body, node.arguments[1], "lines")
    if lines is None or isinstance(element, PoisonType):
        return POISON
    scalar = element.element if isinstance(element, ArrayType) else element
    if not isinstance(scalar, ScalarType) or not scalar.is_compute or scalar is BOOL:
        narrow = isinstance(scalar, ScalarType) and scalar.is_narrow
        body.error(
            "CPS0314",
            node.arguments[0].span,
            "not a type to add up in",
            f"rows cannot add up {element}",
            help="write 'rows<i32, 2>'" if narrow else None,
        )
        return POISON
    if not 1 <= lines <= ROWS_LINES:
        body.error("CPS0308", node.span, f"1 to {ROWS_LINES}", f"rows cannot have {lines} lines")
        return POISON
    assert isinstance(element, ScalarType | ArrayType)
    return RowsType(element, lines)


def _count(body: Body, node: syntax.TypeSyntax | syntax.Number, what: str) -> int | None:
    """A count among type arguments: a number, or the name of a constant."""
    if isinstance(node, syntax.Number):
        if isinstance(node.value, int):
            return node.value
    elif isinstance(node, syntax.NamedType) and not node.arguments:
        name = syntax.NameExpr(node.name.text, node.span)
        return constant_int(body, name, f"the number of {what}")
    body.error("CPS0126", node.span, f"expected the number of {what}")
    return None


def value_type(body: Body, node: syntax.TypeSyntax, what: str) -> ValueType:
    """A type of values: no image, no rows."""
    type_ = resolve_type(body, node)
    if isinstance(type_, ImageType | RowsType):
        body.error(
            "CPS0314",
            node.span,
            f"{what} cannot be {article_of(type_)}",
            help="declare it with its size: 'var t: image<f32>(src.width, src.height);'",
        )
        return POISON
    return type_


def article_of(type_: Type) -> str:
    """`an image<u8>`, `rows<i32, 2>`."""
    return f"an {type_}" if isinstance(type_, ImageType) else str(type_)
