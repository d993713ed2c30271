"""The launcher: the first code of every strict child, and the only code there that is ours.

It is written here in LLVM IR and kept compiled in `launcher_code.py`, so that every child on
every machine begins with the same bytes and no child waits for a compiler. After a change:

    python -m vm.sandbox.launcher        compiles it again and writes launcher_code.py

A test compiles it and compares. Order of steps, each with its reason:

 1. read the hello from descriptor 0: who the parent is, the CPU limit, the arena's size
 2. unmap vdso and vvar, through which a clock can be read without a system call
 3. map the arena at its fixed address (MAP_FIXED_NOREPLACE: nothing may lie there yet)
 4. close every descriptor but 0 and 1
 5. die with the parent; not dumpable (no ptrace, no core); no new privileges
 6. clock instructions raise SIGSEGV; no memory ever becomes executable (MDWE, Linux 6.3)
 7. limits on CPU time, stack and cores
 8. zero the stack above, where the kernel left random bytes, addresses and the program's name
 9. SECCOMP_MODE_STRICT; where a filter is installed already that is refused with EINVAL, and the
    child installs the same rule as a filter of its own
10. say ready; then read a command, run, write a reply, for ever

Descriptors: 0 commands, 1 replies, 3 the arena. Messages are native 64-bit words:

    hello    [magic, parent's pid, CPU seconds, arena bytes, 0 × 4]               64 bytes
    ready    [magic, mode: 1 strict or 2 filter, hardening bits, 0]               32 bytes
    command  [sequence, repeat, 0, 0, 60 arguments of the kernel]                512 bytes
    reply    [sequence, the kernel's result, runs done, 0]                        32 bytes
"""

from __future__ import annotations

import struct
from pathlib import Path

from vm import limits
from vm.jit.image import ARENA, KERNEL

MAGIC = 0x4552414853555043  # "CPUSHARE"
HELLO_BYTES, READY_BYTES, COMMAND_BYTES, REPLY_BYTES = 64, 32, 512, 32
ARGUMENT_WORDS = 60
assert limits.DIMENSIONS + limits.IMAGES + limits.CARRIES + 1 <= ARGUMENT_WORDS  # 1: the record
STACK_BYTES = 1 << 20

MODE_STRICT, MODE_FILTER = 1, 2
HARDENING = {
    "vdso unmapped": 1,
    "clock instructions off": 2,
    "memory deny-write-execute": 4,
    "descriptors closed at once": 8,
    "dies with its parent": 16,
}

# System calls and constants of x86-64 Linux, asm/unistd_64.h and linux/*.h.
READ, WRITE, CLOSE, LSEEK, MMAP, MUNMAP, RT_SIGRETURN = 0, 1, 3, 8, 9, 11, 15
EXIT, GETPPID, PRCTL, SETRLIMIT, CLOSE_RANGE = 60, 110, 157, 160, 436
AUDIT_ARCH_X86_64 = 0xC000003E
KILL_PROCESS, ALLOW = 0x80000000, 0x7FFF0000
AT_SYSINFO_EHDR, AT_EXECFN = 33, 31


def filter_words() -> list[int]:
    """The child's own filter, as struct sock_filter words: the four calls of strict mode."""
    load, equal, give = 0x20, 0x15, 0x06
    program = [
        (load, 0, 0, 4),
        (equal, 1, 0, AUDIT_ARCH_X86_64),
        (give, 0, 0, KILL_PROCESS),
        (load, 0, 0, 0),
        (equal, 4, 0, READ),
        (equal, 3, 0, WRITE),
        (equal, 2, 0, EXIT),
        (equal, 1, 0, RT_SIGRETURN),
        (give, 0, 0, KILL_PROCESS),
        (give, 0, 0, ALLOW),
    ]
    return [struct.unpack("<Q", struct.pack("<HBBI", *step))[0] for step in program]


def launcher_ir() -> str:
    """The launcher in LLVM IR."""
    steps = [_start(), _main_head(), _unmap_vdso(), _map_arena(), _harden(), _confine(), _loop()]
    return _SYSTEM_CALL + "\n".join(steps) + _MEMORY


_OPERANDS = "={rax},{rax},{rdi},{rsi},{rdx},{r10},{r8},{r9}"
_SPOILED = "~{rcx},~{r11},~{memory},~{dirflag},~{fpsr},~{flags}"
_SYSTEM_CALL = """
define internal i64 @call(i64 %n, i64 %a, i64 %b, i64 %c, i64 %d, i64 %e, i64 %f) alwaysinline {
  %r = call i64 asm sideeffect "syscall", "OPERANDS,SPOILED"
    (i64 %n, i64 %a, i64 %b, i64 %c, i64 %d, i64 %e, i64 %f)
  ret i64 %r
}
""".replace("OPERANDS", _OPERANDS).replace("SPOILED", _SPOILED)


def _call(number: int, *arguments: object) -> str:
    padded = [*map(str, arguments), *["0"] * (6 - len(arguments))]
    return f"call i64 @call(i64 {number}, " + ", ".join(f"i64 {a}" for a in padded) + ")"


def _start() -> str:
    return """
define void @_start() naked noinline {
  call void asm sideeffect
    "xorl %ebp, %ebp\\0Amovq %rsp, %rdi\\0Aandq $$-64, %rsp\\0Acall main_\\0Aud2", ""()
  unreachable
}
"""


def _main_head() -> str:
    return f"""
define hidden void @main_(ptr %sp) noreturn noinline {{
entry:
  %words = alloca [64 x i64], align 64
  %at = ptrtoint ptr %words to i64
  %got = {_call(READ, 0, "%at", HELLO_BYTES)}
  %whole = icmp eq i64 %got, {HELLO_BYTES}
  %magic = load i64, ptr %words
  %known = icmp eq i64 %magic, {MAGIC}
  %hello = and i1 %whole, %known
  %parent.p = getelementptr i64, ptr %words, i64 1
  %parent = load i64, ptr %parent.p
  %cpu.p = getelementptr i64, ptr %words, i64 2
  %cpu = load i64, ptr %cpu.p
  %bytes.p = getelementptr i64, ptr %words, i64 3
  %bytes = load i64, ptr %bytes.p
  br i1 %hello, label %find, label %fail
"""


def _unmap_vdso() -> str:
    """Walk environment and auxiliary vector. vvar lies below the vdso, but never below the end of
    the stack, which is the page after the program's name.
    """
    return f"""
find:
  %argc = load i64, ptr %sp
  %skip = add i64 %argc, 2
  %first = getelementptr i64, ptr %sp, i64 %skip
  br label %env
env:
  %env.p = phi ptr [%first, %find], [%env.n, %env]
  %env.v = load i64, ptr %env.p
  %env.n = getelementptr i64, ptr %env.p, i64 1
  %env.z = icmp eq i64 %env.v, 0
  br i1 %env.z, label %aux, label %env
aux:
  %aux.p = phi ptr [%env.n, %env], [%aux.n, %aux.next]
  %vdso = phi i64 [0, %env], [%vdso.n, %aux.next]
  %name = phi i64 [0, %env], [%name.n, %aux.next]
  %key = load i64, ptr %aux.p
  %value.p = getelementptr i64, ptr %aux.p, i64 1
  %value = load i64, ptr %value.p
  %aux.n = getelementptr i64, ptr %aux.p, i64 2
  %last = icmp eq i64 %key, 0
  br i1 %last, label %unmap, label %aux.next
aux.next:
  %is.vdso = icmp eq i64 %key, {AT_SYSINFO_EHDR}
  %vdso.n = select i1 %is.vdso, i64 %value, i64 %vdso
  %is.name = icmp eq i64 %key, {AT_EXECFN}
  %name.n = select i1 %is.name, i64 %value, i64 %name
  br label %aux
unmap:
  %name.up = add i64 %name, 4096
  %stack.end = and i64 %name.up, -4096
  %below = sub i64 %vdso, 65536
  %after.stack = icmp uge i64 %vdso, %stack.end
  %overlaps = icmp ult i64 %below, %stack.end
  %clip = and i1 %after.stack, %overlaps
  %from = select i1 %clip, i64 %stack.end, i64 %below
  %to = add i64 %vdso, 16384
  %length = sub i64 %to, %from
  %has.vdso = icmp ne i64 %vdso, 0
  br i1 %has.vdso, label %unmap.it, label %map
unmap.it:
  %unmapped = {_call(MUNMAP, "%from", "%length")}
  %unmapped.ok = icmp eq i64 %unmapped, 0
  br label %map
"""


def _map_arena() -> str:
    shared_fixed = 0x01 | 0x100000
    return f"""
map:
  %bit.vdso.i = phi i1 [true, %unmap], [%unmapped.ok, %unmap.it]
  %size = {_call(LSEEK, 3, 0, 2)}
  %size.ok = icmp eq i64 %size, %bytes
  br i1 %size.ok, label %map.it, label %fail
map.it:
  %mapped = {_call(MMAP, ARENA, "%bytes", 3, shared_fixed, 3, 0)}
  %mapped.ok = icmp eq i64 %mapped, {ARENA}
  br i1 %mapped.ok, label %close, label %fail
close:
  %range = {_call(CLOSE_RANGE, 2, 4294967295)}
  %range.ok = icmp eq i64 %range, 0
  br i1 %range.ok, label %harden, label %close.each
close.each:
  %fd = phi i64 [2, %close], [%fd.n, %close.each]
  {_call(CLOSE, "%fd")}
  %fd.n = add i64 %fd, 1
  %fd.done = icmp eq i64 %fd.n, 65536
  br i1 %fd.done, label %harden, label %close.each
"""


def _harden() -> str:
    no_core, cpu, stack = 4, 0, 3
    return f"""
harden:
  %death = {_call(PRCTL, 1, 9)}
  %death.ok = icmp eq i64 %death, 0
  %ppid = {_call(GETPPID)}
  %orphan = icmp ne i64 %ppid, %parent
  br i1 %orphan, label %fail, label %harden.more
harden.more:
  {_call(PRCTL, 4, 0)}
  %privileges = {_call(PRCTL, 38, 1)}
  %privileges.ok = icmp eq i64 %privileges, 0
  %tsc = {_call(PRCTL, 26, 2)}
  %tsc.ok = icmp eq i64 %tsc, 0
  %mdwe = {_call(PRCTL, 65, 1)}
  %mdwe.ok = icmp eq i64 %mdwe, 0
  %limit.p = getelementptr i64, ptr %words, i64 8
  %limit.q = getelementptr i64, ptr %words, i64 9
  %limit.at = ptrtoint ptr %limit.p to i64
  store i64 0, ptr %limit.p
  store i64 0, ptr %limit.q
  %l.core = {_call(SETRLIMIT, no_core, "%limit.at")}
  store i64 {STACK_BYTES}, ptr %limit.p
  store i64 {STACK_BYTES}, ptr %limit.q
  %l.stack = {_call(SETRLIMIT, stack, "%limit.at")}
  store i64 %cpu, ptr %limit.p
  store i64 %cpu, ptr %limit.q
  %l.cpu = {_call(SETRLIMIT, cpu, "%limit.at")}
  %l.one = or i64 %l.core, %l.stack
  %l.all = or i64 %l.one, %l.cpu
  %limits.ok = icmp eq i64 %l.all, 0
  %must = and i1 %privileges.ok, %limits.ok
  br i1 %must, label %wipe, label %fail
wipe:
  %top = ptrtoint ptr %sp to i64
  %above = icmp ugt i64 %stack.end, %top
  %wipe.all = sub i64 %stack.end, %top
  %wipe.length = select i1 %above, i64 %wipe.all, i64 0
  call {{i64, i64}} asm sideeffect "rep stosb",
    "={{rdi}},={{rcx}},0,1,{{eax}},~{{memory}},~{{flags}}"(i64 %top, i64 %wipe.length, i32 0)
"""


def _confine() -> str:
    program = "\n".join(
        f"""  %f{i} = getelementptr i64, ptr %words, i64 {16 + i}
  store i64 {word}, ptr %f{i}"""
        for i, word in enumerate(filter_words())
    )
    return f"""
  %strict = {_call(PRCTL, 22, 1)}
  %strict.ok = icmp eq i64 %strict, 0
  br i1 %strict.ok, label %ready, label %filter
filter:
  ; without the clock switch a filter is less than strict mode: the parent decides by the bits
{program}
  %f.at = ptrtoint ptr %f0 to i64
  store i64 {len(filter_words())}, ptr %limit.p
  store i64 %f.at, ptr %limit.q
  %installed = {_call(PRCTL, 22, 2, "%limit.at")}
  %installed.ok = icmp eq i64 %installed, 0
  br i1 %installed.ok, label %ready, label %fail
ready:
  %mode = phi i64 [{MODE_STRICT}, %wipe], [{MODE_FILTER}, %filter]
  %b0 = select i1 %bit.vdso.i, i64 1, i64 0
  %b1 = select i1 %tsc.ok, i64 2, i64 0
  %b2 = select i1 %mdwe.ok, i64 4, i64 0
  %b3 = select i1 %range.ok, i64 8, i64 0
  %b4 = select i1 %death.ok, i64 16, i64 0
  %b01 = or i64 %b0, %b1
  %b23 = or i64 %b2, %b3
  %b0123 = or i64 %b01, %b23
  %bits = or i64 %b0123, %b4
  store i64 {MAGIC}, ptr %words
  store i64 %mode, ptr %parent.p
  store i64 %bits, ptr %cpu.p
  store i64 0, ptr %bytes.p
  {_call(WRITE, 1, "%at", READY_BYTES)}
  br label %loop
"""


def _loop() -> str:
    return f"""
loop:
  %n = {_call(READ, 0, "%at", COMMAND_BYTES)}
  %full = icmp eq i64 %n, {COMMAND_BYTES}
  br i1 %full, label %command, label %fail
command:
  %repeat = load i64, ptr %parent.p
  %arena = inttoptr i64 {ARENA} to ptr
  %arguments = getelementptr i64, ptr %words, i64 4
  %kernel = inttoptr i64 {KERNEL} to ptr
  br label %again
again:
  %done = phi i64 [0, %command], [%done.n, %again]
  store i32 8064, ptr %bytes.p                  ; MXCSR 0x1f80: to nearest, nothing traps
  call void asm sideeffect "ldmxcsr ($0)\\0Acld", "r,~{{memory}},~{{dirflag}}"(ptr %bytes.p)
  %result = call i64 %kernel(ptr %arena, ptr %arguments)
  %done.n = add i64 %done, 1
  %more = icmp ult i64 %done.n, %repeat
  %fine = icmp eq i64 %result, 0
  %go = and i1 %more, %fine
  br i1 %go, label %again, label %answer
answer:
  store i64 %result, ptr %parent.p
  store i64 %done.n, ptr %cpu.p
  store i64 0, ptr %bytes.p
  %w = {_call(WRITE, 1, "%at", REPLY_BYTES)}
  %written = icmp eq i64 %w, {REPLY_BYTES}
  br i1 %written, label %loop, label %fail
fail:
  {_call(EXIT, 3)}
  unreachable
}}
"""


_MEMORY = """
define hidden ptr @memset(ptr %d, i32 %c, i64 %n) "no-builtins" noinline {
  call {i64, i64} asm sideeffect "rep stosb",
    "={rdi},={rcx},0,1,{eax},~{memory},~{flags}"(ptr %d, i64 %n, i32 %c)
  ret ptr %d
}
define hidden ptr @memcpy(ptr %d, ptr %s, i64 %n) "no-builtins" noinline {
  call {i64, i64, i64} asm sideeffect "rep movsb",
    "={rdi},={rsi},={rcx},0,1,2,~{memory},~{flags}"(ptr %d, ptr %s, i64 %n)
  ret ptr %d
}
"""
EXTERNALS = ("memset", "memcpy")


def compile_launcher() -> tuple[bytes, dict[str, int]]:
    """The launcher's code, to be mapped at `vm.jit.image.LAUNCHER`, and offsets of its symbols."""
    from vm.jit import backend, linker

    data = backend.compile_ir(launcher_ir(), "x86-64-v2")
    sections = linker.read_sections(data)
    text = next(s for s in sections if s.flags & linker.SHF_EXECINSTR and s.data)
    index = sections.index(text)
    offsets = {s.name: s.value for s in linker.read_symbols(sections) if s.section == index}
    code = bytearray(text.data)
    for section, offset, kind, symbol, addend in linker.relocations(sections):
        if section == index:
            assert kind in linker.RELATIVE_32
            assert symbol.section == index
            struct.pack_into("<i", code, offset, symbol.value + addend - offset)
    return bytes(code), {name: offsets[name] for name in ("_start", *EXTERNALS)}


def render(code: bytes, offsets: dict[str, int]) -> str:
    """The text of launcher_code.py."""
    lines = [f'    "{code[i : i + 32].hex()}"' for i in range(0, len(code), 32)]
    return "\n".join(
        [
            '"""The launcher, compiled by `python -m vm.sandbox.launcher`; do not edit."""',
            "",
            "from __future__ import annotations",
            "",
            "CODE = bytes.fromhex(",
            *lines,
            ")",
            f"OFFSETS = {offsets!r}".replace("'", '"'),
            "",
        ]
    )


if __name__ == "__main__":
    Path(__file__).with_name("launcher_code.py").write_text(render(*compile_launcher()))
