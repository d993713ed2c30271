"""Whether now is a time to work: the machine's pressure, its power, the order's hours, limits.

Pressure is what Linux calls so (PSI): the share of the last ten seconds in which somebody waited
for a processor, memory or a disk. A seller waits when it is above a threshold, and works again when
it is below half of that, so that it does not flutter.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from cpushare.market.order import HOURS

LOOK_S = 1.0
_SOME = re.compile(r"some avg10=(\d+\.\d+)")
KINDS = ("cpu", "memory", "io")


class Limits(Struct, frozen=True):
    """What a seller respects: percents of waiting (0: ignored), battery, bytes (0: any)."""

    cpu: int = 0
    memory: int = 0
    io: int = 0
    on_battery: bool = True
    disk_bytes: int = 1 << 40
    day_bytes: int = 0

    @staticmethod
    def configured() -> Limits:
        """Those of the settings (cpushare/config.py). Raises `Refused`."""
        from cpushare.config import setting

        return Limits(
            setting("sell_cpu_pressure"),
            setting("sell_memory_pressure"),
            setting("sell_io_pressure"),
            bool(setting("sell_on_battery")),
            setting("sell_disk_bytes"),
            setting("sell_day_bytes"),
        )


class Machine:
    """What is known of the machine now; looks once a second at the most."""

    def __init__(
        self,
        limits: Limits,
        *,
        now: Callable[[], float] = time.time,
        proc: Path = Path("/proc"),
        power: Path = Path("/sys/class/power_supply"),
    ) -> None:
        self.limits = limits
        self.now = now
        self.workers = 0
        self._proc = proc
        self._power = power
        self._seen = -1e18
        self._why = ""

    def why_not(self) -> str:
        """Why a seller should wait now; nothing if it may work."""
        now = self.now()
        if not 0 <= now - self._seen < LOOK_S:
            self._seen = now
            self._why = self._battery() or self._pressure(bool(self._why))
        return self._why

    def _pressure(self, was_busy: bool) -> str:
        for kind in KINDS:
            most: int = getattr(self.limits, kind)
            found = self._waiting(kind) if most else 0.0
            if most and found > (most / 2 if was_busy else most):
                return f"the machine is busy: {kind} pressure {found:.0f} %, above {most} %"
        return ""

    def _waiting(self, kind: str) -> float:
        """Percent of the last ten seconds in which somebody waited for this."""
        try:
            found = _SOME.match((self._proc / "pressure" / kind).read_text())
        except OSError:
            found = None
        if found:
            return float(found[1])
        return self._crowd() if kind == "cpu" else 0.0

    def _crowd(self) -> float:
        """Without PSI: how many others would run, in percent of the processors."""
        try:
            load = float((self._proc / "loadavg").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return 0.0
        return 100 * max(0.0, load - self.workers) / (os.cpu_count() or 1)

    def _battery(self) -> str:
        """On battery: some battery is being emptied, and no other source of power is there."""
        if self.limits.on_battery:
            return ""
        try:
            supplies = list(self._power.iterdir())
        except OSError:
            return ""
        on_mains = any(_line(each / "online") == "1" for each in supplies)
        emptying = any(_line(each / "status") == "Discharging" for each in supplies)
        return "the machine runs on battery" if emptying and not on_mains else ""


def _line(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def outside(hours: str, now: float) -> str:
    """Why an order's hours say to wait, by the machine's own clock; nothing if they do not."""
    found = HOURS.fullmatch(hours)
    if found is None:
        return ""
    local = time.localtime(now)
    minute = 60 * local.tm_hour + local.tm_min
    begin = 60 * int(found[1]) + int(found[2])
    end = 60 * int(found[3]) + int(found[4])
    inside = begin <= minute < end if begin <= end else minute >= begin or minute < end
    return "" if inside or begin == end else f"it is outside the order's hours, {hours}"
