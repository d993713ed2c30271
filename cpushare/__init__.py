"""CPUShare: write an image kernel, know its price, run it natively where nobody need trust it.

    import cpushare

    program = cpushare.compile("dither.cps")          # or cpushare.load("dither.cpb")
    result = program.run(src=array, threshold=100)    # arrays in, arrays out
    result.dst
    program.cost(src=(height, width))                 # units of work, before anything runs
    for result in program.map(arrays): ...            # one program, many images
    future = program.submit(src=array)                # a concurrent.futures.Future

Errors are exceptions: `CompileError` with diagnostics, `Malformed` and `Invalid` for bytecode,
`Refused` for images and parameters that do not fit, `Trap`, `OverLimit`, `SandboxUnavailable`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cpushare._version import __version__

if TYPE_CHECKING:
    from compiler.diagnostics import CompileError
    from cpushare.program import Program, Result, compile, load
    from vm.errors import (
        CPUShareError,
        Invalid,
        Malformed,
        OverLimit,
        Refused,
        SandboxBroken,
        SandboxUnavailable,
        Trap,
    )

__all__ = [
    "CPUShareError",
    "CompileError",
    "Invalid",
    "Malformed",
    "OverLimit",
    "Program",
    "Refused",
    "Result",
    "SandboxBroken",
    "SandboxUnavailable",
    "Trap",
    "__version__",
    "compile",
    "load",
]


def __getattr__(name: str) -> Any:
    """Import on first use: `cpsc --help` must not wait for NumPy."""
    if name not in __all__:
        raise AttributeError(f"module 'cpushare' has no attribute {name!r}")
    if name in ("Program", "Result", "compile", "load"):
        from cpushare import program

        return getattr(program, name)
    if name == "CompileError":
        from compiler.diagnostics import CompileError

        return CompileError
    from vm import errors

    return getattr(errors, name)
