"""What each loop over pixels becomes in native code, without compiling it."""

from __future__ import annotations

from collections.abc import Mapping

from vm.jit.lower import VECTOR_TARGETS, Form, lower
from vm.parameters import ParameterValues
from vm.verifier import VerifiedKernel


def forms_of(
    verified: VerifiedKernel, values: ParameterValues, cpu: str, *, scalar: bool = False
) -> Mapping[int, Form]:
    """The form of each map and scan with these parameters on a CPU level, by its position.

    With `scalar`, as if no vectors had been asked for. Raises `OverLimit` where the kernel is too
    large for native code.
    """
    return lower(verified, values, target=None if scalar else VECTOR_TARGETS[cpu]).forms
