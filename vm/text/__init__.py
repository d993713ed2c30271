"""Assembly text <-> Module: what `cpsc disasm` shows and `cpsc asm` takes.

    disassemble(module) -> str         assemble(text) -> Module, or Malformed with its line

assemble(disassemble(m)) == m for every module that can be encoded. A line holds one directive or
one instruction; `;` begins a comment; indentation and the numbers before instructions are for the
reader only. `.line N` gives the source line of the instructions that follow.
"""

from __future__ import annotations

from vm.text.read import assemble
from vm.text.write import disassemble

__all__ = ["assemble", "disassemble"]
