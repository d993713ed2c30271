"""Images that a scan writes and reads at pixels gone by: their values are carried along.

A carried value is what the image holds at its pixel when the scan leaves it: what was written, or
what was there before.
"""

from __future__ import annotations

from msgspec.structs import replace

from compiler import ir, walk
from compiler.lower.context import Here
from vm.module import Border


def carry_images(here: Here, body: ir.Block, line: int) -> ir.Block:
    """The body of a scan with every carried channel held in a register, and put at the end."""
    if not here.carried:
        return body
    held = {key: ir.Register(carry.type, carry.name) for key, carry in here.carried.items()}
    surely = {(s.image, s.channel) for s in body if isinstance(s, ir.Put)}
    head = [
        ir.Set(register, _own(here, *key, line), line)
        for key, register in held.items()
        if key not in surely
    ]
    tail = [ir.PutCarry(carry, ir.Read(held[key]), line) for key, carry in here.carried.items()]
    return (*head, *_held(body, held), *tail)


def _own(here: Here, image: ir.Image, channel: int, line: int) -> ir.Expr:
    """What an image holds at the scan's own pixel."""
    x, y = ir.Read(here.x), ir.Read(here.y)
    return ir.Pixel(image, channel, Border.INSIDE, None, x, y, True, line)


def _held(block: ir.Block, held: dict[tuple[ir.Image, int], ir.Register]) -> ir.Block:
    """The block with what is put into carried channels kept as well."""
    result: list[ir.Statement] = []
    for statement in block:
        inner = tuple(_held(part, held) for part in walk.blocks(statement))
        statement = walk.with_blocks(statement, inner)
        if isinstance(statement, ir.Put) and (statement.image, statement.channel) in held:
            register = held[statement.image, statement.channel]
            result.append(ir.Set(register, statement.value, statement.line))
            statement = replace(statement, value=ir.Read(register))
        result.append(statement)
    return tuple(result)
