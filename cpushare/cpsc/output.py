"""What the command line says: results on standard output, all else on standard error."""

from __future__ import annotations

import os
import sys


def wants_colour(stream: object = None) -> bool:
    """Whether to colour what goes to a stream (standard error by default)."""
    stream = stream or sys.stderr
    is_terminal = bool(getattr(stream, "isatty", lambda: False)())
    return is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def result(text: str) -> None:
    """A line of the result."""
    print(text, flush=True)


def result_json(fields: dict[str, object]) -> None:
    """One object of the result, on a line of its own."""
    import json

    print(json.dumps(fields, ensure_ascii=False), flush=True)


def note(text: str) -> None:
    """Something worth saying that is no result."""
    print(text, file=sys.stderr, flush=True)


def error(text: str) -> None:
    """What went wrong."""
    label = "\x1b[1;31merror\x1b[0m" if wants_colour() else "error"
    print(f"{label}: {text}", file=sys.stderr, flush=True)
