"""THE table: one row per instruction. Everything else about instructions is derived from it.

The enum, the encoder and decoder, the assembler and disassembler, the stack check, the price of
an instruction and docs/bytecode.md all read these rows; handlers elsewhere (interpreter, JIT,
verifier) are maps over `Op` that are checked to be total when they are imported.

A row reads: code, mnemonic, immediates, stack effect, the types its `T` may be, cost, meaning. A
stack effect is `popped -> pushed`, the rightmost on top, then `!` if the instruction may trap;
a word in it is a type name or one of

    T, S   the type immediates            L   the type of the local
    E      the array's element type       P   the image's pixel type
    C      the carry's type               A   the parameter's type
    F      the field's type

In meanings `a b c` are the popped values in the order they were pushed.

Costs are units of work, about one simple machine operation each. Instructions that only name a
value cost nothing: they vanish in native code. The table of costs belongs to the bytecode
version: within a version it never changes, so a price is the same on every machine.
"""

from __future__ import annotations

from enum import Enum

from vm.types import (
    ALL,
    BITWISE,
    COMPUTE_INTEGERS,
    COMPUTE_NUMBERS,
    COMPUTE_SIGNED,
    FLOATS,
    NUMBERS,
    ScalarType,
)

BYTECODE_VERSION = 1

Types = frozenset[ScalarType]
NO_TYPE: Types = frozenset()


class Imm(Enum):
    """The kinds of immediates, with the name each has in docs and assembler messages."""

    TYPE = "type"
    SOURCE_TYPE = "source type"
    VALUE = "value"
    LOCAL = "local"
    ARRAY = "array"
    PARAMETER = "parameter"
    DIMENSION = "dimension"
    IMAGE = "image"
    CHANNEL = "channel"
    BORDER = "border"
    CARRY = "carry"
    AHEAD = "ahead"
    DOWN = "down"
    STEP = "step"
    REDUCTION = "reduction"
    ORDER = "order"
    CLAIMS = "claims"
    TEXT = "text"
    RESULT = "result type"
    FIELD = "field"


I = Imm  # noqa: E741  a short name keeps the table legible

LOOP_2D = (I.LOCAL, I.LOCAL, I.DIMENSION, I.DIMENSION)


class Op(Enum):
    """Every instruction of the machine."""

    # fmt: off
    # Values.
    CONST = (0x01, "const", (I.TYPE, I.VALUE), "-> T", ALL, 0, "the constant")
    GET = (0x02, "get", (I.LOCAL,), "-> L", NO_TYPE, 0, "the local")
    SET = (0x03, "set", (I.LOCAL,), "L ->", NO_TYPE, 1, "local := a")
    PARAMETER = (0x04, "param", (I.PARAMETER,), "-> A", NO_TYPE, 0, "the scalar parameter")
    DIMENSION = (0x05, "dim", (I.DIMENSION,), "-> i32", NO_TYPE, 0, "the dimension, in pixels")
    ELEM_GET = (0x08, "elem.get", (I.ARRAY,), "i32 -> E !", NO_TYPE, 1,
        "array[a]; traps if a is outside")
    ELEM_SET = (0x09, "elem.set", (I.ARRAY,), "i32 E -> !", NO_TYPE, 1,
        "array[a] := b; traps if a is outside")
    ARRAY_FILL = (0x0a, "array.fill", (I.ARRAY,), "E ->", NO_TYPE, 1,
        "every element := a; costs 1 an element")
    ARRAY_COPY = (0x0b, "array.copy", (I.ARRAY, I.ARRAY), "->", NO_TYPE, 1,
        "first array := second, same shape; costs 1 an element")
    # Arithmetic. Integers wrap; floats are IEEE 754, to nearest even.
    ADD = (0x10, "add", (I.TYPE,), "T T -> T", COMPUTE_NUMBERS, 1, "a + b")
    SUB = (0x11, "sub", (I.TYPE,), "T T -> T", COMPUTE_NUMBERS, 1, "a - b")
    MUL = (0x12, "mul", (I.TYPE,), "T T -> T", COMPUTE_NUMBERS, 1, "a * b")
    DIV = (0x13, "div", (I.TYPE,), "T T -> T !", COMPUTE_NUMBERS, 8,
        "a / b; integers truncate, trap on b = 0, MIN / -1 wraps")
    REM = (0x14, "rem", (I.TYPE,), "T T -> T !", COMPUTE_INTEGERS, 8,
        "a - b * trunc(a / b); traps on b = 0")
    DIV_FLOOR = (0x15, "div_floor", (I.TYPE,), "T T -> T !", COMPUTE_INTEGERS, 8,
        "floor(a / b); traps on b = 0, MIN / -1 wraps")
    MOD_FLOOR = (0x16, "mod_floor", (I.TYPE,), "T T -> T !", COMPUTE_INTEGERS, 8,
        "a - b * floor(a / b); traps on b = 0")
    DIV_ROUND = (0x17, "div_round", (I.TYPE,), "T T -> T !", COMPUTE_INTEGERS, 9,
        "a / b to the nearest integer, halves away from 0; traps on b = 0, MIN / -1 wraps")
    NEG = (0x18, "neg", (I.TYPE,), "T -> T", COMPUTE_SIGNED, 1,
        "-a; wraps; floats flip the sign bit")
    ABS = (0x19, "abs", (I.TYPE,), "T -> T", COMPUTE_SIGNED, 1,
        "|a|; |MIN| wraps; floats clear the sign bit")
    MIN = (0x1a, "min", (I.TYPE,), "T T -> T", NUMBERS, 1,
        "the lesser; floats: IEEE 754-2019 minimum, NaN wins, -0 < +0")
    MAX = (0x1b, "max", (I.TYPE,), "T T -> T", NUMBERS, 1,
        "the greater; floats: IEEE 754-2019 maximum, NaN wins, -0 < +0")
    AND = (0x1c, "and", (I.TYPE,), "T T -> T", BITWISE, 1, "bits of both")
    OR = (0x1d, "or", (I.TYPE,), "T T -> T", BITWISE, 1, "bits of either")
    XOR = (0x1e, "xor", (I.TYPE,), "T T -> T", BITWISE, 1, "bits of exactly one")
    NOT = (0x1f, "not", (I.TYPE,), "T -> T", BITWISE, 1, "the other bits")
    SHL = (0x20, "shl", (I.TYPE,), "T T -> T", COMPUTE_INTEGERS, 1, "a << (b mod width)")
    SHR = (0x21, "shr", (I.TYPE,), "T T -> T", COMPUTE_INTEGERS, 1,
        "a >> (b mod width); signed types keep the sign")
    EQ = (0x22, "eq", (I.TYPE,), "T T -> bool", ALL, 1, "a = b")
    NE = (0x23, "ne", (I.TYPE,), "T T -> bool", ALL, 1, "not a = b")
    LT = (0x24, "lt", (I.TYPE,), "T T -> bool", NUMBERS, 1, "a < b; false with a NaN")
    LE = (0x25, "le", (I.TYPE,), "T T -> bool", NUMBERS, 1, "a <= b; false with a NaN")
    GT = (0x26, "gt", (I.TYPE,), "T T -> bool", NUMBERS, 1, "a > b; false with a NaN")
    GE = (0x27, "ge", (I.TYPE,), "T T -> bool", NUMBERS, 1, "a >= b; false with a NaN")
    SELECT = (0x28, "select", (I.TYPE,), "bool T T -> T", ALL, 1, "b if a, else c")
    SQRT = (0x29, "sqrt", (I.TYPE,), "T -> T", FLOATS, 8, "the square root, correctly rounded")
    FLOOR = (0x2a, "floor", (I.TYPE,), "T -> T", FLOATS, 2, "the greatest integer not above")
    CEIL = (0x2b, "ceil", (I.TYPE,), "T -> T", FLOATS, 2, "the least integer not below")
    TRUNC = (0x2c, "trunc", (I.TYPE,), "T -> T", FLOATS, 2, "the integer part")
    NEAREST = (0x2d, "nearest", (I.TYPE,), "T -> T", FLOATS, 2,
        "the nearest integer, halves to even")
    # Conversions from S to T.
    CONVERT = (0x30, "convert", (I.SOURCE_TYPE, I.TYPE), "S -> T", NUMBERS, 1,
        "a as T: exact, or rounded to nearest even; float to integer truncates and saturates, "
        "NaN gives 0")
    WRAP = (0x31, "wrap", (I.SOURCE_TYPE, I.TYPE), "S -> T", NUMBERS, 1, "a modulo 2^bits")
    SATURATE = (0x32, "saturate", (I.SOURCE_TYPE, I.TYPE), "S -> T", NUMBERS, 2,
        "the value of T nearest to a")
    NARROW = (0x33, "narrow", (I.SOURCE_TYPE, I.TYPE), "S -> T !", NUMBERS, 1,
        "a; traps if T cannot hold it")
    BITS = (0x34, "bits", (I.SOURCE_TYPE, I.TYPE), "S -> T", NUMBERS, 1,
        "the same bits; a NaN is first made the one NaN")
    # Pixels. x, y are i32; the first is x.
    LOAD = (0x38, "load", (I.IMAGE, I.CHANNEL, I.BORDER), "i32 i32 -> P !", NO_TYPE, 2,
        "image[a, b] seen through the border; `inside` traps if outside")
    LOAD_OR = (0x39, "load_or", (I.IMAGE, I.CHANNEL), "i32 i32 P -> P", NO_TYPE, 3,
        "image[a, b], or c if outside")
    PUT = (0x3a, "put", (I.IMAGE, I.CHANNEL), "P ->", NO_TYPE, 2,
        "image[x, y] := a, where x, y are the pixel of the enclosing map or scan")
    STORE = (0x3b, "store", (I.IMAGE, I.CHANNEL), "i32 i32 P -> !", NO_TYPE, 2,
        "image[a, b] := c; traps if outside")
    STORE_DROP = (0x3c, "store_drop", (I.IMAGE, I.CHANNEL), "i32 i32 P ->", NO_TYPE, 3,
        "image[a, b] := c, or nothing if outside")
    CLEAR = (0x3d, "clear", (I.IMAGE,), "->", NO_TYPE, 1, "every pixel := 0; costs 1 a 16 bytes")
    OWN = (0x3e, "own", (I.IMAGE, I.CHANNEL), "-> P", NO_TYPE, 2,
        "image[x, y] as it is, where x, y are the pixel of the enclosing map or scan")
    # What a scan carries from pixel to pixel.
    CARRY_GET = (0x40, "carry.get", (I.CARRY, I.AHEAD, I.DOWN), "-> C", NO_TYPE, 2,
        "the carry put at (ahead, down) along the direction of travel, 0 outside the image")
    CARRY_PUT = (0x41, "carry.put", (I.CARRY,), "C ->", NO_TYPE, 2, "this pixel's carry := a")
    CARRY_HAS = (0x42, "carry.has", (I.AHEAD, I.DOWN), "-> bool", NO_TYPE, 2,
        "whether (ahead, down) is inside the image")
    # Regions. `end` closes each; all may nest except as docs/verifier.md says.
    FOR = (0x50, "for", (I.LOCAL, I.STEP, I.CLAIMS), "i32 i32 ->", NO_TYPE, 2,
        "local := a, a + step, ... while below b")
    MAP = (0x51, "map", LOOP_2D, "->", NO_TYPE, 4, "every pixel x, y of the extents, in no order")
    SCAN = (0x52, "scan", (I.ORDER, I.LOCAL, *LOOP_2D), "bool ->", NO_TYPE, 4,
        "every pixel in order; the first local is the direction of travel, 1 or -1; a turns "
        "odd lines around")
    REDUCE = (0x53, "reduce", (I.REDUCTION, I.TYPE, I.LOCAL), "i32 i32 -> R !", ALL, 2,
        "fold the body's value over local := a, a + 1, ... below b; the least of none traps")
    REDUCE_2D = (0x54, "reduce2", (I.REDUCTION, I.TYPE, *LOOP_2D), "-> R", ALL, 4,
        "fold the body's value over every pixel, line by line")
    IF = (0x55, "if", (I.RESULT,), "bool ->", NO_TYPE, 1,
        "the first arm if a, else the second; an arm may leave one value")
    ELSE = (0x56, "else", (), "->", NO_TYPE, 0, "the second arm of `if`")
    END = (0x57, "end", (), "->", NO_TYPE, 0, "closes a region")
    # Facts.
    REQUIRE = (0x58, "require", (I.TEXT,), "bool -> !", NO_TYPE, 1, "traps with the text unless a")
    # The record that a kernel gives.
    GIVE = (0x59, "give", (I.FIELD,), "F ->", NO_TYPE, 1, "the field := a")
    # fmt: on

    def __init__(
        self,
        code: int,
        mnemonic: str,
        immediates: tuple[Imm, ...],
        effect: str,
        types: Types,
        cost_units: int,
        meaning: str,
    ) -> None:
        self.code = code
        self.mnemonic = mnemonic
        self.immediates = immediates
        pops, _, pushes = effect.partition("->")
        self.pops = tuple(pops.split())
        self.pushes = tuple(word for word in pushes.split() if word != "!")
        self.may_trap = effect.endswith("!")
        self.types = types
        self.cost_units = cost_units
        self.meaning = meaning


BY_CODE = {op.code: op for op in Op}
BY_MNEMONIC = {op.mnemonic: op for op in Op}
assert len(BY_CODE) == len(Op) == len(BY_MNEMONIC)

LOOPS = frozenset({Op.FOR, Op.MAP, Op.SCAN, Op.REDUCE, Op.REDUCE_2D})
REGIONS = LOOPS | {Op.IF}
PIXEL_LOOPS = frozenset({Op.MAP, Op.SCAN})

# Costs that are not an instruction's own: each belongs to the bytecode version like the rows.
ITERATION_COST = 1  # one trip of any loop
LINE_COST = 2  # one line of map, scan, reduce2
REDUCE_COST = 1  # folding one value in
BORDER_COST = {"inside": 0, "clamp": 2, "zero": 2, "mirror": 8, "reflect101": 8, "wrap": 6}
CLEARED_BYTES_PER_UNIT = 16
