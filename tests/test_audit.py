"""The byte audit: every forbidden instruction is found wherever it hides."""

from __future__ import annotations

import random

import pytest

from tests.sandbox.children import child_of, needs_native
from vm.errors import SandboxBroken
from vm.jit.audit import FORBIDDEN, find_forbidden
from vm.sandbox.hostile import RETURN

# Written down from the processor manuals, apart from the patterns.
ENCODINGS = {
    "syscall": ["0f05"],
    "sysenter": ["0f34"],
    "sysret": ["0f07", "480f07"],
    "int 0x80": ["cd80"],
    "rdtsc": ["0f31"],
    "sgdt": ["0f0100", "0f0144240a", "0f018000000000"],
    "sidt": ["0f0108", "0f010d00000000"],
    "smsw": ["0f01e0", "0f0120", "660f01e1"],
    "vmcall": ["0f01c1"],
    "xgetbv": ["0f01d0"],
    "vmfunc": ["0f01d4"],
    "xend": ["0f01d5"],
    "xtest": ["0f01d6"],
    "enclu": ["0f01d7"],
    "vmmcall": ["0f01d9"],
    "rdpkru": ["0f01ee"],
    "wrpkru": ["0f01ef"],
    "rdtscp": ["0f01f9"],
    "monitorx": ["0f01fa"],
    "mwaitx": ["0f01fb"],
    "rdpru": ["0f01fd"],
    "rdpmc": ["0f33"],
    "cpuid": ["0fa2"],
    "lar": ["0f02c0", "480f0200"],
    "lsl": ["0f03c0", "0f030424"],
    "rdrand": ["0fc7f0", "480fc7f7", "660fc7f1"],
    "rdseed, rdpid": ["0fc7f8", "490fc7ff", "f30fc7f8"],
    "xsavec": ["0fc720", "480fc7642408"],
    "xsaves": ["0fc728"],
    "xrstors": ["0fc718"],
    "fxsave": ["0fae00", "480fae8000000000"],
    "xsave": ["0fae20", "480fae27"],
    "xrstor": ["0fae28"],
    "xsaveopt, clwb": ["0fae30", "660fae30"],
    "clflush": ["0fae38", "660fae3f"],
    "rdfsbase": ["f30faec0", "f3480faec7", "f3410faec0", "f32e480faec0", "f366640faec0"],
    "rdgsbase": ["f30faec8", "f3490faecf"],
    "wrfsbase": ["f30faed0", "f3480faed7"],
    "wrgsbase": ["f30faed8", "f3480faedf"],
    "umonitor, umwait, tpause": ["f30faef0", "f20faef1", "660faef3", "66410faef0", "f367480faef0"],
    "xbegin": ["c7f800000000", "66c7f80000"],
}
SAMPLES = [(name, bytes.fromhex(code)) for name, codes in ENCODINGS.items() for code in codes]
IDS = [f"{name} {code.hex()}" for name, code in SAMPLES]
HONEST = bytes.fromhex(
    "c5fc2804" "07c5fc58c1c5fc2904174883c2204839d175e8c5f877" "0faee8" "0faef0" "0faef8"
    "0fae5c2404" "0fae542404"
    "0fb6c0660f6fc1f30f10050000000048ba0500000000000000" "0f8500010000" "0fc7c0"
)  # fmt: skip


def names(text: bytes) -> set[str]:
    return {finding.name for finding in find_forbidden(text)}


def test_every_pattern_has_a_sample() -> None:
    assert ENCODINGS.keys() == FORBIDDEN.keys()


@pytest.mark.parametrize(("name", "code"), SAMPLES, ids=IDS)
def test_found_at_every_offset(name: str, code: bytes) -> None:
    for offset in (*range(70), 4093, 4094, 4095, 4096):
        text = b"\x90" * offset + code + b"\x90" * 40
        found = [finding for finding in find_forbidden(text) if finding.name == name]
        assert len(found) == 1
        assert offset <= found[0].offset < offset + len(code)


@pytest.mark.parametrize(("name", "code"), SAMPLES, ids=IDS)
def test_found_inside_another_instructions_constant(name: str, code: bytes) -> None:
    constant = code[:8].ljust(8, b"\0")
    assert name in names(b"\x48\xb8" + constant + RETURN)


@pytest.mark.parametrize(("name", "code"), SAMPLES, ids=IDS)
def test_found_at_the_very_end(name: str, code: bytes) -> None:
    assert name in names(b"\x90" * 9 + code.rstrip(b"\0"))


def test_an_instruction_may_go_on_in_the_pages_filler() -> None:
    """0f 01 are the last bytes; the page goes on with zeros, and 0f 01 00 is sgdt [rax]."""
    assert names(b"\x90\x0f\x01") == {"sgdt"}
    assert names(b"\x90\x0f\xae") == {"fxsave"}


@needs_native
def test_that_filler_really_is_executed() -> None:
    """Half an instruction, 00, and the filler make add [rax], al, up to the end of the page."""
    code = b"\x48\x89\xf8\xb0\x01\x00"  # mov rax, rdi; mov al, 1
    with child_of(code) as child:
        arena = child.arena
        with pytest.raises(SandboxBroken):
            child.run([])
        assert arena[1] == (4096 - len(code) + 1) // 2 % 256
        del arena


def test_honest_code_is_let_through() -> None:
    assert find_forbidden(HONEST) == []
    assert find_forbidden(b"") == []
    assert find_forbidden(bytes(range(0x10, 0x100)) * 3) == []


def test_findings_are_in_order_and_complete() -> None:
    text = b"\x0f\x05" + b"\x90" * 5 + b"\x0f\xa2" + b"\xcd\x80" + b"\x0f\x05"
    found = [(finding.name, finding.offset) for finding in find_forbidden(text)]
    assert found == [("syscall", 0), ("cpuid", 7), ("int 0x80", 9), ("syscall", 11)]


def test_overlapping_prefixes_take_linear_time() -> None:
    import time

    began = time.perf_counter()
    assert find_forbidden(b"\xf3\x48\x66\xf2" * 50_000) == []
    assert time.perf_counter() - began < 5


def test_disassembler_agrees() -> None:
    """What a disassembler calls forbidden in random code, the audit finds at that place."""
    capstone = pytest.importorskip("capstone")
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    forbidden = {
        "syscall", "sysenter", "sysret", "sysretq", "rdtsc", "rdtscp", "sgdt", "sidt", "smsw",
        "xgetbv", "xend", "xtest", "rdpkru", "wrpkru", "rdpmc", "cpuid", "lar", "lsl", "rdrand",
        "rdseed", "xsave", "xsave64", "xsavec", "xsavec64", "xsaves", "xsaves64", "xrstor",
        "xrstor64", "xrstors", "xrstors64", "fxsave", "fxsave64", "xsaveopt", "xsaveopt64",
        "clflush", "clflushopt", "clwb", "rdfsbase", "rdgsbase", "wrfsbase", "wrgsbase", "xbegin",
        "vmcall", "vmmcall", "vmfunc", "monitorx", "mwaitx", "rdpid",
    }  # fmt: skip
    source = random.Random(5)
    seen = set()
    for _ in range(20_000):
        prefixes = bytes(source.choices(b"\x66\xf2\xf3\x48\x41\x2e", k=source.randrange(3)))
        opcode = source.choice([b"\x0f\x01", b"\x0f\xae", b"\x0f\xc7", b"\xc7", b"\x0f"])
        code = prefixes + opcode + source.randbytes(8)
        for instruction in decoder.disasm(code, 0, 1):
            mnemonic = instruction.mnemonic.split()[-1]
            if mnemonic in forbidden:
                seen.add(mnemonic)
                hits = [f.offset for f in find_forbidden(code)]
                assert any(offset < instruction.size for offset in hits), code.hex()
    assert len(seen) > 25, sorted(seen)
