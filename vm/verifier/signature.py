"""Rules V1 to V7: a kernel's signature and storage, before its code is looked at."""

from __future__ import annotations

from collections.abc import Iterable

from vm import limits
from vm.bits import from_raw, is_raw
from vm.errors import Invalid
from vm.module import ExtentOp, Kernel, Module, Parameter, Role
from vm.types import PIXELS, ScalarType
from vm.verifier.rules import Rule, refuse

ROLE_ORDER = [Role.IN, Role.OUT, Role.LOCAL]


def check_module(module: Module) -> None:
    """Rules that concern several kernels, then each kernel's signature."""
    names = [kernel.name for kernel in module.kernels]
    if not names:
        raise refuse(Rule.LIMITS, "a module has at least one kernel")
    repeated = _repeated(names)
    if repeated is not None:
        raise refuse(Rule.NAMES, f"two kernels are named '{repeated}'")
    for kernel in module.kernels:
        try:
            _check_limits(kernel)
            _check_names(kernel)
            _check_images(kernel)
            _check_dimensions(kernel)
            for parameter in kernel.parameters:
                _check_parameter(parameter)
            _check_arrays(kernel)
            _check_carries(kernel)
        except Invalid as error:
            raise Invalid(error.rule, error.message, kernel.name, None) from None


def _repeated(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _check_limits(kernel: Kernel) -> None:
    local_arrays = [array for array in kernel.arrays if array.is_local]
    counts = {
        "images": (len(kernel.images), limits.IMAGES),
        "dimensions": (len(kernel.dimensions), limits.DIMENSIONS),
        "parameters": (len(kernel.parameters), limits.PARAMETERS),
        "locals": (len(kernel.locals), limits.LOCALS),
        "arrays": (len(kernel.arrays), limits.ARRAYS),
        "array elements": (
            sum(array.length for array in kernel.arrays),
            limits.ARRAY_ELEMENTS_TOTAL,
        ),
        "bytes of local arrays": (
            sum(array.length * array.type.size_bytes for array in local_arrays),
            limits.LOCAL_ARRAY_BYTES_TOTAL,
        ),
        "carries": (len(kernel.carries), limits.CARRIES),
        "texts": (len(kernel.texts), limits.TEXTS),
        "fields": (len(kernel.fields), limits.FIELDS),
        "instructions": (len(kernel.code), limits.INSTRUCTIONS),
    }
    for what, (count, limit) in counts.items():
        if count > limit:
            raise refuse(Rule.LIMITS, f"{count} {what}; at most {limit} are allowed")


def _check_names(kernel: Kernel) -> None:
    names = [image.name for image in kernel.images]
    names += [parameter.name for parameter in kernel.parameters]
    repeated = _repeated(names) or _repeated(field.name for field in kernel.fields)
    if repeated is not None:
        raise refuse(Rule.NAMES, f"the name '{repeated}' is used twice")


def _check_images(kernel: Kernel) -> None:
    roles = [ROLE_ORDER.index(image.role) for image in kernel.images]
    if roles != sorted(roles):
        raise refuse(Rule.IMAGES, "images must be listed `in`, then `out`, then `local`")
    if not kernel.fields and not kernel.images_of(Role.OUT):
        raise refuse(Rule.IMAGES, "a kernel needs an out image or a record")
    for image in kernel.images:
        if image.type not in PIXELS:
            raise refuse(Rule.IMAGES, f"image '{image.name}' cannot hold {image.type}")
        if not 1 <= image.channels <= limits.CHANNELS:
            raise refuse(
                Rule.IMAGES, f"image '{image.name}' has {image.channels} channels, not 1..=16"
            )
        for index in (image.width, image.height):
            if not 0 <= index < len(kernel.dimensions):
                raise refuse(Rule.INDEX, f"image '{image.name}' names dimension {index}")


def _check_dimensions(kernel: Kernel) -> None:
    named = {index for image in kernel.images_of(Role.IN) for index in (image.width, image.height)}
    for index, dimension in enumerate(kernel.dimensions):
        if dimension.extent and index in named:
            raise refuse(Rule.DIMENSIONS, f"dimension {index} of an input cannot be computed")
        if not dimension.extent and index not in named:
            raise refuse(Rule.DIMENSIONS, f"dimension {index} belongs to no input")
        if dimension.extent:
            _check_extent(kernel, index)


def _check_extent(kernel: Kernel, index: int) -> None:
    depth = 0
    terms = kernel.dimensions[index].extent
    if len(terms) > limits.EXTENT_TERMS:
        raise refuse(Rule.LIMITS, f"dimension {index} has {len(terms)} terms")
    for term in terms:
        if term.op is ExtentOp.DIMENSION:
            bad = not 0 <= term.value < index
        elif term.op is ExtentOp.PARAMETER:
            bad = not 0 <= term.value < len(kernel.parameters)
            bad = bad or not _is_integer_scalar(kernel.parameters[term.value])
        else:
            bad = term.op is not ExtentOp.CONST and term.value != 0
            bad = bad or abs(term.value) > 1 << 62
        if bad:
            raise refuse(Rule.DIMENSIONS, f"dimension {index} is computed from what is not there")
        depth += 1 if term.op in (ExtentOp.CONST, ExtentOp.DIMENSION, ExtentOp.PARAMETER) else -1
        if depth < 1:
            break
    if depth != 1:
        raise refuse(Rule.DIMENSIONS, f"the expression of dimension {index} is unbalanced")


def _is_integer_scalar(parameter: Parameter) -> bool:
    return parameter.type.is_integer and not parameter.length


def _check_parameter(parameter: Parameter) -> None:
    scalar, name = parameter.type, parameter.name
    if not scalar.is_compute:
        raise refuse(Rule.PARAMETERS, f"parameter '{name}' cannot be of type {scalar}")
    if parameter.length and scalar is ScalarType.BOOL:
        raise refuse(Rule.PARAMETERS, f"parameter '{name}' cannot be an array of bool")
    if not 0 <= parameter.length <= limits.PARAMETER_ELEMENTS:
        raise refuse(Rule.LIMITS, f"parameter '{name}' has {parameter.length} elements")
    if (parameter.low is None) != (parameter.high is None):
        raise refuse(Rule.PARAMETERS, f"parameter '{name}' has half a range")
    if len(parameter.default) not in (0, max(1, parameter.length)):
        raise refuse(Rule.PARAMETERS, f"parameter '{name}' has an incomplete default")
    given = [raw for raw in (parameter.low, parameter.high) if raw is not None]
    for raw in (*given, *parameter.default):
        if not is_raw(scalar, raw) or from_raw(scalar, raw) != from_raw(scalar, raw):
            raise refuse(Rule.PARAMETERS, f"parameter '{name}' has a value that is no {scalar}")
    if not given:
        return
    if scalar is ScalarType.BOOL:
        raise refuse(Rule.PARAMETERS, f"the bool '{name}' cannot have a range")
    low, high = (from_raw(scalar, raw) for raw in given)
    if low > high:
        raise refuse(Rule.PARAMETERS, f"the range of parameter '{name}' is empty")
    for raw in parameter.default:
        if not low <= from_raw(scalar, raw) <= high:
            raise refuse(Rule.PARAMETERS, f"the default of parameter '{name}' is out of its range")


def _check_arrays(kernel: Kernel) -> None:
    for index, array in enumerate(kernel.arrays):
        if array.type not in PIXELS:
            raise refuse(Rule.ARRAYS, f"array {index} cannot hold {array.type}")
        if not 1 <= array.length <= limits.ARRAY_ELEMENTS:
            raise refuse(Rule.LIMITS, f"array {index} has {array.length} elements")
        if array.parameter is not None:
            if array.data or not 0 <= array.parameter < len(kernel.parameters):
                raise refuse(Rule.ARRAYS, f"array {index} has no parameter {array.parameter}")
            parameter = kernel.parameters[array.parameter]
            if (parameter.type, parameter.length) != (array.type, array.length):
                raise refuse(Rule.ARRAYS, f"array {index} differs from '{parameter.name}'")
        if array.data and len(array.data) != array.length:
            raise refuse(Rule.ARRAYS, f"array {index} has {len(array.data)} constants")
        if any(not is_raw(array.type, raw) for raw in array.data):
            raise refuse(Rule.ARRAYS, f"array {index} has a constant that is no {array.type}")


def _check_carries(kernel: Kernel) -> None:
    for index, carry in enumerate(kernel.carries):
        if carry.type not in PIXELS:
            raise refuse(Rule.CARRIES, f"carry {index} cannot be of type {carry.type}")
        if carry.low is None and carry.high is None:
            continue
        if carry.low is None or carry.high is None or carry.type.is_float:
            raise refuse(Rule.CARRIES, f"carry {index} cannot have these bounds")
        if not carry.type.minimum <= carry.low <= 0 <= carry.high <= carry.type.maximum:
            raise refuse(Rule.CARRIES, f"the bounds of carry {index} do not lie around 0")
