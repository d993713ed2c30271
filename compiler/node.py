"""What trees are made of: `msgspec.Struct`, immutable and compared by what it holds.

Structs rather than dataclasses: there are 140 kinds of them, whose classes are made anew by every
run of `cpsc`, and as many thousands of nodes as a program has words.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class PlacedNode(Struct, frozen=True, eq=False):
    """A node whose last field is told to people only, and not compared."""

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, type(self)) and self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash((type(self), self._compared()))

    def _compared(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__struct_fields__[:-1])
