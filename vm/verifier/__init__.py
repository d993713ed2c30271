"""The verifier: bytes in, a `VerifiedModule` out, or a refusal that names a numbered rule.

    verify(data) -> VerifiedModule      raises Malformed, Invalid

It imports nothing of the compiler and nothing of the machines that run code. The way of a kernel
through it: signature (V1 to V7), structure (V8 to V20), analysis (V21 to V25). Nothing else
makes a `VerifiedModule`, and nothing unverified is ever interpreted, compiled or run.
"""

from __future__ import annotations

from vm.verifier.verified import Facts, VerifiedKernel, VerifiedModule
from vm.verifier.verify import verify

__all__ = ["Facts", "VerifiedKernel", "VerifiedModule", "verify"]
