"""The reference interpreter: what a verified kernel means, written to be read, not to be fast.

    run(verified, kernel, inputs, parameters, checked=False) -> Result(outputs, counted)

raises Refused, OverLimit, Trap; and Crash if a value ever contradicts what the verifier proved.
It counts what it executes with the weights of vm/costs.py: the count never exceeds the price.
The native compiler shares none of its code, so that comparing the two means something.
"""

from __future__ import annotations

from vm.interp.run import Result, run

__all__ = ["Result", "run"]
