"""The price of a job, computed here from the verified program, before anything is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct

from cpushare.market.coins import pay_of, show_coins
from cpushare.market.errors import TooMuch
from cpushare.market.rasters import RasterShape
from cpushare.market.trust import reserve
from cpushare.market.work import reckon
from vm import parameters as parameter_values
from vm.module import Kernel
from vm.verifier import VerifiedModule


class Quote(Struct, frozen=True):
    """What a job takes: tasks, cost units, the most memory of a task, micro-coins.

    `pay` is what its tasks earn, `reserved` what is set aside with the checks that trust asks for.
    """

    tasks: int
    units: int
    memory_bytes: int
    pay: int
    reserved: int
    trust: str

    def text(self, price: int, budget: int) -> str:
        """The quote as one would read it."""
        return (
            f"{self.tasks:,} tasks, {self.units:,} cost units at "
            f"{show_coins(price)} coins a billion: {show_coins(self.pay)} coins\n"
            f"set aside with checks (trust {self.trust}): {show_coins(self.reserved)} coins, of a "
            f"budget of {show_coins(budget)}; what is not needed comes back"
        )


def quote(
    verified: VerifiedModule,
    kernel: Kernel,
    parameters: Sequence[bytes],
    inputs: Sequence[Mapping[str, str]],
    shapes: Mapping[str, RasterShape],
    price: int,
    trust: str,
) -> Quote:
    """The price of a job of these parameter sets on these inputs, names of rasters by in image.

    Raises `Refused` where sizes do not fit, `OverLimit`.
    """
    sizes = Counter(
        tuple((name, shapes[blob].width, shapes[blob].height) for name, blob in row.items())
        for row in inputs
    )
    found = verified.kernels[kernel.name]
    units = memory_bytes = pay = most = 0
    for given in parameters:
        values = parameter_values.from_bytes(kernel, given)
        for size, count in sizes.items():
            pairs = {name: (width, height) for name, width, height in size}
            cost, memory = reckon(found, values, pairs)
            units += count * cost
            pay += count * pay_of(cost, price)
            most = max(most, pay_of(cost, price))
            memory_bytes = max(memory_bytes, memory)
    tasks = len(parameters) * len(inputs)
    return Quote(tasks, units, memory_bytes, pay, reserve(trust, pay, most), trust)


def check_budget(price: Quote, budget: int) -> None:
    """Raises `TooMuch` if a job may take more than there is for it, in micro-coins."""
    if price.reserved > budget:
        raise TooMuch(
            f"{price.tasks:,} tasks take up to {show_coins(price.reserved)} coins, and there are "
            f"{show_coins(budget)} in the budget: fewer tasks, a lower price, or a larger budget"
        )
