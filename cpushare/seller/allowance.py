"""How many tasks a seller may still do, over all its workers: `--after N`."""

from __future__ import annotations

from threading import Lock


class Allowance:
    """A number of tasks that is used up, or none at all (`total` 0: as many as there are)."""

    def __init__(self, total: int = 0) -> None:
        self._total = total
        self._taken = 0
        self._used = 0
        self._lock = Lock()

    def take(self, count: int) -> int:
        """How many of so many tasks may be asked for: they are set aside."""
        with self._lock:
            if self._total:
                count = max(0, min(count, self._total - self._taken))
            self._taken += count
            return count

    def give(self, count: int) -> None:
        """Tasks that were set aside will not be done by who had them."""
        with self._lock:
            self._taken -= count

    def used(self, count: int) -> None:
        """Tasks have been done."""
        with self._lock:
            self._used += count

    @property
    def is_used_up(self) -> bool:
        """Whether nothing more is to be begun."""
        return bool(self._total) and self._used >= self._total
