"""A batch gives what its tasks give one by one, whatever they share and wherever they differ."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import FUZZ_EXAMPLES
from tests.counting import count
from tests.jit import inprocess
from tests.jit.batches import run_batch
from tests.jit.test_wavefront import LEVELS, pictures, program
from vm import codec
from vm.errors import OverLimit, Trap
from vm.jit.lower.lanes import NotVector
from vm.module import Role
from vm.testing import scan_modules
from vm.testing.values import random_parameters, seeds
from vm.verifier import VerifiedKernel, verify

SIZES = (1, 2, 15, 16, 17, 33, 65)


def agree(kernel: VerifiedKernel, cpu: str, rng: Random) -> bool:
    """Whether the kernel has that form; and if it has, its tasks get their bytes."""
    height, width = rng.choice(SIZES), rng.choice(SIZES)
    ins = [i for i, image in enumerate(kernel.kernel.images) if image.role is Role.IN]
    shared = [i for i in ins if rng.random() < 0.2]
    values = random_parameters(rng, kernel.kernel)
    tasks = []
    for number in range(rng.choice((1, 2, 5, 16))):
        given = random_parameters(rng, kernel.kernel) if rng.random() < 0.5 else values
        images = pictures(kernel, height, width, seed=number)
        if tasks:
            images |= {kernel.kernel.images[i].name: tasks[0][0][kernel.kernel.images[i].name]
                       for i in shared}  # fmt: skip
        tasks.append((images, given))
    try:
        wanted = [inprocess.Compiled(kernel, cpu, given=given)(images) for images, given in tasks]
        found = run_batch(kernel, cpu, tasks, shared)
    except (NotVector, OverLimit, Trap):
        return False
    for one, many in zip(wanted, found, strict=True):
        for name, pixels in one.items():
            assert pixels.tobytes() == many[name].tobytes(), (height, width, shared)
    count("batches, lanes = scalar")
    return True


@pytest.mark.fuzz
@settings(max_examples=FUZZ_EXAMPLES // 40 or 25)
@given(scan_modules(), st.sampled_from(LEVELS), seeds())
def test_random_batches_agree(module: object, cpu: str, rng: Random) -> None:
    level = cpu if inprocess.can_run(cpu) else "x86-64-v2"
    agree(verify(codec.encode(module)).kernels["k"], level, rng)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["colours", "diffuse", "far", "floats", "serpentine", "wild"])
def test_batches_of_our_own_scans_agree(name: str) -> None:
    assert agree(program().kernels[name], "x86-64-v2", Random(name))
