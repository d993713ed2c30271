"""Elements of a table, one a lane: there is no vector instruction for it that is any faster.

Indices are taken out of 64-bit words, several at a time, by shifts: taking them out of a vector one
by one takes as long as all the rest. Those of a table of up to 256 elements are bytes.
"""

from __future__ import annotations

from dataclasses import replace

from vm.jit.lower import spans
from vm.jit.lower.arrays import known_elements, pointer
from vm.jit.lower.conversions import resize
from vm.jit.lower.lanes import NotVector
from vm.jit.lower.regions import number
from vm.jit.lower.state import Lowering
from vm.jit.lower.value import LLVM_TYPE, Value, kind_of
from vm.opcodes import Op
from vm.types import ScalarType
from vm.verifier.regions import Region

LOOKUP_LANES = 16  # of a body that looks up once: indices and addresses fit the registers
WORD_BITS = 64
INDEX_TYPES = {scalar.bits: scalar for scalar in (ScalarType.U8, ScalarType.U16, ScalarType.U32)}


def looks_up_once(low: Lowering, region: Region, channels: int) -> bool:
    """Whether a body looks up one element for each channel: nothing waits for it, and more lanes
    hide no time.
    """
    code = low.kernel.code[region.start + 1 : region.end]
    arrays = [low.kernel.arrays[number(step, 0)] for step in code if step.op is Op.ELEM_GET]
    looked_up = sum(not array.is_local for array in arrays)
    return 0 < looked_up <= channels and not any(step.op in (Op.FOR, Op.REDUCE) for step in code)


def table_values(low: Lowering, array: int, index: Value) -> Value:
    """The elements that the lanes of an index, all inside, ask for. Raises `NotVector`."""
    build, declared, lanes = low.build, low.kernel.arrays[array], index.lanes
    known = known_elements(low, array)
    if known is None or low.blind:
        raise NotVector("an array is indexed by a value that differs from pixel to pixel")
    kind, size, table = LLVM_TYPE[declared.type], declared.type.size_bytes, pointer(low, array)
    vector = kind_of(declared.type, lanes)
    bits, words = _words(low, index, declared.length)
    found, word = "poison", ""
    for lane in range(lanes):
        which, shift = divmod(lane * bits, WORD_BITS)
        if not shift:
            word = build.value(f"extractelement {words}, i64 {which}")
        moved = build.value(f"lshr i64 {word}, {shift}") if shift else word
        at = build.value(f"and i64 {moved}, {(1 << bits) - 1}")
        address = build.value(f"getelementptr {kind}, ptr {table}, i64 {at}")
        element = build.value(f"load {kind}, ptr {address}, align {size}")
        found = build.value(f"insertelement {vector} {found}, {kind} {element}, i64 {lane}")
    made = low.make(declared.type, found, index)
    if declared.type.is_float:
        return replace(made, span=spans.of_elements(declared.type, known))
    return made


def _words(low: Lowering, index: Value, length: int) -> tuple[int, str]:
    """The bits of an index, and words that hold those of all lanes, with their type."""
    least = max(length - 1, 1).bit_length()
    bits = next(bits for bits in INDEX_TYPES if least <= bits and index.lanes * bits >= WORD_BITS)
    small = index.as_byte if bits == ScalarType.U8.bits else None
    if small is None:
        small = resize(low, index, INDEX_TYPES[bits])
    kind = kind_of(ScalarType.U64, index.lanes * bits // WORD_BITS)
    return bits, f"{kind} {low.build.value(f'bitcast {low.typed(small)} to {kind}')}"
