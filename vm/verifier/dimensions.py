"""Which dimensions are another dimension plus a constant, and what they are called."""

from __future__ import annotations

from vm.module import Dimension, ExtentOp, Kernel, Role
from vm.verifier import expression
from vm.verifier.expression import Expression
from vm.verifier.interval import Dimensions

Linear = dict[int | None, int]  # base dimension -> coefficient; None: the constant


def bases_of(kernel: Kernel) -> tuple[tuple[int, int], ...]:
    """For each dimension (base, offset): it equals the base dimension + offset.

    Dimensions computed by the same expression share a base.
    """
    bases: list[tuple[int, int]] = []
    computed: dict[Dimension, int] = {}
    for index, dimension in enumerate(kernel.dimensions):
        linear = _linear(dimension, bases) if dimension.extent else None
        base = _only_base(linear) if linear is not None else None
        if linear is not None and base is not None:
            bases.append((base, linear.get(None, 0)))
        elif dimension.extent:
            bases.append((computed.setdefault(dimension, index), 0))
        else:
            bases.append((index, 0))
    return tuple(bases)


def _linear(dimension: Dimension, bases: list[tuple[int, int]]) -> Linear | None:
    """The expression as a linear form over base dimensions, if it only adds and subtracts."""
    stack: list[Linear] = []
    for term in dimension.extent:
        if term.op is ExtentOp.CONST:
            stack.append({None: term.value})
        elif term.op is ExtentOp.DIMENSION:
            base, offset = bases[term.value]
            stack.append({base: 1, None: offset})
        elif term.op in (ExtentOp.ADD, ExtentOp.SUB):
            right, left = stack.pop(), stack.pop()
            sign = 1 if term.op is ExtentOp.ADD else -1
            total = dict(left)
            for key, coefficient in right.items():
                total[key] = total.get(key, 0) + sign * coefficient
            stack.append({key: value for key, value in total.items() if value})
        else:
            return None
    return stack[0]


def _only_base(linear: Linear) -> int | None:
    """The dimension of which a linear form is one, plus a constant."""
    variables = {key: coefficient for key, coefficient in linear.items() if key is not None}
    if list(variables.values()) != [1]:
        return None
    return next(iter(variables))


def names_of(kernel: Kernel) -> list[str]:
    """What prices call each dimension: w and h for the first image, else image.w, image.h."""
    names: list[str] = [""] * len(kernel.dimensions)
    first = True
    for image in sorted(kernel.images, key=lambda image: image.role is not Role.IN):
        for index, letter in ((image.width, "w"), (image.height, "h")):
            names[index] = names[index] or (letter if first else f"{image.name}.{letter}")
        first = False
    return [name or f"d{index}" for index, name in enumerate(names)]


class KernelDimensions(Dimensions):
    """The dimensions of one kernel, with the expression of each."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(bases_of(kernel))
        names = names_of(kernel)
        self.expressions: list[Expression] = [
            expression.dimension(base, names[base]) + expression.number(offset)
            for base, offset in self.bases
        ]
