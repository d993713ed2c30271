"""Module -> assembly text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from vm import limits
from vm.module import (
    Array,
    ExtentOp,
    ExtentTerm,
    Field,
    Image,
    Instruction,
    Kernel,
    Module,
    Parameter,
)
from vm.opcodes import REGIONS, Imm, Op
from vm.text.words import WORDS, write_claim, write_dimension, write_raw
from vm.types import ScalarType

VALUES_A_LINE = 16


def disassemble(module: Module) -> str:
    """The module as assembly text."""
    lines = [f"module {module.version}", *_doc(module.doc)]
    lines += [f"source {_quoted(source.name)} {source.sha256}" for source in module.sources]
    for kernel in module.kernels:
        lines += ["", *_kernel_lines(kernel)]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _doc(doc: str) -> list[str]:
    return [f"doc {_quoted(doc)}"] if doc else []


def _kernel_lines(kernel: Kernel) -> Iterator[str]:
    yield f"kernel {kernel.name}"
    header = [*_doc(kernel.doc)]
    header += [_dimension_line(kernel, index) for index in range(len(kernel.dimensions))]
    header += [_image_line(image) for image in kernel.images]
    header += [_parameter_line(parameter) for parameter in kernel.parameters]
    header += [" ".join(_field_words(field)) for field in kernel.fields]
    for first in range(0, len(kernel.locals), VALUES_A_LINE):
        types = " ".join(map(str, kernel.locals[first : first + VALUES_A_LINE]))
        header.append(f"locals {types}  ; l{first} …")
    for index, array in enumerate(kernel.arrays):
        header += _array_lines(index, array)
    header += [
        f"carry {carry.type}{_bounds(ScalarType.I64, carry.low, carry.high)}  ; c{index}"
        for index, carry in enumerate(kernel.carries)
    ]
    header += [f"text {_quoted(text)}  ; t{i}" for i, text in enumerate(kernel.texts)]
    yield from (f"  {line}" for line in header)
    yield "  code"
    yield from _code_lines(kernel)


def _dimension_line(kernel: Kernel, index: int) -> str:
    terms = [_term_word(term) for term in kernel.dimensions[index].extent]
    words = f" = {' '.join(terms)}" if terms else ""
    return f"dimension{words}  ; #{index}: {write_dimension(kernel, index)}"


def _term_word(term: ExtentTerm) -> str:
    marks = {ExtentOp.CONST: "", ExtentOp.DIMENSION: "#", ExtentOp.PARAMETER: "$"}
    return f"{marks[term.op]}{term.value}" if term.op in marks else term.op.value


def _image_line(image: Image) -> str:
    words = f"image {image.name} {image.role.value} {image.type} {image.channels}"
    words += f" #{image.width} #{image.height}"
    return f"{words} {_quoted(image.doc)}" if image.doc else words


def _parameter_line(parameter: Parameter) -> str:
    words = f"param {parameter.name} {_type_and_length(parameter.type, parameter.length)}"
    words += _bounds(parameter.type, parameter.low, parameter.high)
    if parameter.default:
        words += " default " + _values(parameter.type, parameter.default)
    return f"{words} {_quoted(parameter.doc)}" if parameter.doc else words


def _field_words(field: Field) -> Iterator[str]:
    yield from ("field", field.name, str(field.type))
    if field.doc:
        yield _quoted(field.doc)


def _type_and_length(scalar: ScalarType, length: int) -> str:
    return f"{scalar}[{length}]" if length else str(scalar)


def _bounds(scalar: ScalarType, low: int | None, high: int | None) -> str:
    words = "" if low is None else f" low {write_raw(scalar, low)}"
    return words if high is None else f"{words} high {write_raw(scalar, high)}"


def _values(scalar: ScalarType, values: Sequence[int]) -> str:
    return " ".join(write_raw(scalar, raw) for raw in values)


def _array_lines(index: int, array: Array) -> Iterator[str]:
    origin = "" if array.parameter is None else f" param #{array.parameter}"
    yield f"array {_type_and_length(array.type, array.length)}{origin}  ; a{index}"
    for first in range(0, len(array.data), VALUES_A_LINE):
        yield "  data " + _values(array.type, array.data[first : first + VALUES_A_LINE])


def _code_lines(kernel: Kernel) -> Iterator[str]:
    depth, line = 0, 0
    for index, instruction in enumerate(kernel.code):
        if instruction.line != line:
            line = instruction.line
            yield f"    .line {line}"
        if instruction.op in (Op.ELSE, Op.END):
            depth = max(0, depth - 1)
        indent = "  " * min(depth, limits.NESTING)
        yield f"  {index:5}: {indent}{' '.join(_instruction_words(kernel, instruction))}"
        if instruction.op in REGIONS or instruction.op is Op.ELSE:
            depth += 1


def _instruction_words(kernel: Kernel, instruction: Instruction) -> Iterator[str]:
    yield instruction.op.mnemonic
    scalar = ScalarType.I32
    for kind, value in zip(instruction.op.immediates, instruction.immediates, strict=True):
        if isinstance(value, ScalarType):
            scalar = value
        if kind is Imm.VALUE:
            assert isinstance(value, int)
            yield write_raw(scalar, value)
        elif kind is Imm.CLAIMS:
            assert isinstance(value, tuple)
            yield from (write_claim(kernel, claim) for claim in value)
        elif kind is not Imm.RESULT:
            yield WORDS[kind][0](kernel, value)
        elif value is not None:
            yield str(value)
    if instruction.op is Op.REQUIRE and isinstance(instruction.immediates[0], int):
        yield from (f" ; {text}" for text in kernel.texts[instruction.immediates[0] :][:1])
