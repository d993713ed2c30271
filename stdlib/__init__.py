"""The standard library of the .cps language, in the language itself.

The modules are `std/*.cps`; `use std.math { exp };` finds std/math.cps. The compiler reads them as
package data (`importlib.resources`), so they ship with the package and need no path.
"""

from __future__ import annotations
