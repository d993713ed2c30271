"""How long to wait after a failure: twice as long each time, and never all at the same moment."""

from __future__ import annotations

from collections.abc import Callable

FIRST_S, MOST_S = 0.5, 300.0


class Backoff:
    """Waits that double from half a second to five minutes; `draw` gives numbers in [0, 1)."""

    def __init__(self, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._failures = 0

    def failed(self) -> float:
        """How many seconds to wait now: between a half and the whole of this time's most."""
        most = min(MOST_S, FIRST_S * 2.0 ** min(self._failures, 20))
        self._failures += 1
        return most * (1 + self._draw()) / 2

    def worked(self) -> None:
        """Begin anew."""
        self._failures = 0
