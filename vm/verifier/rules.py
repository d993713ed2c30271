"""The numbered rules of the verifier. Each refusal names one; docs/verifier.md lists them."""

from __future__ import annotations

from enum import Enum

from vm.errors import Invalid


class Rule(Enum):
    """A rule that every verified module keeps: its number, and what it demands."""

    # Signature.
    NAMES = ("V1", "names of kernels, and of images and parameters in a kernel, are unique")
    IMAGES = (
        "V2",
        "images are `in`, then `out`, then `local`, of numbers; one is out, or a field is",
    )
    DIMENSIONS = ("V3", "a dimension is an input's, or computed from earlier ones and parameters")
    PARAMETERS = ("V4", "parameters have compute types, ordered ranges and defaults within them")
    ARRAYS = ("V5", "an array holds numbers: a parameter's, constants of its type, or local ones")
    CARRIES = ("V6", "a carry is a number; bounds claimed for it are integers around 0")
    LIMITS = ("V7", "no count is above its limit in vm/limits.py")
    # Structure.
    REGIONS = ("V8", "regions nest, each is closed by its own `end`, `else` belongs to an `if`")
    INDEX = ("V9", "every index names something that exists")
    STACK = ("V10", "an instruction finds what it pops, of the right types, in its own region")
    TYPE = ("V11", "an instruction is used at a type it is defined for")
    RESULT = ("V12", "a region leaves exactly what it must on its stack")
    ASSIGNED = ("V13", "locals and arrays are assigned before they are read")
    LOOP_LOCAL = ("V14", "a loop's own locals are i32, and only the loop assigns them")
    ARRAY_WRITE = ("V15", "only local arrays are written")
    # Images and order.
    PIXEL_LOOP = ("V16", "map and scan stand neither in each other nor in a reduction")
    PUT = ("V17", "`put` and `own` stand in a map or scan over the image's own extents")
    WRITE = ("V18", "inputs are never written; inside map, scan and reduce only `put` and carries")
    ORDER = ("V19", "an image that a map or scan puts is read in it by `own` alone")
    CARRY = ("V20", "a carry is put once a pixel, directly in its scan, and read only backwards")
    # What is proved.
    CLAIM = ("V21", "a claimed interval holds before the loop and is kept by its body")
    CARRY_CLAIM = ("V22", "every value put into a carry keeps the bounds claimed for it")
    TRIPS = ("V23", "the number of trips of a loop has a proved bound")
    COST = ("V24", "the price is an expression within its limits")
    MEMORY = ("V25", "the memory is an expression within its limits")
    # The record.
    RECORD = ("V26", "every field of the record is given once, at the top level")

    def __init__(self, number: str, text: str) -> None:
        self.number = number
        self.text = text


def refuse(
    rule: Rule, message: str, kernel: str | None = None, instruction: int | None = None
) -> Invalid:
    """The refusal to raise."""
    return Invalid(rule.number, message, kernel, instruction)
