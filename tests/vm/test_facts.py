"""What the verifier finds out, held fast: every range, proof, price and size, of many programs.

Proving less than before would make kernels slower and refuse some; proving more may be a mistake.
Either shows here, and is to be looked at before it is blessed (`--bless`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from compiler.diagnostics import CompileError
from compiler.pipeline import compile_path, compile_text
from compiler.samples.programs import random_program
from tests.vm.listings import encoded
from vm import codec
from vm.module import Module
from vm.testing.programs import random_kernel
from vm.verifier import VerifiedKernel, verify

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "cases" / "facts"
EXAMPLES = sorted((ROOT / "examples").glob("*.cps"))
HASHES = FOLDER / "others.json"
RANDOM_MODULES = 120
RANDOM_PROGRAMS = 60


def facts_text(kernel: VerifiedKernel) -> str:
    """All facts about a kernel, a line an instruction."""
    facts = kernel.facts
    lines = [f"kernel {kernel.kernel.name}", f"cost {kernel.cost}", f"memory {kernel.memory}"]
    lines.append(f"cleared {sorted(facts.cleared)}")
    lines += [f"carry {index}: {reach}" for index, reach in sorted(facts.reaches.items())]
    for position, instruction in enumerate(kernel.kernel.code):
        marks = "".join(
            mark if position in found else "."
            for mark, found in (("p", facts.proved), ("c", facts.checked), ("x", facts.exact))
        )
        low, high = facts.ranges.get(position, ("", ""))
        end = facts.end_of.get(position, "")
        other = facts.else_of.get(position, "")
        doubts = "; ".join(doubt.text() for doubt in facts.doubts.get(position, ()))
        words = f"{position:5} {instruction.op.mnemonic:11} {marks} {low}..{high} {end} {other}"
        lines.append(f"{words} {doubts}".rstrip())
    return "\n".join(lines) + "\n"


def text_of(data: bytes) -> str:
    """The facts about all kernels of a module."""
    verified = verify(data)
    assert verified.hash == hashlib.sha256(data).hexdigest()
    head = f"meaning {verified.meaning}\n"
    return head + "\n".join(facts_text(kernel) for kernel in verified.kernels.values())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples(path: Path, bless: bool) -> None:
    golden = FOLDER / f"{path.stem}.txt"
    found = text_of(compile_path(path).encoded)
    if bless:
        golden.write_text(found)
    assert golden.read_text() == found


def others() -> Iterator[tuple[str, bytes]]:
    """Names and bytes of many modules: the accepted cases, random modules, random programs."""
    for path in sorted((ROOT / "tests" / "cases" / "valid").glob("*.cpa")):
        yield path.stem, encoded(path.read_text())
    for path in sorted((ROOT / "tests" / "cases" / "run").glob("*.cps")):
        yield path.stem, compile_path(path).encoded
    for seed in range(RANDOM_MODULES):
        kernel = random_kernel(Random(seed), 10 + seed)
        yield f"module {seed}", codec.encode(Module((kernel,)))
    for seed in range(RANDOM_PROGRAMS):
        try:
            yield f"program {seed}", compile_text(random_program(seed, 40), "random.cps").encoded
        except CompileError:
            continue


def test_others(bless: bool) -> None:
    found = {
        name: hashlib.sha256(text_of(data).encode()).hexdigest()[:16] for name, data in others()
    }
    if bless:
        HASHES.write_text(json.dumps(found, indent=1) + "\n")
    wanted = json.loads(HASHES.read_text())
    assert {name for name in wanted if found.get(name) != wanted[name]} == set()
    assert found.keys() == wanted.keys()
