"""The example kernels give exactly what their formulas say, in every engine."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from compiler.pipeline import compile_path
from tests import engines
from tests.examples import references
from vm.verifier import VerifiedModule, verify

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.cps"))
ENGINES = {"interpreter": engines.interpret, "strict child": engines.native}
SIZES = [(1, 1), (1, 9), (9, 1), (2, 2), (7, 5), (16, 16), (33, 17)]


@cache
def program(name: str) -> VerifiedModule:
    """An example, compiled and verified."""
    return verify(compile_path(EXAMPLES / f"{name}.cps").encoded)


def picture(width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    """A ramp with noise: every level, flat and busy parts."""
    random = np.random.default_rng(seed)
    ramp = np.linspace(0, 255, width * height).reshape(height, width)
    noisy = ramp + random.integers(-40, 40, (height, width))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def run(engine: str, name: str, src: NDArray[np.uint8], **parameters: object) -> NDArray[np.uint8]:
    outputs = ENGINES[engine](program(name), name, {"src": src}, parameters)
    return outputs["dst"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("serpentine", [False, True])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_dither(engine: str, serpentine: bool, width: int, height: int) -> None:
    src = picture(width, height)
    found = run(engine, "dither", src, serpentine=serpentine)
    assert (found == references.floyd_steinberg(src, serpentine=serpentine)).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "weights", [(7, 3, 5, 1), (7, 4, 5, 0), (1, 0, 0, 0), (0, 0, 1, 0), (1024, 3, 1000, 5)]
)
@pytest.mark.parametrize("threshold", [0, 1, 100, 255])
def test_dither_with_other_weights(engine: str, weights: tuple[int, ...], threshold: int) -> None:
    src = picture(19, 11, seed=threshold)
    for serpentine in (False, True):
        chosen = {"serpentine": serpentine, "weights": weights, "threshold": threshold}
        found = run(engine, "dither", src, **chosen)
        a, b, c, d = weights
        wanted = references.floyd_steinberg(
            src, serpentine=serpentine, threshold=threshold, weights=(a, b, c, d)
        )
        assert (found == wanted).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("threshold", [0.0, 128.0, 100.25])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_dither_f32(engine: str, threshold: float, width: int, height: int) -> None:
    src = picture(width, height)
    for serpentine in (False, True):
        chosen = {"serpentine": serpentine, "threshold": threshold}
        found = run(engine, "dither_f32", src, **chosen)
        wanted = references.floyd_steinberg_f32(src, serpentine=serpentine, threshold=threshold)
        assert (found == wanted).all()


def test_a_large_dither_in_the_strict_child() -> None:
    """4096 × 4096 is compared in bands: the formula needs only what lies above."""
    src = picture(4096, 4096)
    found = run("strict child", "dither", src)
    assert (found[:24] == references.floyd_steinberg(src[:24])).all()
    narrow = run("strict child", "dither", np.ascontiguousarray(src[:, :24]))
    assert (narrow[:600] == references.floyd_steinberg(src[:600, :24])).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["sobel", "median3"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_integer_filters(engine: str, name: str, width: int, height: int) -> None:
    src = picture(width, height, seed=width)
    wanted = getattr(references, name)(src)
    assert (run(engine, name, src) == wanted).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("sigma", [0.5, 1.2, 4.0])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_hvs(engine: str, sigma: float, width: int, height: int) -> None:
    """Equal to the last bit, but for exp: the library's and ours may differ by a rounding."""
    src = picture(width, height, seed=height)
    outputs = ENGINES[engine](program("hvs"), "hvs", {"src": src}, {"sigma": sigma})
    assert np.allclose(outputs["dst"], references.hvs(src, sigma), rtol=3e-7, atol=1e-7)


@pytest.mark.parametrize("engine", ENGINES)
def test_study(engine: str) -> None:
    size = (9, 7) if engine == "interpreter" else (40, 30)
    src = picture(*size, seed=3)
    outputs = ENGINES[engine](program("study"), "study", {"src": src}, {"step": 0.15})
    wanted = references.study(src, 1.2, 0.15)
    assert outputs.record == pytest.approx(wanted, rel=1e-5)
    assert (outputs["halftone"] == references.floyd_steinberg(src, serpentine=True)).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_ordered(engine: str, width: int, height: int) -> None:
    src, mask = picture(width, height), picture(3, 5, seed=9)
    module = program("ordered")
    found = ENGINES[engine](module, "ordered", {"src": src, "mask": mask}, {})["dst"]
    assert (found == references.ordered(src, mask)).all()
    found = ENGINES[engine](module, "bayer", {"src": src}, {})["dst"]
    assert (found == references.bayer(src)).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("width", "height"), [*SIZES, (64, 40)])
def test_ostromoukhov(engine: str, width: int, height: int) -> None:
    lines = (EXAMPLES / "ostromoukhov.csv").read_text().splitlines()
    rows = [tuple(map(int, line.split(","))) for line in lines if not line.startswith("#")]
    keys = [(a, b, c) for a, b, c in rows]
    src = picture(width, height)
    found = run(engine, "ostromoukhov", src)
    assert (found == references.ostromoukhov(src, keys)).all()
    other = run(engine, "ostromoukhov", src, jitter=40)
    assert width * height < 100 or (found != other).any()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_palette_dither(engine: str, width: int, height: int) -> None:
    src = np.stack([picture(width, height, seed) for seed in range(3)], axis=-1)
    palette = np.random.default_rng(width).integers(0, 256, (1, 1 + width, 3)).astype(np.uint8)
    module, given = program("palette"), {"src": src, "palette": palette}
    found = ENGINES[engine](module, "palette_dither", given, {})
    wanted = references.palette_dither(src, palette, references.light())
    assert (found["index"] == wanted).all()
    assert (found["dst"] == palette[0][wanted]).all()


@pytest.mark.parametrize("name", NAMES)
def test_examples_carry_no_checks_in_their_loops(name: str) -> None:
    assert sum(kernel.checked for kernel in program(name).kernels.values()) == 0
