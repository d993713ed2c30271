"""Names in blocks: what they stand for, and near misses."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from compiler.source import Span
from compiler.symbols import Image, Local, Parameter, Rows
from compiler.typed import ConstantArray, Expr, Literal
from compiler.types import ScalarType
from vm.module import Border

CANDIDATES = 1000
"""How many names are looked at for a near miss."""


class View(Struct, frozen=True, eq=False):
    """An image seen through a border: `src.clamp`, `src.or(v)` (`fill`), or `.drop` for writes."""

    image: Image
    border: Border
    fill: Expr | None
    drop: bool
    span: Span


class Outcome(Struct, frozen=True, eq=False):
    """What running a kernel in a test gave: its out images by name, and its record."""

    kernel: str
    images: dict[str, Image]
    record: Local | None
    span: Span


class Broken(Struct, frozen=True, eq=False):
    """A name whose declaration has been diagnosed."""

    span: Span


Binding = Local | Parameter | Image | Rows | View | Outcome | Broken | Literal | ConstantArray
"""What a name in a body stands for; literals are constant generics."""


class Scope(Struct):
    """Blocks within blocks. The outermost holds parameters."""

    blocks: list[dict[str, tuple[Binding, Span]]] = field(default_factory=lambda: [{}])
    used: set[str] = field(default_factory=set)

    def find(self, name: str) -> Binding | None:
        """What a name stands for, innermost first."""
        for block in reversed(self.blocks):
            if name in block:
                return block[name][0]
        return None

    def declared_at(self, name: str) -> tuple[Span, bool] | None:
        """Where a name was declared, and whether in the innermost block."""
        for block in reversed(self.blocks):
            if name in block:
                return block[name][1], block is self.blocks[-1]
        return None

    def declare(self, name: str, binding: Binding, span: Span) -> None:
        """Bind a name in the innermost block."""
        self.blocks[-1][name] = (binding, span)

    def names(self) -> Iterable[str]:
        """Every name in sight."""
        for block in self.blocks:
            yield from block


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be."""
    candidates = [each for each in known if each != name]
    for each in candidates:
        if each.lower() == name.lower():
            return each
    if len(name) < 3:
        return None
    import difflib  # seldom needed

    alike = [each for each in candidates if abs(len(each) - len(name)) < 4][:CANDIDATES]
    found = difflib.get_close_matches(name, alike, n=1, cutoff=0.65)
    return found[0] if found else None


def article(type_: object) -> str:
    """`a u8`, `an i32`: how a type is spoken of."""
    text = str(type_)
    return f"an {text}" if text[0] in "ai" or text.startswith(("f32", "f64")) else f"a {text}"


def scalar_generics(names: dict[str, ScalarType | int]) -> str:
    """`<u8, 11>`: generic arguments, for labels; empty if there are none."""
    return f"<{', '.join(str(value) for value in names.values())}>" if names else ""
