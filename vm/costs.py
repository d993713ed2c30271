"""What an instruction costs: the weights that price and count share.

The verifier multiplies these by trip counts; the interpreter adds them up as it goes.
"""

from __future__ import annotations

from vm.module import Border, Instruction, Kernel
from vm.opcodes import BORDER_COST, Op


def own_cost(kernel: Kernel, instruction: Instruction) -> int:
    """Units for executing this instruction once, without any body.

    `clear` is not here: its cost depends on dimensions (`cleared_cost`).
    """
    op = instruction.op
    if op is Op.LOAD:
        border = instruction.immediates[2]
        assert isinstance(border, Border)
        return op.cost_units + BORDER_COST[border.value]
    if op in (Op.ARRAY_FILL, Op.ARRAY_COPY):
        index = instruction.immediates[0]
        assert isinstance(index, int)
        return op.cost_units * kernel.arrays[index].length
    if op is Op.CLEAR:
        return 0
    return op.cost_units
