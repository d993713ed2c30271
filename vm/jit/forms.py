"""What each loop over pixels becomes in native code, without compiling it."""

from __future__ import annotations

from collections.abc import Mapping

from vm.jit.lower import VECTOR_TARGETS, Form, batch_lanes, lower, lower_batch
from vm.jit.lower.lanes import NotVector
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


def tasks_at_once(verified: VerifiedKernel, values: ParameterValues, cpu: str) -> int:
    """How many tasks of one size are best run at once (`vm.jit.lower.batch`): 1, or as many as
    there are lanes, where a single image leaves a scan scalar. Raises `OverLimit`.
    """
    forms = forms_of(verified, values, cpu).values()
    if all(form.name != "scalar" for form in forms):
        return 1
    target = VECTOR_TARGETS[cpu]
    try:
        lower_batch(verified, [values], (), target)
    except NotVector:
        return 1
    return batch_lanes(target)
