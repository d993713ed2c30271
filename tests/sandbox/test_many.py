"""Many tasks at once in one strict child: the bytes of each are those it has alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from compiler.pipeline import compile_path, compile_text
from tests.jit.test_wavefront import SOURCE
from tests.sandbox.children import needs_native
from vm.errors import OverLimit, Refused, Trap
from vm.jit.lower import VECTOR_TARGETS, batch_lanes
from vm.sandbox.box import CompileBox
from vm.sandbox.cache import ObjectCache
from vm.sandbox.many import LANES, ManyRunner
from vm.sandbox.runner import NativeRunner
from vm.verifier import VerifiedModule, verify

pytestmark = needs_native
DITHER = SOURCE.parents[2] / "examples" / "dither.cps"
SIZES = [(1, 1), (3, 70), (17, 16), (40, 33), (33, 130)]


@pytest.fixture(scope="module")
def box() -> Iterator[CompileBox]:
    with CompileBox() as box:
        yield box


@pytest.fixture(scope="module")
def dither() -> VerifiedModule:
    return verify(compile_path(DITHER).encoded)


def gray(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


def alone(
    module: VerifiedModule, kernel: str, given: dict[str, Any], images: dict[str, Any],
    box: CompileBox,
) -> dict[str, bytes]:  # fmt: skip
    with NativeRunner(module, kernel, given, box=box, scalar=True) as runner:
        return {name: image.tobytes() for name, image in runner.run(images).items()}


def test_the_lanes_of_each_level_are_the_compilers() -> None:
    assert {level: batch_lanes(target) for level, target in VECTOR_TARGETS.items()} == LANES


@pytest.mark.parametrize("serpentine", [True, False])
def test_images_of_one_size(dither: VerifiedModule, box: CompileBox, serpentine: bool) -> None:
    given = {"serpentine": serpentine, "threshold": 100}
    with ManyRunner(dither, "dither", [given], box=box) as many:
        for height, width in SIZES:
            for count in (1, 2, many.lanes - 1, many.lanes):
                tasks = [{"src": gray(height, width, seed)} for seed in range(count)]
                found = many.run(tasks)
                assert len(found) == count
                for which in {0, count // 2, count - 1}:
                    wanted = alone(dither, "dither", given, tasks[which], box)
                    assert found[which]["dst"].tobytes() == wanted["dst"]


@pytest.mark.parametrize("shared", [(), ("src",)])
def test_sets_of_parameters(
    dither: VerifiedModule, box: CompileBox, shared: tuple[str, ...]
) -> None:
    """Weights, so divisors, differ from lane to lane."""
    rng = np.random.default_rng(5)
    sets = [
        {"serpentine": True, "weights": [int(w) for w in rng.integers(1, 17, 4)]} for _ in range(9)
    ]
    with ManyRunner(dither, "dither", sets, shared=shared, box=box) as many:
        image = gray(37, 41, 1)
        tasks = [{"src": image if shared else gray(37, 41, seed)} for seed in range(9)]
        for given, task, found in zip(sets, tasks, many.run(tasks), strict=True):
            wanted = alone(dither, "dither", given, task, box)
            assert found["dst"].tobytes() == wanted["dst"]


def test_divisors_that_are_too_large_for_lanes_are_refused(
    dither: VerifiedModule, box: CompileBox
) -> None:
    sets = [{"weights": [1000, 900, 1024, k]} for k in (1, 2)]
    with (
        ManyRunner(dither, "dither", sets, box=box) as many,
        pytest.raises(Refused, match="too large for that in vectors"),
    ):
        many.run([{"src": gray(3, 3, 0)}] * 2)


@pytest.mark.parametrize("kernel", ["serpentine", "colours", "floats", "around", "backwards",
                                    "pairs", "wild", "far", "recursive", "twice"])  # fmt: skip
def test_other_kernels(kernel: str, box: CompileBox) -> None:
    from tests.jit.test_wavefront import pictures

    module = verify(compile_path(SOURCE).encoded)
    with ManyRunner(module, kernel, [{}], box=box) as many:
        for height, width in ((1, 1), (19, 70)):
            tasks = [pictures(module.kernels[kernel], height, width, seed) for seed in range(18)]
            for task, found in zip(tasks, many.run(tasks), strict=True):
                wanted = alone(module, kernel, {}, task, box)
                assert {name: image.tobytes() for name, image in found.items()} == wanted


def test_what_cannot_run_at_once_is_refused(dither: VerifiedModule, box: CompileBox) -> None:
    text = "kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) " + (
        "{ map (x, y) in dst { dst[x, y] = src[x, y]; } }"
    )
    module = verify(compile_text(text, "k.cps").encoded)
    with (
        ManyRunner(module, "k", [{}], box=box) as many,
        pytest.raises(Refused, match="cannot run on many images at once"),
    ):
        many.run([{"src": gray(2, 2, 0)}])
    with ManyRunner(dither, "dither", [{}], box=box) as many:
        with pytest.raises(Refused, match="same size"):
            many.run([{"src": gray(2, 2, 0)}, {"src": gray(2, 3, 0)}])
        with pytest.raises(Refused, match="lanes"):
            many.run([{"src": gray(2, 2, 0)}] * (many.lanes + 1))
        with pytest.raises(Refused, match="lanes"):
            many.run([])
    with pytest.raises(Refused, match="no in image 'nothing'"):
        ManyRunner(dither, "dither", [{}], shared=["nothing"], box=box)
    with pytest.raises(Refused, match="sets of parameters"):
        ManyRunner(dither, "dither", [], box=box)


def test_a_trap_of_one_is_told_for_all(dither: VerifiedModule, box: CompileBox) -> None:
    sets = [{"weights": [1, 1, 1, 1]}, {"weights": [0, 0, 0, 0]}]
    with (
        ManyRunner(dither, "dither", sets, box=box) as many,
        pytest.raises(Trap, match="at least one weight must be positive"),
    ):
        many.run([{"src": gray(2, 2, 0)}] * 2)


def test_memory_is_bounded(dither: VerifiedModule, box: CompileBox) -> None:
    with (
        ManyRunner(dither, "dither", [{}], box=box, memory_limit_bytes=1 << 20) as many,
        pytest.raises(OverLimit),
    ):
        many.run([{"src": gray(400, 400, 0)}] * 2)


def test_it_is_kept_in_the_cache(dither: VerifiedModule, box: CompileBox, tmp_path: Any) -> None:
    cache = ObjectCache(tmp_path / "objects")
    for is_cached in (False, True):
        with ManyRunner(dither, "dither", [{"serpentine": True}], box=box, cache=cache) as many:
            assert many.compile().is_cached is is_cached
