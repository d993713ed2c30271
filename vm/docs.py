"""docs/bytecode.md, made from the table of instructions and the limits.

python -m vm.docs            prints it
python -m vm.docs FILE       writes it
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from vm import codec, drawing, limits, opcodes
from vm.module import Border, ExtentOp, Order, Reduction, Role, TrapCode
from vm.opcodes import BYTECODE_VERSION, Imm, Op
from vm.types import ScalarType

PAGE = Path(__file__).parents[1] / "docs" / "bytecode.md"

GROUPS: dict[str, tuple[Op, Op]] = {
    "Values": (Op.CONST, Op.ARRAY_COPY),
    "Arithmetic": (Op.ADD, Op.NEAREST),
    "Conversions": (Op.CONVERT, Op.BITS),
    "Pixels": (Op.LOAD, Op.OWN),
    "Carries": (Op.CARRY_GET, Op.CARRY_HAS),
    "Regions": (Op.FOR, Op.END),
    "Requirements, and the record": (Op.REQUIRE, Op.GIVE),
}

INTRODUCTION = """\
# Bytecode, version {version}

<!-- Made by `python -m vm.docs docs/bytecode.md` from vm/opcodes.py: change that, not this. -->

A `.cpb` file holds a module: one or more kernels that turn images into images. There are no
pointers, no jumps, no calls and no unbounded loops: code is a flat list of typed stack
instructions whose regions (`if`, loops, reductions) are closed by `end`. Only what the
[verifier](verifier.md) accepts ever runs.

## A kernel

* **Dimensions** are widths and heights in pixels: those of the inputs, and others computed from
  earlier ones and from integer parameters by postfix expressions over exact integers
  ({extents}).
* **Images** are {roles}: interleaved channels of one number type. Out and local images start
  at 0. A dimension that two inputs share demands equal sizes.
* **Parameters** are numbers, bools or arrays of numbers, with a range and a default.
* **Locals** hold one value of a type; **arrays** a fixed number of values: those of a parameter,
  constants, or local ones.
* **Carries** are values a scan leaves at a pixel for later pixels to read.
* **Code** starts with an empty stack and ends with one. Every region's body has a stack of its
  own, empty at its beginning and at its end, but for the one value of an `if` with a result or of
  a reduction's body.

Types: {types}. The narrow ones (`u8`, `i8`, `u16`, `i16`) convert before arithmetic.
"""

STACK_NOTE = """\
In the stack column the rightmost value is on top. T and S are the instruction's types, L the
local's, E the array's, P the image's, C the carry's, A the parameter's; R is what a region leaves.
Traps are possible only where it says so, and where the verifier proves that one cannot happen its
check is left out. In meanings a, b, c are the popped values in the order they were pushed. Costs
are units of work.
"""

MEANING = """\
## What instructions mean

* **Integers** are two's complement and wrap. Shift counts are taken modulo the width. MIN / -1
  wraps to MIN, and its remainder is 0. A *checked* run, which is a matter of the run and not of the
  module, traps (`signed-overflow`) where `add`, `sub`, `mul`, `neg`, `abs`, a quotient or a partial
  sum of a reduction, which then goes from the first value to the last, leaves a signed type.
* **Floats** are IEEE 754 binary32 and binary64, to nearest even, each operation rounded to its
  type; nothing is contracted or reordered. NaN is one pattern wherever bits can be seen: in out
  images, in the record and in `bits`.
* **Conversions**: `convert` between numbers, and from bool (0 or 1), rounds once to nearest even;
  from integer to integer only where the target holds every value of the source. `wrap`,
  `saturate` and `narrow` are for the other pairs of integers; `bits` for a float and an integer
  of the same width.
* **Borders** of `load`: {borders}. Their periods go on however far outside a coordinate is.
* **Loops**: `for` runs its local from a up to below b without wrapping. `map` visits every pixel
  of its extents in no order, `scan` in an order: `rows`, lines downwards, each left to right;
  `reverse`, lines upwards, each right to left; `columns`, columns left to right, each downwards. If
  the popped bool is true, every second line or column runs the other way. The first local of a scan
  is the direction of travel, 1 or -1, along x (`columns`: y). `put` writes the pixel that the loop
  is at, `own` reads it.
* **Carries**: `carry.get` reads what was put at (ahead, down) along the line's direction of
  travel, `down` counting lines in the order of the scan: 0 outside the image; only pixels gone by
  can be named (down < 0, or down = 0 and ahead < 0). `carry.put` stands once in a scan's own body
  for each carry. Every scan starts anew.
* **Reductions** ({reductions}): `min` and `max` fold as the instructions do. `argmin` and `argmax`
  push the value and then where it was (`reduce`: the index; `reduce2`: x, y): the first of equals
  wins, and a NaN only where there is nothing else. `count` counts trues. Sums of integers wrap.
* **The float sum** has one shape: up to 16 values are added left to right; of more, value k is
  added to lane k mod 16, in order, and then lane i + 8 is added to lane i, then 4, 2 and 1 apart.
  A `reduce2` sums every line so, and adds the sums of lines from the first to the last. The sum of
  nothing is +0.
* **The record** is a row of a table: `give` sets a field. A NaN in it is the one NaN.
* **Traps** end the kernel, and its outputs are discarded: {traps}. The one reported is the first
  in program order; pixel loops count as lines downwards.
"""

ENCODING = """\
## The encoding

One module has exactly one byte string: `decode(encode(m)) == m`, and `encode(decode(b)) == b` for
every accepted `b`. Its sha256 is the program's name; a second hash is over the same encoding
without documentation, texts, sources and lines, and names what the program computes.

* A **varint** is LEB128: seven bits a byte, least significant first, the top bit set on all but the
  last byte, in its shortest form. A **signed** number z is the varint 2z, or -2z - 1 below 0.
* A **string** is a varint of bytes, then UTF-8 without control and format characters (documentation
  may have line feeds). A **name** is letters, digits and underscores, no digit first.
* A **list** is a varint of entries, then the entries. An **option** is 0, or 1 and the value.
* A **value** of a type: floats as 4 or 8 bytes, little-endian; signed integers signed; the rest
  varints. A **type** is its code: {type_codes}.
* Enumerations are varints, in these orders: role {roles}; border {borders}; order {orders};
  reduction {reductions}; extent step {extents}.

```
module       = magic version doc:string sources:list(source) kernels:list(kernel)
magic        = {magic}
source       = name:string sha256:32 bytes
kernel       = name doc:string dimensions:list(dimension) images:list(image)
               parameters:list(parameter) fields:list(field) locals:list(type)
               arrays:list(array)
               carries:list(carry) texts:list(string) code:list(instruction) lines
dimension    = list(step)                       none: the size of an input
step         = kind [signed]                    the number only for const, dim, param
image        = name doc:string role type channels:varint width:varint height:varint
parameter    = name doc:string type length:varint low:option(value) high:option(value)
               default:list(value)
field        = name doc:string type
array        = type length:varint parameter:option(varint) data:list(value)
carry        = type low:option(signed) high:option(signed)
instruction  = code:byte immediates
lines        = for each instruction: line - line before:signed
```

| immediate | encoding |
|---|---|
{immediates}

Nothing follows the last kernel. A module is at most {bytes:,} bytes; the other bounds are in
`vm/limits.py`.

## A module, byte by byte

```
{drawn_text}```

are these {drawn_bytes} bytes:

| at | bytes | what they say |
|---|---|---|
{drawn}

## Versions

The version is the first number after the magic. A version fixes the instructions, their meaning,
their costs and this encoding; within a version a price never changes. A module of another version
is refused by naming the version it needs.
"""

ASSEMBLY = """\
## Assembly text

`cpsc disasm` writes a module as text and `cpsc asm` reads it; what is written reads back as the
same module. A line holds one directive or one instruction; `;` begins a comment; indentation and
the numbers before instructions are for the reader. `.line N` is the source line of what follows.
Locals, arrays, carries and texts are `l0`, `a0`, `c0`, `t0`; images and parameters go by name, or
by number as `#0`; dimensions by image as `src.width`, or by number. In the header dimensions are
`#0` and, in expressions, parameters `$0`. Floats are written in decimal, or as their bits:
`0x7fc00001`.

```
{example}```
"""

EXAMPLE = """\
module 1
doc "Lines are scaled to their greatest pixel."
kernel stretch
  dimension  ; #0
  dimension  ; #1
  dimension = #0 2 div_floor 1 max  ; #2, computed: half the width, at least 1
  image src in u8 1 #0 #1
  image dst out u8 1 #2 #1 "the left half"
  param limit i32 low 1 high 255 default 255 "Brightest level."
  locals i32 i32 i32 i32
  text "the image is too narrow"
  code
    dim src.width
    const i32 1
    gt i32
    require t0
    .line 12
    map l0 l1 dst.width dst.height
      const i32 1
      const i32 0
      dim src.width
      reduce max u8 l2
        get l2
        get l1
        load src 0 inside
      end
      convert u8 i32
      max i32
      set l3
      get l0
      get l1
      load src 0 clamp
      convert u8 i32
      param limit
      mul i32
      get l3
      div_round i32
      saturate i32 u8
      put dst 0
    end
"""

IMMEDIATES: dict[Imm, str] = {
    Imm.TYPE: "type",
    Imm.SOURCE_TYPE: "type",
    Imm.VALUE: "value of the type before it",
    Imm.LOCAL: "varint, index",
    Imm.ARRAY: "varint, index",
    Imm.PARAMETER: "varint, index",
    Imm.DIMENSION: "varint, index",
    Imm.IMAGE: "varint, index",
    Imm.CHANNEL: "varint",
    Imm.BORDER: "enumeration",
    Imm.CARRY: "varint, index",
    Imm.AHEAD: f"signed, -{limits.CARRY_AHEAD}..={limits.CARRY_AHEAD}",
    Imm.DOWN: f"signed, -{limits.CARRY_LINES}..=0",
    Imm.STEP: "varint, from 1",
    Imm.REDUCTION: "enumeration",
    Imm.ORDER: "enumeration",
    Imm.CLAIMS: "list of: local:varint low:signed high:signed dimension:option(varint) "
    "[offset:signed, if there is a dimension]",
    Imm.TEXT: "varint, index",
    Imm.FIELD: "varint, index",
    Imm.RESULT: "option(type)",
}
assert set(IMMEDIATES) == set(Imm)


def bytecode_page() -> str:
    """The whole page, Markdown."""
    words = {
        "drawn": drawing.drawn(),
        "drawn_text": drawing.TEXT,
        "drawn_bytes": sum(len(bytes.fromhex(part)) for part, _ in drawing.PARTS),
        "version": BYTECODE_VERSION,
        "extents": _names(ExtentOp),
        "roles": _names(Role),
        "types": ", ".join(f"`{scalar}`" for scalar in ScalarType),
        "type_codes": ", ".join(f"{scalar.code} `{scalar}`" for scalar in ScalarType),
        "borders": _names(Border),
        "orders": _names(Order),
        "reductions": _names(Reduction),
        "traps": ", ".join(f"`{trap.label}`" for trap in TrapCode),
        "magic": " ".join(f"{byte:02x}" for byte in codec.MAGIC),
        "immediates": "\n".join(f"| {kind.value} | {how} |" for kind, how in IMMEDIATES.items()),
        "bytes": limits.MODULE_BYTES,
    }
    words["example"] = EXAMPLE
    introduction, meaning, assembly, encoding = (
        text.format(**words) for text in (INTRODUCTION, MEANING, ASSEMBLY, ENCODING)
    )
    return _wrapped("\n".join([introduction, meaning, *_tables(), assembly, encoding]))


def _names(kind: type[ExtentOp] | type[Role] | type[Border] | type[Order] | type[Reduction]) -> str:
    return ", ".join(f"`{member.value}`" for member in kind)


def _tables() -> Iterator[str]:
    yield "## Instructions\n"
    yield STACK_NOTE
    for title, (first, last) in GROUPS.items():
        yield f"### {title}\n"
        yield "| code | instruction | stack | T may be | cost | meaning |"
        yield "|---|---|---|---|---|---|"
        yield from (_row(op) for op in Op if first.code <= op.code <= last.code)
        yield ""
    borders = ", ".join(f"`{name}` {cost}" for name, cost in opcodes.BORDER_COST.items())
    yield (
        f"Besides, every trip of a loop costs {opcodes.ITERATION_COST}, every line of `map`, "
        f"`scan` and `reduce2` {opcodes.LINE_COST}, every value that a reduction folds "
        f"{opcodes.REDUCE_COST}, and {opcodes.CLEARED_BYTES_PER_UNIT} bytes that are cleared 1. A "
        "scan costs (lines + 1) × width for each carry it puts, where `lines` is how far back that "
        f"carry is read. A border adds to the cost of its load: {borders}.\n"
    )


def _wrapped(page: str) -> str:
    """Long lines of prose broken at 100 columns; tables and listings as they are."""
    lines, listing = [], False
    for line in page.split("\n"):
        listing ^= line.startswith("```")
        if len(line) <= 100 or listing or line.startswith("|"):
            lines.append(line)
            continue
        indent = "  " if line.startswith(("* ", "  ")) else ""
        lines += textwrap.wrap(line, 100, subsequent_indent=indent, break_long_words=False)
    return "\n".join(lines)


def _row(op: Op) -> str:
    name = " ".join([f"`{op.mnemonic}`", *(f"*{kind.value}*" for kind in op.immediates)])
    stack = f"{' '.join(op.pops)} → {' '.join(op.pushes)}".strip()
    stack += ", may trap" if op.may_trap else ""
    return (
        f"| {op.code:02x} | {name} | {stack} | {_types(op)} | {op.cost_units} | "
        f"{op.meaning.replace('|', chr(92) + '|')} |"
    )


def _types(op: Op) -> str:
    if not op.types:
        return ""
    names = {
        "any": frozenset(ScalarType),
        "numbers": frozenset(t for t in ScalarType if not t.is_bool),
        "compute numbers": frozenset(t for t in ScalarType if t.is_compute and not t.is_bool),
        "compute integers": frozenset(t for t in ScalarType if t.is_compute and t.is_integer),
        "floats": frozenset(t for t in ScalarType if t.is_float),
    }
    for name, types in names.items():
        if types == op.types:
            return name
    return " ".join(str(scalar) for scalar in ScalarType if scalar in op.types)


def main(arguments: list[str]) -> int:
    """Print the page, write it to the file that is named, or `--check` that file; the exit code."""
    check = "--check" in arguments
    files = [argument for argument in arguments if argument != "--check"]
    path = Path(files[0]) if files else PAGE
    if check:
        if path.read_text(encoding="utf-8") == bytecode_page():
            return 0
        sys.stderr.write(f"{path} is stale: run python -m vm.docs {path}\n")
        return 1
    if files:
        path.write_text(bytecode_page(), encoding="utf-8")
    else:
        sys.stdout.write(bytecode_page())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
