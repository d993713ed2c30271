"""Runs lowered kernels inside the test process: for tests alone, no confinement at all."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from vm import parameters as parameter_values
from vm.errors import Trap
from vm.inputs import Outputs, Prepared, as_output, dtype_of, prepare, read_record, shape_of
from vm.jit import trapword
from vm.jit.lower import lower
from vm.jit.lower.state import VectorTarget
from vm.layout import Layout, plan
from vm.module import TRAP_TEXT, Role, TrapCode
from vm.verifier import VerifiedKernel, VerifiedModule

RUBBISH = 0xA5
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


def aligned_room(size: int) -> NDArray[np.uint8]:
    """Room for an arena, at a multiple of 64 bytes."""
    room = np.empty(size + 64, np.uint8)
    return room[-room.ctypes.data % 64 :][:size]


class Compiled:
    """A kernel compiled into this process, to be called with images by name."""

    def __init__(
        self,
        verified: VerifiedKernel,
        cpu: str = "x86-64-v2",
        target: VectorTarget | None = None,
        blind: int = 0,
        *,
        checked: bool = False,
        given: Mapping[str, object] | None = None,
        room: Callable[[int], NDArray[np.uint8]] = aligned_room,
    ) -> None:
        self.verified = verified
        self.room = room
        self.given = given or {}
        values = parameter_values.resolve(verified.kernel, self.given)
        ir = lower(verified, values, blind=blind, checked=checked, target=target).ir
        self._machine = machine(cpu)
        module = optimise(ir.replace("hidden i64 @kernel", "i64 @kernel"), self._machine)
        self._engine = llvm.create_mcjit_compiler(module, self._machine)
        weakref.finalize(self, self._engine.close)  # before what it needs is gone
        self._engine.finalize_object()
        address = self._engine.get_function_address("kernel")
        self._call = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p)(address)

    def _run(
        self, inputs: Mapping[str, NDArray[Any]]
    ) -> tuple[NDArray[np.uint8], Prepared, Layout]:
        """The arena after a run that began with an arena full of rubbish. Raises `Trap`."""
        kernel = self.verified.kernel
        prepared = prepare(kernel, inputs, self.given)
        layout = plan(kernel, self.verified.facts.reaches, prepared.dimensions)
        arena = self.room(layout.total)
        arena[:] = RUBBISH
        for image, offset in zip(kernel.images, layout.offsets, strict=False):
            if image.role is Role.IN:
                data = prepared.arrays[image.name].reshape(-1).view(np.uint8)
                arena[offset : offset + data.size] = data
        words = [*prepared.dimensions, *layout.offsets]
        args = (ctypes.c_int64 * max(1, len(words)))(*words)
        word = int(self._call(arena.ctypes.data, ctypes.addressof(args)))
        if word:
            raise _trap(self.verified, word)
        return arena, prepared, layout

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Outputs:
        """Run; raises `Trap` as the sandbox does."""
        kernel = self.verified.kernel
        arena, prepared, layout = self._run(inputs)
        outputs = {}
        for image, offset, size in zip(kernel.images, layout.offsets, layout.sizes, strict=False):
            if image.role is Role.OUT:
                pixels = arena[offset : offset + size].tobytes()
                shape = shape_of(image, prepared.dimensions)
                flat = np.frombuffer(pixels, dtype_of(image.type))
                outputs[image.name] = as_output(flat.reshape(shape))
        record = arena[layout.offsets[-1] : layout.offsets[-1] + layout.sizes[-1]].tobytes()
        return Outputs(outputs, read_record(kernel.fields, record))

    def rubbish_after(self, inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.uint8]:
        """What lies between and around the buffers of the arena after a run."""
        arena, _, layout = self._run(inputs)
        outside = np.ones(arena.size, bool)
        for start, size in zip(layout.offsets, layout.sizes, strict=True):
            outside[start : start + size] = False
        return arena[outside]


def run_kernel(
    verified: VerifiedKernel,
    inputs: Mapping[str, NDArray[Any]],
    parameters: Mapping[str, object],
    blind: int = 0,
    cpu: str = "x86-64-v2",
    checked: bool = False,
) -> Outputs:
    """Run a kernel's scalar form; raises `Trap` as the sandbox does."""
    return Compiled(verified, cpu, None, blind, checked=checked, given=parameters)(inputs)


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
