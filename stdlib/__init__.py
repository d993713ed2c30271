"""The standard library of the .cps language, in the language itself.

The modules are `std/*.cps`; `use std.math { exp };` finds std/math.cps. They
lie beside this file and ship with the package.
"""

from __future__ import annotations
