"""LLVM IR -> object code, for one of four fixed levels of x86-64.

Optimisation is O2 without the SLP vectoriser: on large blocks it takes minutes where the rest
takes seconds, and it finds nothing in our loops that the loop vectoriser does not. No fast-math,
no contraction: a multiply and an add are never fused, so every level gives the same bits.
"""

from __future__ import annotations

from functools import cache

import llvmlite.binding as llvm

from vm.errors import Crash

TRIPLE = "x86_64-unknown-linux-gnu"
ATTEMPTS = 6
TUNING = "+prefer-no-gather"  # of AVX-512: on Zen it is slower than as many loads
LEVELS = ("x86-64-v2", "x86-64-v3", "x86-64-v4")


@cache
def _initialise() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()  # for the launcher's system calls only


@cache
def target_machine(cpu: str) -> llvm.TargetMachine:
    """LLVM's code generator for one CPU level."""
    if cpu not in LEVELS:
        raise Crash(f"there is no CPU level {cpu!r}")
    _initialise()
    target = llvm.Target.from_triple(TRIPLE)
    return target.create_target_machine(
        cpu=cpu, features=TUNING, opt=2, reloc="pic", codemodel="small", jit=False
    )


def parse(ir: str, cpu: str) -> llvm.ModuleRef:
    """Parse and verify IR for a CPU level, not yet optimised."""
    machine = target_machine(cpu)
    try:
        module = llvm.parse_assembly(ir, llvm.create_context())
        module.verify()
    except RuntimeError as error:
        raise Crash(f"our own LLVM IR is refused: {error}") from None
    module.triple = TRIPLE
    module.data_layout = str(machine.target_data)
    return module


def optimise(module: llvm.ModuleRef, cpu: str, attempt: int = 0) -> None:
    """Run the O2 pipeline in place.

    Later attempts leave out unrolling, then vectorising, then most, then nearly all: other code
    of the same meaning, where the byte audit refused the first.
    """
    level = (2, 2, 2, 2, 1, 0)[attempt]
    options = llvm.create_pipeline_tuning_options(speed_level=level)
    options.slp_vectorization = False
    options.loop_unrolling = attempt < 2
    options.loop_interleaving = attempt < 2
    options.loop_vectorization = attempt < 3
    passes = llvm.create_pass_builder(target_machine(cpu), options)
    passes.getModulePassManager().run(module, passes)


def compile_ir(ir: str, cpu: str, attempt: int = 0) -> bytes:
    """The relocatable ELF object of some IR. Raises `Crash` if LLVM refuses the IR."""
    module = parse(ir, cpu)
    optimise(module, cpu, attempt)
    return bytes(target_machine(cpu).emit_object(module))


def assembly(ir: str, cpu: str, attempt: int = 0) -> str:
    """The assembly text of some IR, optimised. Raises `Crash` if LLVM refuses the IR."""
    module = parse(ir, cpu)
    optimise(module, cpu, attempt)
    return str(target_machine(cpu).emit_assembly(module))


def assemble(text: str, cpu: str) -> bytes:
    """The relocatable ELF object of assembly text. Raises `Crash` if LLVM refuses it."""
    lines = text.replace("\\", "\\5C").replace('"', "\\22").splitlines()
    module = parse("\n".join(f'module asm "{line}"' for line in lines), cpu)
    return bytes(target_machine(cpu).emit_object(module))


def llvm_version() -> str:
    """LLVM's version, as in "22.1.0": part of every cache key."""
    return ".".join(map(str, llvm.llvm_version_info))
