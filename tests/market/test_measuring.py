"""What tasks take is evaluated once for whatever it depends on, and comes to the same each time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cpushare.market.errors import BadMessage, MarketError, TooMuch
from cpushare.market.rasters import RasterShape
from cpushare.market.work import Meter
from tests.market.study import level, program
from vm import codec, parameters
from vm.module import Role
from vm.testing import modules, parameter_values
from vm.verifier import verify

SIZES = st.sampled_from([1, 2, 7, 30])


@settings(max_examples=150)
@given(st.data(), modules())
def test_what_was_measured_before_changes_nothing(data: st.DataObject, module: object) -> None:
    verified = verify(codec.encode(module))  # type: ignore[arg-type]
    kernel = verified.kernels[data.draw(st.sampled_from(sorted(verified.kernels)))]
    images = kernel.kernel.images_of(Role.IN)
    inputs = {image.name: image.name for image in images}
    meter = Meter(verified, kernel, False, b"")
    for _ in range(6):
        shapes = {
            image.name: RasterShape(image.type, data.draw(SIZES), data.draw(SIZES), image.channels)
            for image in images
        }
        drawn = data.draw(parameter_values(kernel.kernel))
        values = parameters.to_bytes(kernel.kernel, parameters.resolve(kernel.kernel, drawn))
        found, alone = [], Meter(verified, kernel, False, b"")
        for one in (meter, alone):
            try:
                found.append(one.measure(values, inputs, shapes))
            except MarketError as error:
                found.append((type(error), str(error)))
        assert found[0] == found[1]


def test_a_job_of_too_many_different_tasks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cpushare.market.work.MOST_MEASURED", 3)
    verified = verify(program())
    kernel = verified.kernels["invert"]
    meter = Meter(verified, kernel, False, b"")

    def measure(width: int, threshold: int) -> object:
        (image,) = kernel.kernel.images_of(Role.IN)
        shapes = {"blob": RasterShape(image.type, 4, width, image.channels)}
        return meter.measure(level(threshold), {"src": "blob"}, shapes)

    for width in (1, 2, 3):
        for threshold in range(10):  # which decides nothing
            measure(width, threshold)
    with pytest.raises(TooMuch, match="submit it in parts"):
        measure(4, 0)
    assert measure(3, 77) == Meter(verified, kernel, False, b"").measure(
        level(77),
        {"src": "blob"},
        {"blob": RasterShape(kernel.kernel.images_of(Role.IN)[0].type, 4, 3, 1)},
    )
    with pytest.raises(BadMessage, match="take"):
        meter.measure(b"", {"src": "blob"}, {})
