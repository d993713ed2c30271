"""Arguments that are files, so that shells can complete them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class FileNamed(click.ParamType):  # type: ignore[type-arg]
    """A file with one of some suffixes: any text is taken, but these are offered."""

    name = "file"

    def __init__(self, *suffixes: str) -> None:
        self.suffixes = suffixes

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Files of these types, and folders, that begin so."""
        return matching(incomplete, self.suffixes)


class PictureFile(FileNamed):
    """A picture of a type that can be read."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Pictures, and folders, that begin so."""
        from cpushare.images import READABLE

        return matching(incomplete, READABLE)


class Words(click.ParamType):  # type: ignore[type-arg]
    """Any text, where some words are offered."""

    name = "text"

    def __init__(self, words: Callable[[], Iterable[str]]) -> None:
        self.words = words

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The words that begin so, in either case."""
        from click.shell_completion import CompletionItem

        found = [word for word in self.words() if word.lower().startswith(incomplete.lower())]
        return [CompletionItem(word) for word in found]


def matching(incomplete: str, suffixes: tuple[str, ...]) -> list[CompletionItem]:
    """Files with these suffixes, and folders, whose paths begin with what was typed."""
    from click.shell_completion import CompletionItem

    folder, _, start = incomplete.rpartition("/")
    where = Path(f"{folder}/") if folder or incomplete.startswith("/") else Path()
    try:
        entries = sorted(where.iterdir())
    except OSError:
        return []
    prefix = incomplete[: len(incomplete) - len(start)]
    found = []
    for entry in entries:
        if not entry.name.startswith(start) or (entry.name.startswith(".") and not start):
            continue
        if entry.is_dir():
            found.append(CompletionItem(f"{prefix}{entry.name}/"))
        elif entry.suffix.lower() in suffixes:
            found.append(CompletionItem(prefix + entry.name))
    return found


SOURCE = FileNamed(".cps")
PROGRAM = FileNamed(".cps", ".cpb")
BYTECODE = FileNamed(".cpb")
PICTURE = PictureFile()
