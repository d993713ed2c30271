"""Random programs: they compile or are diagnosed, and mean the same in every engine."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from compiler import ir, passes
from compiler.diagnostics import CompileError
from compiler.passes.gather import gather
from compiler.passes.single import single
from compiler.pipeline import compile_text
from compiler.samples import SURELY_WRONG, damaged, programs
from tests import engines
from tests.counting import count
from vm import extents, interp
from vm import parameters as parameters_of
from vm.errors import OverLimit, Trap
from vm.inputs import Outputs
from vm.module import Kernel, Role
from vm.testing import images, parameter_values
from vm.verifier import VerifiedModule, verify

UNITS = 300_000
FEW = (single, gather)
Inputs = dict[str, NDArray[Any]]


def compiled(text: str) -> VerifiedModule:
    """The program; the rare one that is surely wrong is not an example."""
    try:
        return verify(compile_text(text, "random.cps").encoded)
    except CompileError as error:
        refusal = error
    assert {each.code for each in refusal.diagnostics} <= SURELY_WRONG, refusal.render()
    assume(False)
    raise refusal


def interpreted(
    module: VerifiedModule, kernel: str, inputs: engines.Images, values: Any, checked: bool = False
) -> Outputs:
    """The interpreter, with every value held against what was proved; it gives up on long runs."""
    return interp.run(
        module,
        kernel,
        inputs,
        values,
        limit_units=UNITS,
        limit_bytes=1 << 24,
        audit=True,
        checked=checked,
    ).outputs


def draw_run(data: st.DataObject, kernel: Kernel) -> tuple[Inputs, dict[str, object]]:
    return data.draw(images(kernel)), data.draw(parameter_values(kernel))


def check_price(module: VerifiedModule, name: str, inputs: Inputs, values: Any) -> None:
    """What is counted is never more than the price."""
    checked = module.kernels[name]
    resolved = parameters_of.resolve(checked.kernel, values)
    sizes = {
        image.name: (inputs[image.name].shape[1], inputs[image.name].shape[0])
        for image in checked.kernel.images_of(Role.IN)
    }
    price = checked.cost.evaluate(extents.resolve(checked.kernel, sizes, resolved), resolved)
    try:
        assert interp.run(module, name, inputs, values).counted <= price
    except Trap:
        return


@pytest.mark.fuzz
@given(programs(), st.booleans(), st.data())
def test_every_engine_agrees(text: str, checks: bool, data: st.DataObject) -> None:
    module = compiled(text)
    interpret, native = (partial(e, checked=checks) for e in (interpreted, engines.native))
    for name, checked in module.kernels.items():
        inputs, values = draw_run(data, checked.kernel)
        try:
            left = engines.outcome(interpret, module, name, inputs, values)
        except OverLimit:
            continue
        engines.assert_same(left, engines.outcome(native, module, name, inputs, values))
        check_price(module, name, inputs, values)
        count("random programs, interpreter = strict child")


@pytest.mark.fuzz
@given(programs(), st.data())
def test_passes_keep_the_meaning(text: str, data: st.DataObject) -> None:
    """With all passes and with hardly any: the same pixels, or the same trap on the same line."""
    whole = compiled(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "PASSES", FEW)
        try:
            plain = compiled(text)
        except CompileError:
            return
    inputs, values = draw_run(data, whole.kernels["k"].kernel)
    ends = []
    for module in (whole, plain):
        try:
            ends.append(engines.outcome(interpreted, module, "k", inputs, values))
        except OverLimit:
            return
    if ends[0][0] == "outputs":
        engines.assert_same(ends[0], ends[1])
    else:
        lines = [trap_line(m, "k", inputs, values) for m in (whole, plain)]
        assert lines[0] == lines[1]


def trap_line(module: VerifiedModule, kernel: str, inputs: Inputs, values: Any) -> tuple[str, int]:
    with pytest.raises(Trap) as caught:
        interp.run(module, kernel, inputs, values)
    return caught.value.code, caught.value.line


@pytest.mark.fuzz
@given(programs().flatmap(damaged))
def test_damaged_programs_are_diagnosed_or_compile(text: str) -> None:
    try:
        compile_text(text, "damaged.cps")
        return
    except CompileError as error:
        refusal = error
    assert refusal.diagnostics
    assert refusal.render()
    assert all(each.to_json() for each in refusal.diagnostics)


def test_most_random_programs_compile() -> None:
    """Else the strategies above would test next to nothing."""
    from compiler.samples.programs import random_program

    good = 0
    for seed in range(100):
        try:
            compile_text(random_program(seed, 40), "random.cps")
            good += 1
        except CompileError:
            continue
    assert good >= 90


def test_passes_are_pure() -> None:
    for each in passes.PASSES:
        kernel = ir.Kernel("k", "", (), (), (), ())
        assert each(kernel) == kernel
