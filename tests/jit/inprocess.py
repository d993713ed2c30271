"""Runs lowered kernels inside the test process: for tests alone, no confinement at all."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from vm.errors import Trap
from vm.inputs import Outputs, as_output, dtype_of, prepare, read_record, shape_of
from vm.jit import trapword
from vm.jit.lower import lower
from vm.layout import plan
from vm.module import TRAP_TEXT, Role, TrapCode
from vm.verifier import VerifiedKernel, VerifiedModule

TRIPLE = "x86_64-unknown-linux-gnu"
llvm.initialize_native_target()
llvm.initialize_native_asmprinter()
llvm.initialize_native_asmparser()


def machine(cpu: str = "x86-64-v2", features: str = "") -> llvm.TargetMachine:
    """A target machine for a CPU level."""
    target = llvm.Target.from_triple(TRIPLE)
    return target.create_target_machine(cpu=cpu, features=features, opt=2, reloc="pic")


def optimise(ir: str, target: llvm.TargetMachine) -> llvm.ModuleRef:
    """Parse, check and optimise at O2 without SLP."""
    module = llvm.parse_assembly(ir, llvm.create_context())
    module.verify()
    module.triple = TRIPLE
    module.data_layout = str(target.target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = True
    options.slp_vectorization = False
    builder = llvm.create_pass_builder(target, options)
    builder.getModulePassManager().run(module, builder)
    return module


def assembly(ir: str, cpu: str = "x86-64-v2") -> str:
    """The machine code's text."""
    target = machine(cpu)
    return str(target.emit_assembly(optimise(ir, target)))


def call(ir: str, arena: NDArray[np.uint8], words: list[int], cpu: str = "x86-64-v2") -> int:
    """Compile and call the kernel; gives its return value."""
    target = machine(cpu)
    module = optimise(ir.replace("hidden i64 @kernel", "i64 @kernel"), target)
    with llvm.create_mcjit_compiler(module, target) as engine:
        engine.finalize_object()
        address = engine.get_function_address("kernel")
        function = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p)(address)
        args = (ctypes.c_int64 * max(1, len(words)))(*words)
        return int(function(arena.ctypes.data, ctypes.addressof(args)))


def run_kernel(
    verified: VerifiedKernel,
    inputs: Mapping[str, NDArray[Any]],
    parameters: Mapping[str, object],
    blind: int = 0,
    cpu: str = "x86-64-v2",
    checked: bool = False,
) -> Outputs:
    """Run a kernel; raises `Trap` as the sandbox does. The arena starts full of rubbish."""
    kernel = verified.kernel
    prepared = prepare(kernel, inputs, parameters)
    layout = plan(kernel, verified.facts.reaches, prepared.dimensions)
    room = np.full(layout.total + 64, 0xA5, np.uint8)
    arena = room[-room.ctypes.data % 64 :][: layout.total]
    for image, offset in zip(kernel.images, layout.offsets, strict=False):
        if image.role is Role.IN:
            data = prepared.arrays[image.name].tobytes()
            arena[offset : offset + len(data)] = np.frombuffer(data, np.uint8)
    ir = lower(verified, prepared.parameters, blind=blind, checked=checked)
    word = call(ir, arena, [*prepared.dimensions, *layout.offsets], cpu)
    if word:
        raise _trap(verified, word)
    outputs = {}
    for image, offset, size in zip(kernel.images, layout.offsets, layout.sizes, strict=False):
        if image.role is Role.OUT:
            pixels = arena[offset : offset + size].tobytes()
            shape = shape_of(image, prepared.dimensions)
            flat = np.frombuffer(pixels, dtype_of(image.type))
            outputs[image.name] = as_output(flat.reshape(shape))
    record = arena[layout.offsets[-1] : layout.offsets[-1] + layout.sizes[-1]].tobytes()
    return Outputs(outputs, read_record(kernel.fields, record))


def _trap(verified: VerifiedKernel, word: int) -> Trap:
    trap, position = trapword.decode(word) or (TrapCode.REQUIRE, -1)
    instruction = verified.kernel.code[position]
    text = TRAP_TEXT.get(trap, "")
    if trap is TrapCode.REQUIRE:
        which = instruction.immediates[0]
        assert isinstance(which, int)
        text = verified.kernel.texts[which]
    return Trap(trap.label, text, verified.kernel.name, position, instruction.line)


def run(
    verified: VerifiedModule,
    kernel: str,
    inputs: Mapping[str, NDArray[Any]],
    parameters: Mapping[str, object],
) -> dict[str, NDArray[Any]]:
    """An engine like those of tests/engines.py."""
    return run_kernel(verified.kernels[kernel], inputs, parameters)


def can_run(cpu: str) -> bool:
    """Whether this machine has the CPU level."""
    return cpu != "x86-64-v4" or bool(llvm.get_host_cpu_features().get("avx512vl"))
