"""Rules on signatures, asked of modules as objects: the decoder refuses many of these before.

The verifier does not rely on that: each limit holds by itself, at its value and one beyond.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.vm.build import I32, U8, kernel
from vm import limits
from vm.errors import Invalid
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
    Instruction,
    Kernel,
    Module,
    Order,
    Parameter,
    Reduction,
    Role,
)
from vm.opcodes import Imm, Op
from vm.types import ScalarType
from vm.verifier.instructions import check_immediates
from vm.verifier.signature import check_module

BASE = kernel()
BYTES = limits.LOCAL_ARRAY_BYTES_TOTAL
CONST, ADD = ExtentTerm(ExtentOp.CONST, 1), ExtentTerm(ExtentOp.ADD)


def images(count: int) -> tuple[Image, ...]:
    return (BASE.images[0], *(Image(f"o{i}", Role.OUT, U8, 1, 0, 1) for i in range(count - 1)))


def extent(terms: int) -> tuple[Dimension, ...]:
    """An expression of an odd number of terms."""
    wide = (ExtentTerm(ExtentOp.DIMENSION, 0), *(CONST, ADD) * ((terms - 1) // 2))
    return (Dimension(), Dimension(), Dimension(wide))


def tables(total: int) -> tuple[Array, ...]:
    """Constant arrays of so many elements together."""
    full, rest = divmod(total, limits.ARRAY_ELEMENTS)
    lengths = [limits.ARRAY_ELEMENTS] * full + [rest] * (rest > 0)
    return tuple(Array(U8, length, data=(0,) * length) for length in lengths)


AT_LIMIT: dict[str, tuple[dict[str, object], dict[str, object], str]] = {
    "images": (
        {"images": images(limits.IMAGES)},
        {"images": images(limits.IMAGES + 1)},
        "21 images; at most 20 are allowed",
    ),
    "dimensions": (
        {"dimensions": (*BASE.dimensions, *extent(3)[2:] * (limits.DIMENSIONS - 2))},
        {"dimensions": (*BASE.dimensions, *extent(3)[2:] * (limits.DIMENSIONS - 1))},
        "21 dimensions; at most 20 are allowed",
    ),
    "parameters": (
        {"parameters": tuple(Parameter(f"p{i}", I32) for i in range(limits.PARAMETERS))},
        {"parameters": tuple(Parameter(f"p{i}", I32) for i in range(limits.PARAMETERS + 1))},
        "65 parameters; at most 64 are allowed",
    ),
    "locals": (
        {"locals": (I32,) * limits.LOCALS},
        {"locals": (I32,) * (limits.LOCALS + 1)},
        "2049 locals; at most 2048 are allowed",
    ),
    "arrays": (
        {"arrays": (Array(U8, 1),) * limits.ARRAYS},
        {"arrays": (Array(U8, 1),) * (limits.ARRAYS + 1)},
        "129 arrays; at most 128 are allowed",
    ),
    "array elements": (
        {"arrays": tables(limits.ARRAY_ELEMENTS_TOTAL)},
        {"arrays": tables(limits.ARRAY_ELEMENTS_TOTAL + 1)},
        "262145 array elements; at most 262144 are allowed",
    ),
    "bytes of local arrays": (
        {"arrays": (Array(I32, BYTES // 8), Array(U8, BYTES // 2))},
        {"arrays": (Array(I32, BYTES // 8), Array(U8, BYTES // 2 + 1))},
        "65537 bytes of local arrays; at most 65536 are allowed",
    ),
    "carries": (
        {"carries": (Carry(I32),) * limits.CARRIES},
        {"carries": (Carry(I32),) * (limits.CARRIES + 1)},
        "20 carries; at most 19 are allowed",
    ),
    "texts": (
        {"texts": ("t",) * limits.TEXTS},
        {"texts": ("t",) * (limits.TEXTS + 1)},
        "257 texts; at most 256 are allowed",
    ),
    "fields": (
        {"fields": tuple(Field(f"f{i}", I32) for i in range(limits.FIELDS))},
        {"fields": tuple(Field(f"f{i}", I32) for i in range(limits.FIELDS + 1))},
        "65 fields; at most 64 are allowed",
    ),
    "instructions": (
        {"code": (Instruction(Op.END, ()),) * limits.INSTRUCTIONS},
        {"code": (Instruction(Op.END, ()),) * (limits.INSTRUCTIONS + 1)},
        "16385 instructions; at most 16384 are allowed",
    ),
    "channels": (
        {"images": (replace(BASE.images[0], channels=limits.CHANNELS), BASE.images[1])},
        {"images": (replace(BASE.images[0], channels=limits.CHANNELS + 1), BASE.images[1])},
        "image 'src' has 17 channels, not 1..=16",
    ),
    "terms of an extent": (
        {"dimensions": extent(limits.EXTENT_TERMS - 1)},
        {"dimensions": extent(limits.EXTENT_TERMS + 1)},
        "dimension 2 has 33 terms",
    ),
    "elements of a parameter": (
        {"parameters": (Parameter("p", I32, length=limits.PARAMETER_ELEMENTS),)},
        {"parameters": (Parameter("p", I32, length=limits.PARAMETER_ELEMENTS + 1),)},
        "parameter 'p' has 4097 elements",
    ),
    "negative length of a parameter": (
        {"parameters": (Parameter("p", I32, length=0),)},
        {"parameters": (Parameter("p", I32, length=-1),)},
        "parameter 'p' has -1 elements",
    ),
    "elements of an array": (
        {"arrays": (Array(U8, limits.ARRAY_ELEMENTS),)},
        {"arrays": (Array(U8, limits.ARRAY_ELEMENTS + 1, data=(0,) * 65537),)},
        "array 0 has 65537 elements",
    ),
    "one element at least": (
        {"arrays": (Array(U8, 1),)},
        {"arrays": (Array(U8, 0),)},
        "array 0 has 0 elements",
    ),
    "a constant of 62 bits": (
        {"dimensions": (*BASE.dimensions, Dimension((ExtentTerm(ExtentOp.CONST, 1 << 62),)))},
        {"dimensions": (*BASE.dimensions, Dimension((ExtentTerm(ExtentOp.CONST, 1 + (1 << 62)),)))},
        "dimension 2 is computed from what is not there",
    ),
    "an operator with a number": (
        {"dimensions": extent(3)},
        {
            "dimensions": (
                *BASE.dimensions,
                Dimension((CONST, CONST, ExtentTerm(ExtentOp.ADD, 1))),
            )
        },
        "dimension 2 is computed from what is not there",
    ),
    "an image's own dimension": (
        {"images": (BASE.images[0], replace(BASE.images[1], height=1))},
        {"images": (BASE.images[0], replace(BASE.images[1], height=-1))},
        "image 'dst' names dimension -1",
    ),
    "a table's constants": (
        {"arrays": (Array(U8, 2, data=(0, 255)),)},
        {"arrays": (Array(U8, 2, data=(0, 256)),)},
        "array 0 has a constant that is no u8",
    ),
    "an array's parameter": (
        {"parameters": (Parameter("p", I32, 2),), "arrays": (Array(I32, 2, parameter=0),)},
        {"parameters": (Parameter("p", I32, 2),), "arrays": (Array(I32, 2, parameter=-1),)},
        "array 0 has no parameter -1",
    ),
}


@pytest.mark.parametrize("name", AT_LIMIT)
def test_at_a_limit_and_beyond(name: str) -> None:
    good, bad, message = AT_LIMIT[name]
    check_module(Module((replace(BASE, **good),)))  # type: ignore[arg-type]
    with pytest.raises(Invalid) as caught:
        check_module(Module((replace(BASE, **bad),)))  # type: ignore[arg-type]
    assert caught.value.message == message
    assert caught.value.kernel == "k"
    assert caught.value.instruction is None


def test_a_module_without_kernels() -> None:
    with pytest.raises(Invalid, match="at least one kernel") as caught:
        check_module(Module(()))
    assert caught.value.rule == "V7"


RICH = replace(
    BASE,
    parameters=(Parameter("p", I32),),
    fields=(Field("f", I32),),
    arrays=(Array(I32, 4),),
    carries=(Carry(I32),),
    texts=("t",),
)
GOOD: dict[Imm, list[object]] = {
    Imm.TYPE: [ScalarType.I32],
    Imm.SOURCE_TYPE: [ScalarType.U8],
    Imm.VALUE: [0, 5, -(1 << 31), (1 << 31) - 1],
    Imm.LOCAL: [0, 5],
    Imm.ARRAY: [0],
    Imm.PARAMETER: [0],
    Imm.DIMENSION: [0, 1],
    Imm.IMAGE: [0, 1],
    Imm.CHANNEL: [0],
    Imm.BORDER: list(Border),
    Imm.CARRY: [0],
    Imm.AHEAD: [-64, 0, 64],
    Imm.DOWN: [-16, 0],
    Imm.STEP: [1, (1 << 31) - 1],
    Imm.REDUCTION: list(Reduction),
    Imm.ORDER: list(Order),
    Imm.CLAIMS: [(), (Claim(0, 0, 1),) * limits.CLAIMS, (Claim(5, 0, 1, 1, 0),)],
    Imm.TEXT: [0],
    Imm.FIELD: [0],
    Imm.RESULT: [None, ScalarType.F64],
}
BAD: dict[Imm, list[tuple[object, str]]] = {
    Imm.TYPE: [(6, "6 is no type"), (None, "None is no type")],
    Imm.SOURCE_TYPE: [("u8", "'u8' is no source type")],
    Imm.VALUE: [(1 << 31, "2147483648 is no i32"), (True, "True is no value"), (1.0, "1.0 is no")],
    Imm.LOCAL: [
        (6, "there is no local 6"),
        (-1, "there is no local -1"),
        (True, "True is no local"),
    ],
    Imm.ARRAY: [(1, "there is no array 1"), (-1, "there is no array -1")],
    Imm.PARAMETER: [(1, "there is no parameter 1")],
    Imm.DIMENSION: [(2, "there is no dimension 2")],
    Imm.IMAGE: [(2, "there is no image 2"), (-1, "there is no image -1")],
    Imm.CHANNEL: [(1, "has no channel 1"), (-1, "has no channel -1")],
    Imm.BORDER: [("clamp", "'clamp' is no border")],
    Imm.CARRY: [(1, "there is no carry 1")],
    Imm.AHEAD: [(65, "65 is no ahead"), (-65, "-65 is no ahead")],
    Imm.DOWN: [(1, "1 is no down"), (-17, "-17 is no down")],
    Imm.STEP: [(0, "0 is no step"), (1 << 31, "2147483648 is no step")],
    Imm.REDUCTION: [("sum", "'sum' is no reduction")],
    Imm.ORDER: [("rows", "'rows' is no order")],
    Imm.CLAIMS: [
        ((Claim(0, 0, 1),) * (limits.CLAIMS + 1), "is no claims"),
        ([], "is no claims"),
        ((Claim(6, 0, 1),), "there is no local 6"),
        ((Claim(-1, 0, 1),), "there is no local -1"),
        ((Claim(0, 0, 1, 2, 0),), "there is no dimension 2"),
        ((Claim(0, 0, 1, -1, 0),), "there is no dimension -1"),
    ],
    Imm.TEXT: [(1, "there is no text 1")],
    Imm.FIELD: [(1, "there is no field 1")],
    Imm.RESULT: [(6, "6 is no result type")],
}


def with_one(op: Op, place: int, value: object) -> Instruction:
    """An instruction whose immediates are good, but for the one at a place."""
    immediates = [GOOD[kind][0] for kind in op.immediates]
    immediates[place] = value
    return Instruction(op, tuple(immediates))  # type: ignore[arg-type]


@pytest.mark.parametrize("op", list(Op), ids=lambda op: op.mnemonic)
def test_every_immediate_of_every_instruction(op: Op) -> None:
    kernel_: Kernel = RICH
    for place, kind in enumerate(op.immediates):
        for value in GOOD[kind]:
            check_immediates(kernel_, with_one(op, place, value))
        for value, message in BAD[kind]:
            with pytest.raises(Invalid) as caught:
                check_immediates(kernel_, with_one(op, place, value))
            assert message in caught.value.message
    good = tuple(GOOD[kind][0] for kind in op.immediates)
    for other in ((*good, 0), good[:-1] if good else (1,)):
        with pytest.raises(Invalid, match=f"takes {len(good)} immediates") as caught:
            check_immediates(kernel_, Instruction(op, other))  # type: ignore[arg-type]
        assert caught.value.rule == "V9"
