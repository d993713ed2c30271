"""What a machine of a cluster does for a task: verify the program's bytes, then run it confined.

The bytes are believed to be nothing before they are verified here, whoever sent them and whatever
was verified elsewhere. Verified programs, children and the compile box stay warm between tasks.
"""

from __future__ import annotations

import atexit
import socket
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from cpushare._version import __version__
from cpushare.engines.engine import Batch, Task
from cpushare.engines.warm import WarmRunners
from vm.errors import Refused, SandboxUnavailable
from vm.verifier import VerifiedModule, verify

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vm.inputs import Outputs

KEPT_PROGRAMS = 16


@lru_cache(KEPT_PROGRAMS)
def _verified(encoded: bytes) -> VerifiedModule:
    return verify(encoded)


@cache
def _runners() -> WarmRunners:
    runners = WarmRunners()
    atexit.register(runners.close)
    return runners


def introduce() -> tuple[str, str]:
    """The version of CPUShare here, and why it cannot run kernels natively, or ""."""
    from vm.sandbox import capability

    return __version__, capability.check().problem


def leave(caller: str) -> None:
    """Kill what runs here for a caller who has no more use for it."""
    _runners().leave(caller)


def run(
    caller: str,
    encoded: bytes,
    kernel: str,
    checked: bool,
    memory_bytes: int,
    inputs: Mapping[str, NDArray[Any]],
    parameters: Mapping[str, object],
) -> Outputs:
    """Verify a program and run one task of it in this thread's strict child for this caller.

    Raises `Malformed` or `Invalid` for a program that is refused, and what a runner raises.
    """
    verified = _verified(bytes(encoded))
    if kernel not in verified.kernels:
        raise Refused(f"there is no kernel '{kernel}' (there is: {', '.join(verified.kernels)})")
    try:
        batch = Batch(verified, kernel, checked, memory_bytes, caller=caller)
        return _runners().run(batch, Task(inputs, parameters))
    except SandboxUnavailable as error:
        raise SandboxUnavailable(f"on worker {socket.gethostname()}: {error}") from None
