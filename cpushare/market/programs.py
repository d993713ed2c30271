"""Strangers' programs, verified before anything is done with them: exchange and seller keep some.

Nothing is compiled or run here.
"""

from __future__ import annotations

from collections import OrderedDict

from cpushare.market.errors import BadMessage
from vm.errors import Invalid, Malformed, OverLimit
from vm.verifier import VerifiedModule, verify


class Programs:
    """Verified programs by hash: the `most` that were used last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[str, VerifiedModule] = OrderedDict()

    def find(self, name: str) -> VerifiedModule | None:
        """A program that was verified before."""
        if name in self._kept:
            self._kept.move_to_end(name)
        return self._kept.get(name)

    def add(self, data: bytes) -> VerifiedModule:
        """Verify a program's bytes. Raises `BadMessage` with the verifier's own words."""
        try:
            verified = verify(data)
        except (Malformed, Invalid, OverLimit) as error:
            raise BadMessage(f"the program is refused: {error}") from None
        self._kept[verified.hash] = verified
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return verified
