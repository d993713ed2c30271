"""Hostile scans get the bytes of the interpreter from every vector form, and end nothing."""

from __future__ import annotations

import numpy as np
import pytest

from tests.jit import inprocess
from tests.jit.attacks import ALL
from tests.jit.test_wavefront import LEVELS, pictures
from tests.vm.listings import encoded, framed
from vm import interp
from vm.inputs import dtype_of
from vm.jit.lower import VECTOR_TARGETS
from vm.verifier import verify

SIZES = ((1, 1), (5, 40), (40, 5), (35, 70))
PLAIN = (-128, -111, 105)  # pixels that are all alike


@pytest.mark.parametrize("cpu", LEVELS)
@pytest.mark.parametrize("name", ALL)
def test_a_hostile_scan_gives_the_interpreters_bytes(name: str, cpu: str) -> None:
    if not inprocess.can_run(cpu):
        pytest.skip(f"this machine has no {cpu}")
    module = verify(encoded(framed(ALL[name])))
    kernel = module.kernels["k"]
    vector = inprocess.Compiled(kernel, cpu, VECTOR_TARGETS[cpu])
    runs = [pictures(kernel, height, width, seed=height) for height, width in SIZES]
    source = kernel.kernel.images[0]
    for pixel in PLAIN:
        if source.type.minimum <= pixel:
            plain = np.full(SIZES[1], pixel, dtype_of(source.type))
            runs.append(pictures(kernel, 5, 40, seed=1) | {source.name: plain})
    for inputs in runs:
        if "other" in inputs:
            inputs["other"] = inputs["other"][:3, :7]
        wanted = interp.run(module, "k", inputs, {}).outputs
        assert vector(inputs)["dst"].tobytes() == wanted["dst"].tobytes()
