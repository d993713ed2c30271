"""The runner of `test` blocks: what fails is told at its place, and engines must agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from compiler import testimages as pictures
from compiler.check.program import check_program
from compiler.source import Source
from compiler.testing import Engine, TestResult, run_program
from tests import engines
from vm.inputs import Outputs
from vm.types import ScalarType
from vm.verifier import VerifiedModule

PROGRAM = """\
kernel invert(in src: image<u8>, out dst: image<u8>(src.width, src.height), param by: i32 = 255) {
    require(src.width < 9, "too wide");
    map (x, y) in src { dst[x, y] = wrap_u8(by - i32(src[x, y])); }
}
test "it" {
    let src: image<u8> = ramp(4, 2);
    let out = invert(src).dst;
    STATEMENT
}
"""
LINE = 8


def run(statement: str, **more: Engine) -> TestResult:
    program = check_program(Source.from_text("t.cps", PROGRAM.replace("STATEMENT", statement, 1)))
    (result,) = run_program(program, {"interpreter": engines.interpret, **more})
    return result


@pytest.mark.parametrize(
    "statement",
    [
        "assert_eq(out, invert(invert(out).dst).dst);",
        "assert_eq(out[0, 0], 255);",
        "assert_eq(sum(i32(out[x, y]) for (x, y) in out), 2 * 510);",
        "assert_eq(out.width, 4);",
        "assert_close(f64(out[1, 0]), 169.5, 0.5);",
        "assert_close(out, src, 255);",
        "assert_between(i32(out[1, 0]), 170, 170);",
        "assert_traps(invert(fill(0, 9, 1)));",
        'assert_hash(src, "4b0d5d");'.replace("4b0d5d", pictures.digest(
            pictures.ramp(ScalarType.U8, 4, 2, 1), ScalarType.U8)[:12]),
        "let n = 3; assert_eq(invert(src, by: n * 85).dst, out);",
    ],
)  # fmt: skip
def test_what_holds_passes(statement: str) -> None:
    result = run(statement)
    assert result.failure is None, result.failure.render()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("assert_eq(out, src);", "first at [0, 0]: 255 is not 0; 8 of 8 samples differ"),
        ("assert_eq(out, fill(0, 3, 2));", "4 x 2 is not 3 x 2"),
        ("assert_eq(out[0, 0], 254);", "255 is not 254"),
        ("assert_close(out, src, 100);", "4 of 8 samples differ"),
        ("assert_close(1.5, 1.0, 0.25);", "1.5 is not close to 1.0"),
        ("assert_between(i32(out[1, 0]), 0, 169);", "170 is not in 0..=169"),
        ('assert_hash(out, "0123456789");', "this is "),
        ("assert_traps(invert(src));", "did not trap"),
        ("assert_eq(invert(fill(1, 9, 1)).dst, fill(254, 9, 1));", "too wide"),
        ("assert_eq(1 / i32(src[0, 0]), 1);", "divided by zero"),
        ("assert_eq(src[4, 0], 0);", "outside the image"),
    ],
)
def test_what_does_not_hold_fails_at_its_place(statement: str, words: str) -> None:
    failure = run(statement).failure
    assert failure is not None
    text = failure.render()
    assert words in text
    assert f"t.cps:{LINE}:" in text


def test_engines_that_disagree_fail() -> None:
    def wrong(
        verified: VerifiedModule, kernel: str, inputs: Any, parameters: Mapping[str, object]
    ) -> Outputs:
        outputs = engines.interpret(verified, kernel, inputs, parameters)
        return Outputs({name: image + 1 for name, image in outputs.items()})

    failure = run("assert_eq(out, out);", wrong=wrong).failure
    assert failure is not None
    assert "different bits in 'dst'" in failure.message


def test_an_engine_that_does_not_trap_fails() -> None:
    def careless(
        verified: VerifiedModule, kernel: str, inputs: Any, parameters: Mapping[str, object]
    ) -> Outputs:
        if inputs["src"].shape[1] > 8:
            return Outputs({"dst": np.zeros(inputs["src"].shape, np.uint8)})
        return engines.interpret(verified, kernel, inputs, parameters)

    failure = run("assert_traps(invert(fill(0, 9, 1)));", careless=careless).failure
    assert failure is not None
    assert "did not trap" in failure.message


def test_noise_is_splitmix64() -> None:
    image = pictures.noise(ScalarType.U64, 1234567, 5, 1, 1)
    wanted = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert image[0].tolist() == wanted
    assert pictures.noise(ScalarType.I8, 1234567, 1, 1, 1)[0, 0] == wanted[0] >> 56
    f32 = pictures.noise(ScalarType.F32, 1234567, 1, 1, 1)
    assert f32[0, 0] == (wanted[0] >> 40) / 2**24


def test_ramps_end_at_the_top() -> None:
    assert pictures.ramp(ScalarType.U8, 3, 1, 1).tolist() == [[0, 127, 255]]
    assert pictures.ramp(ScalarType.I16, 2, 1, 1).tolist() == [[0, 32767]]
    assert pictures.ramp(ScalarType.F64, 5, 1, 1).tolist() == [[0.0, 0.25, 0.5, 0.75, 1.0]]
    assert pictures.ramp(ScalarType.U8, 1, 2, 2).tolist() == [[[0, 0]], [[0, 0]]]
