"""A small module drawn byte by byte, for docs/bytecode.md: its text, its bytes, what they say."""

from __future__ import annotations

from vm import codec
from vm.text import assemble

TEXT = """\
module 1
kernel invert
  dimension
  dimension
  image src in u8 1 #0 #1
  image dst out u8 1 #0 #1
  locals i32 i32
  code
    .line 3
    map l0 l1 src.width src.height
      const i32 255
      get l0
      get l1
      load src 0 inside
      convert u8 i32
      sub i32
      wrap i32 u8
      put dst 0
    end
"""

PARTS = [
    ("00 63 70 73", "magic: no text file begins so"),
    ("01", "version 1"),
    ("00", "no documentation"),
    ("00", "no sources"),
    ("01", "one kernel"),
    ("06 69 6e 76 65 72 74", "its name, of 6 bytes: `invert`"),
    ("00", "no documentation"),
    ("02", "two dimensions:"),
    ("00", "#0, the size of an input: an empty list of steps"),
    ("00", "#1, likewise"),
    ("02", "two images:"),
    ("03 73 72 63 00", "`src`, without documentation,"),
    ("00 01 01 00 01", "an `in` image of u8 with 1 channel, dimension #0 wide and #1 high"),
    ("03 64 73 74 00", "`dst`, without documentation,"),
    ("01 01 01 00 01", "an `out` image of u8 with 1 channel, of the same size"),
    ("00", "no parameters"),
    ("00", "no fields"),
    ("02 06 06", "two locals: i32, i32"),
    ("00", "no arrays"),
    ("00", "no carries"),
    ("00", "no texts"),
    ("0a", "ten instructions:"),
    ("51 00 01 00 01", "`map` with x in l0 and y in l1 over dimensions #0 and #1"),
    ("01 06 fe 03", "`const i32 255`: the signed 255 is the varint 510"),
    ("02 00", "`get l0`"),
    ("02 01", "`get l1`"),
    ("38 00 00 00", "`load` of image 0, channel 0, border `inside`"),
    ("30 01 06", "`convert` from u8 to i32"),
    ("11 06", "`sub i32`"),
    ("31 06 01", "`wrap` from i32 to u8"),
    ("3a 01 00", "`put` to image 1, channel 0"),
    ("57", "`end`"),
    ("06", "the first instruction is of line 3: 3 lines on, as a signed number"),
    ("00 00 00 00 00 00 00 00 00", "all others are of the same line"),
]


def drawn() -> str:
    """The bytes of the module beside their meaning, a Markdown table without its head."""
    data = b"".join(bytes.fromhex(part) for part, _ in PARTS)
    assert data == codec.encode(assemble(TEXT)), "vm/drawing.py no longer draws this module"
    rows = []
    offset = 0
    for part, meaning in PARTS:
        rows.append(f"| 0x{offset:02x} | `{part}` | {meaning} |")
        offset += len(bytes.fromhex(part))
    return "\n".join(rows)
