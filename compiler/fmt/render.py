"""From a document to lines: what fits stands on one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from compiler.fmt.docs import Comments, Concat, Doc, Group, Indent, Mark, NewLine, Rows
from compiler.fmt.leaves import Comment, Leaf

WIDTH = 100
"""The most columns of a line, comments not counted."""

STEP = 4
"""How many columns a step of indentation takes."""

NOT_INDENTED = frozenset(("{", "}", ")", "]", "else", ""))
"""What stands under the beginning of its line where a comment forced it onto a new one."""


@dataclass(slots=True)
class Line:
    """A line: code, a comment behind it (or alone), where its operator may be moved right."""

    indent: int
    code: str = ""
    comment: str = ""
    blank_before: bool = False
    operator: int | None = None


@dataclass(frozen=True, slots=True)
class _Task:
    """A document yet to be written: `flat` in a group that fits on its line."""

    doc: Doc
    indent: int
    flat: bool


def render(doc: Doc) -> list[Line]:
    """The lines of a document."""
    renderer = _Renderer()
    renderer.run(doc)
    return renderer.lines


@dataclass(slots=True)
class _Renderer:
    lines: list[Line] = field(default_factory=lambda: [Line(0)])
    tasks: list[_Task] = field(default_factory=list)
    spaces: int = 0

    @property
    def line(self) -> Line:
        return self.lines[-1]

    def run(self, doc: Doc) -> None:
        self.tasks.append(_Task(doc, 0, False))
        while self.tasks:
            task = self.tasks.pop()
            HANDLERS[type(task.doc)](self, task, task.doc)

    def push(self, docs: Sequence[Doc], indent: int, flat: bool) -> None:
        self.tasks += [_Task(doc, indent, flat) for doc in reversed(docs)]

    # Writing.

    def new_line(self, indent: int, blank: bool = False) -> None:
        self.spaces = 0
        if self.line.code or self.line.comment:
            self.lines.append(Line(indent))
        self.line.indent = indent
        self.line.blank_before = blank

    def next_indent(self, word: str, indent: int) -> int:
        """The indentation of a word that a comment forces onto a new line."""
        if not self.line.code:
            return self.line.indent
        return indent if word in NOT_INDENTED else indent + STEP

    def comments(self, comments: tuple[Comment, ...], indent: int) -> None:
        for index, comment in enumerate(comments):
            if self.line.code or self.line.comment:
                self.new_line(indent, comment.blank and index > 0)
            self.line.comment = comment.text

    def leaf(self, task: _Task, leaf: Leaf) -> None:
        indent = self.next_indent(leaf.text, task.indent)
        self.comments(leaf.comments, indent)
        if self.line.comment:
            self.new_line(indent, bool(leaf.comments) and leaf.blank)
        if self.line.code:
            self.line.code += " " * self.spaces
        self.spaces = 0
        self.line.code += leaf.text
        self.line.comment = leaf.trailing

    def mark(self, task: _Task, mark: Mark) -> None:
        is_break = mark in (Mark.BREAK, Mark.SOFT)
        if is_break and not task.flat:
            self.new_line(task.indent)
        elif mark is Mark.SPACE or mark is Mark.BREAK:
            self.spaces = max(self.spaces, 1)
        elif mark is Mark.PAD and not task.flat:
            self.spaces = 2
        elif mark is Mark.COMMA and not task.flat:
            self.line.code += ","
        elif mark is Mark.OPERATOR and not self.line.comment and "{" not in self.line.code:
            self.line.operator = len(self.line.code)

    def group(self, task: _Task, group: Group) -> None:
        flat = task.flat or (not group.broken and self.fits(group.doc, self.room(task.indent)))
        self.push([group.doc], task.indent, flat)

    def rows(self, task: _Task, rows: Rows) -> None:
        if task.flat:
            self.push(_joined(rows.parts), task.indent, True)
            return
        indent = task.indent + STEP * rows.hang
        first, *others = self.chosen_rows(rows, task.indent, indent)
        for row in reversed(others):
            self.push([NewLine(), *_joined(row)], indent, False)
        self.push(_joined(first), task.indent, False)

    # Measuring.

    def room(self, indent: int) -> int:
        """How many columns are left for what comes next."""
        if self.line.code and not self.line.comment:
            return WIDTH - self.line.indent - len(self.line.code) - self.spaces
        return WIDTH - self.next_indent("a", indent)

    def chosen_rows(self, rows: Rows, first_indent: int, indent: int) -> list[list[Doc]]:
        """The rows as they were written, if they fit; else as many as there have to be."""
        rooms = self.room(first_indent), WIDTH - indent
        written: list[list[Doc]] = [[rows.parts[0]]]
        for part, kept in zip(rows.parts[1:], rows.kept[1:], strict=True):
            if kept:
                written.append([])
            written[-1].append(part)
        if len(written) > 1 and self.all_fit(written, rooms):
            return written
        before = Concat((*_joined(rows.parts[:-1]), Mark.SPACE))
        if rows.hug and self.fits(before, rooms[0], then=rows.parts[-1]):
            return [list(rows.parts)]
        if not rows.fill:
            return [[part] for part in rows.parts]
        filled: list[list[Doc]] = [[]]
        for part in rows.parts:
            longer = Concat(tuple(_joined([*filled[-1], part])))
            if filled[-1] and not self.fits(longer, rooms[1], with_rest=part is rows.parts[-1]):
                filled.append([])
            filled[-1].append(part)
        return filled

    def all_fit(self, rows: list[list[Doc]], rooms: tuple[int, int]) -> bool:
        """Whether each row fits on its line; behind the last stands what follows."""
        for index, row in enumerate(rows):
            is_last = index == len(rows) - 1
            if not self.fits(Concat(tuple(_joined(row))), rooms[index > 0], with_rest=is_last):
                return False
        return True

    def fits(self, doc: Doc, room: int, with_rest: bool = True, then: Doc | None = None) -> bool:
        """Whether a document fits on the line, with what follows up to the next possible break.

        What follows is `then`, in lines of its own if need be, or what is still to be written. A
        comment may stand at its end, or before its first word.
        """
        stack = [(doc, True)]
        rest = len(self.tasks) if with_rest else 0
        in_rest = written = ended = False
        while room >= 0:
            if not stack and then is not None:
                in_rest = True
                stack.append((then, False))
                then = None
            if not stack:
                if rest == 0:
                    return True
                rest -= 1
                in_rest = True
                stack.append((self.tasks[rest].doc, self.tasks[rest].flat))
            doc, flat = stack.pop()
            if isinstance(doc, Leaf):
                if ended or (doc.comments and (written or in_rest)):
                    return in_rest
                room -= len(doc.text)
                written, ended = True, bool(doc.trailing)
            elif isinstance(doc, Mark):
                if not flat and doc in (Mark.BREAK, Mark.SOFT):
                    return True
                room -= WIDTHS[doc][flat]
            elif isinstance(doc, NewLine | Comments) or (flat and _is_broken(doc)):
                return in_rest
            else:
                stack += [(part, flat) for part in reversed(_parts(doc, flat))]
        return False


WIDTHS = {
    Mark.SPACE: (1, 1),
    Mark.PAD: (1, 0),
    Mark.BREAK: (0, 1),
    Mark.SOFT: (0, 0),
    Mark.COMMA: (1, 0),
    Mark.OPERATOR: (0, 0),
}
"""Columns that marks take where no new line begins, in a broken group and in a flat one."""


def _is_broken(doc: Doc) -> bool:
    return isinstance(doc, Group) and doc.broken


def _parts(doc: Concat | Indent | Group | Rows, flat: bool) -> Sequence[Doc]:
    """What a document is made of, measured in a flat group or a broken one."""
    if isinstance(doc, Concat):
        return doc.docs
    if isinstance(doc, Rows):
        return _joined(doc.parts) if flat else [doc.parts[0], NewLine()]
    return (doc.doc,)


def _joined(parts: Sequence[Doc]) -> list[Doc]:
    return [doc for part in parts for doc in (part, Mark.SPACE)][:-1]


HANDLERS: dict[type, Callable[[_Renderer, _Task, Any], None]] = {
    Leaf: _Renderer.leaf,
    Mark: _Renderer.mark,
    NewLine: lambda self, task, doc: self.new_line(task.indent, doc.blank),
    Comments: lambda self, task, doc: self.comments(doc.comments, task.indent),
    Concat: lambda self, task, doc: self.push(doc.docs, task.indent, task.flat),
    Indent: lambda self, task, doc: self.push([doc.doc], task.indent + STEP, task.flat),
    Group: _Renderer.group,
    Rows: _Renderer.rows,
}
