"""LLVM IR -> linked code, in which no bytes look like an instruction that a kernel must not have.

LLVM writes assembly text, which is assembled here: so where the end of one instruction and the
beginning of the next make a forbidden pair by chance (`mov …, 15` is ….0f, `xor` is 31: rdtsc), a
`nop` goes between; where a jump's distance has such bytes, it changes; where a memory operand's
offset has, its base register is moved for that instruction; where the offset is added to a pointer,
that is done in two steps. What cannot be helped, a constant say, is left to another attempt
(vm/sandbox/native.py), with other code.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping

from vm.jit import backend, linker
from vm.jit.audit import find_forbidden
from vm.jit.image import KernelImage

ROUNDS = 8
ENTRY = "kernel"
LABEL = "instruction"  # a label with a number before every instruction: it names its place
NOP = "\tnop"
MOVED = 0x1111  # added to a base register and taken off an offset: no byte of it stays as it was
OPERAND = re.compile(r"(-?\d+)\((%r(?:[abcd]x|bp|si|di|\d+))([,)])")
PLAIN = re.compile(r"\t(?:v|p(?!ush|op)|mov|add|sub|and|or|xor|cmp|test|cvt)")
ADDRESS = re.compile(r"\tleaq\t(-?\d+)(\([^)]*\)), (%r\w+)$")
SUM = re.compile(r"\t(add|sub)q\t\$(-?\d+), (%r\w+)$")
READS_FLAGS = re.compile(r"\t(?:j(?!mp\t)|set|cmov|adc|sbb|rc[lr]|lahf|pushf|cmc)")
WRITES_FLAGS = re.compile(
    r"\t(?:(?:add|sub|cmp|test|and|or|xor|neg)[bwlq]|"
    r"v?u?comis[sd]|v?ptest|kortest[bwdq]|ret[lq]?)\b"
)
BYTES = {"ax": "al|ah", "bx": "bl|bh", "cx": "cl|ch", "dx": "dl|dh"}


def emit(ir: str, cpu: str, attempt: int, externals: Mapping[str, int]) -> KernelImage:
    """The code of a kernel, as far as may be without forbidden bytes. Raises `SandboxBroken`."""
    lines = backend.assembly(ir, cpu, attempt).splitlines()
    for layout in range(attempt, attempt + ROUNDS):
        data = backend.assemble("\n".join(lines), cpu)
        image = linker.link(data, ENTRY, externals, layout_seed=layout)
        found = find_forbidden(image.text)
        if not found:
            break
        data = backend.assemble("\n".join(_labelled(lines)), cpu)  # labels change no byte
        places = linker.link_and_locate(data, ENTRY, externals, layout_seed=layout)[1]
        lines = _apart(lines, _hits(places, [each.offset for each in found]))
    return image


def _is_instruction(line: str) -> bool:
    return line[:1] == "\t" and line[1:2] not in (".", "#", "")


def _labelled(lines: list[str]) -> list[str]:
    labelled = []
    for number, line in enumerate(lines):
        if _is_instruction(line):
            labelled.append(f"{LABEL}{number}:")
        labelled.append(line)
    return labelled


def _hits(places: Mapping[str, int], offsets: list[int]) -> set[int]:
    """The numbers of the lines whose instructions lie at these offsets of the code."""
    marked = sorted(
        (place, int(name.removeprefix(LABEL)))
        for name, place in places.items()
        if name.startswith(LABEL)
    )
    starts = [place for place, _ in marked]
    found = (bisect_right(starts, offset) - 1 for offset in offsets)
    return {marked[index][1] for index in found if index >= 0}


def _apart(lines: list[str], hits: set[int]) -> list[str]:
    """The lines with a nop before and after each hit, or otherwise, if it has been hit again."""
    moved = []
    for number, line in enumerate(lines):
        if number not in hits:
            moved.append(line)
        elif NOP in lines[number - 1 : number]:
            moved += _in_two_steps(lines, number) or _on_another_base(line)
        else:
            moved += [NOP, line, NOP]
    return moved


def _in_two_steps(lines: list[str], number: int) -> list[str]:
    """Adding an offset to a pointer, as adding two; nothing if the instruction is none of that.

    `lea` changes no flags, and instead of `add` it does where nobody looks at those.
    """
    line = lines[number]
    if found := ADDRESS.match(line):
        offset, rest, register = int(found[1]), found[2], found[3]
    elif (found := SUM.match(line)) and _flags_are_over(lines, number):
        offset, register = int(found[2]) * (1 if found[1] == "add" else -1), found[3]
        rest = f"({register})"
    else:
        return []
    moved = _way(offset)
    first = f"\tleaq\t{offset - moved}{rest}, {register}"
    return [first, f"\tleaq\t{moved}({register}), {register}"]


def _way(offset: int) -> int:
    """How far to move what an offset is added to: it is to stay within 32 bits."""
    return MOVED if offset >= MOVED - (1 << 31) else -MOVED


def _flags_are_over(lines: list[str], number: int) -> bool:
    """Whether what an instruction leaves in the flags is written over before anybody reads it."""
    for _ in lines:  # each once at most: jumps may go in a circle
        number += 1
        if number == len(lines) or READS_FLAGS.match(lines[number]):
            return False
        if WRITES_FLAGS.match(lines[number]):
            return True
        if lines[number].startswith("\tjmp\t"):
            label = lines[number].removeprefix("\tjmp\t") + ":"
            if label not in lines:
                return False
            number = lines.index(label)
    return False


def _on_another_base(line: str) -> list[str]:
    """An instruction with another offset in its memory operand, from a base moved as far.

    `lea` changes no flags. Only where the base is named once, in instructions that use no register
    without naming it.
    """
    found = OPERAND.search(line)
    if found is None or not PLAIN.match(line) or len(_family(found[2]).findall(line)) != 1:
        return [line]
    offset, base, then = int(found[1]), found[2], found[3]
    moved = _way(offset)
    other = line[: found.start()] + f"{offset - moved}({base}{then}" + line[found.end() :]
    return [f"\tleaq\t{moved}({base}), {base}", other, f"\tleaq\t{-moved}({base}), {base}"]


def _family(register: str) -> re.Pattern[str]:
    """A register under all its names."""
    name = register.removeprefix("%r")
    if name.isdigit():
        return re.compile(rf"%r{name}[dwb]?\b")
    return re.compile(rf"%(?:[re]?{name}|{BYTES.get(name, f'{name}l')})\b")
