"""The linker: one relocatable object -> code and constants at fixed addresses.

It knows just what LLVM emits for our IR: executable sections, read-only constants, relocations
relative to the program counter, and calls of memset, memcpy, memmove, which the launcher has.
Anything else is refused. The format is that of the System V ABI, AMD64 supplement.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from msgspec import Struct

from vm.errors import SandboxBroken
from vm.jit.image import CONSTANT_BYTES, KERNEL, PAGE, TEXT_BYTES, KernelImage

SHT_PROGBITS, SHT_SYMTAB, SHT_RELA, SHT_NOBITS = 1, 2, 4, 8
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
R_X86_64_64, R_X86_64_PC32, R_X86_64_PLT32, R_X86_64_32S = 1, 2, 4, 11
RELATIVE_32 = (R_X86_64_PC32, R_X86_64_PLT32)
R_X86_64_PC64 = 24
JUMP_BYTES = 5
LAYOUT_STEP_BYTES = 64  # the alignment of functions: less might move nothing
NOP, TRAP = b"\x90", b"\xcc"
ALIGNMENT_BYTES = PAGE
IGNORED = (".eh_frame", ".note", ".comment", ".debug", ".llvm")


class Section(Struct, frozen=True):
    """A section header with its name and content."""

    name: str
    kind: int
    flags: int
    link: int
    info: int
    alignment: int
    data: bytes


class Symbol(Struct, frozen=True):
    """A symbol: the section it lies in (0: undefined) and its place there."""

    name: str
    section: int
    value: int


def link(
    data: bytes, entry: str, externals: Mapping[str, int], layout_seed: int = 0
) -> KernelImage:
    """Link an object. `externals` are addresses of what the launcher offers.

    `layout_seed` moves code and constants a little, so that bytes which happened to look like a
    forbidden instruction become others. Raises `SandboxBroken` for what our IR never makes.
    """
    return link_and_locate(data, entry, externals, layout_seed)[0]


def link_and_locate(
    data: bytes, entry: str, externals: Mapping[str, int], layout_seed: int = 0
) -> tuple[KernelImage, dict[str, int]]:
    """Link an object as `link` does; also gives where in the code its symbols are."""
    try:
        return _link(data, entry, externals, layout_seed)
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise SandboxBroken(f"the object is no x86-64 ELF: {error}") from None


def _link(
    data: bytes, entry: str, externals: Mapping[str, int], layout_seed: int
) -> tuple[KernelImage, dict[str, int]]:
    sections = read_sections(data)
    symbols = read_symbols(sections)
    start = KERNEL + JUMP_BYTES + LAYOUT_STEP_BYTES * layout_seed
    text, addresses = _place(sections, executable=True, start=start)
    constants_at = KERNEL + text[1] + -text[1] % PAGE
    constants, more = _place(sections, executable=False, start=constants_at)
    addresses |= more
    image = {True: bytearray(text[0]), False: bytearray(constants[0])}
    starts = {True: KERNEL + text[1] - len(text[0]), False: constants_at}
    _relocate(sections, addresses, externals, image, starts)
    places = {
        symbol.name: addresses[symbol.section] + symbol.value - KERNEL
        for symbol in symbols
        if symbol.section in addresses and addresses[symbol.section] < constants_at
    }
    return _finish(symbols, addresses, entry, image, starts), places


def _finish(
    symbols: list[Symbol],
    addresses: Mapping[int, int],
    entry: str,
    image: Mapping[bool, bytearray],
    starts: Mapping[bool, int],
) -> KernelImage:
    found = [s for s in symbols if s.name == entry and s.section in addresses]
    if len(found) != 1:
        raise SandboxBroken(f"the object does not define '{entry}' once")
    target = addresses[found[0].section] + found[0].value
    jump = b"\xe9" + struct.pack("<i", target - (KERNEL + JUMP_BYTES))
    text = jump + TRAP * (starts[True] - KERNEL - JUMP_BYTES) + bytes(image[True])
    if len(text) > TEXT_BYTES or len(image[False]) > CONSTANT_BYTES:
        raise SandboxBroken("the native code is too large")
    return KernelImage(text, bytes(image[False]))


def read_sections(data: bytes) -> list[Section]:
    """The sections of a relocatable x86-64 ELF object."""
    if data[:7] != b"\x7fELF\x02\x01\x01" or struct.unpack_from("<HH", data, 16) != (1, 62):
        raise ValueError("not a relocatable object")
    (table,) = struct.unpack_from("<Q", data, 40)
    count, names_index = struct.unpack_from("<HH", data, 60)
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, table + 64 * i) for i in range(count)]
    names = headers[names_index]
    sections = []
    for name, kind, flags, _, offset, size, link_, info, alignment, _ in headers:
        content = b"" if kind == SHT_NOBITS else data[offset : offset + size]
        if kind not in (0, SHT_NOBITS) and len(content) != size:
            raise ValueError("a section is cut off")
        label = _string(data[names[4] : names[4] + names[5]], name)
        sections.append(Section(label, kind, flags, link_, info, max(1, alignment), content))
    return sections


def _string(table: bytes, offset: int) -> str:
    return table[offset : table.index(b"\0", offset)].decode()


def read_symbols(sections: list[Section]) -> list[Symbol]:
    """All symbols, in the order relocations count them."""
    symbols = []
    for section in sections:
        if section.kind == SHT_SYMTAB:
            names = sections[section.link].data
            for place in range(0, len(section.data), 24):
                name, _, _, index, value, _ = struct.unpack_from("<IBBHQQ", section.data, place)
                symbols.append(Symbol(_string(names, name), index, value))
    return symbols


def _is_kept(section: Section) -> bool:
    return bool(section.flags & SHF_ALLOC and section.data) and not section.name.startswith(IGNORED)


def _place(
    sections: list[Section], executable: bool, start: int
) -> tuple[tuple[bytes, int], dict[int, int]]:
    """Lay out the code (or the constants); gives (content, end from KERNEL) and addresses."""
    content = bytearray()
    addresses: dict[int, int] = {}
    begin = start + -start % 64
    for index, section in enumerate(sections):
        if not _is_kept(section) or bool(section.flags & SHF_EXECINSTR) != executable:
            continue
        if section.flags & SHF_WRITE:
            raise SandboxBroken(f"the object has a writable section '{section.name}'")
        if section.alignment > ALIGNMENT_BYTES:
            raise SandboxBroken(f"the section '{section.name}' is aligned to more than a page")
        if len(content) + len(section.data) > max(TEXT_BYTES, CONSTANT_BYTES):
            raise SandboxBroken("the native code is too large")
        filler = TRAP if executable else b"\0"
        content += filler * (-len(content) % section.alignment)
        addresses[index] = begin + len(content)
        content += section.data
    return (bytes(content), begin + len(content) - KERNEL), addresses


def relocations(sections: list[Section]) -> Iterator[tuple[int, int, int, Symbol, int]]:
    """(section, offset, kind, symbol, addend) of every relocation that matters."""
    symbols = read_symbols(sections)
    for section in sections:
        if section.kind != SHT_RELA or sections[section.info].name.startswith(IGNORED):
            continue
        for place in range(0, len(section.data), 24):
            offset, info, addend = struct.unpack_from("<QQq", section.data, place)
            yield section.info, offset, info & 0xFFFFFFFF, symbols[info >> 32], addend


def _relocate(
    sections: list[Section],
    addresses: Mapping[int, int],
    externals: Mapping[str, int],
    image: Mapping[bool, bytearray],
    starts: Mapping[bool, int],
) -> None:
    for index, offset, kind, symbol, addend in relocations(sections):
        if symbol.section in addresses:
            target = addresses[symbol.section] + symbol.value
        elif symbol.section == 0 and symbol.name in externals:
            target = externals[symbol.name]
        else:
            raise SandboxBroken(f"the object needs '{symbol.name}', which is not there")
        if index not in addresses:
            raise SandboxBroken(f"a relocation lies in '{sections[index].name}'")
        place = addresses[index] + offset
        executable = bool(sections[index].flags & SHF_EXECINSTR)
        at = place - starts[executable]
        if at < 0:
            raise SandboxBroken("a relocation lies before its section")
        if kind in RELATIVE_32:
            struct.pack_into("<i", image[executable], at, target + addend - place)
        elif kind == R_X86_64_PC64:
            struct.pack_into("<q", image[executable], at, target + addend - place)
        elif kind == R_X86_64_64:
            struct.pack_into("<q", image[executable], at, target + addend)
        elif kind == R_X86_64_32S:
            struct.pack_into("<i", image[executable], at, target + addend)
        else:
            raise SandboxBroken(f"the object has a relocation of kind {kind}")
