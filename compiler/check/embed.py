"""`embed("table.csv")`: the numbers of a file, read and checked when the program is compiled.

A row of the file is a line, its numbers apart by commas, semicolons, tabs or spaces; empty lines
and lines that begin with # are skipped. The file stays within the folder of the main source, and
its hash is recorded in the program like that of a source.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from compiler import syntax
from compiler.check.body import Body, poison
from compiler.check.evaluate import flat
from compiler.source import SourceError
from compiler.typed import ConstantArray, Expr
from compiler.types import BOOL, ArrayType, ScalarType, ValueType, element_count, scalar_of
from vm.scalar import rounded

SEPARATORS = re.compile(r"[,;\s]+")
WHOLE = re.compile(r"[+-]?(\d+|0x[0-9a-fA-F]+)\Z")
DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")


class _Problem(Exception):
    """What is wrong with a file: a label, and help."""

    def __init__(self, label: str, help_: str | None = None) -> None:
        super().__init__(label)
        self.label, self.help = label, help_


def check_embed(body: Body, node: syntax.CallExpr, expected: ValueType | None) -> Expr:
    """The array that a file holds."""
    arguments = [argument.value for argument in node.arguments]
    if len(arguments) != 1 or not isinstance(arguments[0], syntax.Text):
        return body.error(
            "CPS0136",
            node.span,
            "takes the name of a file",
            "'embed' takes the name of a file",
            help="write 'embed(\"table.csv\")'",
        )
    scalar = scalar_of(expected) if expected is not None else None
    if not isinstance(expected, ArrayType) or scalar is None or scalar is BOOL:
        return body.error(
            "CPS0136",
            node.span,
            "of which type?",
            "'embed' makes an array of numbers of a type that its place expects",
            help=f"write 'const TABLE: [[i32; 4]; 256] = {node.span.text};'",
        )
    path = arguments[0]
    try:
        source = body.world.loader.read_table(body.module, path)
        if source is None:
            return poison(node.span)
        values = read_numbers(source.text, expected, scalar)
    except _Problem as problem:
        return body.error(
            "CPS0136",
            path.span,
            problem.label,
            f"'{path.value}' does not hold {expected}",
            help=problem.help,
        )
    except SourceError as error:
        return body.error("CPS0136", path.span, "not usable", str(error))
    return ConstantArray(values, expected, node.span)


def read_numbers(text: str, type_: ArrayType, scalar: ScalarType) -> tuple[int | float, ...]:
    """The numbers of a table of this shape, in order. Raises `_Problem`."""
    rows = [
        (number, [word for word in SEPARATORS.split(line.strip()) if word])
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    length = element_count(type_.element)
    if length == 1 and len(rows) == 1:  # a single line may hold a whole flat array
        rows = [(rows[0][0], [word]) for word in rows[0][1]]
    for number, words in rows:
        if len(words) != length:
            raise _Problem(f"line {number} has {len(words)} numbers, not {length}")
    if len(rows) != type_.length:
        raise _Problem(
            f"it has {len(rows)} rows, not {type_.length}",
            f"make its type an array of {len(rows)}" if rows else None,
        )
    read = _reader(scalar)
    return flat(tuple(tuple(read(word, number) for word in words) for number, words in rows))


def _reader(scalar: ScalarType) -> Callable[[str, int], int | float]:
    def whole(word: str, line: int) -> int | float:
        if not WHOLE.match(word):
            raise _Problem(f"line {line}: '{word[:20]}' is no {scalar}")
        value = int(word, 16 if "x" in word else 10)
        if not scalar.minimum <= value <= scalar.maximum:
            raise _Problem(f"line {line}: {value} does not fit {scalar}")
        return value

    def decimal(word: str, line: int) -> int | float:
        if word in ("inf", "+inf", "-inf", "nan"):
            return float(word)
        if not DECIMAL.match(word):
            raise _Problem(f"line {line}: '{word[:20]}' is no {scalar}")
        value = rounded(scalar, float(word))
        if math.isinf(value):
            raise _Problem(f"line {line}: {word[:20]} does not fit {scalar}")
        return value

    return decimal if scalar.is_float else whole
