"""The compile box: the helper process that runs LLVM on strangers' programs.

Started by exec, single-threaded. It imports and warms what it needs, then confines itself for
good: memory and CPU limits, no files, and a seccomp filter under which there is no way to open,
connect, start or map anything executable. Then it answers requests until its input ends.
"""

from __future__ import annotations

import gc
import os
import resource
import sys

import msgspec

from vm.errors import CPUShareError, Crash, Invalid, Malformed, OverLimit, Refused, SandboxBroken
from vm.jit import backend
from vm.jit.emission import emit
from vm.jit.pipeline import batch_ir, kernel_ir
from vm.sandbox import seccomp
from vm.sandbox.elf import EXTERNALS
from vm.sandbox.messages import LENGTH_BYTES, REQUEST_BYTES, CompileAnswer, CompileRequest, pack

MEMORY_BYTES = 3 << 30
PORTABLE_ERRORS = (Malformed, Invalid, Refused, OverLimit, Crash, SandboxBroken)

# read write fstat lseek munmap brk rt_sigaction rt_sigprocmask rt_sigreturn mremap madvise getpid
# exit gettid futex clock_gettime exit_group getrandom getrusage sched_yield sysinfo
ALLOWED = (0, 1, 5, 8, 11, 12, 13, 14, 15, 25, 28, 39, 60, 186, 202, 228, 231, 318, 98, 24, 99)
WITHOUT_EXEC = (9, 10)  # mmap, mprotect
# open stat lstat ioctl access readlink openat newfstatat readlinkat faccessat getcwd close uname
REFUSED = (2, 4, 6, 16, 21, 89, 257, 262, 267, 269, 79, 3, 63, 332, 439)


def warm(module: bytes, cpu: str) -> None:
    """Go through every stage once, so that nothing needs to be imported or opened later.

    The last attempt goes through all of them, and takes half the time of the first.
    """
    compile_kernel(CompileRequest(module, "warm", b"", cpu, backend.ATTEMPTS - 1))
    for damaged in (module[:-1], b""):
        answer(msgspec.msgpack.encode(CompileRequest(damaged, "warm", b"", cpu, 0)))


def lock_down() -> None:
    """Confine this process, for good."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    seccomp.install(seccomp.assemble(ALLOWED, WITHOUT_EXEC, REFUSED))


def compile_kernel(request: CompileRequest) -> CompileAnswer:
    """Verify, lower, optimise, emit, link."""
    if not 0 <= request.attempt < backend.ATTEMPTS:
        raise Refused(f"there is no attempt {request.attempt}")
    if request.cpu not in backend.LEVELS:
        raise Refused(f"there is no CPU level {request.cpu!r}")
    image = emit(_ir(request), request.cpu, request.attempt, EXTERNALS)
    return CompileAnswer(image.text, image.constants, backend.llvm_version())


def _ir(request: CompileRequest) -> str:
    blind, cpu = min(request.attempt, 3), request.cpu
    if request.sets:
        return batch_ir(request.module, request.kernel, request.sets, request.shared, blind, cpu)
    return kernel_ir(
        request.module,
        request.kernel,
        request.parameters,
        blind,
        checked=request.checked,
        cpu="" if request.scalar else cpu,
    )


def answer(data: bytes) -> CompileAnswer:
    """The answer to one request, whatever it is."""
    try:
        return compile_kernel(msgspec.msgpack.decode(data, type=CompileRequest))
    except PORTABLE_ERRORS as error:
        return CompileAnswer(error=type(error).__name__, message=str(error))
    except MemoryError:
        return CompileAnswer(error="OverLimit", message="compiling the kernel took too much memory")
    except RecursionError:
        return CompileAnswer(error="OverLimit", message="the kernel nests too deeply to compile")
    except (CPUShareError, ValueError, msgspec.MsgspecError) as error:
        return CompileAnswer(error="SandboxBroken", message=str(error))


def _read(count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = os.read(0, min(count - len(data), 1 << 16))
        if not part:
            os._exit(0)
        data += part
    return data


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def main(parent: int, cpu: str) -> None:
    """Warm up with the module on standard input, lock down, say so, serve."""
    seccomp.die_with_parent(parent)
    module = _read(int.from_bytes(_read(LENGTH_BYTES), "little"))
    warm(module, cpu)
    gc.freeze()
    lock_down()
    _write(pack(CompileAnswer(llvm=backend.llvm_version())))
    while True:
        length = int.from_bytes(_read(LENGTH_BYTES), "little")
        if length > REQUEST_BYTES:
            os._exit(2)
        _write(pack(answer(_read(length))))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
