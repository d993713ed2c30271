"""What the caller and the compile box say to each other: length-prefixed msgpack.

    <4 bytes: length> <msgpack of one struct below>

The caller holds every answer against a limit before it reads it, and against its type after.
"""

from __future__ import annotations

import msgspec

REQUEST_BYTES = 4 << 20
ANSWER_BYTES = 16 << 20
LENGTH_BYTES = 4


class CompileRequest(msgspec.Struct, frozen=True):
    """Compile one kernel of a module, specialised to its parameters (`vm.parameters.to_bytes`).

    `cpu` is the level to compile for, `attempt` the emission that is asked for (`vm.jit.backend`).

    With `checked`, signed arithmetic traps instead of wrapping; with `scalar`, no scan becomes a
    wavefront. With `sets` it is compiled for many tasks at once (`vm.jit.lower.batch`): one set of
    parameters, or one a task, and the indices of images that they share.
    """

    module: bytes
    kernel: str
    parameters: bytes
    cpu: str = ""
    attempt: int = 0
    checked: bool = False
    scalar: bool = False
    sets: tuple[bytes, ...] = ()
    shared: tuple[int, ...] = ()


class CompileAnswer(msgspec.Struct, frozen=True):
    """A linked kernel (`vm.jit.image.KernelImage`), or an error: its class and its text."""

    text: bytes = b""
    constants: bytes = b""
    llvm: str = ""
    error: str = ""
    message: str = ""


def pack(message: msgspec.Struct) -> bytes:
    """The bytes of a message."""
    data = msgspec.msgpack.encode(message)
    return len(data).to_bytes(LENGTH_BYTES, "little") + data
