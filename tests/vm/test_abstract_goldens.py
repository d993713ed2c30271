"""The abstract domain, held fast: ranges, facts, sizes and prices of many made-up operands.

test_transfer.py shows that results are sound; these digests show that they are no looser, and no
tighter, than they were. A change is to be looked at before it is blessed (`--bless`).
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from tests.vm.build import kernel
from tests.vm.test_transfer import Tiny
from vm.errors import Invalid
from vm.module import Dimension, ExtentOp, ExtentTerm, Image, Parameter, Role
from vm.opcodes import Op
from vm.types import INTEGERS, ScalarType
from vm.verifier import doubts, expression, transfer
from vm.verifier.dimensions import KernelDimensions, bases_of, names_of
from vm.verifier.doubts import Doubt
from vm.verifier.expression import Expression, TooComplexError
from vm.verifier.interval import Bounds, Dimensions, Fact, Range, refined
from vm.verifier.price import Pricing

GOLDEN = Path(__file__).parents[1] / "cases" / "facts" / "domain.json"
I32, U8 = ScalarType.I32, ScalarType.U8
ENDS = (-8, -7, -3, -1, 0, 1, 2, 7)
MADE: dict[str, Callable[[], Iterator[object]]] = {}


def made(function: Callable[[], Iterator[object]]) -> Callable[[], Iterator[object]]:
    MADE[function.__name__] = function
    return function


def symbolic(rng: Random) -> Range:
    """A range with bounds by dimensions, an exact form, an origin, now and then."""
    low = rng.choice((-9, -1, 0, 1, 5, I32.minimum))
    high = max(low, rng.choice((-3, 0, 1, 9, 100, 1 << 20, I32.maximum)))
    exact = rng.choice((None, expression.number(low), form(rng)))
    origin = rng.choice((None, ("local", 1, 2), ("dimension", 0, 0), ("parameter", 0, 0)))
    return Range(I32, low, high, bounds(rng), bounds(rng), exact, origin)


def bounds(rng: Random) -> Bounds:
    chosen = [d for d in range(3) if rng.random() < 0.4]
    return tuple((d, rng.choice((-2, -1, 0, 1, 3))) for d in chosen)


def form(rng: Random) -> Expression:
    parts = [expression.dimension(0, "w"), expression.dimension(1, "h")]
    parts += [expression.parameter(0, "n"), expression.number(rng.randint(-3, 3))]
    total = expression.number(0)
    for _ in range(rng.randint(1, 3)):
        total = total + rng.choice(parts) * rng.choice(parts) * expression.number(
            rng.randint(-2, 3)
        )
    return total


def dimensions() -> Dimensions:
    """Three that are independent, one that is a base plus 2."""
    return Dimensions(((0, 0), (1, 0), (2, 0), (0, 2)))


def shown(value: Range) -> str:
    exact = str(value.exact) if value.exact is not None else None
    numbers = (value.low, value.high, value.above, value.below, exact, value.origin)
    return f"{value.type}{numbers}{value.facts}"


@made
def arithmetic_of_intervals() -> Iterator[object]:
    spans = [(a, b) for a in ENDS for b in ENDS if a <= b]
    for signed in (True, False):
        scalar = Tiny(signed)
        own = spans if signed else [(abs(a), abs(a) + b - a) for a, b in spans]
        for op in [*transfer.BINARY, *transfer.UNARY, Op.NOT]:
            for left, right in itertools.product(own, own):
                args = [Range(scalar, *left), Range(scalar, *right)]  # type: ignore[arg-type]
                given = args[: 1 if op in transfer.UNARY or op is Op.NOT else 2]
                found = transfer.apply(op, scalar, given, dimensions())  # type: ignore[arg-type]
                exact = transfer.is_exact(op, scalar, given, dimensions())  # type: ignore[arg-type]
                yield op.mnemonic, left, right, found.low, found.high, exact


@made
def arithmetic_of_symbols() -> Iterator[object]:
    rng = Random(1)
    for _ in range(400):
        a, b, where = symbolic(rng), symbolic(rng), dimensions()
        for op in transfer.BINARY:
            yield op.mnemonic, shown(transfer.apply(op, I32, [a, b], where))
        for op in transfer.UNARY:
            yield op.mnemonic, shown(transfer.apply(op, I32, [a], where))
        c = Range(ScalarType.BOOL, 0, 1)
        yield shown(transfer.apply(Op.SELECT, I32, [c, a, b], where))


@made
def logic_of_bools() -> Iterator[object]:
    rng = Random(2)
    for low, high in ((0, 0), (0, 1), (1, 1)):
        for other in ((0, 0), (0, 1), (1, 1)):
            fact = Fact(("local", rng.randint(0, 3), 0), low=rng.randint(0, 5))
            a = Range(ScalarType.BOOL, low, high, facts=(fact,) * rng.randint(0, 20))
            b = Range(ScalarType.BOOL, *other, facts=(fact,) * rng.randint(0, 20))
            for op in (Op.AND, Op.OR, Op.XOR):
                yield op.mnemonic, shown(transfer.apply(op, ScalarType.BOOL, [a, b], dimensions()))
            yield shown(transfer.apply(Op.NOT, ScalarType.BOOL, [a], dimensions()))
            c = Range(ScalarType.BOOL, 0, 1)
            yield shown(transfer.apply(Op.SELECT, ScalarType.BOOL, [c, a, b], dimensions()))


@made
def comparisons() -> Iterator[object]:
    rng = Random(3)
    for _ in range(200):
        a, b = symbolic(rng), symbolic(rng)
        for op in sorted(transfer.COMPARISONS, key=lambda op: op.code):
            yield op.mnemonic, shown(transfer.compare(op, a, b))
    wide = Range(ScalarType.F32)
    yield shown(transfer.compare(Op.LT, wide, wide))


@made
def conversions() -> Iterator[object]:
    ends = (
        -(1 << 63),
        -(1 << 31),
        -32769,
        -129,
        -1,
        0,
        1,
        127,
        128,
        255,
        256,
        65535,
        (1 << 31) - 1,
    )
    ends += (1 << 31, (1 << 32) - 1, (1 << 63) - 1, (1 << 64) - 1)
    kinds = sorted(INTEGERS, key=lambda kind: kind.code)
    for source, target in itertools.product(kinds, kinds):
        inside = [end for end in ends if source.minimum <= end <= source.maximum]
        for low, high in itertools.combinations_with_replacement(inside, 2):
            value = Range(source, low, high, ((0, 1),), ((1, -1),), None, ("local", 0, 0))
            for op in (Op.CONVERT, Op.WRAP, Op.SATURATE, Op.NARROW):
                found = transfer.convert(op, target, value)
                yield op.mnemonic, shown(found), transfer.keeps_value(op, target, value)
    for kind in (ScalarType.F32, ScalarType.F64):
        value = Range(I32, 1, 5)
        yield shown(transfer.convert(Op.CONVERT, kind, value))
        yield shown(transfer.convert(Op.CONVERT, I32, Range(kind)))
        yield transfer.keeps_value(Op.CONVERT, kind, value)
        yield transfer.keeps_value(Op.BITS, I32, Range(kind))


@made
def what_is_known_of_dimensions() -> Iterator[object]:
    rng = Random(4)
    for _ in range(150):
        where = dimensions()
        for _ in range(rng.randint(0, 4)):
            low, high = rng.choice((None, 1, 4)), rng.choice((None, 9, 64))
            origin = ("dimension", rng.randrange(4), 0)
            where.learn(Fact(origin, low, high, bounds(rng), bounds(rng)))
        yield where.low, where.high, where.below
        for index in range(4):
            yield shown(where.range_of(index, expression.dimension(index, "d")))
            value, other = symbolic(rng), symbolic(rng)
            yield where.is_inside(value, index), shown(where.join(value, other))
            base = where.bases[index][0]
            yield where.upper_offset(value, base), where.lower_offset(value, base)
            fact = Fact(("local", 0, 0), rng.choice((None, 3)), rng.choice((None, 5)), bounds(rng))
            yield shown(refined(value, fact))
            for doubt in doubts.pixel_doubts(
                where, value, index, rng.choice(("a.width", "a.height"))
            ):
                yield doubt, doubt.text(), doubt.text("i + 1")
    floats = Range(ScalarType.F32)
    yield shown(dimensions().join(floats, floats))


@made
def doubts_about_elements() -> Iterator[object]:
    for low in (I32.minimum, -3, 0):
        for high in (0, 7, 8, 99, I32.maximum):
            if low <= high:
                found = list(doubts.element_doubts(Range(I32, low, high), 8))
                yield found, [doubt.text() for doubt in found], [d.text("i") for d in found]
    some = [
        Doubt("x", "w", least=-1), Doubt("x", "w", least=-3), Doubt("x", "w", beyond=0),
        Doubt("x", "w", beyond=4), Doubt("x", "w", most=3), Doubt("x", "w", is_bounded=False),
        Doubt("y", "h", least=-9, is_bounded=False), Doubt("y", "h", least=-20),
    ]  # fmt: skip
    for pair in itertools.permutations(some, 2):
        yield doubts.merged(pair)
    yield doubts.merged(some)


@made
def expressions() -> Iterator[object]:
    rng = Random(5)
    for _ in range(300):
        a, b = form(rng), form(rng)
        step = rng.choice((1, 2, 7))
        counted = expression.trips(a, step, rng.random() < 0.5)
        for each in (a, b, a + b, a - b, a * b, counted, counted * b + a, a - a):
            values = [rng.randint(1, 9), rng.randint(1, 9), 3], [(rng.randint(-4, 9),)]
            yield str(each), each.constant, each.evaluate(*values), hash(each) == hash(each + a - a)
    deep = expression.dimension(0, "w")
    for depth in range(12):
        yield limited(lambda d=deep, n=depth: str(expression.trips(d, 2 + n % 2)))  # type: ignore[misc]
        deep = expression.trips(deep, 2) if depth < 8 else deep
        mixed = deep + expression.dimension(1, "h") * deep
        yield limited(lambda m=mixed: str(expression.trips(m, 5)))  # type: ignore[misc]
        yield str(deep * deep), (deep * deep).evaluate([1000, 7], [])
    wide = sum((expression.parameter(i, f"p{i}") for i in range(20)), expression.number(0))
    power = expression.dimension(0, "w")
    for _ in range(9):
        yield limited(lambda p=power: str(p * p * p))  # type: ignore[misc]
        yield limited(lambda p=power: str(p * wide))  # type: ignore[misc]
        power = power * expression.dimension(0, "w") if len(next(iter(power.terms))) < 8 else power
    yield limited(lambda: str(wide * wide * wide))
    yield limited(lambda: str((wide * wide) * (wide * wide)))


def limited(function: Callable[[], str]) -> str:
    try:
        return function()
    except TooComplexError as error:
        return str(error)


@made
def prices() -> Iterator[object]:
    rng = Random(6)
    extent = Dimension(
        (ExtentTerm(ExtentOp.DIMENSION, 0), ExtentTerm(ExtentOp.CONST, 2), ExtentTerm(ExtentOp.ADD))
    )
    base = kernel(
        dimensions=(Dimension(), Dimension(), extent),
        parameters=(Parameter("n", I32, low=0, high=9), Parameter("m", I32)),
        images=(
            Image("src", Role.IN, U8, 3, 0, 1),
            Image("dst", Role.OUT, ScalarType.F32, 1, 2, 1),
        ),
    )
    where = KernelDimensions(base)
    pricing = Pricing(base, where)
    for index in range(2):
        yield str(pricing.image_bytes(index)), str(pricing.clearing(index))
    for _ in range(500):
        a, b = symbolic(rng), symbolic(rng)
        try:
            yield str(pricing.trips(a, b, rng.choice((1, 3))))
        except Invalid as refusal:
            yield str(refusal)
        left, right = form(rng), form(rng)
        try:
            yield str(pricing.dearer(left, right)), str(pricing.dearer(right, left))
            signed = left + expression.parameter(1, "m") * expression.number(rng.randint(1, 3))
            yield str(pricing.dearer(signed, right)), str(pricing.dearer(right, signed))
            counted = expression.trips(left, 3)
            yield str(pricing.dearer(counted, expression.number(rng.randint(0, 2))))
            yield str(pricing.dearer(counted * counted, counted + right))
            yield str(pricing.dearer(left * right, expression.number(rng.randint(-9, 9))))
            yield str(pricing.dearer(counted, counted + expression.number(rng.randint(-1, 2))))
        except TooComplexError as error:
            yield str(error)
    yield where.bases, names_of(base)


@made
def bases_and_names() -> Iterator[object]:
    rng = Random(7)
    for _ in range(200):
        computed = []
        for _ in range(rng.randint(1, 4)):
            terms: list[ExtentTerm] = []
            depth = 0
            while depth != 1 or rng.random() < 0.5:
                if depth < 2 or rng.random() < 0.3:
                    op = rng.choice((ExtentOp.CONST, ExtentOp.DIMENSION, ExtentOp.PARAMETER))
                    value = rng.randint(0, 1) if op is not ExtentOp.CONST else rng.randint(-2, 3)
                    terms.append(ExtentTerm(op, 0 if op is ExtentOp.PARAMETER else value))
                    depth += 1
                else:
                    ops = (ExtentOp.ADD, ExtentOp.ADD, ExtentOp.SUB, ExtentOp.MUL, ExtentOp.MAX)
                    terms.append(ExtentTerm(rng.choice(ops)))
                    depth -= 1
            computed.append(Dimension(tuple(terms)))
        each = kernel(dimensions=(Dimension(), Dimension(), *computed))
        yield bases_of(each), names_of(each)


@pytest.mark.parametrize("name", MADE)
def test_as_it_was(name: str, bless: bool) -> None:
    digest = hashlib.sha256("\n".join(map(repr, MADE[name]())).encode()).hexdigest()
    kept = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if bless:
        kept[name] = digest
        GOLDEN.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    assert kept[name] == digest
