"""Checked runs for tests, interpreted and native: signed arithmetic that would wrap traps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vm.inputs import Outputs
    from vm.sandbox.box import CompileBox
    from vm.verifier import VerifiedModule


def interpret(
    verified: VerifiedModule,
    kernel: str,
    inputs: Mapping[str, NDArray[Any]],
    parameters: Mapping[str, object],
) -> Outputs:
    """A checked run in the reference interpreter."""
    from vm import interp

    return interp.run(verified, kernel, inputs, parameters, checked=True).outputs


class NativeEngine:
    """Checked runs in strict children, with one warm compile box. A context manager."""

    def __init__(self) -> None:
        from cpushare.config import object_cache
        from vm.sandbox.box import CompileBox

        self.box: CompileBox = CompileBox()
        self.cache = object_cache()

    def __call__(
        self,
        verified: VerifiedModule,
        kernel: str,
        inputs: Mapping[str, NDArray[Any]],
        parameters: Mapping[str, object],
    ) -> Outputs:
        """Run one task."""
        from vm.sandbox.runner import NativeRunner

        with NativeRunner(
            verified, kernel, parameters, box=self.box, cache=self.cache, checked=True
        ) as runner:
            return runner.run(inputs)

    def __enter__(self) -> NativeEngine:
        return self

    def __exit__(self, *error: object) -> None:
        self.box.close()
