"""Texts that came from strangers, made harmless; and lines of the log, which hold no addresses."""

from __future__ import annotations

import re

LONGEST = 300
_NUMBERS = re.compile(
    r"\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b|\[?[0-9a-fA-F]*:[0-9a-fA-F:]*:[0-9a-fA-F]*\]?"
)
_NAMES = re.compile(r"\b[a-z]+://[^\s'\"]+")


def harmless(text: str) -> str:
    """A text without what a terminal would obey, and not too long."""
    return "".join(c if c.isprintable() else "?" for c in text[:LONGEST])


def without_addresses(text: str, host: str = "") -> str:
    """A harmless text in which no address is left: neither numbers nor the host's name."""
    text = _NUMBERS.sub("(address)", _NAMES.sub("(address)", harmless(text)))
    return text.replace(host, "(address)") if host else text
