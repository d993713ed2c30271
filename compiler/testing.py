"""Running `test` blocks: kernels and expressions go through every engine, and all must agree.

    run_tests(path, engines, on_result) -> results       raises CompileError, SourceError, OSError

An engine is `engine(verified, kernel, inputs, parameters) -> outputs`, arrays by image name; it
raises `Trap`. Expressions in tests are compiled too, each into a kernel of its own whose result is
an image, so that every test also tests the compiler.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compiler import ir, symbols, typed
from compiler import testblocks as blocks
from compiler import testimages as pictures
from compiler.diagnostics import Diagnostic
from compiler.emit import emit
from compiler.evaluation import Evaluation, is_equal, numbers_of, parts_of, text_of
from compiler.lower.values import Elements, Place, Value
from compiler.passes import run_passes
from compiler.pipeline import checked, module_of
from compiler.source import Source, Span
from compiler.testimages import Pixels
from compiler.types import RecordType
from vm.errors import CPUShareError, Trap
from vm.inputs import Outputs
from vm.module import Module
from vm.verifier import VerifiedModule

Images = Mapping[str, Pixels]
Engine = Callable[[VerifiedModule, str, Images, Mapping[str, object]], Outputs]


@dataclass(frozen=True, slots=True)
class TestResult:
    """The outcome of one `test` block; `failure` is None if it passed.

    `images` are two that should be equal and are not, where that is why it failed.
    """

    __test__ = False

    name: str
    span: Span
    failure: Diagnostic | None
    images: tuple[Pixels, Pixels] | None = None

    @property
    def passed(self) -> bool:
        """Whether every assertion held."""
        return self.failure is None


class _Failed(Exception):
    """An assertion that does not hold: a message, a label for its place, notes, the images."""

    def __init__(
        self,
        message: str,
        label: str = "",
        notes: tuple[str, ...] = (),
        images: tuple[Pixels, Pixels] | None = None,
    ) -> None:
        super().__init__(message)
        self.images = images
        self.message = message
        self.label = label
        self.notes = notes


def run_tests(
    path: Path | str,
    engines: Mapping[str, Engine],
    on_result: Callable[[TestResult], None] = lambda _: None,
) -> list[TestResult]:
    """Run every test of a file in every engine; `on_result` hears of each as it ends."""
    from compiler.check.program import check_program

    return run_program(check_program(Source.from_path(path)), engines, on_result)


def run_program(
    program: typed.TypedProgram,
    engines: Mapping[str, Engine],
    on_result: Callable[[TestResult], None] = lambda _: None,
) -> list[TestResult]:
    """Run every test of a checked program."""
    modules: dict[typed.Kernel, VerifiedModule] = {}
    results = []
    for test in program.tests:
        result = _Run(program, engines, modules).result(test)
        results.append(result)
        on_result(result)
    return results


@dataclass(slots=True)
class _Run:
    """One test being run: what its names stand for."""

    program: typed.TypedProgram
    engines: Mapping[str, Engine]
    modules: dict[typed.Kernel, VerifiedModule]
    images: dict[symbols.Image, Pixels] = field(default_factory=dict)
    locals: dict[symbols.Local, Value] = field(default_factory=dict)

    def result(self, test: blocks.TypedTest) -> TestResult:
        for statement in test.body:
            images = None
            try:
                HANDLERS[type(statement)](self, statement)
            except _Failed as failed:
                failure = _diagnostic(failed.message, statement.span, failed.label, failed.notes)
                images = failed.images
            except Trap as trap:
                failure = _diagnostic(str(trap), statement.span, "trapped here")
            except CPUShareError as error:
                failure = _diagnostic(str(error), statement.span, "failed here")
            else:
                continue
            return TestResult(test.name, test.span, failure, images)
        return TestResult(test.name, test.span, None)

    # Running.

    def run(
        self, verified: VerifiedModule, name: str, inputs: Images, values: Mapping[str, object]
    ) -> Any:
        """Outputs of a kernel, or the `Trap` it ended in: the same in all engines."""
        first: tuple[str, Any] | None = None
        for engine_name, engine in self.engines.items():
            outcome: Any
            try:
                outcome = engine(verified, name, inputs, values)
            except Trap as trap:
                outcome = trap
            if first is None:
                first = engine_name, outcome
            else:
                _agree(first[0], first[1], engine_name, outcome)
        assert first is not None, "there is no engine"
        return first[1]

    def verified(self, kernel: typed.Kernel) -> VerifiedModule:
        if kernel not in self.modules:
            module = module_of(self.program, (kernel,))
            self.modules[kernel] = checked(module, (kernel,))
        return self.modules[kernel]

    def outcome(self, run: blocks.RunKernel) -> Any:
        """What a kernel call of the test ends in."""
        kernel = run.kernel
        inputs = {
            image.name: self.images[given]
            for image, given in zip(kernel.inputs, run.inputs, strict=True)
        }
        values: dict[str, Any] = {}
        for parameter, expr in zip(kernel.parameters, run.parameters, strict=True):
            if expr is not None:
                found = self.value(expr)
                numbers = numbers_of(found)
                values[parameter.name] = numbers[0] if isinstance(found, ir.Constant) else numbers
        return self.run(self.verified(kernel), kernel.name, inputs, values)

    # Expressions.

    def value(self, expr: typed.Expr) -> Value:
        """The value of an expression, made of constants."""
        whole = Evaluation(expr, list(self.images), self.locals)
        if whole.is_constant:
            return whole.found
        evaluation = Evaluation(expr, whole.used_images(), self.locals)
        kernel = emit(run_passes(evaluation.kernel()))
        verified = checked(Module((kernel,)), ())
        inputs = {name: self.images[symbol] for name, symbol in evaluation.names().items()}
        outcome = self.run(verified, kernel.name, inputs, {})
        if isinstance(outcome, Trap):
            raise outcome
        return evaluation.value_of(outcome)

    def number(self, expr: typed.Expr) -> Any:
        """The value of a scalar expression as a Python number."""
        found = self.value(expr)
        assert isinstance(found, ir.Constant)
        return found.value

    def either(self, side: typed.Expr | symbols.Image) -> Any:
        """An image as an array, an expression as its constants."""
        return self.images[side] if isinstance(side, symbols.Image) else self.value(side)


# Statements.


def _declare(run: _Run, statement: typed.Declare | typed.Assign) -> None:
    run.locals[statement.local] = run.value(statement.value)


def _assign_element(run: _Run, statement: typed.AssignElement) -> None:
    held = run.locals[statement.local]
    numbers = list(parts_of(held))
    start, type_ = 0, statement.local.type
    length = len(numbers)
    for index in statement.indices:
        count = type_.length  # type: ignore[union-attr]
        length //= count
        place = run.number(index)
        if not 0 <= place < count:
            raise _Failed(f"the index {place} is outside the array", "in this assignment")
        start += place * length
        type_ = type_.element  # type: ignore[union-attr]
    numbers[start : start + length] = parts_of(run.value(statement.value))
    run.locals[statement.local] = Elements(tuple(numbers))


def _assign_field(run: _Run, statement: typed.AssignField) -> None:
    held = run.locals[statement.local]
    assert isinstance(held, Place)
    found = run.value(statement.value)
    assert isinstance(found, ir.Constant)
    run.locals[statement.local] = Place({**held.fields, statement.field: found})


def _make_image(run: _Run, statement: blocks.MakeImage) -> None:
    type_ = statement.image.type
    *first, width, height = [numbers_of(run.value(argument)) for argument in statement.arguments]
    size = (width[0], height[0])
    try:
        if statement.maker is blocks.Maker.FILL:
            image = pictures.fill(type_.element, first[0], *size)
        elif statement.maker is blocks.Maker.NOISE:
            image = pictures.noise(type_.element, first[0][0], *size, type_.channels)
        else:
            image = pictures.ramp(type_.element, *size, type_.channels)
    except ValueError as error:
        raise _Failed(str(error), "made here") from None
    run.images[statement.image] = image


def _run_kernel(run: _Run, statement: blocks.RunKernel) -> None:
    outcome = run.outcome(statement)
    if isinstance(outcome, Trap):
        raise outcome
    for image, given in zip(statement.kernel.outputs, statement.outputs, strict=True):
        run.images[given] = outcome[image.name]
    if statement.record is not None:
        type_ = statement.record.type
        assert isinstance(type_, RecordType)
        run.locals[statement.record] = Place(
            {each.name: ir.constant(outcome.record[each.name], each.type) for each in type_.fields}
        )


def _assert_equal(run: _Run, statement: blocks.AssertEqual) -> None:
    left, right = run.either(statement.left), run.either(statement.right)
    if isinstance(statement.left, symbols.Image):
        different = pictures.difference(left, right)
        if different is not None:
            raise _Failed("the images are not equal", different, images=(left, right))
        return
    if any(not is_equal(a, b) for a, b in zip(parts_of(left), parts_of(right), strict=True)):
        raise _Failed("the values are not equal", f"{text_of(left)} is not {text_of(right)}")


def _assert_close(run: _Run, statement: blocks.AssertClose) -> None:
    left, right = run.either(statement.left), run.either(statement.right)
    tolerance = run.number(statement.tolerance)
    if isinstance(statement.left, symbols.Image):
        different = pictures.distance(left, right, float(tolerance))
        if different is not None:
            message = f"the images are not within {tolerance} of each other"
            raise _Failed(message, different, images=(left, right))
        return
    for a, b in zip(numbers_of(left), numbers_of(right), strict=True):
        if not (a == b or abs(a - b) <= tolerance):
            message = f"the values are not within {tolerance} of each other"
            raise _Failed(message, f"{a} is not close to {b}")


def _assert_between(run: _Run, statement: blocks.AssertBetween) -> None:
    found = run.number(statement.value)
    low, high = run.number(statement.low), run.number(statement.high)
    if not low <= found <= high:
        raise _Failed("the value is out of its range", f"{found} is not in {low}..={high}")


def _assert_hash(run: _Run, statement: blocks.AssertHash) -> None:
    found = pictures.digest(run.images[statement.image], statement.image.type.element)
    if not found.startswith(statement.digest.lower()):
        raise _Failed("the image has another hash", f"this is {found}")


def _assert_traps(run: _Run, statement: blocks.AssertTraps) -> None:
    if not isinstance(run.outcome(statement.run), Trap):
        raise _Failed("the kernel did not trap", "this ran to its end")


HANDLERS: dict[type, Callable[[_Run, Any], None]] = {
    typed.Declare: _declare,
    typed.Assign: _declare,
    typed.AssignElement: _assign_element,
    typed.AssignField: _assign_field,
    blocks.MakeImage: _make_image,
    blocks.RunKernel: _run_kernel,
    blocks.AssertEqual: _assert_equal,
    blocks.AssertClose: _assert_close,
    blocks.AssertBetween: _assert_between,
    blocks.AssertHash: _assert_hash,
    blocks.AssertTraps: _assert_traps,
}
_NODES = set(blocks.TestStatement.__args__)
assert set(HANDLERS) == _NODES, set(HANDLERS) ^ _NODES


def _diagnostic(message: str, span: Span, label: str, notes: tuple[str, ...] = ()) -> Diagnostic:
    return Diagnostic("CPS0710", message, span, label, notes=notes)


def _agree(left_name: str, left: Any, right_name: str, right: Any) -> None:
    """Both engines ended alike, to the bit."""
    label = "the engines disagree here"
    if isinstance(left, Trap) or isinstance(right, Trap):
        ends = [
            f"trapped ({end.code}, line {end.line})" if isinstance(end, Trap) else "did not trap"
            for end in (left, right)
        ]
        same = isinstance(left, Trap) and isinstance(right, Trap)
        if not same or (left.code, left.instruction) != (right.code, right.instruction):
            message = f"the {left_name} {ends[0]}, the {right_name} {ends[1]}"
            raise _Failed(message, label)
        return
    if repr(left.record) != repr(right.record):
        message = f"the {left_name} and the {right_name} give different records"
        raise _Failed(message, label, (f"{left.record} and {right.record}",))
    for name, image in left.items():
        different = pictures.difference(image, right[name])
        if different is not None:
            message = f"the {left_name} and the {right_name} give different bits in '{name}'"
            raise _Failed(message, label, (different,), (image, right[name]))
