"""Contrast as WCAG 2.2 defines it."""

from __future__ import annotations

import re

Rgb = tuple[float, float, float]


def from_hex(text: str) -> Rgb:
    """#rrggbb as parts of 255."""
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red, green, blue


def from_computed(text: str) -> tuple[Rgb, float]:
    """rgb(…) or rgba(…), as browsers write computed styles, and its opacity."""
    numbers = [float(each) for each in re.findall(r"[\d.]+", text)]
    red, green, blue, alpha = (*numbers, 1.0)[:4]
    return (red, green, blue), alpha


def luminance(colour: Rgb) -> float:
    """Relative luminance."""
    parts = [part / 255 for part in colour]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Rgb, other: Rgb) -> float:
    """From 1 to 21."""
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)
