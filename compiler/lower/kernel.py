"""Lowering of a kernel: its signature, then its body."""

from __future__ import annotations

from compiler import ir, symbols, typed
from compiler.lower.context import Lowering
from compiler.lower.expressions import value
from compiler.lower.statements import block, run_call
from compiler.lower.values import Place
from compiler.types import ArrayType, RecordType, scalar_of
from compiler.wording import documentation
from vm.bits import to_raw
from vm.module import Field, Parameter, Role


def lower(kernel: typed.Kernel) -> ir.Kernel:
    """A kernel in intermediate form, all calls inlined. Raises `CompileError`."""
    lowering = Lowering(kernel.span.source, run_call)
    lowering.at(kernel.span)
    lowering.names.update(parameter.name for parameter in kernel.parameters)
    parameters = []
    for index, parameter in enumerate(kernel.parameters):
        lowering.parameters[parameter] = index
        parameters.append(_parameter(parameter))
        if isinstance(parameter.type, ArrayType):
            made = parameters[-1]
            array = ir.Array(made.type, made.length, index)
            lowering.parameter_arrays[parameter] = array
    images = [_input(lowering, image) for image in kernel.inputs]
    images += [lowering.new_image(image, Role.OUT) for image in kernel.outputs]
    with lowering.new_block() as body:
        block(lowering, kernel.body)
        fields = _record(lowering, kernel)
    return ir.Kernel(
        kernel.name,
        documentation(kernel.doc),
        tuple(lowering.dimensions.table),
        tuple(images),
        tuple(parameters),
        tuple(body),
        fields,
    )


def _record(lowering: Lowering, kernel: typed.Kernel) -> tuple[Field, ...]:
    """Give the record, if there is one; its fields."""
    if kernel.result is None:
        return ()
    lowering.at(kernel.result.span)
    found, type_ = value(lowering, kernel.result), kernel.result.type
    assert isinstance(found, Place)
    assert isinstance(type_, RecordType)
    for index, part in enumerate(found.fields.values()):
        lowering.emit(ir.Give(index, part, lowering.line))
    return tuple(Field(each.name, each.type, documentation(each.doc)) for each in type_.fields)


def _parameter(parameter: symbols.Parameter) -> Parameter:
    scalar = scalar_of(parameter.type)
    assert scalar is not None
    length = parameter.type.length if isinstance(parameter.type, ArrayType) else 0
    low, high = (
        to_raw(scalar, bound) if bound is not None else None
        for bound in (parameter.low, parameter.high)
    )
    default = tuple(to_raw(scalar, value) for value in parameter.default)
    if len(default) == 1 and length > 1:
        default *= length
    doc = documentation(parameter.doc)
    return Parameter(parameter.name, scalar, length, low, high, default, doc)


def _input(lowering: Lowering, image: symbols.Image) -> ir.Image:
    sizes = []
    for axis, extent in zip(symbols.Axis, (image.width, image.height), strict=True):
        if extent is None:
            sizes.append(lowering.dimensions.of_input())
            continue
        if not isinstance(extent, symbols.ExtentDimension):
            lowering.at(image.span)
            raise lowering.refuse(
                "CPS0805",
                f"the {axis.value} of an input must be another input's, or its own",
                "this size is computed",
                "leave the size out, and require what must hold",
            )
        sizes.append(lowering.dimensions.index(extent, lowering.scope.sizes, {}))
    return lowering.add_image(image, Role.IN, sizes[0], sizes[1])
