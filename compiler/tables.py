"""Parse tables: made from grammar.lark by lark, kept in tables.json, so that lark loads seldom.

The tables are plain data, and `load` falls back to making them if the grammar is newer.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import Struct


class Rule(Struct, frozen=True):
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
    """LALR(1) tables. An action n >= 0 shifts to state n, n < 0 reduces by rule -n - 1."""

    rules: tuple[Rule, ...]
    actions: list[dict[str, int]]
    gotos: list[dict[str, int]]
    start: int
    end: int


@cache
def load() -> Tables:
    """The tables of grammar.lark."""
    folder = files("compiler")
    grammar = folder.joinpath("grammar.lark").read_text(encoding="utf-8")
    kept = folder.joinpath("tables.json")
    data: dict[str, Any] = {}
    if kept.is_file():
        data = json.loads(kept.read_text(encoding="utf-8"))
    if data.get("grammar") != _digest(grammar):
        from compiler.parse import make_tables

        data = make_tables(grammar)
    return from_data(data)


def from_data(data: dict[str, Any]) -> Tables:
    """The tables as they are used, from the tables as they are kept."""
    rules = tuple(
        Rule(origin, size, action, tuple(children), splice, inline)
        for origin, size, action, children, splice, inline in data["rules"]
    )
    names = data["terminals"]
    actions = [{names[int(key)]: value for key, value in row.items()} for row in data["actions"]]
    return Tables(rules, actions, data["gotos"], data["start"], data["end"])


def to_data(tables: Tables, grammar: str) -> dict[str, Any]:
    """The tables as they are kept: terminals by number."""
    names = sorted({name for row in tables.actions for name in row})
    number = {name: index for index, name in enumerate(names)}
    return {
        "grammar": _digest(grammar),
        "start": tables.start,
        "end": tables.end,
        "terminals": names,
        "rules": [
            [rule.origin, rule.size, rule.action, list(rule.children), rule.splice, rule.inline]
            for rule in tables.rules
        ],
        "actions": [
            {str(number[name]): row[name] for name in sorted(row)} for row in tables.actions
        ],
        "gotos": [dict(sorted(row.items())) for row in tables.gotos],
    }


def _digest(grammar: str) -> str:
    return hashlib.sha256(grammar.encode()).hexdigest()
