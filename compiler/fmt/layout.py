"""From the tree of a file to documents: spaces, lists, blocks, chains of operators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from compiler.fmt.docs import Comments, Concat, Doc, Group, Indent, Mark, NewLine, Rows
from compiler.fmt.leaves import Leaf
from compiler.fmt.render import Line, render
from compiler.fmt.tree import Node, Part, first_leaf, last_leaf

CLOSERS = {"(": ")", "[": "]", "<": ">", "{": "}"}
NO_SPACE_BEFORE = frozenset((",", ";", ":", "(", "[", "<"))
SUFFIXES = frozenset(("size", "generics"))
"""Rules that follow what stands before them without a space."""

TIGHT = frozenset(("use_path", "range", "closed_range", "unary", "field_expr", "call", "index"))
"""Rules without spaces in them."""

LISTS = frozenset(("function_parameters", "kernel_parameters", "arguments", "type_arguments"))
"""Rules that are what stands between two brackets."""

BINDERS = frozenset(("range_binder", "pixel_binder"))
NO_COMMA = frozenset(("array_type", "array_fill", "array_comprehension", "group"))
"""Rules whose brackets hold no list, so that no comma may close it."""

BRACKETED = frozenset(("group", "call"))
"""Rules that can break between their brackets."""

NUMBERS = frozenset(("integer", "float"))
WITH_BLOCKS = frozenset(("kernel", "function", "test", "record"))


def file_lines(tree: Node) -> list[Line]:
    """The lines of a file: its items, with blank lines around those of several lines."""
    lines: list[Line] = []
    was_tall = False
    for item in tree.parts:
        first = first_leaf(item)
        added = render(doc_of(item) if isinstance(item, Node) else Comments(first.comments))
        code_lines = sum(bool(line.code) for line in added)
        is_tall = isinstance(item, Node) and item.kind in WITH_BLOCKS and code_lines > 1
        added[0].blank_before = first.starts_after_blank or was_tall or is_tall
        lines += [line for line in added if line.code or line.comment]
        was_tall = is_tall
    return lines


def doc_of(part: Part) -> Doc:
    """The document of a token or a rule."""
    if isinstance(part, Leaf):
        return part
    if len(part.parts) == 1:
        return doc_of(part.parts[0])
    return SPECIAL.get(part.kind, phrase)(part)


def phrase(node: Node, aligned: bool = False) -> Doc:
    """Parts side by side, with the spaces that belong between them."""
    return Concat(tuple(_phrase(node.kind, node.parts, aligned)))


def _phrase(kind: str, parts: Sequence[Part], aligned: bool = False) -> list[Doc]:
    docs: list[Doc] = []
    index = 0
    while index < len(parts):
        part = parts[index]
        if docs and kind not in TIGHT and not _is_suffix(part):
            docs.append(Mark.BREAK if _is_a(part, BINDERS) else Mark.SPACE)
        end = index + 1
        if isinstance(part, Leaf) and part.text in CLOSERS:
            while first_leaf(parts[end]).text != CLOSERS[part.text] or _is_a(parts[end]):
                end += 1
            end += 1
            docs.append(listing(kind, parts[index:end]))
        else:
            docs.append(doc_of(part))
        if aligned and first_leaf(part).text == "in" and index == 0:
            docs.append(Mark.PAD)
        index = end
    return docs


def _is_a(part: Part, kinds: frozenset[str] | None = None) -> bool:
    """Whether a part is a rule (of these kinds)."""
    return isinstance(part, Node) and (kinds is None or part.kind in kinds)


def _is_suffix(part: Part) -> bool:
    return part.kind in SUFFIXES if isinstance(part, Node) else part.text in NO_SPACE_BEFORE


# Lists.


def listing(kind: str, parts: Sequence[Part]) -> Doc:
    """Brackets and what stands between them: on one line, or each item on its own.

    A list that ends with a comma is broken: so its author keeps it that way.
    """
    opener, *middle, closer = parts
    assert isinstance(opener, Leaf)
    assert isinstance(closer, Leaf)
    items, commas = _split(middle)
    edge: Doc = Mark.BREAK if opener.text == "{" else Mark.SOFT
    inner: list[Doc] = []
    if items:
        docs = _items(kind, items, commas)
        inner = [edge]
        if kind == "array" and all(len(item) == 1 and _is_number(item[0]) for item in items):
            kept = tuple(first_leaf(item[0]).newline for item in items)
            inner.append(Rows(docs, kept, fill=True))
        else:
            inner += [doc for each in docs for doc in (each, Mark.BREAK)][:-1]
        if len(commas) < len(items) and _takes_comma(kind, items):
            inner.append(Mark.COMMA)
    inner += _closing_comments(closer)
    is_broken = bool(closer.comments) or len(commas) == len(items) > 0
    ends = (edge, _bare(closer)) if items or closer.comments else (_bare(closer),)
    return Group(Concat((opener, Indent(Concat(tuple(inner))), *ends)), is_broken)


def _split(parts: Sequence[Part]) -> tuple[list[list[Part]], list[Leaf]]:
    """The items of a list, and its commas."""
    items: list[list[Part]] = []
    commas: list[Leaf] = []
    for part in _unwrapped(parts):
        if isinstance(part, Leaf) and part.text == ",":
            commas.append(part)
            continue
        if len(items) == len(commas):
            items.append([])
        items[-1].append(part)
    return items, commas


def _items(kind: str, items: list[list[Part]], commas: list[Leaf]) -> tuple[Doc, ...]:
    """The items with their commas. Beside an `out`, an `in` is as wide, if they are on lines."""
    aligned = any(first_leaf(item[0]).text == "out" for item in items)
    docs: list[Doc] = []
    for index, item in enumerate(items):
        only = item[0]
        if len(item) > 1:
            doc: Doc = Group(Concat(tuple(_phrase("", item))))
        elif isinstance(only, Node) and only.kind in ("kernel_in", "function_parameter"):
            doc = phrase(only, aligned)
        elif kind == "group" and isinstance(only, Node) and only.kind == "binary":
            doc = chain(only, hang=False)
        else:
            doc = doc_of(only)
        docs.append(Concat((doc, *commas[index : index + 1])))
    return tuple(docs)


def _unwrapped(parts: Sequence[Part]) -> Iterator[Part]:
    for part in parts:
        yield from part.parts if isinstance(part, Node) and part.kind in LISTS else (part,)


def _takes_comma(kind: str, items: list[list[Part]]) -> bool:
    """Whether a comma may close this list: it would look lost behind an only reduction."""
    only = items[0][0] if len(items) == 1 else None
    return kind not in NO_COMMA and not (only and _is_a(only, frozenset(("reduction_argument",))))


def _is_number(part: Part) -> bool:
    while isinstance(part, Node) and part.kind == "unary":
        part = part.parts[-1]
    return _is_a(part, NUMBERS)


def _closing_comments(closer: Leaf) -> list[Doc]:
    """The comments before a closing bracket: they stand among what it closes."""
    if not closer.comments:
        return []
    return [NewLine(closer.starts_after_blank), Comments(closer.comments)]


def _bare(leaf: Leaf) -> Leaf:
    return replace(leaf, comments=())


# Blocks.


def block(node: Node) -> Doc:
    """A block: on one line if it was written so, fits, and has one statement at most."""
    return Group(*_braces_of(node))


def _braces_of(node: Node) -> tuple[Doc, bool]:
    doc, is_broken = _braces(node.parts)
    return doc, is_broken or (len(node.parts) > 2 and first_leaf(node.parts[1]).newline)


def _braces(parts: Sequence[Part]) -> tuple[Doc, bool]:
    """Braces and statements, and whether they take several lines in any case."""
    opener, *statements, closer = parts
    assert isinstance(closer, Leaf)
    docs: list[Doc] = []
    for index, statement in enumerate(statements):
        blank = first_leaf(statement).starts_after_blank
        docs += [NewLine(blank) if index else Mark.BREAK, doc_of(statement)]
    is_empty = not statements and not closer.comments
    docs += _closing_comments(closer)
    is_broken = len(statements) > 1 or bool(closer.comments)
    end = () if is_empty else (Mark.BREAK,)
    return Concat((doc_of(opener), Indent(Concat(tuple(docs))), *end, _bare(closer))), is_broken


def conditional(node: Node) -> Doc:
    """`if … { … } else if … { … } else { … }`: all on one line, or all broken."""
    docs: list[Doc] = []
    broken = False
    rest: list[Part] = list(node.parts)
    while rest:
        part = rest.pop(0)
        if docs:
            docs.append(Mark.SPACE)
        if isinstance(part, Node) and part.kind == "block":
            doc, is_broken = _braces_of(part)
            broken = broken or is_broken
        elif isinstance(part, Leaf) and part.text == "{":
            doc, is_broken = _braces((part, rest.pop(0), rest.pop(0)))
            broken = broken or is_broken
        elif isinstance(part, Leaf) and part.text == "else" and _is_a(rest[0], CONDITIONALS):
            doc = part
            rest = list(rest[0].parts) if isinstance(rest[0], Node) else rest
        else:
            doc = doc_of(part)
        docs.append(doc)
    return Group(Concat(tuple(docs)), broken)


CONDITIONALS = frozenset(("if_statement", "if_expr"))


# Expressions and statements.


def chain(node: Node, hang: bool = True) -> Doc:
    """Operators of one rank: on one line, or each row begins with one."""
    rank = _rank(node)
    pairs: list[tuple[Part, Part]] = []
    left: Part = node
    while isinstance(left, Node) and _rank(left) == rank:
        left, operator, right = left.parts
        pairs.append((operator, right))
    pairs.reverse()
    rows = [Concat((doc_of(operator), Mark.SPACE, doc_of(right))) for operator, right in pairs]
    kept = [first_leaf(a).newline or first_leaf(b).newline for a, b in pairs]
    hug = rank == "multiply_operator" and _is_a(pairs[-1][1], BRACKETED)
    return Group(Rows((doc_of(left), *rows), (False, *kept), hang, hug=hug))


def _rank(node: Node) -> str:
    """The rule of a binary expression's operator; nothing for other nodes."""
    operator = node.parts[1] if node.kind == "binary" else node
    assert isinstance(operator, Node)
    return operator.kind if node.kind == "binary" else ""


def assignment(node: Node) -> Doc:
    """An assignment; signs of additions to elements are aligned with those beside them."""
    target, operator, value, end = node.parts
    is_addition = first_leaf(operator).text in ("+=", "-=") and last_leaf(target).text == "]"
    mark = (Mark.OPERATOR,) if is_addition else ()
    words = (doc_of(target), *mark, Mark.SPACE, doc_of(operator), Mark.SPACE, doc_of(value))
    return Concat((*words, doc_of(end)))


SPECIAL: dict[str, Callable[[Node], Doc]] = {
    "block": block,
    "if_statement": conditional,
    "if_expr": conditional,
    "binary": chain,
    "assign": assignment,
    "reduction_argument": lambda node: Group(phrase(node)),
}
