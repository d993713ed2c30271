"""The table of instructions is sound, and docs/bytecode.md says what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vm import codec, interp, text
from vm.docs import EXAMPLE, GROUPS, bytecode_page, main
from vm.opcodes import Imm, Op
from vm.verifier import verify

WORDS = {"T", "S", "L", "E", "P", "C", "A", "F", "R", "i32", "bool"}


def test_the_page_is_fresh() -> None:
    assert main(["--check"]) == 0, "run: python -m vm.docs docs/bytecode.md"


def test_the_page_can_be_printed_and_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    assert main([]) == 0
    assert capsys.readouterr().out == bytecode_page()
    assert main([str(page)]) == 0
    assert page.read_text(encoding="utf-8") == bytecode_page()
    assert main(["--check", str(page)]) == 0
    page.write_text("stale")
    assert main(["--check", str(page)]) == 1
    assert "is stale" in capsys.readouterr().err


@pytest.mark.parametrize("op", Op)
def test_every_row_is_on_the_page_once(op: Op) -> None:
    rows = [line for line in bytecode_page().splitlines() if line.startswith(f"| {op.code:02x} |")]
    assert len(rows) == 1
    assert f"`{op.mnemonic}`" in rows[0]


def test_every_group_is_named_once() -> None:
    covered = [
        op for first, last in GROUPS.values() for op in Op if first.code <= op.code <= last.code
    ]
    assert sorted(covered, key=lambda op: op.code) == sorted(Op, key=lambda op: op.code)


@pytest.mark.parametrize("op", Op)
def test_rows_are_well_formed(op: Op) -> None:
    assert 0 < op.code < 0x80, "a code is one byte"
    assert set(op.pops) | set(op.pushes) <= WORDS
    assert op.cost_units >= 0
    typed = {"T"} & {*op.pops, *op.pushes}
    assert not typed or Imm.TYPE in op.immediates
    assert bool(op.types) == (Imm.TYPE in op.immediates)


def test_the_example_is_a_program() -> None:
    module = text.assemble(EXAMPLE)
    assert text.assemble(text.disassemble(module)) == module
    verified = verify(codec.encode(module))
    src = np.array([[10, 20, 40, 30]], np.uint8)
    found = interp.run(verified, "stretch", {"src": src}, {}).outputs["dst"]
    assert found.tolist() == [[64, 128]]
    assert verified.kernels["stretch"].checked == 0
