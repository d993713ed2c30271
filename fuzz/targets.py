"""What is fuzzed: functions of bytes that must end in a result or in an error of their own kind.

Anything else that they raise is a finding. Seeds are what a reader of the documents could make.
"""

from __future__ import annotations

import io
import os
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compiler.diagnostics import CompileError
from compiler.fmt import format_text
from compiler.pipeline import compile_path, compile_text
from compiler.source import SourceError
from cpushare import images
from cpushare.writing import write_image
from fuzz import NAMES, ROOT
from vm import codec, interp
from vm.errors import Invalid, Malformed, OverLimit, Refused, SandboxBroken, Trap
from vm.jit import backend, linker
from vm.sandbox.child import StrictChild
from vm.sandbox.elf import EXTERNALS
from vm.testing.values import random_images, random_parameters
from vm.text import assemble, disassemble
from vm.verifier import verify

EXAMPLES = sorted((ROOT / "examples").glob("*.cps"))
UNITS = 20_000
MOST_PIXELS = 1 << 16


def decoder(data: bytes) -> None:
    """A module has one encoding."""
    try:
        module = codec.decode(data)
    except Malformed:
        return
    assert codec.encode(module) == data


def verifier(data: bytes) -> None:
    """What is accepted runs without contradicting what was proved."""
    try:
        verified = verify(data)
    except (Malformed, Invalid):
        return
    rng = random.Random(len(data))
    for name, kernel in verified.kernels.items():
        inputs = random_images(rng, kernel.kernel)
        given = random_parameters(rng, kernel.kernel)
        try:
            interp.run(
                verified, name, inputs, given, limit_units=UNITS, limit_bytes=1 << 22, audit=True
            )
        except (Trap, OverLimit, Refused):
            continue


def assembler(data: bytes) -> None:
    """What is assembled is written and read again as the same."""
    try:
        module = assemble(data.decode("utf-8", "replace"))
    except Malformed:
        return
    assert assemble(disassemble(module)) == module


def parser(data: bytes) -> None:
    """Programs compile or are diagnosed; what parses is formatted, once and for all."""
    text = data.decode("utf-8", "replace")
    try:
        formatted = format_text(text)
        assert format_text(formatted) == formatted
    except (CompileError, SourceError):
        pass
    try:
        compile_text(text, "fuzzed.cps")
    except CompileError as error:
        error.render()
    except SourceError:
        return


def picture(data: bytes) -> None:
    """Pictures are read or refused."""
    reading = images.Reading(most_pixels=MOST_PIXELS)
    try:
        found = images.decode(io.BytesIO(data), "fuzzed", reading)
    except (Refused, OverLimit):
        return
    assert found.shape[0] * found.shape[1] <= MOST_PIXELS


def reply(data: bytes) -> None:
    """A child's reply is the one that was waited for, or the child is given up."""
    receiving, sending = os.pipe()
    child = object.__new__(StrictChild)
    child.replies = receiving
    child.sequence, child.pid = 1, 0
    child.descriptors, child.memory = [], None
    try:
        os.write(sending, data[: 1 << 12])
        os.close(sending)
        child._read_reply()
    except SandboxBroken:
        pass
    finally:
        os.close(receiving)


def objects(data: bytes) -> None:
    """The object code that a compile box made is linked, or refused."""
    try:
        linker.link(data, "kernel", EXTERNALS)
    except (SandboxBroken, OverLimit):
        return


@dataclass(frozen=True)
class Target:
    """A function of bytes, and where its inputs begin."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]


def _modules() -> Iterator[bytes]:
    for path in EXAMPLES:
        yield compile_path(path).encoded


def _assembly() -> Iterator[bytes]:
    for data in _modules():
        yield disassemble(codec.decode(data)).encode()
    for path in sorted((ROOT / "tests" / "cases" / "invalid").glob("*.cpa"))[::7]:
        yield path.read_bytes()


def _programs() -> Iterator[bytes]:
    cases = (ROOT / "tests" / "cases").rglob("*.cps")
    for path in [*EXAMPLES, *sorted(cases)[::5]]:
        yield path.read_bytes()


def _pictures() -> Iterator[bytes]:
    import tempfile

    gray = np.arange(64, dtype=np.uint8).reshape(8, 8)
    colour = np.stack([gray, gray[::-1], gray.T], axis=-1)
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".png", ".jpg", ".tif", ".webp", ".pgm", ".ppm", ".bmp", ".npy"):
            path = Path(folder) / f"a{suffix}"
            write_image(path, colour if suffix in (".webp", ".ppm", ".jpg") else gray)
            yield path.read_bytes()


def _replies() -> Iterator[bytes]:
    yield struct.pack("<4q", 1, 0, 0, 0)
    yield struct.pack("<4q", 2, 1 << 40, 0, 7)


def _objects() -> Iterator[bytes]:
    ir = "define hidden i64 @kernel(ptr noalias %arena, ptr noalias %args) {\n  ret i64 0\n}\n"
    yield backend.compile_ir(ir, "x86-64-v2")


TARGETS = {
    "decoder": Target(decoder, _modules),
    "verifier": Target(verifier, _modules),
    "assembler": Target(assembler, _assembly),
    "parser": Target(parser, _programs),
    "picture": Target(picture, _pictures),
    "reply": Target(reply, _replies),
    "objects": Target(objects, _objects),
}
assert set(TARGETS) == set(NAMES)
