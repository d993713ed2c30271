"""What a pass cannot do, for the pipeline to report at its line."""

from __future__ import annotations


class PassError(Exception):
    """A diagnostic's code, message and help, and the source line it concerns (0: none)."""

    def __init__(self, code: str, message: str, help_: str, line: int) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help_
        self.line = line
