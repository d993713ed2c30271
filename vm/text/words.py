"""How assembly text writes numbers, names and immediates: one entry a kind, both directions.

l3 a0 c1 t2      locals, arrays, carries, texts by number
src  amount      images and parameters by name; #0 by number where the name is not unique
src.width        a dimension by the first image that has it; #0 by number otherwise
-7  true  0.1    values; a float that is no plain number as its bits: 0x7fc00001
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import Enum

from vm import limits
from vm.bits import bits_to_float, float_to_bits
from vm.module import Border, Claim, Image, Immediate, Kernel, Order, Reduction
from vm.opcodes import Imm
from vm.types import BY_NAME, ScalarType

INTEGER = re.compile(r"-?[0-9]{1,20}\Z")
BITS = re.compile(r"0x[0-9a-f]{1,16}\Z")
FLOAT = re.compile(r"-?(inf|nan|[0-9]{1,400}(\.[0-9]{1,400})?(e[-+]?[0-9]{1,4})?)\Z")
CLAIM = re.compile(
    r"claim\(l([0-9]{1,9}),(-?[0-9]{1,20}),(-?[0-9]{1,20})(?:,([^,()]+),(-?[0-9]{1,20}))?\)\Z"
)
SHOWN_CHARS = 40
SIGNED_MIN, SIGNED_MAX, UNSIGNED_MAX = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1


class WordError(Exception):
    """A word that does not say what it should; the message is what the reader is told."""


def shown(word: str) -> str:
    """A word as a message may show it: short, without characters that steer terminals."""
    return repr(word if len(word) <= SHOWN_CHARS else word[:SHOWN_CHARS] + "…")


# Numbers.


def integer(word: str, low: int, high: int) -> int:
    """A decimal integer in low..=high. Raises `WordError`."""
    if not INTEGER.match(word):
        raise WordError(f"{shown(word)} is no integer")
    value = int(word)
    if not low <= value <= high:
        raise WordError(f"{shown(word)} is not in {low}..={high}")
    return value


def write_raw(scalar: ScalarType, raw: int) -> str:
    """A value as short as it can be written and read back exactly."""
    if scalar.is_bool and raw in (0, 1):
        return "true" if raw else "false"
    return _write_float(scalar, raw) if scalar.is_float else str(raw)


def _write_float(scalar: ScalarType, raw: int) -> str:
    value = bits_to_float(scalar, raw)
    if value != value:
        return "nan" if raw == float_to_bits(scalar, value) else f"{raw:#x}"
    if scalar is ScalarType.F64:
        return repr(value)
    shortest = (f"{value:.{digits}g}" for digits in range(1, 10))
    word = next(word for word in shortest if float_to_bits(scalar, float(word)) == raw)
    return word if set(word) & set(".ein") else f"{word}.0"


def read_raw(scalar: ScalarType, word: str) -> int:
    """The value that `write_raw` wrote. Raises `WordError`."""
    if scalar.is_bool and word in ("true", "false"):
        return int(word == "true")
    if not scalar.is_float:
        low, high = (SIGNED_MIN, SIGNED_MAX) if scalar.is_signed else (0, UNSIGNED_MAX)
        return integer(word, low, high)
    if BITS.match(word):
        raw = int(word, 16)
        if raw >> scalar.bits:
            raise WordError(f"{word} is wider than {scalar}")
        return raw
    if not FLOAT.match(word):
        raise WordError(f"{shown(word)} is no {scalar}")
    return float_to_bits(scalar, float(word))


# Names.


def numbered(prefix: str, word: str, most: int) -> int:
    """An index written as a letter (or #) and a number. Raises `WordError`."""
    if not word.startswith(prefix) or not word[len(prefix) :].isascii():
        raise WordError(f"{shown(word)} is not like {prefix}0")
    if not word[len(prefix) :].isdigit():
        raise WordError(f"{shown(word)} is not like {prefix}0")
    return integer(word[len(prefix) :], 0, most)


def _write_named(names: Sequence[str], index: int) -> str:
    unique = index < len(names) and names.count(names[index]) == 1
    return names[index] if unique else f"#{index}"


def _read_named(names: Sequence[str], word: str, most: int, what: str) -> int:
    if word.startswith("#"):
        return numbered("#", word, most)
    if names.count(word) != 1:
        raise WordError(f"there is no {what} {shown(word)}")
    return names.index(word)


def _image_names(kernel: Kernel) -> list[str]:
    return [image.name for image in kernel.images]


def _parameter_names(kernel: Kernel) -> list[str]:
    return [parameter.name for parameter in kernel.parameters]


def _field_names(kernel: Kernel) -> list[str]:
    return [field.name for field in kernel.fields]


def write_dimension(kernel: Kernel, index: int) -> str:
    """`image.width` of the first image of unique name that has this dimension, else `#index`."""
    names = _image_names(kernel)
    for image in kernel.images:
        if index in (image.width, image.height) and names.count(image.name) == 1:
            return f"{image.name}.{'width' if image.width == index else 'height'}"
    return f"#{index}"


def read_dimension(kernel: Kernel, word: str) -> int:
    """The dimension that `write_dimension` wrote. Raises `WordError`."""
    if word.startswith("#"):
        return numbered("#", word, limits.DIMENSIONS)
    name, _, axis = word.partition(".")
    index = _read_named(_image_names(kernel), name, limits.IMAGES, "image")
    image: Image = kernel.images[index]
    if axis not in ("width", "height"):
        raise WordError(f"{shown(word)} is neither a width nor a height")
    return image.width if axis == "width" else image.height


def read_type(word: str) -> ScalarType:
    """A scalar type by its name. Raises `WordError`."""
    if word not in BY_NAME:
        raise WordError(f"there is no type {shown(word)}")
    return BY_NAME[word]


# Immediates: how each kind is written, and read, in a kernel whose signature is known.

WriteWord = Callable[[Kernel, Immediate], str]
ReadWord = Callable[[Kernel, str], Immediate]
Word = tuple[WriteWord, ReadWord]


def _numbered(prefix: str, most: int) -> Word:
    return (
        lambda kernel, value: f"{prefix}{value}",
        lambda kernel, word: numbered(prefix, word, most),
    )


def _integer(low: int, high: int) -> Word:
    return lambda kernel, value: str(value), lambda kernel, word: integer(word, low, high)


def _named(names: Callable[[Kernel], list[str]], most: int, what: str) -> Word:
    def write(kernel: Kernel, value: Immediate) -> str:
        assert isinstance(value, int)
        return _write_named(names(kernel), value)

    return write, lambda kernel, word: _read_named(names(kernel), word, most, what)


def _enum(kind: type[Border] | type[Order] | type[Reduction]) -> Word:
    def write(kernel: Kernel, value: Immediate) -> str:
        assert isinstance(value, Enum)
        return str(value.value)

    def read(kernel: Kernel, word: str) -> Immediate:
        for member in kind:
            if member.value == word:
                return member
        raise WordError(
            f"{shown(word)} is none of {', '.join(str(member.value) for member in kind)}"
        )

    return write, read


def _write_dimension(kernel: Kernel, value: Immediate) -> str:
    assert isinstance(value, int)
    return write_dimension(kernel, value)


TYPE: Word = (lambda kernel, value: str(value), lambda kernel, word: read_type(word))

WORDS: dict[Imm, Word] = {
    Imm.TYPE: TYPE,
    Imm.SOURCE_TYPE: TYPE,
    Imm.LOCAL: _numbered("l", limits.LOCALS),
    Imm.ARRAY: _numbered("a", limits.ARRAYS),
    Imm.PARAMETER: _named(_parameter_names, limits.PARAMETERS, "parameter"),
    Imm.DIMENSION: (_write_dimension, read_dimension),
    Imm.IMAGE: _named(_image_names, limits.IMAGES, "image"),
    Imm.CHANNEL: _integer(0, limits.CHANNELS),
    Imm.BORDER: _enum(Border),
    Imm.CARRY: _numbered("c", limits.CARRIES),
    Imm.AHEAD: _integer(SIGNED_MIN, SIGNED_MAX),
    Imm.DOWN: _integer(SIGNED_MIN, SIGNED_MAX),
    Imm.STEP: _integer(0, ScalarType.I32.maximum),
    Imm.REDUCTION: _enum(Reduction),
    Imm.ORDER: _enum(Order),
    Imm.TEXT: _numbered("t", limits.TEXTS),
    Imm.FIELD: _named(_field_names, limits.FIELDS, "field"),
}
"""The kinds written as exactly one word. The rest: `VALUE` hangs on the type before it, `CLAIMS`
are any number of words and `RESULT` is one or none; both stand last."""

assert set(WORDS) | {Imm.VALUE, Imm.CLAIMS, Imm.RESULT} == set(Imm)


def write_claim(kernel: Kernel, claim: Claim) -> str:
    """`claim(l2,0,7)`: 0 <= l2 <= 7; `claim(l2,0,7,src.width,-1)`: and l2 <= src.width - 1."""
    words = f"claim(l{claim.local},{claim.low},{claim.high}"
    if claim.dimension is None:
        return f"{words})"
    return f"{words},{write_dimension(kernel, claim.dimension)},{claim.offset})"


def read_claim(kernel: Kernel, word: str) -> Claim:
    """The claim that `write_claim` wrote. Raises `WordError`."""
    found = CLAIM.match(word)
    if not found:
        raise WordError(f"{shown(word)} is not like claim(l0,-1,1)")
    local = integer(found[1], 0, limits.LOCALS)
    low, high = (integer(found[i], SIGNED_MIN, SIGNED_MAX) for i in (2, 3))
    if found[4] is None:
        return Claim(local, low, high)
    offset = integer(found[5], SIGNED_MIN, SIGNED_MAX)
    return Claim(local, low, high, read_dimension(kernel, found[4]), offset)
