"""Kernels: their signature, whose sizes and defaults are known before the run, and their body."""

from __future__ import annotations

import math
from typing import Any

from compiler import syntax
from compiler.check.body import Body
from compiler.check.evaluate import constant, flat
from compiler.check.extents import check_size
from compiler.check.modules import Entry
from compiler.check.returns import body_and_result
from compiler.check.scope import Broken, article
from compiler.check.typesyntax import resolve_type, value_type
from compiler.symbols import ExtentDimension, Image, ImageRole, Parameter, Value
from compiler.typed import Kernel
from compiler.types import (
    BOOL,
    POISON,
    VOID,
    ArrayType,
    ImageType,
    PoisonType,
    RecordType,
    ScalarType,
    ValueType,
)
from vm.limits import IMAGES, PARAMETER_ELEMENTS, PARAMETERS


def kernel_of(body: Body, entry: Entry) -> Kernel | None:
    """The checked kernel of an item, once; None after an error."""
    world = body.world
    assert isinstance(entry.item, syntax.KernelItem)
    key = id(entry.item)
    if key not in world.kernels:
        world.kernels[key] = None
        before = len(world.diagnostics.found)
        world.active.append((entry, entry.item.name.span))
        kernel = _check(body, entry)
        world.active.pop()
        found = world.diagnostics.found[before:]
        whole = kernel.result is not None or entry.item.result is None
        if whole and not any(each.severity == "error" for each in found):
            world.kernels[key] = kernel
    return world.kernels[key]


def _check(body: Body, entry: Entry) -> Kernel:
    item = entry.item
    assert isinstance(item, syntax.KernelItem)
    inner = Body(body.world, entry.module, "kernel", entry.name)
    images, parameters = _signature(inner, item)
    result_type = VOID if item.result is None else _record(inner, item.result)
    inner.scope.blocks.append({})
    statements, result = body_and_result(inner, item, result_type)
    inner.warn_unused()
    return Kernel(entry.name, images, parameters, statements, result, item.doc, item.name.span)


def _record(inner: Body, node: syntax.TypeSyntax) -> ValueType:
    """The record that a kernel gives; poison after an error."""
    type_ = value_type(inner, node, "a kernel's result")
    if isinstance(type_, RecordType | PoisonType):
        return type_
    inner.error(
        "CPS0314",
        node.span,
        f"this is {article(type_)}",
        "a kernel gives a record, a row of a table",
        help="declare one: 'record Row { value: f64 }'",
    )
    return POISON


def _signature(
    inner: Body, item: syntax.KernelItem
) -> tuple[tuple[Image, ...], tuple[Parameter, ...]]:
    """Images and parameters. Sizes may name what is declared after them, so they come second."""
    parameters = tuple(
        _parameter(inner, node) for node in item.parameters if isinstance(node, syntax.KernelParam)
    )
    nodes = [node for node in item.parameters if isinstance(node, syntax.KernelImage)]
    made: dict[int, Image] = {}
    for direction, sized in (("in", False), ("in", True), ("out", True)):
        for index, node in enumerate(nodes):
            if node.direction == direction and (
                direction == "out" or (node.size is not None) == sized
            ):
                image = _image(inner, item, node)
                if image is not None:
                    made[index] = image
    images = tuple(made[index] for index in sorted(made))
    if item.result is None and all(node.direction == "in" for node in nodes):
        inner.error(
            "CPS0606",
            item.name.span,
            "has no 'out' image",
            f"kernel '{item.name.text}' gives nothing",
            help="add 'out dst: image<u8>(src.width, src.height)', or a record: '-> Row'",
        )
    if len(nodes) > IMAGES or len(parameters) > PARAMETERS:
        inner.error(
            "CPS0607", item.name.span, f"the limits are {IMAGES} images and {PARAMETERS} parameters"
        )
    return images, parameters


def _image(inner: Body, item: syntax.KernelItem, node: syntax.KernelImage) -> Image | None:
    """One image of a kernel, its name bound; None after an error."""
    type_ = resolve_type(inner, node.type)
    if not isinstance(type_, ImageType):
        if not isinstance(type_, PoisonType):
            inner.error(
                "CPS0601",
                node.type.span,
                f"this is {article(type_)}",
                f"'{node.direction}' takes an image",
                help=f"write 'param {node.name.text}: {type_}'"
                if node.direction == "in"
                else "write 'image<u8>(src.width, src.height)'",
            )
        inner.declare(node.name, Broken(node.name.span))
        return None
    width = height = None
    if node.size is not None:
        example = f"{node.name.text}: {type_}(src.width, src.height)"
        size = check_size(inner, node.size, node.span, 2, example)
        if size is None:
            inner.declare(node.name, Broken(node.name.span))
            return None
        width, height = size
        if node.direction == "in" and not all(isinstance(each, ExtentDimension) for each in size):
            inner.error(
                "CPS0605",
                node.span,
                "not the size of another image",
                f"'{node.name.text}' can only be demanded to be as large as another 'in' image",
            )
    elif node.direction == "out":
        source = next(
            (
                each.name.text
                for each in item.parameters
                if isinstance(each, syntax.KernelImage) and each.direction == "in"
            ),
            "src",
        )
        inner.error(
            "CPS0604",
            node.span,
            "no size",
            f"the out image '{node.name.text}' needs a size",
            help=f"write 'out {node.name.text}: {type_}({source}.width, {source}.height)'",
        )
        inner.declare(node.name, Broken(node.name.span))
        return None
    role = ImageRole.IN if node.direction == "in" else ImageRole.OUT
    image = Image(node.name.text, type_, node.name.span, role, width, height, node.doc)
    inner.declare(node.name, image)
    return image


def _parameter(inner: Body, node: syntax.KernelParam) -> Parameter:
    """One parameter, its name bound."""
    type_ = value_type(inner, node.type, "a parameter")
    scalar = type_.element if isinstance(type_, ArrayType) else type_
    name = node.name.text
    if not isinstance(scalar, ScalarType):
        if not isinstance(scalar, PoisonType):
            inner.error(
                "CPS0601",
                node.type.span,
                f"this is {type_}",
                "a parameter is a number, a bool or an array of them",
            )
        inner.declare(node.name, Broken(node.name.span))
        return Parameter(name, type_, node.name.span)
    if isinstance(type_, ArrayType) and (type_.length > PARAMETER_ELEMENTS or scalar is BOOL):
        inner.error(
            "CPS0601",
            node.type.span,
            f"numbers, at most {PARAMETER_ELEMENTS}",
            "this array cannot be a parameter",
        )
    low, high = _range(inner, node, scalar)
    default = _default(inner, node, type_, low, high)
    parameter = Parameter(name, type_, node.name.span, low, high, default, node.doc)
    inner.declare(node.name, parameter)
    return parameter


def _range(
    inner: Body, node: syntax.KernelParam, scalar: ScalarType
) -> tuple[Value | None, Value | None]:
    """The bounds of a parameter, both included; None where the type alone bounds it."""
    range_ = node.range
    if range_ is None:
        return None, None
    if scalar is BOOL:
        inner.error("CPS0603", range_.span, "a bool has no range", "only numbers have a range")
        return None, None
    low = constant(inner, range_.start, scalar, "a bound")
    high = constant(inner, range_.end, scalar, "a bound")
    if low is None or high is None:
        return None, None
    if not range_.closed:
        if scalar.is_float:
            inner.error(
                "CPS0603",
                range_.span,
                "the end is left out",
                "a range of floats includes its end",
                help=f"write '{range_.start.span.text}..={range_.end.span.text}'",
            )
            return None, None
        high -= 1
    if math.isnan(low) or math.isnan(high) or low > high:
        inner.error("CPS0603", range_.span, "nothing is in it", "this range is empty")
        return None, None
    return low, high


def _default(
    inner: Body, node: syntax.KernelParam, type_: ValueType, low: Value | None, high: Value | None
) -> tuple[Value, ...]:
    """The default values; empty if there are none."""
    if node.default is None:
        return ()
    value: Any = constant(inner, node.default, type_, "a default")
    if value is None:
        return ()
    values = flat(value)
    for each in values:
        outside = low is not None and high is not None and not low <= each <= high
        if outside or each != each:
            label = f"{each} is outside" if outside else "not a number"
            also = ((node.range.span, "the range"),) if node.range else ()
            inner.error(
                "CPS0602",
                node.default.span,
                label,
                f"the default of '{node.name.text}' is not in its range",
                also=also,
            )
            break
    return values
