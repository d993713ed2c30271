"""`test` blocks: images made from nothing, kernels run, assertions; images are named on the way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from compiler import syntax
from compiler.check.arguments import bind_arguments
from compiler.check.body import Body, is_poison, poison
from compiler.check.conversions import demand, expr_as
from compiler.check.kernels import kernel_of
from compiler.check.literals import untyped_kind
from compiler.check.scope import Broken, Outcome, article
from compiler.check.typesyntax import resolve_type
from compiler.symbols import Image, ImageRole, Local, Parameter
from compiler.testblocks import (
    AssertBetween,
    AssertClose,
    AssertEqual,
    AssertHash,
    AssertTraps,
    MakeImage,
    Maker,
    RunKernel,
    TypedTest,
)
from compiler.typed import Assign, AssignElement, AssignField, Declare, Expr, Kernel
from compiler.types import BOOL, I32, U64, ImageType, ScalarType

if TYPE_CHECKING:
    from compiler.check.images import Place

MAKERS = {maker.value: maker for maker in Maker}
MAKER_SHAPES = {
    Maker.FILL: "value, width, height",
    Maker.RAMP: "width, height",
    Maker.NOISE: "seed, width, height",
}
ASSERTIONS = {
    "assert_eq": 2,
    "assert_close": 3,
    "assert_between": 3,
    "assert_hash": 2,
    "assert_traps": 1,
}


def check_test(body: Body, item: syntax.TestItem) -> TypedTest:
    """A test block; `body` is its own."""
    for node in item.body.statements:
        for each in body.statements((node,)):
            if isinstance(each, Declare | Assign | AssignElement | AssignField):
                body.steps.append(each)
            else:
                body.error(
                    "CPS0703",
                    node.span,
                    "not in a test",
                    "a test is a straight line",
                    help="loops belong to kernels and functions; reductions may be used",
                )
    body.warn_unused()
    return TypedTest(item.name.value, tuple(body.steps), item.span)


def _make_call(body: Body, node: syntax.Expr) -> Maker | None:
    """The maker that an expression calls, if it does."""
    if not isinstance(node, syntax.CallExpr) or not isinstance(node.callee, syntax.NameExpr):
        return None
    name = node.callee.name
    if body.scope.find(name) is not None or body.module.find(name) is not None:
        return None
    return MAKERS.get(name)


def check_let(body: Body, node: syntax.LetStatement) -> bool:
    """A `let` of an image or of a kernel's outcome; False if it is an ordinary one."""
    from compiler.check.images import find_place

    maker = _make_call(body, node.value)
    if maker is not None:
        assert isinstance(node.value, syntax.CallExpr)
        image = _made_for_let(body, node, node.value, maker)
        body.declare(node.name, Broken(node.name.span) if image is None else image)
        return True
    place = find_place(body, node.value)
    if isinstance(place, Image | Outcome):
        if isinstance(place, Image) and node.type is not None:
            wanted = resolve_type(body, node.type)
            if isinstance(wanted, ImageType) and wanted != place.type:
                body.error(
                    "CPS0301",
                    node.value.span,
                    f"this is an {place.type}",
                    f"expected an {wanted}, found an {place.type}",
                )
        body.declare(node.name, place)
        return True
    return False


def _made_for_let(
    body: Body, node: syntax.LetStatement, call: syntax.CallExpr, maker: Maker
) -> Image | None:
    if node.type is None:
        body.error(
            "CPS0704",
            call.span,
            "of which type?",
            "the type of this image is not known",
            help=f"write 'let {node.name.text}: image<u8> = {call.span.text};'",
        )
        return None
    type_ = resolve_type(body, node.type)
    if not isinstance(type_, ImageType):
        if not isinstance(type_, type(poison(call.span).type)):
            body.error(
                "CPS0704", node.type.span, f"this is {type_}", f"'{maker.value}' makes an image"
            )
        return None
    return make_image(body, call, maker, type_, node.name.text)


def make_image(
    body: Body, node: syntax.CallExpr, maker: Maker, type_: ImageType, name: str
) -> Image | None:
    """Make an image of a type; None after an error."""
    shape = MAKER_SHAPES[maker]
    if len(node.arguments) != shape.count(",") + 1 or any(each.name for each in node.arguments):
        body.error("CPS0401", node.span, f"({shape})", f"'{maker.value}' takes {shape}")
        return None
    values = [argument.value for argument in node.arguments]
    arguments: list[Expr] = []
    if maker is Maker.FILL:
        arguments.append(expr_as(body, values[0], type_.pixel, "a pixel is"))
    elif maker is Maker.NOISE:
        arguments.append(expr_as(body, values[0], U64, "a seed is"))
    arguments += [expr_as(body, value, I32, "a size is") for value in values[len(arguments) :]]
    if is_poison(*arguments):
        return None
    image = Image(name, type_, node.span, ImageRole.TEST)
    body.steps.append(MakeImage(image, maker, tuple(arguments), node.span))
    return image


def test_image(body: Body, node: syntax.Expr, wanted: ImageType | None, what: str) -> Image | None:
    """The image an expression of a test means, made for the purpose if need be."""
    from compiler.check.images import find_image

    maker = _make_call(body, node)
    if maker is None:
        return find_image(body, node, what)
    assert isinstance(node, syntax.CallExpr)
    if wanted is None:
        body.error(
            "CPS0704",
            node.span,
            "of which type?",
            "the type of this image is not known",
            help="name it first: 'let a: image<u8> = …;'",
        )
        return None
    return make_image(body, node, maker, wanted, maker.value)


def kernel_called(body: Body, node: syntax.CallExpr) -> Kernel | str | None:
    """The kernel that is called: the name of one that has errors; None if it is no kernel."""
    if not isinstance(node.callee, syntax.NameExpr):
        return None
    name = node.callee.name
    entry = body.module.find(name) if body.scope.find(name) is None else None
    if entry is None or not isinstance(entry.item, syntax.KernelItem):
        return None
    return kernel_of(body, entry) or name


def run_kernel(body: Body, node: syntax.CallExpr, kernel: Kernel | str) -> Place:
    """Run a kernel in a test; its out images are the outcome."""
    if isinstance(kernel, str):
        return Broken(node.span)
    taken: list[Image | Parameter] = [*kernel.inputs, *kernel.parameters]
    names = [each.name for each in sorted(taken, key=lambda each: each.span.start)]
    optional = frozenset(each.name for each in kernel.parameters if each.default)
    bound = bind_arguments(body, node, kernel.name, names, optional, kernel.span)
    if bound is None:
        return Broken(node.span)
    inputs: list[Image] = []
    for image in kernel.inputs:
        what = f"'{image.name}' of '{kernel.name}'"
        given = test_image(body, bound[image.name], image.type, what)
        if given is not None and given.type != image.type:
            body.error(
                "CPS0301",
                bound[image.name].span,
                f"this is an {given.type}",
                f"expected an {image.type}, found an {given.type}",
                also=((image.span, "declared here"),),
            )
            given = None
        if given is not None:
            inputs.append(given)
    values: list[Expr | None] = []
    for each in kernel.parameters:
        argument = bound.get(each.name)
        values.append(
            None if argument is None else expr_as(body, argument, each.type, f"'{each.name}' is")
        )
    if len(inputs) != len(kernel.inputs) or is_poison(
        *(each for each in values if each is not None)
    ):
        return Broken(node.span)
    outputs = tuple(
        Image(each.name, each.type, node.span, ImageRole.TEST) for each in kernel.outputs
    )
    record = None
    if kernel.result is not None:
        record = Local("record", kernel.result.type, node.span)
    run = RunKernel(kernel, tuple(inputs), tuple(values), outputs, record, node.span)
    body.steps.append(run)
    return Outcome(kernel.name, {each.name: each for each in outputs}, record, node.span)


def check_statement(body: Body, node: syntax.CallExpr, name: str) -> bool:
    """An assertion, or a kernel run for nothing; False if it is something else."""
    from compiler.check.images import find_place

    if name in ASSERTIONS and body.module.find(name) is None:
        count = ASSERTIONS[name]
        if len(node.arguments) != count or any(each.name for each in node.arguments):
            body.error(
                "CPS0401",
                node.span,
                f"found {len(node.arguments)}",
                f"'{name}' takes {count} argument{'s' if count > 1 else ''}",
            )
            return True
        CHECKS[name](body, node, [argument.value for argument in node.arguments])
        return True
    if kernel_called(body, node) is not None:
        if not isinstance(find_place(body, node), Broken):
            body.error(
                "CPS0411",
                node.span,
                "its images are not looked at",
                "the outcome of this run is not used",
                help="assert something of it, such as 'assert_eq(…)'",
            )
        return True
    return False


def _pair(
    body: Body, left: syntax.Expr, right: syntax.Expr
) -> tuple[Image, Image] | tuple[Expr, Expr] | None:
    """Two images or two values of one type; None after an error."""
    from compiler.check.images import find_place

    makers = [_make_call(body, node) is not None for node in (left, right)]
    first = None if makers[0] else find_place(body, left)
    if any(makers) or isinstance(first, Image | Outcome | Broken):
        return _image_pair(body, left, right, makers, first)
    if untyped_kind(left) is not None:
        b = body.expr(right)
        a = demand(body, body.expr(left, b.type), b.type, "the other is")
    else:
        a = body.expr(left)
        b = demand(body, body.expr(right, a.type), a.type, "the first is")
    return None if is_poison(a, b) else (a, b)


def _image_pair(
    body: Body, left: syntax.Expr, right: syntax.Expr, makers: list[bool], first: Place | None
) -> tuple[Image, Image] | None:
    if makers[0]:
        b = test_image(body, right, None, "an image on the other side")
        a = None if b is None else test_image(body, left, b.type, "an image on this side")
    elif isinstance(first, Image):
        a = first
        b = test_image(body, right, a.type, "an image on the other side")
    else:
        if isinstance(first, Outcome):
            names = " or ".join(f"'.{name}'" for name in first.images)
            body.error(
                "CPS0406",
                left.span,
                "this is all a kernel gave",
                "one image is compared",
                help=f"choose an output: {names}",
            )
        return None
    if a is None or b is None:
        return None
    if a.type != b.type:
        body.error(
            "CPS0301",
            right.span,
            f"this is an {b.type}",
            f"cannot compare an {a.type} with an {b.type}",
        )
        return None
    return a, b


def _assert_eq(body: Body, node: syntax.CallExpr, values: list[syntax.Expr]) -> None:
    pair = _pair(body, values[0], values[1])
    if pair is not None:
        body.steps.append(AssertEqual(pair[0], pair[1], node.span))


def _assert_close(body: Body, node: syntax.CallExpr, values: list[syntax.Expr]) -> None:
    pair = _pair(body, values[0], values[1])
    if pair is None:
        return
    first = pair[0]
    type_ = first.type.element if isinstance(first, Image) else first.type
    if not isinstance(type_, ScalarType) or type_ is BOOL:
        body.error(
            "CPS0701",
            values[0].span,
            f"this is {type_}",
            "'assert_close' compares numbers",
            help="compare element by element",
        )
        return
    tolerance = expr_as(body, values[2], type_, "a tolerance is")
    if not is_poison(tolerance):
        body.steps.append(AssertClose(first, pair[1], tolerance, node.span))


def _assert_between(body: Body, node: syntax.CallExpr, values: list[syntax.Expr]) -> None:
    value = body.expr(values[0])
    if is_poison(value):
        return
    if not isinstance(value.type, ScalarType) or value.type is BOOL:
        body.error(
            "CPS0701",
            values[0].span,
            f"this is {article(value.type)}",
            "'assert_between' compares numbers",
        )
        return
    low, high = (expr_as(body, each, value.type, "a bound is") for each in values[1:])
    if not is_poison(low, high):
        body.steps.append(AssertBetween(value, low, high, node.span))


def _assert_hash(body: Body, node: syntax.CallExpr, values: list[syntax.Expr]) -> None:
    image = test_image(body, values[0], None, "'assert_hash'")
    digest = values[1]
    if not isinstance(digest, syntax.Text) or not re.fullmatch("[0-9a-f]{8,64}", digest.value):
        body.error(
            "CPS0701",
            digest.span,
            "8 to 64 digits, 0-9 a-f",
            "a hash is a text of hex digits",
            help="write 'assert_hash(out.dst, \"0123abcd…\")'",
        )
        return
    if image is not None:
        body.steps.append(AssertHash(image, digest.value, node.span))


def _assert_traps(body: Body, node: syntax.CallExpr, values: list[syntax.Expr]) -> None:
    from compiler.check.images import find_place

    call = values[0]
    if not isinstance(call, syntax.CallExpr) or kernel_called(body, call) is None:
        body.error(
            "CPS0701",
            call.span,
            "not a kernel's call",
            "'assert_traps' runs a kernel",
            help="write 'assert_traps(dither(src, weights: [0, 0, 0, 0]));'",
        )
        return
    if isinstance(find_place(body, call), Outcome):
        run = body.steps.pop()
        assert isinstance(run, RunKernel)
        body.steps.append(AssertTraps(run, node.span))


CHECKS = {
    "assert_eq": _assert_eq,
    "assert_close": _assert_close,
    "assert_between": _assert_between,
    "assert_hash": _assert_hash,
    "assert_traps": _assert_traps,
}
