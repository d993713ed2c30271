"""From lines to text: comments on neighbouring lines, and signs of additions, are aligned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from compiler.fmt.render import WIDTH, Line

GAP = 2
"""Columns between code and a comment behind it."""


def text_of(lines: Sequence[Line]) -> str:
    """The text of lines, each closed."""
    for run in _runs(lines, _has_operator):
        _align_operators(run)
    columns = {id(line): len(line.code) + GAP for line in lines}
    for run in _runs(lines, lambda line: bool(line.code and line.comment)):
        column = max(columns[id(line)] for line in run)
        if all(line.indent + column + len(line.comment) <= WIDTH for line in run):
            columns.update((id(line), column) for line in run)
    parts: list[str] = []
    for line in lines:
        code = line.code.ljust(columns[id(line)]) if line.code and line.comment else line.code
        text = " " * line.indent + code + line.comment
        parts.append(("\n" if line.blank_before and parts else "") + text + "\n")
    return "".join(parts)


def _has_operator(line: Line) -> bool:
    """Whether there is an operator to move: a comment may have forced it onto the next line."""
    return line.operator is not None and line.operator < len(line.code)


def _runs(lines: Sequence[Line], belongs: Callable[[Line], bool]) -> Iterator[list[Line]]:
    """Neighbouring lines of one indentation that belong together."""
    run: list[Line] = []
    for line in lines:
        goes_on = run and not line.blank_before and line.indent == run[-1].indent
        if belongs(line) and goes_on:
            run.append(line)
            continue
        if run:
            yield run
        run = [line] if belongs(line) else []
    if run:
        yield run


def _align_operators(run: list[Line]) -> None:
    column = max(line.operator or 0 for line in run)
    moved = [line.code[: line.operator].ljust(column) + line.code[line.operator :] for line in run]
    if all(line.indent + len(code) <= WIDTH for line, code in zip(run, moved, strict=True)):
        for line, code in zip(run, moved, strict=True):
            line.code = code
