"""Programs in assembly text: whole modules, and listings that stand in a frame."""

from __future__ import annotations

from vm import codec
from vm.text import assemble

FRAME = {
    "dimension": ["dimension", "dimension"],
    "image": ["image src in u8 1 #0 #1", "image dst out u8 1 #0 #1"],
    "param": [],
    "field": [],
    "locals": ["locals i32 i32 i32 i32 i32 i32"],
}
"""The parts of a kernel that a listing need not name: a picture in, one of its size out."""


def framed(listing: str) -> str:
    """The module that a listing stands for: its lines take the place of the frame's of that kind.

    What begins with `module` is a whole module.
    """
    if listing.startswith("module"):
        return listing
    head, _, code = ("\n" + listing).partition("\ncode\n")
    own: dict[str, list[str]] = {}
    rest: list[str] = []
    for line in head.strip().splitlines():
        word = line.split()[0]
        (own.setdefault(word, []) if word in FRAME else rest).append(line)
    lines = [line for word, lines in FRAME.items() for line in own.get(word, lines)]
    return "\n".join(["module 1", "kernel k", *lines, *rest, "code", code])


def encoded(text: str) -> bytes:
    """The bytes of a module in assembly text."""
    return codec.encode(assemble(text))
