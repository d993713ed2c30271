"""Parameter grids: every combination of the values that are given for each parameter.

    threshold=90,128,200      these values
    threshold=0..255:18       18 values from 0 to 255, both included, equally far apart
    weights=7,3,5,1;7,4,5,0   these arrays, for a parameter that is one

The first parameter of the kernel changes last, as in a table that is sorted.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence

from cpushare.cpsc.programs import parse_parameter
from vm import parameters as parameter_values
from vm.errors import Refused
from vm.module import Kernel, Parameter
from vm.parameters import ParameterValues

MOST_SETS = 1_000_000
_RANGE = re.compile(r"(.+?)\.\.(.+?)(?::(\d{1,7}))?")


def read_axis(parameter: Parameter, text: str) -> list[object]:
    """The values that a text names for a parameter. Raises `Refused`."""
    if parameter.length:
        return [parse_parameter(parameter, part) for part in text.split(";")]
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        return [parse_parameter(parameter, part) for part in text.split(",")]
    low, high = (parse_parameter(parameter, found[k]) for k in (1, 2))
    if (
        isinstance(low, bool)
        or not isinstance(low, int | float)
        or not isinstance(high, int | float)
    ):
        raise Refused(f"parameter '{parameter.name}' has no range: give its values")
    return _spread(parameter, low, high, int(found[3]) if found[3] else 0)


def _spread(parameter: Parameter, low: int | float, high: int | float, count: int) -> list[object]:
    """`count` values from low to high; of whole numbers without a count all of them."""
    name = parameter.name
    if parameter.type.is_float:
        if count < 2:
            raise Refused(f"how many values of '{name}'? Write {low}..{high}:5 for five")
        return [*(low + (high - low) * k / (count - 1) for k in range(count - 1)), high]
    span = int(high) - int(low)
    count = count or span + 1
    if span < 0 or not 1 < count <= MOST_SETS or span % (count - 1):
        raise Refused(
            f"'{name}' = {low}..{high} is not {count} whole numbers equally far apart: choose "
            f"another number of them, or list them"
        )
    return list(range(int(low), int(high) + 1, span // (count - 1) or 1))


def axes_of(kernel: Kernel, pairs: Sequence[str], grids: Sequence[str]) -> dict[str, list[object]]:
    """The values of each parameter that `-p NAME=VALUE` and `--grid NAME=…` name."""
    known = {parameter.name: parameter for parameter in kernel.parameters}
    axes: dict[str, list[object]] = {}
    for option, texts in (("-p", pairs), ("--grid", grids)):
        for given in texts:
            name, equals, text = given.partition("=")
            if not equals or name not in known:
                listed = ", ".join(known) or "none"
                raise Refused(f"{option} takes NAME=… of a parameter ({listed}), not '{given}'")
            one = option == "-p"
            parameter = known[name]
            axes[name] = [parse_parameter(parameter, text)] if one else read_axis(parameter, text)
    return axes


def axes_from(kernel: Kernel, given: Mapping[str, object]) -> dict[str, list[object]]:
    """The values of each parameter that a study's file gives: one, several, or a range's text."""
    known = {parameter.name: parameter for parameter in kernel.parameters}
    axes: dict[str, list[object]] = {}
    for name, value in given.items():
        if name not in known:
            listed = ", ".join(known) or "none"
            raise Refused(f"kernel '{kernel.name}' has no parameter '{name}' (it has: {listed})")
        parameter = known[name]
        is_array = isinstance(value, list) and not any(isinstance(each, list) for each in value)
        if isinstance(value, str):
            axes[name] = read_axis(parameter, value)
        elif isinstance(value, list) and not (parameter.length and is_array):
            axes[name] = list(value)
        else:
            axes[name] = [value]
    return axes


def sets_of(kernel: Kernel, axes: Mapping[str, Sequence[object]]) -> list[ParameterValues]:
    """Every combination, each once. Raises `Refused` for values that do not fit."""
    total = 1
    for values in axes.values():
        total *= len(values)
    if not 1 <= total <= MOST_SETS:
        raise Refused(f"the grid has {total} parameter sets; a study has 1 to {MOST_SETS}")
    names = [parameter.name for parameter in kernel.parameters if parameter.name in axes]
    combinations = itertools.product(*(axes[name] for name in names))
    found = [
        parameter_values.resolve(kernel, dict(zip(names, values, strict=True)))
        for values in combinations
    ]
    return list(dict.fromkeys(found))
