"""From a verified kernel to an audited executable: cache, compile box, byte audit.

A kernel whose code happens to hold the bytes of a forbidden instruction is compiled again with
another layout, with hidden constants and with less and less optimisation, and then refused. Where
there is much code it goes without vectors and most optimisation at once: that bounds the time.
"""

from __future__ import annotations

import time
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from vm.errors import SandboxBroken, SandboxUnavailable
from vm.jit.audit import find_forbidden
from vm.jit.image import KernelImage
from vm.sandbox.box import CompileBox
from vm.sandbox.cache import ObjectCache
from vm.sandbox.elf import write_elf
from vm.sandbox.messages import CompileRequest

ATTEMPTS = 6  # as many as vm.jit.backend knows; this side does not import LLVM
LARGE_BYTES = 32 << 10  # of code: LLVM takes seconds for each attempt at so much
QUICK_ATTEMPTS = (4, 5)  # those that take half as long
CODE_VERSION = b"16"  # raise when the native compiler changes what it emits


class NativeKernel(Struct, frozen=True):
    """An executable, ready for a strict child; where it came from, and how long that took."""

    elf: bytes
    is_cached: bool
    compile_s: float
    attempts: int


def native_kernel(
    request: CompileRequest, box: CompileBox, cache: ObjectCache | None
) -> NativeKernel:
    """The executable that a request asks for, at the box's CPU level.

    Raises `OverLimit` if compiling takes too much, `Refused` if the kernel cannot be compiled for
    many tasks, `SandboxBroken` if the box dies or no attempt passes the audit,
    `SandboxUnavailable` without llvmlite.
    """
    began = time.perf_counter()
    found = kept_kernel(request, box, cache)
    if found is not None:
        return found
    request = structs.replace(request, cpu=box.cpu, attempt=0)
    image, attempts = _passing(request, box)
    if cache is not None:
        cache.store(object_key(request), image)
    return NativeKernel(write_elf(image), False, time.perf_counter() - began, attempts)


def _passing(request: CompileRequest, box: CompileBox) -> tuple[KernelImage, int]:
    """Code that passes the audit, and how many attempts that took."""
    left = list(range(ATTEMPTS))
    made = 0
    while left:
        found = box.compile(structs.replace(request, attempt=left.pop(0)))
        made += 1
        findings = find_forbidden(found.text)
        if not findings:
            return KernelImage(found.text, found.constants), made
        if made == 1 and len(found.text) > LARGE_BYTES:
            left = list(QUICK_ATTEMPTS)
            request = structs.replace(request, scalar=not request.sets)
    raise SandboxBroken(
        f"the native code of '{request.kernel}' holds the bytes of a forbidden instruction "
        f"({findings[0].name}) in all {made} layouts that were tried"
    )


def kept_kernel(
    request: CompileRequest, box: CompileBox, cache: ObjectCache | None
) -> NativeKernel | None:
    """The executable that a request asks for, if it is in the cache."""
    if cache is None:
        return None
    began = time.perf_counter()
    key = object_key(structs.replace(request, cpu=box.cpu, attempt=0))
    image = cache.load(key)
    if image is None:
        return None
    if find_forbidden(image.text):
        cache.forget(key)
        return None
    return NativeKernel(write_elf(image), True, time.perf_counter() - began, 0)


def object_key(request: CompileRequest) -> str:
    """The name in the cache of what a request asks for."""
    asked = msgspec.msgpack.encode(request)
    return ObjectCache.key(asked, CODE_VERSION, _llvmlite_version())


@cache
def _llvmlite_version() -> bytes:
    """The file that names llvmlite's version and so LLVM's.

    Read as it is: importing llvmlite or `importlib.metadata` takes longer than all the rest.
    """
    found = find_spec("llvmlite")
    if found is None or found.origin is None:
        raise SandboxUnavailable("llvmlite is missing: pip install llvmlite")
    return Path(found.origin).with_name("_version.py").read_bytes()
