"""Scans made to break the vector code: each is a listing that stands in `tests.vm.listings.framed`.

Every one of them once gave other bytes than the interpreter, ended the process, or did not compile.
"""

from __future__ import annotations

SCAN = """code
const bool false
scan rows l2 l0 l1 src.width src.height
"""
WIDE_RESULT = "image src in i8 1 #0 #1\nimage dst out i32 1 #0 #1\n"
CARRIED = WIDE_RESULT + "carry i32\n"


def bounded(least: int, most: int, ahead: int = -1) -> str:
    """The pixel plus what is carried, kept to an interval, in l3 and carried on."""
    return f"""
        own src 0
        convert i8 i32
        carry.get c0 {ahead} 0
        add i32
        const i32 {least}
        max i32
        const i32 {most}
        min i32
        set l3
        get l3
        carry.put c0
        """


def beside(border: str, order: str = "rows") -> str:
    """An image of another size, seen at the running pixel through a border."""
    return f"""
        dimension
        dimension
        dimension
        dimension
        image src in u8 1 #0 #1
        image other in u8 1 #2 #3
        image dst out u8 1 #0 #1
        code
        const bool false
        scan {order} l2 l0 l1 src.width src.height
            get l0
            get l1
            load other 0 {border}
            put dst 0
        end
        """.replace("\n        ", "\n")


def looking(*offsets: tuple[int, int]) -> str:
    """Sums of the pixel and of what was put at these offsets."""
    taps = "".join(f"carry.get c0 {ahead} {down}\nadd i32\n" for ahead, down in offsets)
    kept = "set l3\nget l3\ncarry.put c0\nget l3\nput dst 0\nend\n"
    return CARRIED + SCAN + "own src 0\nconvert i8 i32\n" + taps + kept


OTHER_SIZES = {border: beside(border) for border in ("clamp", "zero", "mirror", "wrap")}
AHEAD_OF_THE_LINE_ABOVE = looking((-5, -1))
STRAIGHT_DOWN = looking((-1, -1), (-64, 0))
PUT_FIRST_IN_AN_ARM = f"""
{SCAN}
own src 0
const u8 100
gt u8
if
    const u8 3
    put dst 0
end
own dst 0
convert u8 i32
const i32 7
add i32
wrap i32 u8
put dst 0
end
"""
SHIFTED_BY_MORE_THAN_A_NARROW_LANE_HAS = f"""{CARRIED}{SCAN}{bounded(-255, 255)}
get l3
const i32 20
shr i32
get l3
own src 0
convert i8 i32
shr i32
add i32
put dst 0
end
"""
SAME_VALUE_KNOWN_DIFFERENTLY = f"""{CARRIED}{SCAN}{bounded(-100, 100)}
get l3
const i32 0
ge i32
if
    get l3
    const i32 1
    div i32
    set l4
else
    get l3
    const i32 1
    div i32
    set l4
end
get l4
const i32 4
div i32
put dst 0
end
"""


def never(last: str) -> str:
    """An arm that no pixel takes, as only an induction over lines can tell, in one that few take.

    There l5 fits 16 bits; in lanes that do not take it, -111 · 300 wraps around to 32236.
    """
    return f"""{WIDE_RESULT}carry i32
carry i32
array u8[5719]
  data {" ".join(["1"] * 5719)}
{SCAN}
carry.get c1 0 -1
carry.put c1
{bounded(-200, 105, ahead=-64)}
const i32 0
set l4
get l3
const i32 100
gt i32
if
    get l3
    const i32 300
    mul i32
    set l5
    carry.get c1 0 -1
    const i32 0
    gt i32
    if
        {last}
        set l4
    end
end
get l4
put dst 0
end
"""


DIVIDED_IN_AN_ARM = never(
    "const i32 100000000\nget l3\nadd i32\nconst i32 32236\nget l5\nsub i32\ndiv i32"
)
DIVIDED_UNSIGNED_IN_AN_ARM = never(
    "const u32 100000000\nconst i32 32236\nget l5\nsub i32\nwrap i32 u32\ndiv u32\nwrap u32 i32"
)
LOOKED_UP_IN_AN_ARM = never(
    "get l5\nconst i32 60000\nadd i32\nconst i32 4\nshr i32\nelem.get a0\nconvert u8 i32"
)

ALL = {
    **{f"other sizes, {border}": text for border, text in OTHER_SIZES.items()},
    "other sizes, reverse": beside("clamp", "reverse"),
    "ahead of the line above": AHEAD_OF_THE_LINE_ABOVE,
    "straight down": STRAIGHT_DOWN,
    "put first in an arm": PUT_FIRST_IN_AN_ARM,
    "shifted by more than a narrow lane has": SHIFTED_BY_MORE_THAN_A_NARROW_LANE_HAS,
    "the same value, known differently": SAME_VALUE_KNOWN_DIFFERENTLY,
    "divided in an arm": DIVIDED_IN_AN_ARM,
    "divided unsigned in an arm": DIVIDED_UNSIGNED_IN_AN_ARM,
    "looked up in an arm": LOOKED_UP_IN_AN_ARM,
}
