"""Which `.cpu` files there are: those given, or those of the folder for them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from cpushare.market.errors import MarketError
from cpushare.market.order import ORDER_BYTES, SUFFIX, SellOrder, read_order

SYSTEM_FOLDER = Path("/etc/cpushare")
OTHER_FILES = {"config.toml"}
"""What may lie in the same folder without being named."""


class OrderFile(Struct, frozen=True):
    """A sell order that can be worked for: where it lies, its text, what it says."""

    path: Path
    text: str
    order: SellOrder

    @property
    def worker(self) -> str:
        """The name of its worker: another file or another text is another worker."""
        return hashlib.sha256(f"{self.path}\n{self.text}".encode()).hexdigest()[:16]


class Found(Struct, frozen=True):
    """What was found: orders, and for each other file why it is none."""

    orders: list[OrderFile]
    problems: dict[Path, str]


def default_folder() -> Path:
    """/etc/cpushare for root, else cpushare in the user's own folder for settings."""
    if os.geteuid() == 0:
        return SYSTEM_FOLDER
    import platformdirs

    return Path(platformdirs.user_config_dir("cpushare"))


def find_orders(places: Sequence[Path]) -> Found:
    """Read the files given, and all that lie in the folders given. Nothing is raised."""
    found = Found([], {})
    for path in _files(places, found.problems):
        if path.suffix != SUFFIX:
            found.problems[path] = f"ignored: its name does not end in {SUFFIX}"
            continue
        try:
            with path.open(encoding="utf-8") as file:
                text = file.read(ORDER_BYTES + 1)
            found.orders.append(OrderFile(path, text, read_order(text)))
        except UnicodeDecodeError:
            found.problems[path] = "skipped: it is no text"
        except MarketError as error:
            found.problems[path] = f"skipped: {error}"
        except OSError as error:
            found.problems[path] = f"skipped: {error.strerror}"
    return found


def _files(places: Sequence[Path], problems: dict[Path, str]) -> list[Path]:
    """Every file once, by its whole path."""
    files: dict[Path, None] = {}
    for place in places:
        try:
            inside = sorted(place.iterdir()) if place.is_dir() else [place]
        except OSError as error:
            problems[place] = f"skipped: {error.strerror}"
            continue
        for path in inside:
            hidden = path.name.startswith(".") or path.name in OTHER_FILES
            if place is path or not (hidden or path.is_dir()):
                files[path.absolute()] = None
    return list(files)
