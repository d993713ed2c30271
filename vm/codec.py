"""Bytes <-> Module. One program has one byte string; sha256 of it is the program's name.

    encode(module) -> bytes            decode(bytes) -> Module, or Malformed

decode(encode(m)) == m, and encode(decode(b)) == b for every b that decode accepts. Decoding
checks form only; what a module means is the verifier's business. Every count is held against
vm/limits.py before anything is read for it, so hostile bytes cost bounded time and memory.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from msgspec.structs import replace

from vm import limits
from vm.errors import Malformed
from vm.module import (
    Array,
    Border,
    Carry,
    Claim,
    Dimension,
    ExtentOp,
    ExtentTerm,
    Field,
    Image,
    Immediate,
    Instruction,
    Kernel,
    Module,
    Order,
    Parameter,
    Reduction,
    Role,
    SourceFile,
)
from vm.opcodes import BY_CODE, BYTECODE_VERSION, Imm
from vm.types import BY_CODE as TYPE_BY_CODE
from vm.types import ScalarType
from vm.wire import Reader, Writer

MAGIC = b"\0cps"

T = TypeVar("T")
E = TypeVar("E", bound=Enum)


def encode(module: Module) -> bytes:
    """The canonical bytes of a module."""
    writer = Writer()
    writer.data += MAGIC
    writer.varint(module.version)
    writer.string(module.doc)
    _write_list(writer, module.sources, _write_source)
    _write_list(writer, module.kernels, _write_kernel)
    return bytes(writer.data)


def decode(data: bytes) -> Module:
    """The module that `encode` wrote. Raises `Malformed` for anything else."""
    reader = Reader(bytes(data[: limits.MODULE_BYTES + 1]))
    if len(data) > limits.MODULE_BYTES:
        raise Malformed(f"larger than {limits.MODULE_BYTES} bytes", limits.MODULE_BYTES)
    if reader.data[:4] != MAGIC:
        raise Malformed("this is no .cpb file", 0)
    reader.offset = len(MAGIC)
    version = reader.varint()
    if version != BYTECODE_VERSION:
        raise Malformed(
            f"it needs bytecode version {version}; this CPUShare runs version "
            f"{BYTECODE_VERSION}" + (": upgrade it" if version > BYTECODE_VERSION else ""),
            len(MAGIC),
        )
    doc = reader.string(limits.DOC_CHARS, newlines=True)
    sources = _read_list(reader, limits.SOURCES, _read_source)
    kernels = _read_list(reader, limits.KERNELS, _read_kernel)
    if reader.offset != len(reader.data):
        raise reader.fail("bytes follow the module")
    return Module(kernels, doc, sources, version)


def meaning_bytes(module: Module) -> bytes:
    """The encoding without what does not compute: documentation, texts, sources, lines."""
    return encode(Module(tuple(map(_bare_kernel, module.kernels)), version=module.version))


def _bare_kernel(kernel: Kernel) -> Kernel:
    return replace(
        kernel,
        doc="",
        texts=("",) * len(kernel.texts),
        images=tuple(replace(image, doc="") for image in kernel.images),
        fields=tuple(replace(field, doc="") for field in kernel.fields),
        parameters=tuple(replace(parameter, doc="") for parameter in kernel.parameters),
        code=tuple(replace(instruction, line=0) for instruction in kernel.code),
    )


# Lists, options, enums.


def _write_list(writer: Writer, items: tuple[T, ...], write: Callable[[Writer, T], None]) -> None:
    writer.varint(len(items))
    for item in items:
        write(writer, item)


def _read_list(reader: Reader, most: int, read: Callable[[Reader], T]) -> tuple[T, ...]:
    count = reader.varint(most)
    if count > len(reader.data) - reader.offset:
        raise reader.fail(f"a list of {count} entries does not fit in the rest of the data")
    return tuple(read(reader) for _ in range(count))


def _write_enum(writer: Writer, value: Enum) -> None:
    writer.varint(list(type(value)).index(value))


def _read_enum(reader: Reader, kind: type[E]) -> E:
    members = list(kind)
    return members[reader.varint(len(members) - 1)]


def _write_type(writer: Writer, scalar: ScalarType) -> None:
    writer.varint(scalar.code)


def _read_type(reader: Reader) -> ScalarType:
    return TYPE_BY_CODE[reader.varint(max(TYPE_BY_CODE))]


def _write_option(writer: Writer, value: T | None, write: Callable[[Writer, T], None]) -> None:
    writer.varint(0 if value is None else 1)
    if value is not None:
        write(writer, value)


def _read_option(reader: Reader, read: Callable[[Reader], T]) -> T | None:
    return read(reader) if reader.varint(1) else None


# Signature.


def _write_source(writer: Writer, source: SourceFile) -> None:
    writer.string(source.name)
    writer.data += bytes.fromhex(source.sha256)


def _read_source(reader: Reader) -> SourceFile:
    name = reader.string(limits.TEXT_CHARS)
    return SourceFile(name, reader.bytes(32).hex())


def _write_kernel(writer: Writer, kernel: Kernel) -> None:
    writer.string(kernel.name)
    writer.string(kernel.doc)
    _write_list(writer, kernel.dimensions, _write_dimension)
    _write_list(writer, kernel.images, _write_image)
    _write_list(writer, kernel.parameters, _write_parameter)
    _write_list(writer, kernel.fields, _write_field)
    _write_list(writer, kernel.locals, _write_type)
    _write_list(writer, kernel.arrays, _write_array)
    _write_list(writer, kernel.carries, _write_carry)
    _write_list(writer, kernel.texts, lambda w, text: w.string(text))
    _write_list(writer, kernel.code, _write_instruction)
    line = 0
    for instruction in kernel.code:
        writer.signed(instruction.line - line)
        line = instruction.line


def _read_kernel(reader: Reader) -> Kernel:
    name = reader.identifier(limits.NAME_CHARS)
    doc = reader.string(limits.DOC_CHARS, newlines=True)
    dimensions = _read_list(reader, limits.DIMENSIONS, _read_dimension)
    images = _read_list(reader, limits.IMAGES, _read_image)
    parameters = _read_list(reader, limits.PARAMETERS, _read_parameter)
    fields = _read_list(reader, limits.FIELDS, _read_field)
    local_types = _read_list(reader, limits.LOCALS, _read_type)
    arrays = _read_list(reader, limits.ARRAYS, _read_array)
    carries = _read_list(reader, limits.CARRIES, _read_carry)
    texts = _read_list(reader, limits.TEXTS, lambda r: r.string(limits.TEXT_CHARS))
    code = _read_list(reader, limits.INSTRUCTIONS, _read_instruction)
    return Kernel(
        name, dimensions, images, parameters, local_types, arrays, carries, texts,
        _read_lines(reader, code), doc, fields,
    )  # fmt: skip


def _read_lines(reader: Reader, code: tuple[Instruction, ...]) -> tuple[Instruction, ...]:
    line = 0
    numbered = []
    for instruction in code:
        line += reader.signed()
        if not 0 <= line <= limits.LINE:
            raise reader.fail(f"{line} is no line number")
        numbered.append(Instruction(instruction.op, instruction.immediates, line))
    return tuple(numbered)


TERMS_WITH_VALUE = frozenset({ExtentOp.CONST, ExtentOp.DIMENSION, ExtentOp.PARAMETER})


def _write_dimension(writer: Writer, dimension: Dimension) -> None:
    _write_list(writer, dimension.extent, _write_term)


def _read_dimension(reader: Reader) -> Dimension:
    return Dimension(_read_list(reader, limits.EXTENT_TERMS, _read_term))


def _write_term(writer: Writer, term: ExtentTerm) -> None:
    _write_enum(writer, term.op)
    if term.op in TERMS_WITH_VALUE:
        writer.signed(term.value)


def _read_term(reader: Reader) -> ExtentTerm:
    op = _read_enum(reader, ExtentOp)
    return ExtentTerm(op, reader.signed() if op in TERMS_WITH_VALUE else 0)


def _write_image(writer: Writer, image: Image) -> None:
    writer.string(image.name)
    writer.string(image.doc)
    _write_enum(writer, image.role)
    _write_type(writer, image.type)
    for value in (image.channels, image.width, image.height):
        writer.varint(value)


def _read_image(reader: Reader) -> Image:
    name = reader.identifier(limits.NAME_CHARS)
    doc = reader.string(limits.DOC_CHARS, newlines=True)
    role = _read_enum(reader, Role)
    scalar = _read_type(reader)
    channels = reader.varint(limits.CHANNELS)
    width, height = reader.varint(limits.DIMENSIONS), reader.varint(limits.DIMENSIONS)
    return Image(name, role, scalar, channels, width, height, doc)


def _write_parameter(writer: Writer, parameter: Parameter) -> None:
    def write(target: Writer, value: int) -> None:
        target.raw(parameter.type, value)

    writer.string(parameter.name)
    writer.string(parameter.doc)
    _write_type(writer, parameter.type)
    writer.varint(parameter.length)
    _write_option(writer, parameter.low, write)
    _write_option(writer, parameter.high, write)
    _write_list(writer, parameter.default, write)


def _read_parameter(reader: Reader) -> Parameter:
    name = reader.identifier(limits.NAME_CHARS)
    doc = reader.string(limits.DOC_CHARS, newlines=True)
    scalar = _read_type(reader)
    length = reader.varint(limits.PARAMETER_ELEMENTS)
    low = _read_option(reader, lambda r: r.raw(scalar))
    high = _read_option(reader, lambda r: r.raw(scalar))
    default = _read_list(reader, limits.PARAMETER_ELEMENTS, lambda r: r.raw(scalar))
    return Parameter(name, scalar, length, low, high, default, doc)


def _write_field(writer: Writer, field: Field) -> None:
    writer.string(field.name)
    writer.string(field.doc)
    _write_type(writer, field.type)


def _read_field(reader: Reader) -> Field:
    name = reader.identifier(limits.NAME_CHARS)
    doc = reader.string(limits.DOC_CHARS, newlines=True)
    return Field(name, _read_type(reader), doc)


def _write_array(writer: Writer, array: Array) -> None:
    _write_type(writer, array.type)
    writer.varint(array.length)
    _write_option(writer, array.parameter, lambda w, index: w.varint(index))
    _write_list(writer, array.data, lambda w, value: w.raw(array.type, value))


def _read_array(reader: Reader) -> Array:
    scalar = _read_type(reader)
    length = reader.varint(limits.ARRAY_ELEMENTS)
    parameter = _read_option(reader, lambda r: r.varint(limits.PARAMETERS))
    data = _read_list(reader, limits.ARRAY_ELEMENTS, lambda r: r.raw(scalar))
    return Array(scalar, length, parameter, data)


def _write_carry(writer: Writer, carry: Carry) -> None:
    _write_type(writer, carry.type)
    _write_option(writer, carry.low, lambda w, value: w.signed(value))
    _write_option(writer, carry.high, lambda w, value: w.signed(value))


def _read_carry(reader: Reader) -> Carry:
    scalar = _read_type(reader)
    return Carry(scalar, _read_option(reader, Reader.signed), _read_option(reader, Reader.signed))


# Instructions. One entry a kind of immediate.


def _write_instruction(writer: Writer, instruction: Instruction) -> None:
    writer.data.append(instruction.op.code)
    scalar = ScalarType.I32
    for kind, value in zip(instruction.op.immediates, instruction.immediates, strict=True):
        if kind is Imm.VALUE:
            assert isinstance(value, int)
            writer.raw(scalar, value)
            continue
        if isinstance(value, ScalarType):
            scalar = value
        IMMEDIATES[kind][0](writer, value)


def _read_instruction(reader: Reader) -> Instruction:
    op = BY_CODE.get(reader.bytes(1)[0])
    if op is None:
        reader.offset -= 1
        raise reader.fail(f"there is no instruction {reader.data[reader.offset]:#04x}")
    immediates: list[Immediate] = []
    scalar = ScalarType.I32
    for kind in op.immediates:
        value: Immediate = reader.raw(scalar) if kind is Imm.VALUE else IMMEDIATES[kind][1](reader)
        if isinstance(value, ScalarType):
            scalar = value
        immediates.append(value)
    return Instruction(op, tuple(immediates))


WriteImmediate = Callable[[Writer, Immediate], None]
ReadImmediate = Callable[[Reader], Immediate]


def _index(most: int) -> tuple[WriteImmediate, ReadImmediate]:
    def write(writer: Writer, value: Immediate) -> None:
        assert isinstance(value, int)
        writer.varint(value)

    return write, lambda reader: reader.varint(most)


def _enum(kind: type[Enum]) -> tuple[WriteImmediate, ReadImmediate]:
    def write(writer: Writer, value: Immediate) -> None:
        assert isinstance(value, kind)
        _write_enum(writer, value)

    def read(reader: Reader) -> Immediate:
        value = _read_enum(reader, kind)
        assert isinstance(value, Border | Order | Reduction)
        return value

    return write, read


def _write_signed(writer: Writer, value: Immediate) -> None:
    assert isinstance(value, int)
    writer.signed(value)


def _write_scalar(writer: Writer, value: Immediate) -> None:
    assert isinstance(value, ScalarType)
    _write_type(writer, value)


def _write_result(writer: Writer, value: Immediate) -> None:
    assert value is None or isinstance(value, ScalarType)
    _write_option(writer, value, _write_type)


def _write_claims(writer: Writer, value: Immediate) -> None:
    assert isinstance(value, tuple)
    _write_list(writer, value, _write_claim)


def _write_claim(writer: Writer, claim: Claim) -> None:
    writer.varint(claim.local)
    writer.signed(claim.low)
    writer.signed(claim.high)
    _write_option(writer, claim.dimension, lambda w, index: w.varint(index))
    if claim.dimension is not None:
        writer.signed(claim.offset)


def _read_claim(reader: Reader) -> Claim:
    local = reader.varint(limits.LOCALS)
    low, high = reader.signed(), reader.signed()
    dimension = _read_option(reader, lambda r: r.varint(limits.DIMENSIONS))
    return Claim(local, low, high, dimension, 0 if dimension is None else reader.signed())


IMMEDIATES: dict[Imm, tuple[WriteImmediate, ReadImmediate]] = {
    Imm.TYPE: (_write_scalar, _read_type),
    Imm.SOURCE_TYPE: (_write_scalar, _read_type),
    Imm.LOCAL: _index(limits.LOCALS),
    Imm.ARRAY: _index(limits.ARRAYS),
    Imm.PARAMETER: _index(limits.PARAMETERS),
    Imm.DIMENSION: _index(limits.DIMENSIONS),
    Imm.IMAGE: _index(limits.IMAGES),
    Imm.CHANNEL: _index(limits.CHANNELS),
    Imm.BORDER: _enum(Border),
    Imm.CARRY: _index(limits.CARRIES),
    Imm.AHEAD: (_write_signed, Reader.signed),
    Imm.DOWN: (_write_signed, Reader.signed),
    Imm.STEP: _index(ScalarType.I32.maximum),
    Imm.REDUCTION: _enum(Reduction),
    Imm.ORDER: _enum(Order),
    Imm.CLAIMS: (_write_claims, lambda reader: _read_list(reader, limits.CLAIMS, _read_claim)),
    Imm.TEXT: _index(limits.TEXTS),
    Imm.FIELD: _index(limits.FIELDS),
    Imm.RESULT: (_write_result, lambda reader: _read_option(reader, _read_type)),
}
assert set(IMMEDIATES) | {Imm.VALUE} == set(Imm)
