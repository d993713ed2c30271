"""Parse tables: made from grammar.lark by lark, kept in tables.json, so that lark loads seldom.

The tables are plain data, and `load` falls back to making them if the grammar is newer.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

GRAMMAR = Path(__file__).with_name("grammar.lark")
KEPT = Path(__file__).with_name("tables.json")


class Rule(Struct, frozen=True, array_like=True):
    """What to do when a rule is reduced.

    `children`: which of its symbols go to the action, -1 for a None; `splice`: the rule is part
    of a list, its children join those of the rule above; `inline`: an only child stands for it.
    """

    origin: str
    size: int
    action: str
    children: tuple[int, ...]
    splice: bool
    inline: bool

    @property
    def passes_on(self) -> bool:
        """Whether it hands over its only symbol as it is: one rank of operators to the next."""
        return self.inline and not self.splice and self.children == (0,) and self.size == 1


class Tables(Struct, frozen=True):
    """LALR(1) tables. An action n >= 0 shifts to state n, n < 0 reduces by rule -n - 1.

    `grammar` is the sha256 of the grammar they were made of, in hex.
    """

    grammar: str
    rules: tuple[Rule, ...]
    actions: list[dict[str, int]]
    gotos: list[dict[str, int]]
    start: int
    end: int


@cache
def load() -> Tables:
    """The tables of grammar.lark."""
    grammar = GRAMMAR.read_bytes()
    if KEPT.is_file():
        tables = msgspec.json.decode(KEPT.read_bytes(), type=Tables)
        if tables.grammar == digest(grammar):
            return tables
    from compiler.parse import make_tables

    return make_tables(grammar)


def encoded(tables: Tables) -> bytes:
    """The tables as they are kept."""
    return msgspec.json.encode(tables) + b"\n"


def digest(grammar: bytes) -> str:
    """The name of a grammar: its sha256, in hex."""
    return hashlib.sha256(grammar).hexdigest()
