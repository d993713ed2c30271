"""Studies: what is computed of what, for how much. From a command line, or from a file.

program = "dither.cps"               # .cps or .cpb, beside this file
kernel = "dither"                    # if there are more
images = ["pictures", "more/*.png"]  # files, folders, patterns
price = 1000                         # micro-coins for a billion cost units
budget = "2.5"                       # coins, at the most
trust = "spot"                       # or pair, self
engine = "market"                    # or local, interpret, dask://HOST:PORT

[parameters]
threshold = [90, 128, 200]           # a value, several, or a range: "0..255:18"

[inputs]                             # in images that are the same for every picture
palette = "#000000,#ffffff"
"""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from cpushare.buyer.grid import axes_from
from cpushare.cpsc.programs import load_program
from cpushare.engines import check_name
from cpushare.images import Reading
from cpushare.market.coins import read_coins
from cpushare.market.messages import TRUSTS
from cpushare.program import Program
from vm.errors import Refused
from vm.module import Kernel

SUFFIX = ".toml"
_SPAN = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Terms(Struct, frozen=True):
    """What is paid and asked for: micro-coins, the time in seconds after which nothing is done."""

    price: int
    budget: int
    trust: str = "spot"
    deadline: float = 0.0
    title: str = ""
    is_public: bool = False


class Study(Struct, frozen=True):
    """A study: program and kernel, the values of each parameter, the files that tasks read."""

    program: Program
    kernel: Kernel
    axes: Mapping[str, Sequence[object]]
    files: list[dict[str, str]]
    reading: Reading
    engine: str = "market"
    checked: bool = False


class StudyFile(Struct, frozen=True, forbid_unknown_fields=True):
    """What a study's file says; what it leaves out comes from options."""

    program: str
    images: list[str] | str = []
    kernel: str = ""
    parameters: dict[str, Any] = {}
    inputs: dict[str, str] = {}
    engine: str = "market"
    checked: bool = False
    background: str | None = None
    rotate: bool = True
    exchange: str | None = None
    account: str | None = None
    price: int | None = None
    budget: str | int | None = None
    trust: str | None = None
    deadline: str | None = None
    title: str | None = None
    public: bool = False


def read_file(path: Path) -> StudyFile:
    """A study's file. Raises `Refused` with what is wrong where, `OSError`."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), StudyFile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise Refused(f"{path} is no study: {error}") from None


def study_of(file: StudyFile, folder: Path) -> Study:
    """The study that a file in a folder asks for: paths in it begin there."""
    from cpushare.batch.plan import inputs_of
    from cpushare.config import setting
    from cpushare.cpsc.verbs.run import parse_colour

    program = load_program(str(folder / file.program))
    kernel = program.kernel(file.kernel or None)
    images = [file.images] if isinstance(file.images, str) else file.images
    paths = tuple(str(folder / image) for image in images)
    named = tuple(
        f"{name}={path if path.startswith('#') else folder / path}"
        for name, path in file.inputs.items()
    )
    return Study(
        program,
        kernel,
        axes_from(kernel, file.parameters),
        inputs_of(kernel, paths, named),
        Reading(setting("max_pixels"), file.rotate, parse_colour(file.background)),
        check_name(file.engine),
        file.checked,
    )


def terms_of(
    price: int | None,
    budget: str | int | None,
    trust: str | None,
    deadline: str | None = None,
    title: str | None = None,
    is_public: bool = False,
) -> Terms:
    """The terms that options give, in words. Raises `Refused` for what is missing."""
    if price is None or price < 1:
        raise Refused("what do you pay? --price N, in micro-coins for a billion cost units")
    if budget is None or budget == "":
        raise Refused("how much may it take? --budget COINS, such as 2.5")
    if (trust or "spot") not in TRUSTS:
        raise Refused(f"trust is one of {', '.join(TRUSTS)}, not '{trust}'")
    until = read_deadline(deadline, time.time()) if deadline else 0.0
    coins = read_coins(str(budget))
    return Terms(price, coins, trust or "spot", until, title or "", is_public)


def read_deadline(text: str, now: float) -> float:
    """The time that "90m", "2d" or "2026-05-01 18:00" names, in seconds. Raises `Refused`."""
    span = _SPAN.fullmatch(text.strip())
    if span is not None:
        return now + int(span[1]) * _SECONDS[span[2]]
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except ValueError:
        raise Refused(f"a deadline is 90m, 12h, 2d or 2026-05-01 18:00, not '{text}'") from None
