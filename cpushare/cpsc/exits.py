"""Exit codes: the one place where what went wrong becomes a number."""

from __future__ import annotations

from compiler.diagnostics import CompileError
from compiler.source import SourceError
from cpushare.market.errors import BadMessage, MarketError, Unreachable
from vm import errors

OK, BAD, USAGE, TRAPPED, OVER_LIMIT, IO, INTERNAL = 0, 1, 2, 3, 4, 5, 70
INTERRUPTED = 130

CODES: dict[type[BaseException], int] = {
    CompileError: BAD,
    SourceError: BAD,
    errors.Malformed: BAD,
    errors.Invalid: BAD,
    errors.Refused: USAGE,
    errors.Trap: TRAPPED,
    errors.OverLimit: OVER_LIMIT,
    BadMessage: USAGE,
    MarketError: BAD,
    Unreachable: IO,
    errors.SandboxUnavailable: IO,
    errors.SandboxBroken: INTERNAL,
    errors.Crash: INTERNAL,
    OSError: IO,
    KeyboardInterrupt: INTERRUPTED,
}


def exit_code(error: BaseException) -> int:
    """The exit code for an error: that of its nearest class in the table."""
    for kind in type(error).__mro__:
        if kind in CODES:
            return CODES[kind]
    return INTERNAL
