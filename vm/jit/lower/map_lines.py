"""One line of a `map`: vectors, pixels.

If the body reads through borders at x plus a constant, the line is parted: the middle, where no
border can matter, and the edges. The middle is written in vectors (`vm.jit.lower.map_body`) where
that is possible; else pixel by pixel, and LLVM's loop vectoriser does what it can.
"""

from __future__ import annotations

from dataclasses import replace

from vm.jit.lower import images
from vm.jit.lower.lanes import NotVector
from vm.jit.lower.map_body import HANDLERS, MapBody, one_vector
from vm.jit.lower.regions import counted, forget, number, pixel_local
from vm.jit.lower.state import Asked, Lowering, PixelLoop
from vm.limits import AXIS_PIXELS
from vm.module import Border
from vm.opcodes import Op
from vm.verifier.dimensions import bases_of

PARTED_INSTRUCTIONS = 8_000  # LLVM instructions of a body that is written twice, for the edges


def write_line(low: Lowering, position: int, y: str, body: MapBody | None) -> None:
    """Line y (i64 operand) of a map; pixel by pixel without a `body`. Raises `NotVector`."""
    x_local, y_local, width = (number(low.kernel.code[position], i) for i in range(3))
    width_text = low.wide(low.dimensions[width])
    low.locals[y_local] = pixel_local(low, y, 1)
    loop = PixelLoop("", y, width_text, bases_of(low.kernel)[width])
    left, right = _look_ahead(low, position, x_local, loop)
    if body is not None or left or right:
        _line_in_parts(low, position, x_local, loop, left, right, body)
    else:
        counted(low, width_text, lambda x: _pixel(low, position, x_local, loop, x))


def _pixel(low: Lowering, position: int, x_local: int, loop: PixelLoop, x: str) -> None:
    region = low.regions[position]
    y_local = number(low.kernel.code[position], 1)
    y_value = low.locals[y_local]
    forget(low, region.assigned)
    low.locals[y_local] = y_value
    low.locals[x_local] = pixel_local(low, x, 0)
    loop.x = x
    low.pixel = loop
    vectors, low.lane_body = low.lane_body, None  # this is scalar code: what traps, traps here
    low.body(position + 1, region.end)
    low.lane_body = vectors
    low.locals[y_local] = y_value


def _look_ahead(low: Lowering, position: int, x_local: int, loop: PixelLoop) -> tuple[int, int]:
    """How far to either side of x the body reads through borders, if it pays to part the line.

    Found by walking the body on trial, which also tells the lines it looks at: where borders
    lead those is worked out here, once for the whole line. A body that may trap is not parted,
    so that the first trap stays the first.
    """
    if not _has_border_reads(low, position):
        return 0, 0
    mark, environment = low.build.mark(), low.environment()
    asked = Asked()
    _pixel(low, position, x_local, replace(loop, asked=asked), "0")
    may_trap = len(low.build.cold) > mark.cold
    too_long = low.build.count - mark.count > PARTED_INSTRUCTIONS
    low.build.rewind(mark)
    low.restore(environment)
    for border, offset, height in asked.lines:
        y = low.build.value(f"add i64 {loop.y}, {offset}")
        loop.lines[border, offset, height] = images.bordered(low, border, y, height)
    if may_trap or too_long or max(asked.left, asked.right) > AXIS_PIXELS:
        return 0, 0
    return asked.left, asked.right


def _has_border_reads(low: Lowering, position: int) -> bool:
    code = low.kernel.code[position : low.regions[position].end]
    return any(
        step.op is Op.LOAD_OR or (step.op is Op.LOAD and step.immediates[2] is not Border.INSIDE)
        for step in code
    )


def _line_in_parts(
    low: Lowering,
    position: int,
    x_local: int,
    loop: PixelLoop,
    left: int,
    right: int,
    body: MapBody | None,
) -> None:
    """First the pixels far from the edges, then those at the edges."""
    build = low.build
    width = loop.width
    least = left + right + (body.lanes if body is not None else 0)
    small = build.value(f"icmp ult i64 {width}, {least}")
    first = build.value(f"select i1 {small}, i64 {width}, i64 {left}")
    inner_end = build.value(f"sub i64 {width}, {right}")
    last = build.value(f"select i1 {small}, i64 {width}, i64 {inner_end}")
    clear = replace(loop, clear_left=left, clear_right=right)
    if body is None:
        build.repeat(first, last, lambda x: _pixel(low, position, x_local, clear, x))
    else:
        _in_vectors(low, body, clear, small, left, inner_end)
    edges = build.value(f"sub i64 {width}, {build.value(f'sub i64 {last}, {first}')}")

    def edge(k: str) -> None:
        before = build.value(f"icmp ult i64 {k}, {first}")
        skip = build.value(f"sub i64 {last}, {first}")
        moved = build.value(f"add i64 {k}, {skip}")
        x = build.value(f"select i1 {before}, i64 {k}, i64 {moved}")
        _pixel(low, position, x_local, loop, x)

    build.repeat("0", edges, edge, is_short=True)


def _in_vectors(
    low: Lowering, body: MapBody, loop: PixelLoop, none: str, first: int, last: str
) -> None:
    """Pixels first .. last - 1, at least as many as there are lanes, unless there are `none`.

    Whole vectors go from the first on; one that ends with the last pixel does what is left.
    """
    build, handlers = low.build, low.handlers
    if body.channels > 1:
        first, last = first * body.channels, build.value(f"mul i64 {last}, {body.channels}")
    inner, after = build.label(), build.label()
    build.branch(none, after, inner)
    build.start(inner)
    cold, environment = len(build.cold), low.environment()
    low.handlers = {**handlers, **HANDLERS}
    count = build.value(f"sub i64 {last}, {first}")
    vectors = build.value(f"udiv i64 {count}, {body.lanes}")
    whole = build.value(f"mul i64 {vectors}, {body.lanes}")
    end = build.value(f"add i64 {whole}, {first}")

    before, head, done, rest = build.block, build.label(), build.label(), build.label()
    build.jump(head)
    build.start(head)
    vector = build.phi("i64")
    vector.add("0", before)
    moved = build.value(f"shl i64 {vector.name}, {body.lanes.bit_length() - 1}")
    one_vector(body, loop, build.value(f"add i64 {moved}, {first}"), first)
    low.restore(environment)
    following = build.value(f"add i64 {vector.name}, 1")
    vector.add(following, build.block)
    build.branch(build.value(f"icmp ult i64 {following}, {vectors}"), head, done)
    build.start(done)
    build.branch(build.value(f"icmp eq i64 {end}, {last}"), after, rest)
    build.start(rest)
    one_vector(body, loop, build.value(f"sub i64 {last}, {body.lanes}"), None)
    low.restore(environment)
    build.jump(after)
    build.start(after)
    if len(build.cold) > cold:
        raise NotVector("it may trap")
    low.handlers = handlers
