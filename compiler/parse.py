"""The parser: from a source to its untyped tree, with every syntax error it can find.

lark turns grammar.lark into LALR(1) tables (`make_tables`, only when the grammar changes); the
driver here follows them. After an error it drops what it cannot finish, skips to the next
statement or item, and goes on.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol

from compiler import syntax
from compiler.build import Builder
from compiler.diagnostics import Diagnostics
from compiler.expected import explain_unexpected
from compiler.source import Source, Span
from compiler.tables import GRAMMAR, KEPT, Rule, Tables, digest, encoded, load
from compiler.tokens import SOFT_KEYWORDS, Token, tokenize

DEPTH = 160
"""How many levels a tree may have."""

PENDING = 1200
"""How many symbols may wait to become part of a tree: more would be deeper than DEPTH."""

ITEM_WORDS = frozenset({"kernel", "fn", "test", "const", "use", "record"})


class TreeBuilder(Protocol):
    """Makes a tree: `build` gives the node of a rule over the characters `start..end`."""

    def build(self, action: str, start: int, end: int, doc: str, children: list[Any]) -> Any:
        """The node for a rule named `action`."""


def parse(source: Source, diagnostics: Diagnostics) -> syntax.File:
    """Parse a file. Errors go to `diagnostics`; what could be read is returned."""
    tokens, doc = tokenize(source, diagnostics)
    if tokens is None:
        return syntax.File(source, doc, ())
    builder = Builder(source, diagnostics)
    items = _Driver(load(), source, tokens, diagnostics, builder).run()
    return syntax.File(source, doc, items)


def parse_with(builder: TreeBuilder, source: Source, diagnostics: Diagnostics) -> Any:
    """Parse a file into a tree of the caller's own. Raises `CompileError`."""
    tokens, _ = tokenize(source, diagnostics)
    diagnostics.check()
    assert tokens is not None
    tree = _Driver(load(), source, tokens, diagnostics, builder).run()
    diagnostics.check()
    return tree


class _Driver:
    """Follows the tables. The stacks hold, for each symbol: state, value, first token, depth."""

    def __init__(
        self,
        tables: Tables,
        source: Source,
        tokens: list[Token],
        diagnostics: Diagnostics,
        builder: TreeBuilder,
    ) -> None:
        self.tables = tables
        self.source = source
        self.tokens = tokens
        self.diagnostics = diagnostics
        self.builder = builder
        self.states = [tables.start]
        self.values: list[Any] = []
        self.firsts: list[int] = []
        self.depths: list[int] = []
        self.index = 0
        self.recovered_at = -1
        self.shifted: list[int] = []

    def run(self) -> Any:
        tables, states, values = self.tables, self.states, self.values
        passes_on = [rule.passes_on for rule in tables.rules]
        while True:
            token = self.tokens[self.index]
            row = tables.actions[states[-1]]
            kind = token.kind
            action = row.get(kind)
            if action is None and kind in SOFT_KEYWORDS:
                action = row.get("NAME")
            if action is None:
                self.fail(token)
            elif action >= 0:
                self.push(action, token, self.index, 0)
                self.index += 1
                self.shifted = list(states)
                if len(states) > PENDING:
                    self.diagnostics.fatal("CPS0105", Span(self.source, token.start, token.end))
            elif passes_on[-action - 1] and type(values[-1]) is not list:
                states[-1] = tables.gotos[states[-2]][tables.rules[-action - 1].origin]
            else:
                self.reduce(tables.rules[-action - 1])
                if kind == "$END" and states[-1] == tables.end:
                    return values[-1]

    def push(self, state: int, value: Any, first: int, depth: int) -> None:
        self.states.append(state)
        self.values.append(value)
        self.firsts.append(first)
        self.depths.append(depth)

    def reduce(self, rule: Rule) -> None:
        size = rule.size
        if size:
            values, depth, first = self.values[-size:], max(self.depths[-size:]), self.firsts[-size]
            del self.states[-size:], self.values[-size:], self.firsts[-size:], self.depths[-size:]
        else:
            values, depth, first = [], 0, self.index
        children: list[Any] = []
        for which in rule.children:
            value = None if which < 0 else values[which]
            if type(value) is list:
                children.extend(value)
            else:
                children.append(value)
        result: Any
        if rule.splice:
            result = children
        elif rule.inline and len(children) == 1:
            result = children[0]
        else:
            depth += 1
            start = self.tokens[first].start
            end = self.tokens[self.index - 1].end if size else start
            if depth > DEPTH:
                self.diagnostics.fatal("CPS0105", Span(self.source, start, start + 1))
            result = self.builder.build(rule.action, start, end, self.tokens[first].doc, children)
        self.push(self.tables.gotos[self.states[-1]][rule.origin], result, first, depth)

    def fail(self, token: Token) -> None:
        """Report an unexpected token, and go on behind the statement or item it spoils."""
        if self.index != self.recovered_at:
            self.report()
        while True:
            place = self.recovery_place()
            if place is None:
                self.diagnostics.check()
                raise AssertionError("a parse failed without a diagnostic")
            height, goto = place
            first = self.firsts[height] if height < len(self.firsts) else self.index
            del self.states[height + 1 :], self.values[height:]
            del self.firsts[height:], self.depths[height:]
            if goto == "item":
                self.skip_item()
            elif not self.skip_statement(self.tokens[first].depth):
                del self.states[-1:]
                del self.values[-1:], self.firsts[-1:], self.depths[-1:]
                continue
            self.recovered_at = self.index
            self.shifted = list(self.states)
            return

    def report(self) -> None:
        """Report the current token, and what could stand there.

        That is asked of the stack as the last token left it: what was reduced since was reduced
        because of the wrong one.
        """
        stack = self.shifted or [self.tables.start]
        kinds = [kind for kind in self.tables.actions[stack[-1]] if self.accepts(stack, kind)]
        explain_unexpected(self.source, self.diagnostics, self.tokens, self.index, sorted(kinds))

    def accepts(self, stack: list[int], kind: str) -> bool:
        """Whether a token of this kind could really come next: reductions are played through."""
        states = list(stack)
        while True:
            action = self.tables.actions[states[-1]].get(kind)
            if action is None or action >= 0:
                return action is not None
            rule = self.tables.rules[-action - 1]
            if rule.size:
                del states[-rule.size :]
            states.append(self.tables.gotos[states[-1]][rule.origin])
            if kind == "$END" and states[-1] == self.tables.end:
                return True

    def recovery_place(self) -> tuple[int, str] | None:
        """The height of the innermost state in which a statement or an item may begin."""
        for height in range(len(self.states) - 1, -1, -1):
            gotos = self.tables.gotos[self.states[height]]
            if "statement" in gotos:
                return height, "statement"
            if "item" in gotos:
                return height, "item"
        return None

    def starts_item(self, token: Token) -> bool:
        """Whether an item begins here for sure: its keyword opens a line, without indentation."""
        column = self.source.position(token.start)[1]
        return token.kind == "$END" or (token.kind in ITEM_WORDS and column == 1)

    def skip_item(self) -> None:
        while True:
            token = self.tokens[self.index]
            at_top = (
                token.kind in ITEM_WORDS and token.depth == 0 and self.index > self.recovered_at
            )
            if self.starts_item(token) or at_top:
                if self.index != self.recovered_at:
                    return
                if token.kind == "$END":  # nothing is left to go on behind
                    self.diagnostics.check()
            self.index += 1

    def skip_statement(self, depth: int) -> bool:
        """Skip to where the next statement of a block at brace depth `depth` begins.

        False if the block itself is left, so that an outer one has to be found.
        """
        inside = False
        while True:
            token = self.tokens[self.index]
            if self.starts_item(token):
                return False
            if token.kind == "}":
                if token.depth < depth:
                    return self.index != self.recovered_at
                if token.depth == depth:
                    inside = True
            elif token.depth == depth:
                if token.kind == ";":
                    self.index += 1
                    return True
                if inside and token.kind != "else" and self.index != self.recovered_at:
                    return True
            self.index += 1


def make_tables(grammar: bytes) -> Tables:
    """The tables of a grammar, by lark."""
    import lark
    from lark.lexer import PatternStr

    parser = lark.Lark(grammar.decode(), parser="lalr", lexer="basic", maybe_placeholders=True)
    kinds = {"$END": "$END"}
    for terminal in parser.terminals:
        literal = isinstance(terminal.pattern, PatternStr)
        kinds[terminal.name] = terminal.pattern.value if literal else terminal.name
    made: Any = parser.parser.parser
    table = made._parse_table
    order = _ordered_states(table)
    used = {
        argument
        for row in table.states.values()
        for action, argument in row.values()
        if str(action) != "Shift"
    }
    rules = sorted(used, key=lambda rule: (str(rule.origin.name), str(rule.expansion)))
    number = {rule: index for index, rule in enumerate(rules)}
    actions: list[dict[str, int]] = []
    gotos: list[dict[str, int]] = []
    for state in order:
        actions.append({})
        gotos.append({})
        for name, (action, argument) in _sorted_row(table, state):
            if str(action) != "Shift":
                actions[-1][kinds[name]] = -number[argument] - 1
            elif name in kinds:
                actions[-1][kinds[name]] = order[argument]
            else:
                gotos[-1][str(name)] = order[argument]
    start, end = order[table.start_states["start"]], order[table.end_states["start"]]
    return Tables(digest(grammar), tuple(map(_rule, rules)), actions, gotos, start, end)


def _sorted_row(table: Any, state: Any) -> list[Any]:
    """A state's actions by symbol: lark's order differs from run to run."""
    return sorted(table.states[state].items(), key=lambda item: item[0])


def _ordered_states(table: Any) -> dict[Any, int]:
    """The states numbered as they are met from the start: lark's numbers differ from run to run."""
    order: dict[Any, int] = {table.start_states["start"]: 0}
    waiting = list(order)
    for state in waiting:
        for _, (action, argument) in _sorted_row(table, state):
            if str(action) == "Shift" and argument not in order:
                order[argument] = len(order)
                waiting.append(argument)
    return order


def _rule(rule: Any) -> Rule:
    """A rule of lark's: which of its symbols are children, and where absent ones stand."""
    flags = "".join(str(int(flag)) for flag in rule.options.empty_indices)
    absent = [len(ones) for ones in flags.split("0")] if flags else [0] * (len(rule.expansion) + 1)
    children: list[int] = []
    for index, symbol in enumerate(rule.expansion):
        children.extend([-1] * absent[index])
        if rule.options.keep_all_tokens or not (symbol.is_term and symbol.filter_out):
            children.append(index)
    children.extend([-1] * absent[len(rule.expansion)])
    origin = str(rule.origin.name)
    inline = bool(rule.options.expand1) and not rule.alias
    action = str(rule.alias or origin)
    return Rule(
        origin, len(rule.expansion), action, tuple(children), origin.startswith("_"), inline
    )


def write_tables() -> None:
    """Make tables.json anew, beside the grammar."""
    KEPT.write_bytes(encoded(make_tables(GRAMMAR.read_bytes())))


if __name__ == "__main__":
    write_tables()
    sys.exit(0)
