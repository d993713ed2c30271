"""The concrete tree of a file: every token, under the rules of the grammar that took it in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from compiler.diagnostics import Diagnostics
from compiler.fmt.leaves import Leaf, leaves_of
from compiler.parse import parse, parse_with
from compiler.source import Source


@dataclass(frozen=True, slots=True)
class Node:
    """A rule of the grammar over the leaves `first` to `last - 1`."""

    kind: str
    parts: tuple[Part, ...]
    first: int
    last: int


Part = Node | Leaf


def tree_of(source: Source) -> tuple[list[Leaf], Node]:
    """The leaves of a file, and its tree. Raises `CompileError` if it does not parse."""
    diagnostics = Diagnostics()
    parse(source, diagnostics)
    diagnostics.check()
    leaves = leaves_of(source.text)
    tree = parse_with(_Builder(leaves), source, diagnostics)
    return leaves, Node(tree.kind, (*tree.parts, leaves[-1]), tree.first, len(leaves))


def first_leaf(part: Part) -> Leaf:
    """The first token of a part."""
    while isinstance(part, Node):
        part = part.parts[0]
    return part


def last_leaf(part: Part) -> Leaf:
    """The last token of a part."""
    while isinstance(part, Node):
        part = part.parts[-1]
    return part


class _Builder:
    """Builds nodes while the parser reduces rules."""

    def __init__(self, leaves: list[Leaf]) -> None:
        self.leaves = leaves
        self.firsts = {leaf.start: index for index, leaf in enumerate(leaves)}
        self.lasts = {leaf.end: index + 1 for index, leaf in enumerate(leaves[:-1])}

    def build(self, action: str, start: int, end: int, doc: str, children: list[Any]) -> Node:
        """The node of a rule over the characters `start..end`: its children, and what is between.

        The parser hands over only what the untyped tree is made of; brackets, keywords and commas
        are put back here.
        """
        if start == end:
            return Node(action, (), 0, 0)
        index = first = self.firsts[start]
        last = self.lasts[end]
        parts: list[Part] = []
        for child in children:
            if isinstance(child, Node):
                parts += [*self.leaves[index : child.first], child]
                index = child.last
        return Node(action, (*parts, *self.leaves[index:last]), first, last)
