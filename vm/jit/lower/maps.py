"""`map`: pixels in no order, in vectors where that is possible (`vm.jit.lower.map_body`), and line
by line with the maps that follow where those look at what it writes (`vm.jit.lower.fused`).
"""

from __future__ import annotations

from vm.jit.lower.channels import vector_body
from vm.jit.lower.fused import fuse
from vm.jit.lower.lanes import NotVector
from vm.jit.lower.map_body import MapBody, refuse_much
from vm.jit.lower.map_lines import write_line
from vm.jit.lower.regions import counted, forget, number
from vm.jit.lower.state import Form, Lowering
from vm.module import Instruction
from vm.opcodes import Op

NAME = "map"


def do_map(low: Lowering, position: int, instruction: Instruction) -> None:
    """MAP: in vectors, else pixel by pixel."""
    if position in low.fused:  # it was written with the one before
        low.fused.discard(position)
        return
    shapes = fuse(low, position)
    for member, shape in shapes.items():
        low.forms[member] = Form(NAME, shape)
    if shapes:
        low.fused |= set(shapes) - {position}
    else:
        low.forms[position] = Form(NAME, _alone(low, position))


def _alone(low: Lowering, position: int) -> str:
    """A map of its own; gives its shape."""
    region = low.regions[position]
    mark, environment, stack = low.build.mark(), low.environment(), list(low.stack)
    handlers = low.handlers
    try:
        body = vector_body(low, region)
        low.lane_body = body
        _lines(low, position, body)
        refuse_much(low, mark.count)
        return body.shape
    except NotVector as reason:
        low.build.rewind(mark)
        low.restore(environment)
        low.stack, low.handlers, low.lane_body = stack, handlers, None
        _lines(low, position, None)
        return f"pixels in no order; {reason}"
    finally:
        low.lane_body, low.handlers, low.pixel = None, handlers, None


def _lines(low: Lowering, position: int, body: MapBody | None) -> None:
    region, height = low.regions[position], number(low.kernel.code[position], 3)
    forget(low, region.assigned)
    counted(low, low.wide(low.dimensions[height]), lambda y: write_line(low, position, y, body))
    forget(low, region.assigned)


HANDLERS = {Op.MAP: do_map}
