"""Images and rows in expressions: which one is meant, through which border, at which pixel."""

from __future__ import annotations

from compiler import syntax
from compiler.check.body import Body, PixelLoop, is_poison, poison
from compiler.check.conversions import expr_as, index_expr
from compiler.check.extents import same_size
from compiler.check.offsets import offset_of
from compiler.check.scope import Broken, Outcome, View, nearest
from compiler.source import Span
from compiler.symbols import Axis, Image, ImageRole, Local, Rows
from compiler.typed import CarriedRead, Expr, Literal, LocalRead, OwnRead, PixelRead
from compiler.types import I32
from vm.module import Border

BORDERS = {
    "clamp": Border.CLAMP,
    "mirror": Border.MIRROR,
    "reflect101": Border.REFLECT101,
    "wrap": Border.WRAP,
    "zero": Border.ZERO,
}
VIEWS = (*BORDERS, "drop", "or")

Place = Image | View | Rows | Outcome | Broken


def find_place(body: Body, node: syntax.Expr) -> Place | None:
    """The image, view or rows an expression means; None if it means something else."""
    if isinstance(node, syntax.NameExpr):
        binding = body.scope.find(node.name)
        if isinstance(binding, Image | View | Rows | Outcome | Broken):
            body.used.add(binding)
            return binding
        return None
    if isinstance(node, syntax.FieldExpr):
        return _field(body, node)
    if isinstance(node, syntax.CallExpr):
        callee = node.callee
        if isinstance(callee, syntax.FieldExpr) and callee.name.text == "or":
            return _or(body, node, callee)
        if body.kind == "test":
            from compiler.check.testblocks import kernel_called, run_kernel

            kernel = kernel_called(body, node)
            if kernel is not None:
                return run_kernel(body, node, kernel)
    return None


def _field(body: Body, node: syntax.FieldExpr) -> Place | None:
    base = find_place(body, node.base)
    name = node.name.text
    if isinstance(base, Outcome):
        image = base.images.get(name)
        if image is not None:
            return image
        if base.record is not None:
            return None
        meant = nearest(name, base.images)
        names = ", ".join(base.images)
        body.error(
            "CPS0127",
            node.name.span,
            "not an out image",
            f"kernel '{base.kernel}' has no output '{name}'",
            help=f"did you mean '{meant}'?" if meant else f"its outputs are: {names}",
        )
        return Broken(node.span)
    if isinstance(base, Image | View | Rows) and name in VIEWS:
        return _view(body, node, base, name)
    return base if isinstance(base, Broken) else None


def _view(body: Body, node: syntax.FieldExpr, base: Image | View | Rows, name: str) -> Place:
    if isinstance(base, View):
        body.error(
            "CPS0128", node.name.span, "one border is enough", "this view has a border already"
        )
        return Broken(node.span)
    if isinstance(base, Rows):
        body.error(
            "CPS0221",
            node.name.span,
            "rows have no borders",
            "rows are read only at the pixel the scan is at",
            help="to add to a pixel that may be outside, write 'rows.drop[…] += …'",
        )
        return Broken(node.span)
    if name == "or":
        body.error("CPS0128", node.name.span, "needs a value", help="write 'src.or(255)[x, y]'")
        return Broken(node.span)
    border = BORDERS.get(name, Border.INSIDE)
    return View(base, border, None, name == "drop", node.span)


def _or(body: Body, node: syntax.CallExpr, callee: syntax.FieldExpr) -> Place | None:
    base = find_place(body, callee.base)
    if base is None or isinstance(base, Broken):
        return base
    if not isinstance(base, Image):
        body.error("CPS0128", callee.name.span, "not an image", "'.or' belongs to an image")
        return Broken(node.span)
    if len(node.arguments) != 1 or node.arguments[0].name is not None:
        body.error("CPS0128", node.span, "takes one value", help="write 'src.or(255)[x, y]'")
        return Broken(node.span)
    what = f"a pixel of '{base.name}' is"
    fill = expr_as(body, node.arguments[0].value, base.type.pixel, what)
    return Broken(node.span) if is_poison(fill) else View(base, Border.ZERO, fill, False, node.span)


def find_image(body: Body, node: syntax.Expr, what: str) -> Image | None:
    """The image an expression means; None after an error. `what` says who wants it."""
    place = find_place(body, node)
    if isinstance(place, Image):
        return place
    if isinstance(place, Broken):
        return None
    if isinstance(place, View):
        body.error(
            "CPS0406",
            node.span,
            "this is a view",
            f"{what} takes an image, not a view of one",
            help=f"write '{place.image.name}'; borders belong to reads",
        )
    elif isinstance(place, Rows):
        body.error("CPS0406", node.span, "this is rows", f"{what} takes an image, not rows")
    elif isinstance(place, Outcome):
        names = " or ".join(f"'.{name}'" for name in place.images)
        body.error(
            "CPS0406",
            node.span,
            "this is all a kernel gave",
            f"{what} takes one image",
            help=f"choose an output: {names}",
        )
    else:
        value = body.expr(node)
        if not is_poison(value):
            body.error(
                "CPS0406",
                node.span,
                f"this is a value of type {value.type}",
                f"{what} takes an image",
            )
    return None


def coordinates(
    body: Body, indices: tuple[syntax.Expr, ...], what: str, span: Span
) -> tuple[Expr, Expr] | None:
    """The x and y of an access; None after an error."""
    if len(indices) != 2:
        body.error(
            "CPS0311",
            span,
            "expected x and y",
            f"'{what}' takes two coordinates, not {len(indices)}",
            help=f"write '{what}[x, y]'; a channel is chosen behind it: '{what}[x, y][0]'",
        )
        for index in indices:
            body.expr(index, I32)
        return None
    x, y = (index_expr(body, index, "a coordinate is") for index in indices)
    return None if is_poison(x, y) else (x, y)


def read_pixel(body: Body, node: syntax.IndexExpr, place: Image | View) -> Expr:
    """`image[x, y]`, `image.clamp[x, y]`."""
    image = place if isinstance(place, Image) else place.image
    if isinstance(place, View) and place.drop:
        return body.error(
            "CPS0128",
            node.base.span,
            "only for writing",
            "'.drop' is for writing",
            help="to read what may be outside, choose .clamp, .mirror, .wrap, .zero or .or(v)",
        )
    at = coordinates(body, node.indices, node.base.span.text, node.span)
    if at is None:
        return poison(node.span)
    border = Border.INSIDE if isinstance(place, Image) else place.border
    if border is Border.INSIDE:
        for coordinate, word in zip(at, ("left of", "above"), strict=True):
            if isinstance(coordinate, Literal) and coordinate.value < 0:
                return body.error(
                    "CPS0312",
                    coordinate.span,
                    f"{word} the image",
                    "this pixel is always outside",
                    help=f"choose a border: '{image.name}.clamp[…]'",
                )
    fill = None if isinstance(place, Image) else place.fill
    return pixel_value(body, PixelRead(image, border, fill, *at, image.type.pixel, node.span))


def is_variable(variable: Local, value: Expr) -> bool:
    """Whether a value is just this variable."""
    return isinstance(value, LocalRead) and value.local is variable


def pixel_value(body: Body, read: PixelRead) -> Expr:
    """A read of a pixel; in a loop that writes the image, of its own pixel or one gone by."""
    loop = body.loop
    if loop is None or read.image not in loop.written:
        return read
    same = same_size(read.image, loop.image)
    if same and is_variable(loop.x, read.x) and is_variable(loop.y, read.y):
        return OwnRead(read.image, read.type, read.span)
    if loop.word == "map" or not same:
        may_read(body, read.image, read.span)
        return poison(read.span)
    offset = offset_of(body, loop, read.x, read.y, gone_by=True)
    if offset == (0, 0):  # as in 'dst[x - 0, y]'
        return OwnRead(read.image, read.type, read.span)
    if offset is None or not _gone_by(body, loop, read, *offset):
        return poison(read.span)
    return CarriedRead(read.image, *offset, read.fill, read.type, read.span)


def _gone_by(body: Body, loop: PixelLoop, read: PixelRead, ahead: int, down: int) -> bool:
    """Whether a scan may read a pixel of an image it writes; reports if not."""
    name = read.image.name
    if down > 0 or (down == 0 and ahead > 0):
        body.error(
            "CPS0216",
            read.span,
            "a pixel to come",
            f"'{name}' is written in this scan, and this pixel is not written yet",
            also=((loop.written[read.image], "written here"),),
            help="read pixels gone by, or add to pixels to come in 'rows'",
        )
        return False
    if read.border is Border.ZERO:
        return True
    inside = read.border is Border.INSIDE
    at = f"[{read.x.span.text}, {read.y.span.text}]"
    body.error(
        "CPS0217",
        read.span,
        "outside of the image at its edge" if inside else "would lead to pixels to come",
        f"'{name}' is written in this scan, so it is read through '.zero' or '.or(v)'",
        also=((loop.written[read.image], "written here"),),
        help=f"write '{name}.zero{at}'",
    )
    return False


def may_read(body: Body, image: Image, span: Span) -> bool:
    """Whether an image may be read anywhere; reports if the loop around writes it."""
    loop = body.loop
    if loop is None or image not in loop.written:
        return True
    written = ((loop.written[image], f"'{image.name}' is written here"),)
    if loop.word == "map":
        body.error(
            "CPS0231",
            span,
            f"reads '{image.name}', which this map writes",
            also=written,
            help="use 'scan', which has a fixed order, or write to another image",
        )
    else:
        body.error(
            "CPS0216",
            span,
            f"reads '{image.name}', which this scan writes",
            also=written,
            help=f"read it at pixels gone by: '{image.name}.zero[{loop.x.name} - 1, "
            f"{loop.y.name}]', or write to another image",
        )
    return False


def writable(body: Body, image: Image, span: Span) -> bool:
    """Whether an image may be written; reports if not."""
    if image.role in (ImageRole.OUT, ImageRole.LOCAL):
        return True
    if image.role is ImageRole.TEST:
        body.error("CPS0215", span, "fixed", "images in tests are not written")
        return False
    kind = "kernel" if body.kind == "kernel" else "function"
    body.error(
        "CPS0215",
        span,
        f"'{image.name}' is an input",
        f"the input image '{image.name}' cannot be written",
        also=((image.span, "declared here"),),
        help=f"write to an 'out' image of the {kind}, or to an image of its own "
        f"('var t: {image.type}({image.name}.width, {image.name}.height);')",
    )
    return False


def dimension_axis(name: str) -> Axis | None:
    """The axis that `.width` and `.height` name."""
    return {"width": Axis.WIDTH, "height": Axis.HEIGHT}.get(name)
