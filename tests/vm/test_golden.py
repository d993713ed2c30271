"""A module of every bytecode version: its bytes still decode, mean and cost the same.

Bytes and prices of a published version never change. `pytest --bless` writes them anew, which is
right only for a version that nobody has yet.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.vm.test_interp_programs import DITHER
from vm import codec, interp, text
from vm.docs import EXAMPLE
from vm.module import Module
from vm.opcodes import BYTECODE_VERSION
from vm.verifier import verify

GOLDEN = Path(__file__).parent / "golden"


def sample() -> Module:
    """Both example programs as one module."""
    kernels = [kernel for source in (DITHER, EXAMPLE) for kernel in text.assemble(source).kernels]
    return Module(tuple(kernels), "A golden module.")


def described(data: bytes) -> dict[str, object]:
    """What must stay: names of the program, prices, memory, and what it computes."""
    verified = verify(data)
    src = (np.arange(63, dtype=np.uint32) * 37 % 256).astype(np.uint8).reshape(7, 9)
    found: dict[str, object] = {"hash": verified.hash, "meaning": verified.meaning}
    for name, checked in verified.kernels.items():
        result = interp.run(verified, name, {"src": src}, {})
        found[name] = {
            "price": str(checked.cost),
            "memory": str(checked.memory),
            "counted": result.counted,
            "pixels": result.outputs["dst"].tobytes().hex(),
        }
    return found


def test_the_sample_of_this_version(bless: bool) -> None:
    path = GOLDEN / f"version-{BYTECODE_VERSION}.cpb"
    if bless:
        GOLDEN.mkdir(exist_ok=True)
        path.write_bytes(codec.encode(sample()))
        wanted = json.dumps(described(path.read_bytes()), indent=1, ensure_ascii=False)
        path.with_suffix(".json").write_text(wanted + "\n", encoding="utf-8")
    assert codec.encode(sample()) == path.read_bytes()


@pytest.mark.parametrize("version", range(1, BYTECODE_VERSION + 1))
def test_every_version_stays_what_it_was(version: int) -> None:
    path = GOLDEN / f"version-{version}.cpb"
    wanted = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert described(path.read_bytes()) == wanted
