"""Outcomes: what a kernel gave, through blobs and patterns and back, bit for bit."""

from __future__ import annotations

import math

import numpy as np
import pytest

from compiler.pipeline import compile_text
from cpushare.market.errors import BadMessage
from cpushare.market.messages import Outcome
from cpushare.market.outcomes import (
    TRAP_LENGTH,
    outcome_of,
    outcome_of_trap,
    outputs_from,
    read_trap,
    trap_text,
)
from cpushare.market.rasters import blob_name, encode_raster
from vm import interp
from vm.errors import Trap
from vm.module import Kernel

TEXT = """record Row { total: i64, mean: f32, odd: bool, low: i8 }

kernel stats(in src: image<u8>, out dst: image<u8>(src.width, src.height),
    out far: image<f32>(2, 1), param by: f32 = 0.0)
    -> Row {
    require(src[0, 0] != 13, "no thirteens: 13 is unlucky");
    map (x, y) in dst { dst[x, y] = u8(255 - i32(src[x, y])); }
    map (x, y) in far { far[x, y] = (f32(x) - 1.0) / by; }
    let total = sum(i64(src[x, y]) for (x, y) in src);
    return Row(0 - total, (f32(total) - f32(total)) / by, total % 2 == 1, -3);
}
"""


def run(first: int) -> tuple[Kernel, Outcome, dict[str, bytes]]:
    verified = compile_text(TEXT).verified
    kernel = verified.kernels["stats"].kernel
    src = np.full((3, 5), 7, np.uint8)
    src[0, 0] = first
    blobs: dict[str, bytes] = {}

    def keep(blob: bytes) -> str:
        blobs[blob_name(blob)] = blob
        return blob_name(blob)

    try:
        outcome = outcome_of(kernel, interp.run(verified, "stats", {"src": src}, {}).outputs, keep)
    except Trap as trap:
        outcome = outcome_of_trap(trap)
    return kernel, outcome, blobs


def test_images_and_records_come_back_bit_for_bit() -> None:
    kernel, outcome, blobs = run(8)
    outputs = outputs_from(kernel, outcome, blobs)
    assert np.array_equal(outputs["dst"][0], [247, 248, 248, 248, 248])
    assert outputs["far"].dtype == np.float32
    assert math.isnan(outputs["far"][0, 1])
    assert outputs.record["total"] == -(8 + 14 * 7)
    assert math.isnan(outputs.record["mean"])
    assert outputs.record["odd"] is False
    assert outputs.record["low"] == -3
    again = outcome_of(kernel, outputs, blob_name)
    assert again == outcome


def test_a_trap_comes_back_whole() -> None:
    kernel, outcome, blobs = run(13)
    with pytest.raises(Trap) as caught:
        outputs_from(kernel, outcome, blobs)
    trap = caught.value
    assert (trap.code, trap.kernel, trap.line) == ("requirement", "stats", 6)
    assert trap.text == "no thirteens: 13 is unlucky"
    assert trap_text(trap) == outcome.trap


def test_a_long_trap_is_cut_and_still_one() -> None:
    trap = Trap("requirement", "a:b\n" * 1000, "k", 3, 0)
    assert len(trap_text(trap)) == TRAP_LENGTH
    assert read_trap(trap_text(trap)).text.startswith("a:b\n")


@pytest.mark.parametrize("text", ["", "x", "a:b:c:d:e", "requirement:k:1:x:no", ":k:1:2:"])
def test_what_is_no_trap_is_refused(text: str) -> None:
    with pytest.raises(BadMessage):
        read_trap(text)


def test_what_the_kernel_cannot_have_given_is_refused() -> None:
    kernel, outcome, blobs = run(8)
    other = encode_raster(np.zeros((3, 5), np.uint16))
    swapped = {**blobs, outcome.images["dst"]: other}
    with pytest.raises(BadMessage, match="another type"):
        outputs_from(kernel, outcome, swapped)
    with pytest.raises(BadMessage, match="lacks 'total'"):
        outputs_from(kernel, Outcome(outcome.images), blobs)
