"""The arena: buffers apart, aligned, padded, and never more than the verifier's memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.vm.build import DST, LOAD_HERE, check, op, pixels
from vm import codec, extents, parameters
from vm.layout import (
    ALIGNMENT_BYTES,
    PADDING_BYTES,
    WAVE_MARGIN,
    Reach,
    carry_bytes,
    plan,
)
from vm.module import Carry, Dimension, Kernel, Module, Role
from vm.opcodes import Op
from vm.testing import images, modules, parameter_values
from vm.types import ScalarType
from vm.verifier import verify


def test_a_margin_serves_both_directions() -> None:
    assert Reach(0, 5, 0).margin == 5
    assert Reach(1, 2, 5).margin == 5 + WAVE_MARGIN
    assert Reach(1, 5, 2).margin == 5 + WAVE_MARGIN
    kernel = Kernel("k", (Dimension(), Dimension()), carries=(Carry(ScalarType.I32),))
    assert carry_bytes(kernel, 0, Reach(2, 1, 1), 10) == 3 * (12 + 2 * WAVE_MARGIN) * 4


def test_a_carry_is_as_wide_as_the_widest_scan() -> None:
    dimensions = (Dimension(), Dimension())
    carries = (Carry(ScalarType.U8), Carry(ScalarType.F64))
    kernel = Kernel("k", dimensions, carries=carries)
    layout = plan(kernel, {1: (Reach(0, 1, 0), (0, 1))}, (10, 20))
    assert layout.sizes == (0, 22 * 8)


def test_the_copy_kernel() -> None:
    checked = check(*pixels(*LOAD_HERE, op(Op.PUT, DST, 0)))
    layout = plan(checked.kernel, checked.facts.reaches, (10, 10))
    assert layout.sizes == (100, 100)
    assert layout.offsets == (256, 896)
    assert layout.total == 896 + 100 + 256


@given(st.data())
def test_buffers_lie_apart_within_the_memory(data: st.DataObject) -> None:
    module: Module = data.draw(modules())
    kernel = module.kernels[0]
    checked = verify(codec.encode(module)).kernels[kernel.name]
    values = parameters.resolve(kernel, data.draw(parameter_values(kernel)))
    arrays = data.draw(images(kernel))
    sizes = {
        image.name: (arrays[image.name].shape[1], arrays[image.name].shape[0])
        for image in kernel.images_of(Role.IN)
    }
    dimensions = extents.resolve(kernel, sizes, values)
    layout = plan(kernel, checked.facts.reaches, dimensions)
    assert len(layout.offsets) == len(kernel.images) + len(kernel.carries) + bool(kernel.fields)
    end = 0
    for offset, size in zip(layout.offsets, layout.sizes, strict=True):
        assert offset % ALIGNMENT_BYTES == 0
        assert offset >= end + PADDING_BYTES
        end = offset + size + PADDING_BYTES
    assert layout.total == end
    assert layout.total <= checked.memory.evaluate(dimensions, values)
