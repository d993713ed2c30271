"""Tokens with the comments and line breaks around them: the leaves of what is formatted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compiler.tokens import PATTERN

CLOSING = frozenset(")]}>")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a line of its own, and whether a blank line stands before it."""

    text: str
    blank: bool


@dataclass(slots=True)
class Leaf:
    """A token, or the end of the file (no text).

    `comments` stand on lines of their own before it, `trailing` behind it on its line. `newline`
    and `blank` tell whether a new line begins, or a blank one lies, before it.
    """

    text: str
    start: int
    end: int
    comments: tuple[Comment, ...] = ()
    trailing: str = ""
    newline: bool = False
    blank: bool = False

    @property
    def starts_after_blank(self) -> bool:
        """Whether a blank line stands before it and its comments."""
        return self.comments[0].blank if self.comments else self.blank


def leaves_of(text: str) -> list[Leaf]:
    """All tokens of a text that the tokenizer accepts, and the end of the file."""
    leaves = list(_read(text))
    for leaf, after in itertools.pairwise(leaves):
        _move_behind_sign(leaf, after)
    return leaves


def _read(text: str) -> Iterator[Leaf]:
    comments: list[Comment] = []
    last: Leaf | None = None
    newlines = breaks = 0  # since the last token or comment; since the last token
    for match in PATTERN.finditer(text):
        kind, word = match.lastgroup, match.group()
        if kind == "space":
            newlines += word.count("\n")
            breaks += word.count("\n")
        elif kind in ("comment", "doc", "module_doc"):
            if last is not None and breaks == 0:
                last.trailing = word.rstrip()
            else:
                comments.append(Comment(word.rstrip(), newlines > 1))
            newlines = 0
        else:
            if last is not None:
                yield last
            newline, blank = breaks > 0, newlines > 1
            last = Leaf(word, *match.span(), tuple(comments), "", newline, blank)
            comments.clear()
            newlines = breaks = 0
    if last is not None:
        yield last
    yield Leaf("", len(text), len(text), tuple(comments), "", True)


def _move_behind_sign(leaf: Leaf, after: Leaf) -> None:
    """Let a comment stand behind the comma or semicolon that follows its token.

    Documentation stays: it belongs to the token behind it.
    """
    if after.text not in (",", ";") or after.comments or after.trailing:
        return
    if not leaf.trailing.startswith("///") or leaf.trailing.startswith("////"):
        leaf.trailing, after.trailing = "", leaf.trailing


def same_program(before: Sequence[Leaf], after: Sequence[Leaf]) -> bool:
    """Whether two texts have the same tokens, but for closing commas, and the same comments."""
    return words(before) == words(after) and comments(before) == comments(after)


def words(leaves: Sequence[Leaf]) -> list[str]:
    """The tokens' texts, without commas before closing brackets."""
    pairs = itertools.pairwise(leaves)
    return [leaf.text for leaf, after in pairs if leaf.text != "," or after.text not in CLOSING]


def comments(leaves: Sequence[Leaf]) -> list[str]:
    """All comments, in order."""
    found = []
    for leaf in leaves:
        found += [comment.text for comment in leaf.comments]
        if leaf.trailing:
            found.append(leaf.trailing)
    return found
