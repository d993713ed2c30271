"""A program being written: what may be named here, and a source of choices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

T = TypeVar("T")

INTEGERS = ("i32", "u32", "i64", "u64")
FLOATS = ("f32", "f64")
NARROW = ("u8", "i8", "u16", "i16")
COMPUTE = (*INTEGERS, *FLOATS)
PIXELS = (*NARROW, *COMPUTE)
SCALARS = (*PIXELS, "bool")


@dataclass(frozen=True, slots=True)
class Picture:
    """An image in sight: its pixels' type, its channels, whether it has src's size."""

    name: str
    type: str
    channels: int
    same_size: bool

    @property
    def pixel(self) -> str:
        """The type of a pixel."""
        return self.type if self.channels == 1 else f"[{self.type}; {self.channels}]"


@dataclass(slots=True)
class Loop:
    """The map or scan around: the word, the order, the images it may write, its rows."""

    word: str
    order: str
    targets: list[Picture]
    rows: dict[str, tuple[str, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Author:
    """Names in sight by type, lines written, and how many expressions may still be written.

    `values` may be read, `variables` assigned too; both hold (name, type). `fors` counts the `for`s
    that a `break` may leave.
    """

    rng: Random
    left: int
    lines: list[str] = field(default_factory=list)
    values: list[tuple[str, str]] = field(default_factory=list)
    variables: list[tuple[str, str]] = field(default_factory=list)
    inputs: list[Picture] = field(default_factory=list)
    outputs: list[Picture] = field(default_factory=list)
    functions: list[tuple[str, tuple[str, ...], str]] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)
    loop: Loop | None = None
    depth: int = 1
    fors: int = 0
    count: int = 0

    def choose(self, *options: T) -> T:
        """One of the options."""
        return self.rng.choice(options)

    def chance(self, probability: float) -> bool:
        """True so often."""
        return self.rng.random() < probability

    def fresh(self, stem: str) -> str:
        """A name of its own."""
        self.count += 1
        return f"{stem}{self.count}"

    def line(self, text: str) -> None:
        """Write a line."""
        self.lines.append("    " * self.depth + text)

    @contextmanager
    def block(self, head: str, tail: str = "}") -> Iterator[None]:
        """A block; names declared in it are forgotten at its end."""
        self.line(head)
        self.depth += 1
        values, variables = len(self.values), len(self.variables)
        yield
        del self.values[values:], self.variables[variables:]
        self.depth -= 1
        self.line(tail)

    def pick(self, *options: tuple[float, Callable[[], None]]) -> None:
        """Do one of the options, by weight."""
        weights = [weight for weight, _ in options]
        self.rng.choices([do for _, do in options], weights)[0]()


def array(type_: str) -> tuple[str, int] | None:
    """The element and length of an array type."""
    if not type_.startswith("["):
        return None
    element, _, length = type_[1:-1].rpartition("; ")
    return element, int(length)
