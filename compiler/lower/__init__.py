"""From the typed tree to the intermediate form: calls inlined, arrays laid out flat.

lower(kernel) -> ir.Kernel      raises CompileError (too large, a feature the machine lacks)
"""

from __future__ import annotations

from compiler.lower.kernel import lower

__all__ = ["lower"]
