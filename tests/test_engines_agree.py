"""Interpreter and strict child give the same bits, or the same trap, on random programs.

`make fuzz` raises the number of examples.
"""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import engines
from tests.counting import count
from vm import codec, interp
from vm.errors import Trap
from vm.module import Module, Role
from vm.testing import images, modules, parameter_values
from vm.verifier import VerifiedModule, verify


def draw_run(data: st.DataObject) -> tuple[VerifiedModule, str, dict[str, object], engines.Images]:
    """A random verified module, one of its kernels, parameters and images for it."""
    module: Module = data.draw(modules())
    verified = verify(codec.encode(module))
    kernel = data.draw(st.sampled_from(module.kernels))
    parameters = data.draw(parameter_values(kernel))
    return verified, kernel.name, parameters, data.draw(images(kernel))


@pytest.mark.fuzz
@given(st.data(), st.booleans())
def test_interpreter_and_strict_child_agree(data: st.DataObject, checked: bool) -> None:
    verified, kernel, parameters, inputs = draw_run(data)
    interpret, native = (
        partial(engine, checked=checked) for engine in (engines.interpret, engines.native)
    )
    left = engines.outcome(interpret, verified, kernel, inputs, parameters)
    right = engines.outcome(native, verified, kernel, inputs, parameters)
    engines.assert_same(left, right)
    count("random modules, interpreter = strict child")


@pytest.mark.fuzz
@given(st.data())
def test_a_checked_run_that_ends_gives_what_the_other_gives(data: st.DataObject) -> None:
    """It only adds traps; and what the verifier proved to be exact does not trap in it."""
    verified, kernel, parameters, inputs = draw_run(data)
    plain = engines.outcome(engines.interpret, verified, kernel, inputs, parameters)
    checked = partial(engines.interpret, checked=True)
    found = engines.outcome(checked, verified, kernel, inputs, parameters)
    if found[0] == "outputs" or found[1][0] != "signed-overflow":  # type: ignore[index]
        engines.assert_same(plain, found)


@pytest.mark.fuzz
@given(st.data())
def test_the_count_never_exceeds_the_price(data: st.DataObject) -> None:
    from vm import extents
    from vm import parameters as parameters_of

    verified, name, parameters, inputs = draw_run(data)
    checked = verified.kernels[name]
    values = parameters_of.resolve(checked.kernel, parameters)
    sizes = {
        image.name: (inputs[image.name].shape[1], inputs[image.name].shape[0])
        for image in checked.kernel.images_of(Role.IN)
    }
    try:
        dimensions = extents.resolve(checked.kernel, sizes, values)
        counted = interp.run(verified, name, inputs, parameters).counted
    except Trap:
        return
    assert counted <= checked.cost.evaluate(dimensions, values)
    count("random modules, counted work within the price")
