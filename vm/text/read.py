"""Assembly text -> Module. Every failure is `Malformed` with its line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from msgspec import Struct, field
from msgspec.structs import replace

from vm import limits
from vm.errors import Malformed
from vm.module import (
    Array,
    Carry,
    Dimension,
    ExtentOp,
    ExtentTerm,
    Field,
    Image,
    Immediate,
    Instruction,
    Kernel,
    Module,
    Parameter,
    Role,
    SourceFile,
)
from vm.opcodes import BY_MNEMONIC, BYTECODE_VERSION, Imm, Op
from vm.text.words import (
    SIGNED_MAX,
    SIGNED_MIN,
    WORDS,
    WordError,
    integer,
    numbered,
    read_claim,
    read_raw,
    read_type,
    shown,
)
from vm.types import ScalarType
from vm.wire import IDENTIFIER, text_problem

TOKEN = re.compile(r'\s*(?:(;.*)|("(?:[^"\\]|\\.)*")|([^\s";]+))')
TYPE_AND_LENGTH = re.compile(r"([a-z0-9]+)(?:\[([0-9]{1,9})\])?\Z")
HEX_64 = re.compile(r"[0-9a-f]{64}\Z")


class Draft(Struct):
    """A module being read."""

    module: Module = field(default_factory=lambda: Module(()))
    kernel: Kernel | None = None
    parts: dict[str, list[object]] = field(default_factory=dict)
    data: list[list[int]] = field(default_factory=list)  # of each array
    in_code: bool = False
    line: int = 0


def assemble(text: str) -> Module:
    """The module that the text describes. Raises `Malformed` with the line."""
    if len(text) > limits.ASSEMBLY_CHARS:
        raise Malformed(f"longer than {limits.ASSEMBLY_CHARS} characters", 1, "line")
    draft = Draft()
    number = 0
    try:
        for number, line in enumerate(_lines(text), 1):
            words = _words(line)
            if words:
                _read_line(draft, words, number)
        _finish_kernel(draft)
    except WordError as error:
        raise Malformed(str(error), number, "line") from None
    if "module" not in draft.parts:
        raise Malformed("the text does not begin with `module`", 1, "line")
    return draft.module


def _lines(text: str) -> Iterator[str]:
    """Line by line, without a list of them all."""
    start = 0
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1


def _words(line: str) -> list[str]:
    words, position = [], 0
    line = line.rstrip()
    while position < len(line):
        found = TOKEN.match(line, position)
        if found is None:
            raise WordError("a string is not closed")
        if found[1] is None:
            words.append(found[2] or found[3])
        position = found.end()
    return words


def _read_line(draft: Draft, words: list[str], number: int) -> None:
    if number and "module" not in draft.parts and words[0] != "module":
        raise WordError("the text does not begin with `module`")
    if draft.in_code and words[0] != "kernel":
        _read_code(draft, words)
        return
    directives = MODULE_DIRECTIVES if draft.kernel is None else KERNEL_DIRECTIVES
    if words[0] not in directives:
        raise WordError(f"{shown(words[0])} does not belong here")
    directives[words[0]](draft, Words(words[1:]))


class Words:
    """The rest of a line, taken word by word. What is missing or too much is a `WordError`."""

    def __init__(self, words: list[str]) -> None:
        self.words = words[::-1]

    def take(self, what: str) -> str:
        """The next word."""
        if not self.words:
            raise WordError(f"the line ends where it needs {what}")
        return self.words.pop()

    def at(self, *choices: str) -> bool:
        """Whether the next word is one of these."""
        return bool(self.words) and self.words[-1] in choices

    def after(self, keyword: str) -> bool:
        """Whether the next word is this one, which is then taken."""
        found = self.at(keyword)
        if found:
            self.words.pop()
        return found

    def string(self, most_chars: int, newlines: bool = False) -> str:
        """A quoted text."""
        word = self.take("a quoted text")
        if not word.startswith('"'):
            raise WordError(f"{shown(word)} is no quoted text")
        try:
            text = json.loads(word)
        except ValueError:
            raise WordError("the quoted text has a wrong escape") from None
        problem = text_problem(str(text), most_chars, newlines)
        if problem:
            raise WordError(problem)
        return str(text)

    def doc(self) -> str:
        """Documentation, if there is any."""
        return self.string(limits.DOC_CHARS, newlines=True) if self.words else ""

    def name(self) -> str:
        """An identifier."""
        word = self.take("a name")
        if not IDENTIFIER.match(word) or len(word) > limits.NAME_CHARS:
            raise WordError(f"{shown(word)} is no name")
        return word

    def type_and_length(self, most: int) -> tuple[ScalarType, int]:
        """`i32` or `i32[4]`."""
        word = self.take("a type")
        found = TYPE_AND_LENGTH.match(word)
        if not found:
            raise WordError(f"there is no type {shown(word)}")
        return read_type(found[1]), integer(found[2], 0, most) if found[2] else 0

    def bound(self, keyword: str, scalar: ScalarType) -> int | None:
        """`low V` or `high V`, if it is there."""
        return read_raw(scalar, self.take("a value")) if self.after(keyword) else None

    def values(self, scalar: ScalarType) -> list[int]:
        """All the values up to a text or the line's end."""
        values = []
        while self.words and not self.words[-1].startswith('"'):
            values.append(read_raw(scalar, self.words.pop()))
        return values

    def close(self) -> None:
        """Nothing may be left."""
        if self.words:
            raise WordError(f"{shown(self.words[-1])} is too much")


def _add(draft: Draft, part: str, item: object, most: int) -> None:
    items = draft.parts.setdefault(part, [])
    if len(items) >= most:
        raise WordError(f"more than {most} {part}")
    items.append(item)


def _once(draft: Draft, part: str) -> None:
    if part in draft.parts:
        raise WordError("this is given twice")
    draft.parts[part] = []


def _read_module(draft: Draft, words: Words) -> None:
    _once(draft, "module")
    version = integer(words.take("a version"), 0, SIGNED_MAX)
    if version != BYTECODE_VERSION:
        raise WordError(
            f"it needs bytecode version {version}; this CPUShare runs version {BYTECODE_VERSION}"
        )
    words.close()


def _read_module_doc(draft: Draft, words: Words) -> None:
    _once(draft, "module doc")
    draft.module = replace(draft.module, doc=words.doc())
    words.close()


def _read_source(draft: Draft, words: Words) -> None:
    name, digest = words.string(limits.TEXT_CHARS), words.take("a sha256")
    if not HEX_64.match(digest):
        raise WordError(f"{shown(digest)} is no sha256")
    _add(draft, "sources", SourceFile(name, digest), limits.SOURCES)
    words.close()
    sources = (*draft.module.sources, SourceFile(name, digest))
    draft.module = replace(draft.module, sources=sources)


def _read_kernel(draft: Draft, words: Words) -> None:
    _finish_kernel(draft)
    _add(draft, "kernels", None, limits.KERNELS)
    draft.kernel = Kernel(words.name())
    draft.in_code, draft.line = False, 0
    words.close()


KERNEL_PARTS = (
    "dimensions",
    "images",
    "parameters",
    "fields",
    "locals",
    "arrays",
    "carries",
    "texts",
    "code",
)


def _finish_kernel(draft: Draft) -> None:
    if draft.kernel is None:
        return
    kernel = _with_parts(draft, draft.kernel)
    draft.module = replace(draft.module, kernels=(*draft.module.kernels, kernel))
    for part in (*KERNEL_PARTS, "doc"):
        draft.parts.pop(part, None)
    draft.data.clear()


def _with_parts(draft: Draft, kernel: Kernel) -> Kernel:
    parts = {part: tuple(draft.parts.get(part, ())) for part in KERNEL_PARTS}
    parts["arrays"] = tuple(
        replace(array, data=tuple(data))
        for array, data in zip(draft.parts.get("arrays", ()), draft.data, strict=True)
        if isinstance(array, Array)
    )
    return replace(kernel, **parts)


def _read_doc(draft: Draft, words: Words) -> None:
    assert draft.kernel is not None
    _once(draft, "doc")
    draft.kernel = replace(draft.kernel, doc=words.doc())
    words.close()


def _read_dimension(draft: Draft, words: Words) -> None:
    terms = []
    if words.words:
        if not words.after("="):
            raise WordError("a computed dimension is written `dimension = …`")
        terms.append(_read_term(words.take("an expression")))
        while words.words:
            terms.append(_read_term(words.take("an expression")))
        if len(terms) > limits.EXTENT_TERMS:
            raise WordError(f"more than {limits.EXTENT_TERMS} terms")
    _add(draft, "dimensions", Dimension(tuple(terms)), limits.DIMENSIONS)


def _read_term(word: str) -> ExtentTerm:
    for mark, op in (("#", ExtentOp.DIMENSION), ("$", ExtentOp.PARAMETER)):
        if word.startswith(mark):
            return ExtentTerm(op, integer(word[1:], SIGNED_MIN, SIGNED_MAX))
    for op in ExtentOp:
        if op.value == word and op not in (
            ExtentOp.CONST,
            ExtentOp.DIMENSION,
            ExtentOp.PARAMETER,
        ):
            return ExtentTerm(op)
    return ExtentTerm(ExtentOp.CONST, integer(word, SIGNED_MIN, SIGNED_MAX))


def _read_image(draft: Draft, words: Words) -> None:
    name, role = words.name(), words.take("a role")
    if role not in (member.value for member in Role):
        raise WordError(f"{shown(role)} is none of in, out, local")
    scalar = read_type(words.take("a type"))
    channels = integer(words.take("a number of channels"), 0, limits.CHANNELS)
    width = numbered("#", words.take("a width"), limits.DIMENSIONS)
    height = numbered("#", words.take("a height"), limits.DIMENSIONS)
    image = Image(name, Role(role), scalar, channels, width, height, words.doc())
    words.close()
    _add(draft, "images", image, limits.IMAGES)


def _read_parameter(draft: Draft, words: Words) -> None:
    name = words.name()
    scalar, length = words.type_and_length(limits.PARAMETER_ELEMENTS)
    low, high = words.bound("low", scalar), words.bound("high", scalar)
    default = tuple(words.values(scalar)) if words.after("default") else ()
    if len(default) > limits.PARAMETER_ELEMENTS:
        raise WordError(f"more than {limits.PARAMETER_ELEMENTS} elements")
    parameter = Parameter(name, scalar, length, low, high, default, words.doc())
    words.close()
    _add(draft, "parameters", parameter, limits.PARAMETERS)


def _read_field(draft: Draft, words: Words) -> None:
    made = Field(words.name(), read_type(words.take("a type")), words.doc())
    words.close()
    _add(draft, "fields", made, limits.FIELDS)


def _read_locals(draft: Draft, words: Words) -> None:
    while words.words:
        _add(draft, "locals", read_type(words.take("a type")), limits.LOCALS)


def _read_array(draft: Draft, words: Words) -> None:
    scalar, length = words.type_and_length(limits.ARRAY_ELEMENTS)
    parameter = None
    if words.after("param"):
        parameter = numbered("#", words.take("a parameter"), limits.PARAMETERS)
    words.close()
    _add(draft, "arrays", Array(scalar, length, parameter), limits.ARRAYS)
    draft.data.append([])


def _read_data(draft: Draft, words: Words) -> None:
    array = draft.parts.get("arrays", [None])[-1]
    if not isinstance(array, Array):
        raise WordError("`data` belongs to an array")
    data = draft.data[len(draft.parts["arrays"]) - 1]
    data += words.values(array.type)
    if len(data) > limits.ARRAY_ELEMENTS:
        raise WordError(f"more than {limits.ARRAY_ELEMENTS} elements")
    words.close()


def _read_carry(draft: Draft, words: Words) -> None:
    scalar = read_type(words.take("a type"))
    low, high = words.bound("low", ScalarType.I64), words.bound("high", ScalarType.I64)
    words.close()
    _add(draft, "carries", Carry(scalar, low, high), limits.CARRIES)


def _read_text(draft: Draft, words: Words) -> None:
    _add(draft, "texts", words.string(limits.TEXT_CHARS), limits.TEXTS)
    words.close()


def _begin_code(draft: Draft, words: Words) -> None:
    words.close()
    assert draft.kernel is not None
    draft.kernel = _with_parts(draft, draft.kernel)
    draft.in_code = True


Directive = Callable[[Draft, Words], None]

MODULE_DIRECTIVES: dict[str, Directive] = {
    "module": _read_module,
    "doc": _read_module_doc,
    "source": _read_source,
    "kernel": _read_kernel,
}
KERNEL_DIRECTIVES: dict[str, Directive] = {
    "doc": _read_doc,
    "dimension": _read_dimension,
    "image": _read_image,
    "param": _read_parameter,
    "field": _read_field,
    "locals": _read_locals,
    "array": _read_array,
    "data": _read_data,
    "carry": _read_carry,
    "text": _read_text,
    "code": _begin_code,
    "kernel": _read_kernel,
}


def _read_code(draft: Draft, words: list[str]) -> None:
    assert draft.kernel is not None
    if words[0].endswith(":"):
        numbered("", words[0][:-1], limits.INSTRUCTIONS)
        words = words[1:]
    rest = Words(words)
    word = rest.take("an instruction")
    if word == ".line":
        draft.line = integer(rest.take("a line number"), 0, limits.LINE)
    elif word in BY_MNEMONIC:
        op = BY_MNEMONIC[word]
        immediates = tuple(_read_immediates(draft.kernel, op, rest))
        _add(draft, "code", Instruction(op, immediates, draft.line), limits.INSTRUCTIONS)
    else:
        raise WordError(f"there is no instruction {shown(word)}")
    rest.close()


def _read_immediates(kernel: Kernel, op: Op, words: Words) -> Iterator[Immediate]:
    scalar = ScalarType.I32
    for kind in op.immediates:
        value: Immediate
        if kind is Imm.VALUE:
            value = read_raw(scalar, words.take("a value"))
        elif kind is Imm.CLAIMS:
            value = tuple(read_claim(kernel, word) for word in words.words[::-1])
            if len(value) > limits.CLAIMS:
                raise WordError(f"more than {limits.CLAIMS} claims")
            words.words.clear()
        elif kind is Imm.RESULT:
            value = read_type(words.take("a type")) if words.words else None
        else:
            value = WORDS[kind][1](kernel, words.take(f"a {kind.value}"))
        if isinstance(value, ScalarType):
            scalar = value
        yield value
