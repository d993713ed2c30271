"""From a verified kernel to an audited executable: cache, compile box, byte audit.

A kernel whose code happens to hold the bytes of a forbidden instruction is compiled again with
another layout, with hidden constants and with less and less optimisation, and then refused.
"""

from __future__ import annotations

import time
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

from vm import parameters as parameter_values
from vm.errors import SandboxBroken, SandboxUnavailable
from vm.jit.audit import Finding, find_forbidden
from vm.jit.image import KernelImage
from vm.parameters import ParameterValues
from vm.sandbox.box import CompileBox
from vm.sandbox.cache import ObjectCache
from vm.sandbox.elf import write_elf
from vm.sandbox.messages import CompileRequest
from vm.verifier import VerifiedModule

ATTEMPTS = 6  # as many as vm.jit.backend knows; this side does not import LLVM
CODE_VERSION = b"4"  # raise when the native compiler changes what it emits


class NativeKernel(Struct, frozen=True):
    """An executable, ready for a strict child; where it came from, and how long that took."""

    elf: bytes
    is_cached: bool
    compile_s: float
    attempts: int


def native_kernel(
    verified: VerifiedModule,
    kernel: str,
    parameters: ParameterValues,
    box: CompileBox,
    cache: ObjectCache | None,
    *,
    checked: bool = False,
    scalar: bool = False,
) -> NativeKernel:
    """The executable of a kernel with these parameters, for the box's CPU level.

    With `checked`, its signed arithmetic traps instead of wrapping; with `scalar`, no scan becomes
    a wavefront. Raises `OverLimit` if compiling takes too much, `SandboxBroken` if the box dies or
    no attempt passes the audit, `SandboxUnavailable` without llvmlite.
    """
    began = time.perf_counter()
    given = parameter_values.to_bytes(verified.kernels[kernel].kernel, parameters)
    mode = b"checked" if checked else b"scalar" if scalar else b""
    compiler = (box.cpu.encode(), mode, CODE_VERSION, _llvmlite_version())
    key = ObjectCache.key(verified.encoded, kernel.encode(), given, *compiler)
    if cache is not None:
        image = cache.load(key)
        if image is not None and not find_forbidden(image.text):
            return NativeKernel(write_elf(image), True, time.perf_counter() - began, 0)
        if image is not None:
            cache.forget(key)
    findings: list[Finding] = []
    for attempt in range(ATTEMPTS):
        request = CompileRequest(verified.encoded, kernel, given, box.cpu, attempt, checked, scalar)
        found = box.compile(request)
        image = KernelImage(found.text, found.constants)
        findings = find_forbidden(image.text)
        if not findings:
            if cache is not None:
                cache.store(key, image)
            taken = time.perf_counter() - began
            return NativeKernel(write_elf(image), False, taken, attempt + 1)
    raise SandboxBroken(
        f"the native code of '{kernel}' holds the bytes of a forbidden instruction "
        f"({findings[0].name}) in all {ATTEMPTS} layouts that were tried"
    )


@cache
def _llvmlite_version() -> bytes:
    """The file that names llvmlite's version and so LLVM's.

    Read as it is: importing llvmlite or `importlib.metadata` takes longer than all the rest.
    """
    found = find_spec("llvmlite")
    if found is None or found.origin is None:
        raise SandboxUnavailable("llvmlite is missing: pip install llvmlite")
    return Path(found.origin).with_name("_version.py").read_bytes()
