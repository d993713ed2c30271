"""Maps in vectors: the bytes of every vector form are those of the scalar form."""

from __future__ import annotations

import os
import re
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
from vm.jit.lower import VECTOR_TARGETS, lower
from vm.module import Role
from vm.verifier import VerifiedKernel, VerifiedModule, verify

SOURCES = ("maps.cps", "channels.cps")
LEVELS = sorted(VECTOR_TARGETS)
SCALAR = {
    "back": "an image is both read and written",
    "turned": "a pixel is read elsewhere than at constant distances",
    **dict.fromkeys(
        ("colours", "tinted", "redder", "striped", "shifted", "masked"),
        "channels of a pixel lie between those of its neighbours",
    ),
    "trapping": "it may trap",
}
ALIKE = {"light", "codes", "two", "soft"}
EIGHT_BYTES = {"doubles", "wide", "long_tables", "short_tables"}
TOGETHER: dict[str, list[int | None]] = {
    "chain": [0, 4, 7],
    "joined": [0, 0, 5],
    "later": [0, 1, None],
    "rounds": [0, 1],
    "floats": [0, 4],
    "around": [None, None],
    "first": [None, None],
    "over": [0, 1, 0, 3],
    "soft": [0, 1],
}
# Widths around 16, 32 and 64 lanes with edges of up to three pixels; lines around the borders.
SIZES = [(1, 1), (2, 15), (3, 16), (1, 17), (5, 19), (4, 31), (9, 32), (2, 33), (3, 35), (11, 36),
         (2, 48), (7, 63), (2, 64), (3, 65), (2, 67), (70, 3), (3, 130), (19, 200)]  # fmt: skip


@cache
def programs() -> dict[str, VerifiedModule]:
    """The module of each kernel."""
    modules = [verify(compile_path(Path(__file__).with_name(name)).encoded) for name in SOURCES]
    return {name: module for module in modules for name in module.kernels}


def kernel_of(name: str) -> VerifiedKernel:
    return programs()[name].kernels[name]


NAMES = sorted(programs())


def pictures(kernel: VerifiedKernel, height: int, width: int, seed: int) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(seed)
    found: dict[str, NDArray[Any]] = {}
    for image in kernel.kernel.images_of(Role.IN):
        shape = (height, width, image.channels)[: 2 + (image.channels > 1)]
        if image.type.is_float:
            made = rng.normal(0, 2, shape)
            special = rng.choice([np.nan, np.inf, -np.inf, -0.0, 3e38, 1e-42], shape)
            mixed = np.where(rng.random(shape) < 0.1, special, made)
            found[image.name] = mixed.astype(dtype_of(image.type))
        else:
            low, high = image.type.minimum, image.type.maximum
            dtype = dtype_of(image.type)
            found[image.name] = rng.integers(low, high, shape, dtype, endpoint=True)
    return found


def outcome(runner: inprocess.Compiled, inputs: dict[str, NDArray[Any]]) -> dict[str, bytes] | str:
    """The bytes of all images, or the trap."""
    try:
        return {name: pixels.tobytes() for name, pixels in runner(inputs).items()}
    except Trap as trap:
        return str(trap)


def same(
    name: str, cpu: str, runners: list[inprocess.Compiled], sizes: list[tuple[int, int]]
) -> None:
    scalar, *vectors = runners
    for height, width in sizes:
        inputs = pictures(scalar.verified, height, width, seed=height * 1000 + width)
        wanted = outcome(scalar, inputs)
        for vector in vectors:
            assert outcome(vector, inputs) == wanted, (name, cpu, height, width)
            count("images, map in vectors = scalar", 1)


def compiled(name: str, cpu: str, lanes: list[int]) -> list[inprocess.Compiled]:
    kernel, target = kernel_of(name), VECTOR_TARGETS[cpu]
    targets = [replace(target, map_lanes=n) for n in lanes]
    return [inprocess.Compiled(kernel, cpu, chosen) for chosen in (None, target, *targets)]


@pytest.mark.parametrize("name", NAMES)
def test_each_map_gets_the_form_it_can_have(name: str) -> None:
    kernel = kernel_of(name)
    for cpu in LEVELS:
        values = parameters.resolve(kernel.kernel, {})
        *_, last = lower(kernel, values, target=VECTOR_TARGETS[cpu]).forms.values()
        assert last.name == "map"
        if name in SCALAR:
            assert last.why == f"pixels in no order; {SCALAR[name]}"
        else:
            target = VECTOR_TARGETS[cpu]
            lanes = target.bytes // 2 if name in EIGHT_BYTES else target.map_lanes
            lanes = min(lanes, 16) if name in ("tables", "light") else lanes
            what = "channels" if name in ALIKE else "pixels"
            assert last.why.startswith(f"{lanes} {what} at a time")


@pytest.mark.parametrize(("name", "lags"), sorted(TOGETHER.items()))
def test_maps_go_line_by_line_where_they_can(name: str, lags: list[int | None]) -> None:
    kernel = kernel_of(name)
    values = parameters.resolve(kernel.kernel, {})
    forms = lower(kernel, values, target=VECTOR_TARGETS["x86-64-v3"]).forms
    found = [re.search(r"(\d+) lines after", forms[place].why) for place in sorted(forms)]
    assert [lag and int(lag[1]) for lag in found] == lags


@pytest.mark.parametrize("cpu", LEVELS)
@pytest.mark.parametrize("name", sorted(TOGETHER))
def test_lines_are_there_when_they_are_read(name: str, cpu: str) -> None:
    """Every height around the lags and the rings."""
    if not inprocess.can_run(cpu):
        pytest.skip(f"this machine has no {cpu}")
    widths = (1, 37, 64) if os.environ.get("FUZZ_EXAMPLES") else (37,)
    same(name, cpu, compiled(name, cpu, []), [(h, w) for h in range(1, 41) for w in widths])


@pytest.mark.parametrize("cpu", LEVELS)
@pytest.mark.parametrize("name", NAMES)
def test_vectors_give_the_scalar_bytes(name: str, cpu: str) -> None:
    if not inprocess.can_run(cpu):
        pytest.skip(f"this machine has no {cpu}")
    same(name, cpu, compiled(name, cpu, []), SIZES)


@pytest.mark.fuzz
@pytest.mark.parametrize("cpu", LEVELS)
@pytest.mark.parametrize("name", sorted(set(NAMES) - set(SCALAR)))
def test_every_width_up_to_140(name: str, cpu: str) -> None:
    """All widths in `make fuzz`, with other numbers of lanes too; here a sample."""
    if not inprocess.can_run(cpu):
        pytest.skip(f"this machine has no {cpu}")
    sizes = [(h, w) for h in (1, 2, 3, 5, 8) for w in range(1, 141)]
    if not os.environ.get("FUZZ_EXAMPLES"):
        sizes = sizes[LEVELS.index(cpu) :: 23]
        same(name, cpu, compiled(name, cpu, [64]), sizes)
        return
    same(name, cpu, compiled(name, cpu, [8, 16, 32, 64]), sizes)


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(SCALAR)))
def test_the_interpreter_agrees(name: str) -> None:
    kernel = kernel_of(name)
    cpu = "x86-64-v2"
    vector = inprocess.Compiled(kernel, cpu, VECTOR_TARGETS[cpu])
    for height, width in ((1, 1), (2, 19), (3, 43), (5, 16)):
        inputs = pictures(kernel, height, width, seed=height)
        wanted = interp.run(programs()[name], name, inputs, {}).outputs
        found = vector(inputs)
        for image, pixels in wanted.items():
            assert pixels.tobytes() == found[image].tobytes()


@pytest.mark.parametrize(
    "name", ["gradient", "arms", "floats", "wide", "chain", "joined", "light", "two", "soft"]
)
def test_nothing_beside_the_images_is_written(name: str) -> None:
    """The arena between the buffers stays as it was; the first and last pixels are at its ends."""
    cpu = "x86-64-v3"
    vector = compiled(name, cpu, [])[1]
    for height, width in ((1, 1), (5, 9), (2, 36), (33, 79), (4, 64)):
        inputs = pictures(vector.verified, height, width, seed=3)
        assert (vector.rubbish_after(inputs) == inprocess.RUBBISH).all()


def test_blinded_constants_change_no_byte() -> None:
    cpu = "x86-64-v3"
    for name in ("gradient", "ranks", "floats", "arms", "tables", "light", "two", "soft"):
        kernel = kernel_of(name)
        plain = inprocess.Compiled(kernel, cpu, None)
        for blind in (1, 2, 3):
            vector = inprocess.Compiled(kernel, cpu, VECTOR_TARGETS[cpu], blind)
            same(name, cpu, [plain, vector], [(3, 33), (4, 90)])


def test_a_checked_run_is_scalar() -> None:
    kernel = kernel_of("gradient")
    values = parameters.resolve(kernel.kernel, {})
    (form,) = lower(kernel, values, checked=True, target=VECTOR_TARGETS["x86-64-v3"]).forms.values()
    assert "vector code was not asked for" in form.why


def test_what_repeats_along_a_line_is_not_computed_in_it() -> None:
    """Ordered dither is a load, a comparison of bytes, a choice and a store in the loop."""
    kernel = kernel_of("ranks")
    cpu = "x86-64-v3"
    values = parameters.resolve(kernel.kernel, {})
    ir = lower(kernel, values, target=VECTOR_TARGETS[cpu]).ir
    optimised = str(inprocess.optimise(ir, inprocess.machine(cpu)))
    loops = [block for block in optimised.split("\n\n") if "load <32 x i8>" in block]
    shortest = min(len(block.splitlines()) for block in loops)
    assert shortest <= 16
