"""Strangers' words and numbers, made fit to be seen on a page.

Every text that a template writes goes through `visible` (as Jinja's `finalize`) and is escaped
after that, so that no template can forget it.
"""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, datetime

from markupsafe import Markup

from cpushare.market.coins import MICRO, show_coins

THIN = "\N{NARROW NO-BREAK SPACE}"
ELLIPSIS = "…"
MOST_MARKS = 4
"""Accents on one letter; more of them would cover the lines above."""
_PLAIN = {"\n", "\t", "\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"}
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def _one(character: str) -> str:
    """A character as it is shown: by its number if it is one of those that cannot be seen.

    Those that turn the direction of writing are among them.
    """
    if character in _PLAIN or unicodedata.category(character) not in _HIDDEN:
        return character
    return f"⟨U+{ord(character):04X}⟩"


def visible_text(text: str) -> str:
    """Text with all that would be hidden made visible."""
    if text.isascii() and text.isprintable():
        return text
    shown, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if marks <= MOST_MARKS:
            shown.append(_one(character))
    return "".join(shown)


def visible(value: object) -> object:
    """What a template may write: markup of its own as it is, other text made visible."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else visible_text(value)


def title_of(title: str) -> str:
    """A computation's title, or what stands in for one of nothing but spaces."""
    return " ".join(title.split()) or "Untitled computation"


def count(number: int) -> str:
    """12345678 as "12 345 678", with spaces that are narrow and do not break."""
    return f"{number:,}".replace(",", THIN)


def coins(micro: int) -> str:
    """Micro-coins as coins, their thousands apart."""
    whole, dot, part = show_coins(micro).partition(".")
    return f"{count(int(whole)) if whole not in ('-0', '0') else whole}{dot}{part}"


def worth(micro: int) -> str:
    """Micro-coins with their unit: "1 coin", "0.25 coins"."""
    return f"{coins(micro)} {'coin' if micro == MICRO else 'coins'}"


def number(value: object) -> str:
    """A value of a record or a parameter, in at most seven digits; an array's in order."""
    if isinstance(value, list | tuple):
        return ", ".join(number(each) for each in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        return f"{value:.7g}".replace("inf", "∞").replace("-", "−")
    return str(value).replace("-", "−")


def short(name: str) -> str:
    """The beginning of a hash."""
    return name[:12] + ELLIPSIS


def when(seconds: float) -> Markup:
    """A moment as a `time` element, to the minute, in UTC."""
    moment = datetime.fromtimestamp(seconds, UTC)
    exact = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Markup("<time datetime='{}'>{}</time>").format(exact, moment.strftime("%Y-%m-%d %H:%M"))


def lasting(seconds: float) -> str:
    """A span of time in its two largest units: "3 h 20 min"."""
    left = max(0, round(seconds))
    parts: list[str] = []
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if left >= unit and len(parts) < 2:
            parts.append(f"{left // unit}{THIN}{name}")
            left %= unit
        elif parts:
            break
    return " ".join(parts) or f"0{THIN}s"


def plain_cell(text: str) -> str:
    """Text for a cell of a CSV file, which spreadsheets must not take for a formula."""
    shown = visible_text(text)
    return f"'{shown}" if shown[:1] in ("=", "+", "-", "@", "\t") else shown
