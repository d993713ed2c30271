"""Scans as wavefronts: the bytes of every vector form are those of the scalar form."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from compiler.pipeline import compile_path
from tests.counting import count
from tests.jit import inprocess
from vm import interp, parameters
from vm.errors import Trap
from vm.inputs import dtype_of
from vm.jit.lower import VECTOR_TARGETS, Form, lower
from vm.module import Role
from vm.types import ScalarType
from vm.verifier import VerifiedKernel, VerifiedModule, verify

SOURCE = Path(__file__).with_name("waves.cps")
LEVELS = sorted(VECTOR_TARGETS)
NARROW = {
    "diffuse",
    "falling",
    "far",
    "colours",
    "sometimes",
    "seldom",
    "twice",
    "widened",
    "outside",
}
SCALAR = {
    "serpentine": "lines turn around, so each begins where the one above ended",
    "indexed": "an array's index is not proved to be inside",
    "steeper": "each column would run 4 places behind the one before",
    "once": "it may trap, and reads pixels that it writes",
}
TRAPPING = {"trapping", "dividing", "outside", "indexed", "once"}
# Sizes around a unit, a block, a band; narrower than the skew; one line; one column.
SIZES = [(1, 1), (1, 70), (70, 1), (2, 3), (15, 17), (16, 16), (17, 33), (31, 64), (33, 79),
         (63, 65), (64, 64), (65, 63), (66, 130), (130, 96), (97, 200)]  # fmt: skip


@cache
def program() -> VerifiedModule:
    return verify(compile_path(SOURCE).encoded)


NAMES = sorted(program().kernels)


def form_of(kernel: VerifiedKernel, cpu: str) -> list[Form]:
    values = parameters.resolve(kernel.kernel, {})
    found = lower(kernel, values, target=VECTOR_TARGETS[cpu]).forms.values()
    return [form for form in found if form.name != "map"]


def pictures(kernel: VerifiedKernel, height: int, width: int, seed: int) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(seed)
    found: dict[str, NDArray[Any]] = {}
    for image in kernel.kernel.images_of(Role.IN):
        shape = (height, width, image.channels)[: 2 + (image.channels > 1)]
        if image.type.is_float:
            found[image.name] = rng.random(shape).astype(dtype_of(image.type))
        else:
            low, high = image.type.minimum, image.type.maximum
            kind = np.uint64 if high > np.iinfo(np.int64).max else np.int64
            pixels = rng.integers(low, high, shape, kind, endpoint=True)
            found[image.name] = pixels.astype(dtype_of(image.type))
    return found


def same(
    name: str, cpu: str, runners: list[inprocess.Compiled], sizes: list[tuple[int, int]]
) -> None:
    scalar, *vectors = runners
    for height, width in sizes:
        inputs = pictures(scalar.verified, height, width, seed=height * 1000 + width)
        wanted = scalar(inputs)
        for vector in vectors:
            found = vector(inputs)
            for image, pixels in wanted.items():
                assert pixels.tobytes() == found[image].tobytes(), (name, cpu, height, width)
            count("images, wavefront = scalar", 1)


def compiled(name: str, cpu: str, lanes: list[int]) -> list[inprocess.Compiled]:
    kernel, target = program().kernels[name], VECTOR_TARGETS[cpu]
    targets = [replace(target, lanes=n, narrow_lanes=n) for n in lanes]
    return [inprocess.Compiled(kernel, cpu, chosen) for chosen in (None, target, *targets)]


@pytest.mark.parametrize("name", NAMES)
def test_each_scan_gets_the_form_it_can_have(name: str) -> None:
    kernel = program().kernels[name]
    for cpu in LEVELS:
        for form in form_of(kernel, cpu):
            assert form.name == ("scalar" if name in SCALAR else "wavefront"), form
            assert form.why == SCALAR[name] if name in SCALAR else "lanes" in form.why
            assert ("i16" in form.why) == (name in NARROW), form


@pytest.mark.parametrize("cpu", LEVELS)
@pytest.mark.parametrize("name", sorted(set(NAMES) - set(SCALAR) - TRAPPING))
def test_wavefronts_give_the_scalar_bytes(name: str, cpu: str) -> None:
    if not inprocess.can_run(cpu):
        pytest.skip(f"this machine has no {cpu}")
    same(name, cpu, compiled(name, cpu, []), SIZES)


@pytest.mark.fuzz
@pytest.mark.parametrize("cpu", LEVELS)
@pytest.mark.parametrize("name", sorted(set(NAMES) - set(SCALAR) - TRAPPING))
def test_every_size_up_to_70(name: str, cpu: str) -> None:
    """All widths and heights in `make fuzz`, with other numbers of lanes too; here a sample."""
    if not inprocess.can_run(cpu):
        pytest.skip(f"this machine has no {cpu}")
    sizes = [(h, w) for h in range(1, 71) for w in range(1, 71)]
    if not os.environ.get("FUZZ_EXAMPLES"):
        sizes = sizes[LEVELS.index(cpu) :: 211]
        same(name, cpu, compiled(name, cpu, [16]), sizes)
        return
    same(name, cpu, compiled(name, cpu, [16, 32, 64]), sizes)


@pytest.mark.parametrize("name", NAMES)
def test_the_interpreter_agrees(name: str) -> None:
    kernel = program().kernels[name]
    cpu = "x86-64-v2"
    vector = inprocess.Compiled(kernel, cpu, VECTOR_TARGETS[cpu])
    for height, width in ((1, 1), (2, 19), (17, 18), (33, 5)):
        inputs = pictures(kernel, height, width, seed=height)
        same_ending(name, vector, inputs)


def same_ending(name: str, run: inprocess.Compiled, inputs: dict[str, NDArray[Any]]) -> bool:
    """Whether all is well; the interpreter's bytes, or its trap, where and why."""
    wanted = ended(lambda: interp.run(program(), name, inputs, {}).outputs)
    assert ended(lambda: run(inputs)) == wanted
    return not isinstance(wanted, str)


def ended(run: Callable[[], Mapping[str, NDArray[Any]]]) -> str | dict[str, bytes]:
    """The bytes of a run, or what its trap says."""
    try:
        return {name: pixels.tobytes() for name, pixels in run().items()}
    except Trap as trap:
        return str(trap)


@pytest.mark.parametrize("cpu", LEVELS)
@pytest.mark.parametrize("name", sorted(TRAPPING))
def test_traps_are_the_first_in_order(name: str, cpu: str) -> None:
    """Whichever lane meets one first; and what does not trap is not disturbed."""
    if not inprocess.can_run(cpu):
        pytest.skip(f"this machine has no {cpu}")
    kernel = program().kernels[name]
    vector = inprocess.Compiled(kernel, cpu, VECTOR_TARGETS[cpu])
    endings = set()
    for seed in range(24):
        height, width = (1, 1) if seed == 0 else (5 + 3 * seed % 40, 7 + 5 * seed % 60)
        inputs = pictures(kernel, height, width, seed)
        quiet, loud = np.uint8(8), np.uint8(200 if name == "dividing" else 255)
        some = np.random.default_rng(seed).random(inputs["src"].shape) < 2 / inputs["src"].size
        if seed % 3 < 2:  # else all of it is noise
            src = np.where(some & (seed % 3 == 1), loud, np.minimum(inputs["src"], quiet))
            inputs["src"] = src.astype(np.uint8)
        if name == "outside" and seed % 2:
            inputs["other"] = np.zeros((height, width + 1), np.uint8)
        endings.add(same_ending(name, vector, inputs))
    assert name == "indexed" or endings == {True, False}


@pytest.mark.parametrize("width", [32_767, 32_768, 40_003, 65_535])
def test_lines_longer_than_a_narrow_lane_counts(width: int) -> None:
    cpu = "x86-64-v3"
    same("diffuse", cpu, compiled("diffuse", cpu, []), [(35, width)])
    same("falling", cpu, compiled("falling", cpu, []), [(width, 35)])


@pytest.mark.parametrize("name", ["diffuse", "doubles", "colours", "around", "falling", "smoothed"])
def test_nothing_beside_the_images_is_written(name: str) -> None:
    """The arena between the buffers stays as it was; the first and last pixels are at its ends."""
    cpu = "x86-64-v3"
    vector = compiled(name, cpu, [])[1]
    for height, width in ((1, 1), (5, 9), (33, 79), (64, 64)):
        inputs = pictures(vector.verified, height, width, seed=3)
        assert (vector.rubbish_after(inputs) == inprocess.RUBBISH).all()


def test_blinded_constants_change_no_byte() -> None:
    cpu = "x86-64-v3"
    for name in ("far", "floats"):
        kernel = program().kernels[name]
        plain = inprocess.Compiled(kernel, cpu, None)
        for blind in (1, 2, 3):
            vector = inprocess.Compiled(kernel, cpu, VECTOR_TARGETS[cpu], blind)
            same(name, cpu, [plain, vector], [(17, 33), (40, 90)])


def test_a_checked_run_is_scalar() -> None:
    kernel = program().kernels["diffuse"]
    values = parameters.resolve(kernel.kernel, {})
    forms = lower(kernel, values, checked=True, target=VECTOR_TARGETS["x86-64-v3"]).forms
    assert {form.name for form in forms.values()} == {"scalar"}


@pytest.mark.parametrize(("name", "lanes"), [("diffuse", 64), ("far", 32)])
def test_bands_are_lower_where_lines_stay_far_behind(name: str, lanes: int) -> None:
    kernel = program().kernels[name]
    values = parameters.resolve(kernel.kernel, {})
    (form,) = lower(kernel, values, target=VECTOR_TARGETS["x86-64-v4"]).forms.values()
    assert form.why.startswith(f"{lanes} lanes, ")


def test_narrow_lanes_need_a_proof() -> None:
    """With other weights what is carried no longer fits: then lanes are wide."""
    verified = verify(compile_path(SOURCE.parents[2] / "examples" / "dither.cps").encoded)
    kernel = verified.kernels["dither"]
    cpu = "x86-64-v3"
    for weights, is_narrow in (([7, 3, 5, 1], True), ([1000, 900, 1024, 1], False)):
        values = parameters.resolve(kernel.kernel, {"weights": weights})
        (form,) = lower(kernel, values, target=VECTOR_TARGETS[cpu]).forms.values()
        assert (str(ScalarType.I16) in form.why) is is_narrow
        given = {"weights": weights}
        scalar = inprocess.Compiled(kernel, cpu, None, given=given)
        vector = inprocess.Compiled(kernel, cpu, VECTOR_TARGETS[cpu], given=given)
        same("dither", cpu, [scalar, vector], [(33, 70)])
