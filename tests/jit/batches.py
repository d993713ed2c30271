"""Runs batches inside the test process, in an arena that lies between guard pages."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from tests.jit import inprocess
from tests.jit.guarded import ends_at_a_guard
from vm.inputs import dtype_of, prepare, shape_of
from vm.jit.lower import VECTOR_TARGETS
from vm.jit.lower.kernel import batch_lanes, lower_batch
from vm.layout import batch_bytes, plan_batch
from vm.module import Role
from vm.parameters import resolve
from vm.verifier import VerifiedKernel

Images = Mapping[str, NDArray[Any]]


def run_batch(
    verified: VerifiedKernel,
    cpu: str,
    tasks: Sequence[tuple[Images, Mapping[str, object]]],
    shared: Sequence[int],
) -> list[dict[str, NDArray[Any]]]:
    """The out images of each task, all of one size; `shared` are indices of in images that are the
    first task's for all. Raises `NotVector`, `OverLimit`.
    """
    kernel, target = verified.kernel, VECTOR_TARGETS[cpu]
    sets = [resolve(kernel, given) for _, given in tasks]
    ir = lower_batch(verified, sets, shared, target).ir
    machine = inprocess.machine(cpu)
    module = inprocess.optimise(ir.replace("hidden i64 @kernel", "i64 @kernel"), machine)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    call = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p)(
        engine.get_function_address("kernel")
    )
    prepared = [prepare(kernel, images, given) for images, given in tasks]
    dimensions = prepared[0].dimensions
    layout = plan_batch(kernel, verified.facts.reaches, dimensions, batch_lanes(target))
    arena = ends_at_a_guard(layout.total)
    arena[:] = inprocess.RUBBISH
    for index, image in enumerate(kernel.images):
        if image.role is Role.IN:
            for number, task in enumerate(prepared[:1] if index in shared else prepared):
                data = task.arrays[image.name].reshape(-1).view(np.uint8)
                start = layout.offsets[index] + number * batch_bytes(kernel, index, dimensions)
                arena[start : start + data.size] = data
    words = [*dimensions, *layout.offsets, len(tasks)]
    args = (ctypes.c_int64 * len(words))(*words)
    assert call(arena.ctypes.data, ctypes.addressof(args)) == 0
    found = []
    for number in range(len(tasks)):
        outputs = {}
        for index, image in enumerate(kernel.images):
            if image.role is Role.OUT:
                start = layout.offsets[index] + number * batch_bytes(kernel, index, dimensions)
                shape = shape_of(image, dimensions)
                size = int(np.prod(shape)) * image.type.size_bytes
                pixels = arena[start : start + size].tobytes()
                outputs[image.name] = np.frombuffer(pixels, dtype_of(image.type)).reshape(shape)
        found.append(outputs)
    engine.close()
    return found
