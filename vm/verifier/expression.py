"""Exact prices: expressions of +, x, max(0, .) and ceiling division over sizes and parameters.

An `Expression` is a polynomial with integer coefficients over atoms. An atom is a dimension, a
scalar integer parameter, or `max(0, ceil(p / k))` of another polynomial p and a constant k > 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from vm.limits import COST_DEGREE, COST_NESTING, COST_TERMS


class TooComplexError(Exception):
    """An expression outgrew the limits of a price."""


class Atom(Struct, frozen=True, order=True):
    """A variable of an expression, printed as `name`.

    `kind` is "dim", "param" (of which `index` says which) or "ceil" (`inner` over `divisor`).
    """

    kind: str
    index: int
    name: str
    inner: tuple[tuple[tuple[Atom, ...], int], ...] = ()
    divisor: int = 1


Monomial = tuple[Atom, ...]


class Expression(Struct, frozen=True):
    """A sum of monomials; `terms` maps sorted atom tuples to nonzero coefficients."""

    terms: Mapping[Monomial, int]

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.terms.items())))

    @property
    def constant(self) -> int | None:
        """The value if there are no variables, else None."""
        if not self.terms:
            return 0
        if set(self.terms) == {()}:
            return self.terms[()]
        return None

    @property
    def parameters(self) -> frozenset[int]:
        """The numbers of the parameters that it depends on."""
        found: set[int] = set()
        for atom in (atom for monomial in self.terms for atom in monomial):
            if atom.kind == "param":
                found.add(atom.index)
            found |= Expression(dict(atom.inner)).parameters
        return frozenset(found)

    def evaluate(self, dimensions: Sequence[int], parameters: Sequence[Sequence[int]]) -> int:
        """The exact value; `parameters` are raw values as in vm.parameters."""
        return sum(
            coefficient * _product(monomial, dimensions, parameters)
            for monomial, coefficient in self.terms.items()
        )

    def __add__(self, other: Expression) -> Expression:
        terms = dict(self.terms)
        for monomial, coefficient in other.terms.items():
            total = terms.pop(monomial, 0) + coefficient
            if total:
                terms[monomial] = total
        return _checked(terms)

    def __mul__(self, other: Expression) -> Expression:
        if len(self.terms) * len(other.terms) > 16 * COST_TERMS:
            raise TooComplexError("too many terms")
        terms: dict[Monomial, int] = {}
        for left, a in self.terms.items():
            for right, b in other.terms.items():
                monomial = tuple(sorted(left + right))
                total = terms.pop(monomial, 0) + a * b
                if total:
                    terms[monomial] = total
        return _checked(terms)

    def __sub__(self, other: Expression) -> Expression:
        return self + other * number(-1)

    def __str__(self) -> str:
        ordered = sorted(self.terms.items(), key=lambda item: _print_order(item[0]))
        text = ""
        for monomial, coefficient in ordered:
            sign = "-" if coefficient < 0 else "+"
            factors = _factors(monomial)
            if abs(coefficient) != 1 or not factors:
                factors = [str(abs(coefficient)), *factors]
            body = "·".join(factors)
            text += f" {sign} {body}" if text else ("-" if coefficient < 0 else "") + body
        return text or "0"


def _print_order(monomial: Monomial) -> tuple[int, list[tuple[bool, str, int, str]]]:
    """Higher degrees first, plain variables before trip counts."""
    keys = [(atom.kind == "ceil", atom.kind, atom.index, atom.name) for atom in monomial]
    return -len(monomial), keys


def _product(
    monomial: Monomial, dimensions: Sequence[int], parameters: Sequence[Sequence[int]]
) -> int:
    value = 1
    for atom in monomial:
        if atom.kind == "dim":
            value *= dimensions[atom.index]
        elif atom.kind == "param":
            value *= parameters[atom.index][0]
        else:
            inner = Expression(dict(atom.inner)).evaluate(dimensions, parameters)
            value *= max(0, -(-inner // atom.divisor))
    return value


def _factors(monomial: Monomial) -> list[str]:
    powers = "⁰¹²³⁴⁵⁶⁷⁸"
    factors = []
    for atom in dict.fromkeys(monomial):
        count = monomial.count(atom)
        factors.append(atom.name + (powers[count] if count > 1 else ""))
    return factors


def _checked(terms: Mapping[Monomial, int]) -> Expression:
    if len(terms) > COST_TERMS:
        raise TooComplexError(f"more than {COST_TERMS} terms")
    for monomial in terms:
        if len(monomial) > COST_DEGREE:
            raise TooComplexError(f"a degree above {COST_DEGREE}")
    return Expression(terms)


def number(value: int) -> Expression:
    """A constant."""
    return Expression({(): value} if value else {})


def dimension(index: int, name: str) -> Expression:
    """A width or height."""
    return Expression({(Atom("dim", index, name),): 1})


def parameter(index: int, name: str) -> Expression:
    """A scalar integer parameter."""
    return Expression({(Atom("param", index, name),): 1})


def trips(length: Expression, step: int, positive: bool = False) -> Expression:
    """max(0, ceil(length / step)), folded where it is constant.

    `positive` says that the length is known not to be negative: it is printed more shortly.
    """
    known = length.constant
    if known is not None:
        return number(max(0, -(-known // step)))
    if _nesting(length) >= COST_NESTING:
        raise TooComplexError(f"nesting above {COST_NESTING}")
    text = str(length) if len(length.terms) == 1 or step == 1 else f"({length})"
    name = f"⌈{text}/{step}⌉" if step > 1 else text
    if not positive:
        name = f"max(0, {name})"
    atom = Atom("ceil", 0, name, tuple(sorted(length.terms.items())), step)
    return Expression({(atom,): 1})


def _nesting(expression: Expression) -> int:
    depth = 0
    for monomial in expression.terms:
        for atom in monomial:
            if atom.kind == "ceil":
                depth = max(depth, 1 + _nesting(Expression(dict(atom.inner))))
    return depth
