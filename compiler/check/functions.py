"""Calls of functions and kernels: their arguments, and whether these fit."""

from __future__ import annotations

from collections.abc import Mapping

from compiler import syntax
from compiler.check.arguments import bind_arguments
from compiler.check.body import Body, is_poison, poison
from compiler.check.conversions import demand
from compiler.check.extents import describe, extent_of, substitute
from compiler.check.generics import BOUNDS, Bindings, mentioned, unify
from compiler.check.images import find_image, may_read, writable
from compiler.check.instances import instance_of, signature_body
from compiler.check.kernelcalls import argument_extents, kernel_argument, kernel_instance
from compiler.check.literals import untyped_kind
from compiler.check.modules import Entry
from compiler.check.scope import article
from compiler.check.typesyntax import resolve_type
from compiler.source import Span
from compiler.symbols import Axis, Extent, Image, ImageRole, Parameter
from compiler.typed import Call, CallStatement, Expr, Extents, Function
from compiler.types import (
    ImageType,
    PoisonType,
    RowsType,
    ScalarType,
    Type,
    ValueType,
    VoidType,
)

Argument = Expr | Image


def call_function(
    body: Body, node: syntax.CallExpr, entry: Entry, expected: ValueType | None
) -> Expr:
    """A call used as a value."""
    made = _prepare(body, node, entry, expected)
    if made is None:
        return poison(node.span)
    function, arguments, extents = made
    writes = any(
        isinstance(each, Image) and each.role is ImageRole.OUT for each in function.parameters
    )
    if writes and body.direct is not node:
        return body.error(
            "CPS0407",
            node.span,
            "writes an image",
            f"'{entry.name}' is called as a statement",
            help=f"write '{entry.name}(…);' on a line of its own, or 'let r = {entry.name}(…);'",
        )
    if isinstance(function.type, PoisonType):
        return poison(node.span)
    return Call(function, arguments, extents, function.type, node.span)


def call_statement(body: Body, node: syntax.CallExpr, entry: Entry) -> list[CallStatement]:
    """A call used as a statement."""
    made = _prepare(body, node, entry, None)
    if made is None:
        return []
    function, arguments, extents = made
    writes = any(
        isinstance(each, Image) and each.role is ImageRole.OUT for each in function.parameters
    )
    if not writes and not isinstance(function.type, VoidType | PoisonType):
        body.error(
            "CPS0411",
            node.span,
            f"gives {article(function.type)}",
            "the value of this call is not used",
            help=f"write 'let v = {node.span.text};'",
        )
    return [CallStatement(function, arguments, extents, node.span)]


def _prepare(
    body: Body, node: syntax.CallExpr, entry: Entry, expected: ValueType | None
) -> tuple[Function, tuple[Argument, ...], Extents] | None:
    """The instance that is called and its checked arguments; None after an error."""
    item = entry.item
    if isinstance(item, syntax.KernelItem):
        return _prepare_kernel(body, node, entry, item)
    assert isinstance(item, syntax.FunctionItem)
    names = [parameter.name.text for parameter in item.parameters]
    bound = bind_arguments(body, node, entry.name, names, frozenset(), item.name.span)
    if bound is None:
        return None
    values: dict[str, Argument] = {}
    found = _infer(body, node, entry, item, bound, values, expected)
    if found is None:
        return None
    function = instance_of(body, entry, found, node.span)
    if function is None:
        return None
    arguments = [values[name] for name in names]
    if not _fit(body, node, function, arguments, {}):
        return None
    if function.has_pixel_loop:
        _check_place(body, node, entry.name)
        body.has_pixel_loop = True
    return function, tuple(arguments), ()


def _prepare_kernel(
    body: Body, node: syntax.CallExpr, entry: Entry, item: syntax.KernelItem
) -> tuple[Function, tuple[Argument, ...], Extents] | None:
    """A kernel called like a function: its images and parameters in the order they are declared."""
    names = [parameter.name.text for parameter in item.parameters]
    optional = frozenset(
        parameter.name.text
        for parameter in item.parameters
        if isinstance(parameter, syntax.KernelParam) and parameter.default is not None
    )
    bound = bind_arguments(body, node, entry.name, names, optional, item.name.span)
    function = kernel_instance(body, entry, node.span)
    if bound is None or function is None:
        return None
    arguments: list[Argument] = []
    for parameter in function.parameters:
        given = bound.get(parameter.name)
        found: Argument | None
        if isinstance(parameter, Image):
            what = f"'{parameter.name}' of '{entry.name}'"
            found = None if given is None else find_image(body, given, what)
        else:
            assert isinstance(parameter, Parameter)
            found = kernel_argument(body, parameter, given, node.span)
        if found is None:
            return None
        arguments.append(found)
    extents = argument_extents(body, function, arguments)
    if extents is None or not _fit(body, node, function, arguments, dict(extents)):
        return None
    _check_place(body, node, entry.name)
    body.has_pixel_loop = True
    return function, tuple(arguments), extents


def _infer(
    body: Body,
    node: syntax.CallExpr,
    entry: Entry,
    item: syntax.FunctionItem,
    bound: dict[str, syntax.Expr],
    values: dict[str, Argument],
    expected: ValueType | None,
) -> Bindings | None:
    """Check the arguments into `values` and find the generic arguments; None after an error."""
    generics = frozenset(generic.name.text for generic in item.generics)
    found: Bindings = {}
    failed = False
    late: list[syntax.FunctionParameter] = []
    for parameter in item.parameters:
        argument = bound[parameter.name.text]
        if _is_image(parameter.type):
            what = f"'{parameter.name.text}' of '{entry.name}'"
            image = find_image(body, argument, what)
            if image is None:
                failed = True
                continue
            values[parameter.name.text] = image
            unify(parameter.type, image.type, generics, found)
        elif _is_untyped(argument):
            late.append(parameter)
        else:
            failed |= not _value(body, entry, parameter, argument, generics, found, values)
    if item.result is not None and expected is not None and generics:
        unify(item.result, expected, generics, found)
    for parameter in late:
        argument = bound[parameter.name.text]
        failed |= not _value(body, entry, parameter, argument, generics, found, values)
    if failed:
        return None
    missing = [generic for generic in item.generics if generic.name.text not in found]
    if missing:
        _cannot_infer(body, node, entry, item, missing[0])
        return None
    ordered = {generic.name.text: found[generic.name.text] for generic in item.generics}
    return ordered if _bounds_kept(body, node, entry, item, ordered) else None


def _bounds_kept(
    body: Body,
    node: syntax.CallExpr,
    entry: Entry,
    item: syntax.FunctionItem,
    found: Bindings,
) -> bool:
    """Whether each generic type is of its kind; reports if one is not."""
    for generic in item.generics:
        type_ = found[generic.name.text]
        if not isinstance(type_, ScalarType) or generic.bound not in BOUNDS:
            continue
        kind, types = BOUNDS[generic.bound]
        if type_ not in types:
            help_ = None
            if generic.bound == "float":
                help_ = "write numbers with a point, '2.0', or convert: 'f64(v)'"
            body.error(
                "CPS0416",
                node.span,
                f"'{generic.name.text}' would be {type_}",
                f"'{entry.name}' takes {kind}, not {type_}",
                also=((generic.span, "declared here"),),
                help=help_,
            )
            return False
    return True


def _value(
    body: Body,
    entry: Entry,
    parameter: syntax.FunctionParameter,
    argument: syntax.Expr,
    generics: frozenset[str],
    found: Bindings,
    values: dict[str, Argument],
) -> bool:
    """Check one by-value argument; its type is expected as far as it is known."""
    open_names = {name for name in mentioned(parameter.type) if name in generics}
    wanted: Type | None = None
    if open_names <= found.keys():
        wanted = resolve_type(signature_body(body, entry, found), parameter.type)
    expected = None if isinstance(wanted, ImageType | RowsType) else wanted
    value = body.expr(argument, expected)
    unify(parameter.type, value.type, generics, found)
    values[parameter.name.text] = value
    return not is_poison(value)


def _is_image(node: syntax.TypeSyntax) -> bool:
    return isinstance(node, syntax.NamedType) and node.name.text == "image"


def _is_untyped(node: syntax.Expr) -> bool:
    if isinstance(node, syntax.ArrayExpr):
        return all(_is_untyped(each) for each in node.elements)
    if isinstance(node, syntax.ArrayFillExpr):
        return _is_untyped(node.value)
    return untyped_kind(node) is not None


def _cannot_infer(
    body: Body,
    node: syntax.CallExpr,
    entry: Entry,
    item: syntax.FunctionItem,
    generic: syntax.Generic,
) -> None:
    name = generic.name.text
    help_ = None
    if item.result is not None and name in set(mentioned(item.result)):
        shape = item.result.span.text.replace(name, "11" if generic.constant else "f32")
        help_ = f"say which type you expect: 'let k: {shape} = {node.span.text};'"
    body.error(
        "CPS0307",
        node.span,
        f"'{name}' is not known here",
        f"'{name}' of '{entry.name}' cannot be told from this call",
        also=((generic.span, "declared here"),),
        help=help_,
    )


def _fit(
    body: Body,
    node: syntax.CallExpr,
    function: Function,
    arguments: list[Argument],
    extents: Mapping[Parameter, Extent],
) -> bool:
    """Whether the arguments have the instance's types, sizes and permissions; reports if not."""
    images: dict[Image, Image] = {}
    pairs: list[tuple[Image, Image, Span]] = []
    good = True
    for index, (parameter, argument) in enumerate(zip(function.parameters, arguments, strict=True)):
        if isinstance(parameter, Image):
            assert isinstance(argument, Image)
            span = _argument_span(node, function, index)
            images[parameter] = argument
            pairs.append((parameter, argument, span))
        else:
            if isinstance(argument, Image):  # the parameter's type has been diagnosed
                return False
            checked = demand(body, argument, parameter.type, f"'{parameter.name}' is")
            good &= not is_poison(checked)
    for image, given, span in pairs:
        good &= _fit_image(body, image, given, images, extents, span)
    return good and _no_alias(body, node, function, arguments)


def _argument_span(node: syntax.CallExpr, function: Function, index: int) -> Span:
    name = function.parameters[index].name
    for position, argument in enumerate(node.arguments):
        given = argument.name.text if argument.name else None
        if given == name or (given is None and position == index):
            return argument.value.span
    return node.span


def _fit_image(
    body: Body,
    parameter: Image,
    argument: Image,
    images: dict[Image, Image],
    extents: Mapping[Parameter, Extent],
    span: Span,
) -> bool:
    if argument.type != parameter.type:
        body.error(
            "CPS0301",
            span,
            f"this is an {argument.type}",
            f"expected an {parameter.type}, found an {argument.type}",
            also=((parameter.span, "declared here"),),
        )
        return False
    for axis, declared in ((Axis.WIDTH, parameter.width), (Axis.HEIGHT, parameter.height)):
        if declared is None:
            continue
        wanted, actual = substitute(declared, images, extents), extent_of(argument, axis)
        if wanted != actual:
            body.error(
                "CPS0213",
                span,
                f"its {axis.value} is {describe(actual)}",
                f"the {axis.value} of '{argument.name}' is not provably {describe(wanted)}",
                also=((parameter.span, "demanded here"),),
                help=f"declare '{argument.name}' with that size",
            )
            return False
    if parameter.role is ImageRole.OUT:
        return writable(body, argument, span)
    return may_read(body, argument, span)


def _no_alias(
    body: Body, node: syntax.CallExpr, function: Function, arguments: list[Argument]
) -> bool:
    """Whether no image is passed both for writing and again; reports if one is."""
    for index, parameter in enumerate(function.parameters):
        if not isinstance(parameter, Image) or parameter.role is not ImageRole.OUT:
            continue
        for other, argument in enumerate(arguments):
            if other != index and argument is arguments[index]:
                first, second = sorted((index, other))
                image = arguments[index]
                assert isinstance(image, Image)
                body.error(
                    "CPS0405",
                    _argument_span(node, function, second),
                    "passed again",
                    f"the image '{image.name}' is passed twice, once to be written",
                    also=((_argument_span(node, function, first), "passed here"),),
                    help=f"write into another image ('var t: {image.type}"
                    f"({image.name}.width, {image.name}.height);')",
                )
                return False
    return True


def _check_place(body: Body, node: syntax.CallExpr, name: str) -> None:
    """A function that goes over pixels cannot be called for each pixel."""
    if body.loop is None and not body.in_reduction:
        return
    word = f"a '{body.loop.word}'" if body.loop else "a reduction"
    body.error(
        "CPS0214",
        node.span,
        f"called inside of {word}",
        f"'{name}' goes over an image, so it is not called for each pixel",
        help="call it before, and keep what it makes in an image",
    )
