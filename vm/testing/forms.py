"""Modules that have the right form and mean nothing: for the codec and the assembler."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from vm import limits
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
from vm.opcodes import Imm, Op
from vm.types import ScalarType
from vm.wire import FORBIDDEN

SCALARS = st.sampled_from(ScalarType)
SIGNED = st.integers(-(1 << 63), (1 << 63) - 1) | st.sampled_from([0, 1, -1, 63, 64, -64, -65])
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True) | st.sampled_from(
    ["src", "dst", "in", "kernel", "code"]
)
LINES = st.integers(0, limits.LINE) | st.sampled_from([0, 0, 1, 2, 3])
EXTENT_VALUES = frozenset({ExtentOp.CONST, ExtentOp.DIMENSION, ExtentOp.PARAMETER})


def texts(newlines: bool = False) -> st.SearchStrategy[str]:
    """Text that a module may hold."""
    plain = st.text(max_size=20).map(lambda text: FORBIDDEN.sub("", text))
    return plain.map(lambda text: text + "\nmore") | plain if newlines else plain


def raws(scalar: ScalarType) -> st.SearchStrategy[int]:
    """What the encoding can hold as a value of a type, whether or not the type can."""
    if scalar.is_float:
        return st.integers(0, (1 << scalar.bits) - 1)
    return SIGNED if scalar.is_signed else st.integers(0, (1 << 64) - 1)


def _tuples(items: st.SearchStrategy[Any], most: int = 4) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, max_size=most).map(tuple)


def _index(most: int) -> st.SearchStrategy[int]:
    return st.integers(0, most) | st.integers(0, 3)


@st.composite
def _claims(draw: st.DrawFn) -> Claim:
    claim = Claim(draw(_index(limits.LOCALS)), draw(SIGNED), draw(SIGNED))
    if draw(st.booleans()):
        return claim
    dimension = draw(_index(limits.DIMENSIONS))
    return Claim(claim.local, claim.low, claim.high, dimension, draw(SIGNED))


IMMEDIATES: dict[Imm, st.SearchStrategy[Any]] = {
    Imm.TYPE: SCALARS,
    Imm.SOURCE_TYPE: SCALARS,
    Imm.LOCAL: _index(limits.LOCALS),
    Imm.ARRAY: _index(limits.ARRAYS),
    Imm.PARAMETER: _index(limits.PARAMETERS),
    Imm.DIMENSION: _index(limits.DIMENSIONS),
    Imm.IMAGE: _index(limits.IMAGES),
    Imm.CHANNEL: _index(limits.CHANNELS),
    Imm.BORDER: st.sampled_from(Border),
    Imm.CARRY: _index(limits.CARRIES),
    Imm.AHEAD: SIGNED,
    Imm.DOWN: SIGNED,
    Imm.STEP: _index(ScalarType.I32.maximum),
    Imm.REDUCTION: st.sampled_from(Reduction),
    Imm.ORDER: st.sampled_from(Order),
    Imm.CLAIMS: _tuples(_claims()),
    Imm.TEXT: _index(limits.TEXTS),
    Imm.RESULT: st.none() | SCALARS,
    Imm.FIELD: _index(limits.FIELDS),
}
assert set(IMMEDIATES) | {Imm.VALUE} == set(Imm)


@st.composite
def _instructions(draw: st.DrawFn) -> Instruction:
    op = draw(st.sampled_from(Op))
    immediates: list[Immediate] = []
    scalar = ScalarType.I32
    for kind in op.immediates:
        value = draw(raws(scalar) if kind is Imm.VALUE else IMMEDIATES[kind])
        scalar = value if isinstance(value, ScalarType) else scalar
        immediates.append(value)
    return Instruction(op, tuple(immediates), draw(LINES))


@st.composite
def _terms(draw: st.DrawFn) -> ExtentTerm:
    op = draw(st.sampled_from(ExtentOp))
    return ExtentTerm(op, draw(SIGNED) if op in EXTENT_VALUES else 0)


@st.composite
def _parameters(draw: st.DrawFn) -> Parameter:
    scalar = draw(SCALARS)
    bound = st.none() | raws(scalar)
    return Parameter(
        draw(NAMES),
        scalar,
        draw(_index(limits.PARAMETER_ELEMENTS)),
        draw(bound),
        draw(bound),
        draw(_tuples(raws(scalar))),
        draw(texts(newlines=True)),
    )


@st.composite
def _arrays(draw: st.DrawFn) -> Array:
    scalar = draw(SCALARS)
    parameter = draw(st.none() | _index(limits.PARAMETERS))
    return Array(
        scalar, draw(_index(limits.ARRAY_ELEMENTS)), parameter, draw(_tuples(raws(scalar)))
    )


def _images() -> st.SearchStrategy[Image]:
    return st.builds(
        Image,
        NAMES,
        st.sampled_from(Role),
        SCALARS,
        _index(limits.CHANNELS),
        _index(limits.DIMENSIONS),
        _index(limits.DIMENSIONS),
        texts(newlines=True),
    )


def _kernels() -> st.SearchStrategy[Kernel]:
    bound = st.none() | SIGNED
    return st.builds(
        Kernel,
        NAMES,
        _tuples(st.builds(Dimension, _tuples(_terms()))),
        _tuples(_images()),
        _tuples(_parameters()),
        _tuples(SCALARS, 20),
        _tuples(_arrays()),
        _tuples(st.builds(Carry, SCALARS, bound, bound)),
        _tuples(texts()),
        _tuples(_instructions(), 12),
        texts(newlines=True),
        _tuples(st.builds(Field, NAMES, SCALARS, texts(newlines=True))),
    )


def forms() -> st.SearchStrategy[Module]:
    """Any module that can be encoded; hardly one of them is accepted by the verifier."""
    digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
    sources = _tuples(st.builds(SourceFile, texts(), digests), 2)
    return st.builds(Module, _tuples(_kernels(), 3), texts(newlines=True), sources)


def mutated(data: bytes) -> st.SearchStrategy[bytes]:
    """The bytes with a few of them changed, dropped, doubled or added."""

    def apply(edits: list[tuple[int, int, bytes]]) -> bytes:
        changed = bytearray(data)
        for position, length, new in edits:
            start = position % (len(changed) + 1)
            changed[start : start + length] = new
        return bytes(changed)

    edit = st.tuples(st.integers(0, max(1, len(data))), st.integers(0, 3), st.binary(max_size=3))
    return st.lists(edit, min_size=1, max_size=4).map(apply)
