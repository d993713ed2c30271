"""Settings: what they are, and where each value comes from.

A setting is taken from the environment (CPUSHARE_MAX_PIXELS …), else from
~/.config/cpushare/config.toml, else from the table here. Options of a command beat all of them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from vm.errors import Refused

if TYPE_CHECKING:
    from cpushare.results import ResultCache
    from vm.sandbox.cache import ObjectCache
    from vm.store import Store


class Setting(Struct, frozen=True):
    """One setting: its name, default, unit and meaning."""

    name: str
    default: int | str
    meaning: str


SETTINGS: tuple[Setting, ...] = (
    Setting("max_pixels", 100_000_000, "the largest picture that is read, in pixels"),
    Setting("jobs", 0, "pictures of a batch at once; 0: one for each processor"),
    Setting("memory_bytes", 8 << 30, "the most memory a kernel may ask for, in bytes"),
    Setting("sell_yields", 1, "1: a seller is last in every line; 0: it runs like others"),
    Setting("sell_cpu_pressure", 60, "percent of time that others wait for a processor; 0: ignore"),
    Setting("sell_memory_pressure", 10, "percent of time that others wait for memory; 0: ignore"),
    Setting("sell_io_pressure", 30, "percent of time that others wait for a disk; 0: ignore"),
    Setting("sell_on_battery", 0, "1: a seller works on battery too"),
    Setting("sell_disk_bytes", 2 << 30, "the most that a seller keeps of unsent results"),
    Setting("sell_day_bytes", 0, "the most that a seller sends and receives a day; 0: any"),
    Setting("cache_bytes", 1 << 30, "the size of the cache of compiled kernels, in bytes"),
    Setting("result_bytes", 1 << 30, "the size of the cache of results, in bytes; 0: none"),
    Setting("exchange", "", "the market's exchange: https://HOST:PORT, or a .cpu file of it"),
    Setting("certificate", "", "sha256 of the exchange's certificate, if it made it itself"),
    Setting("account", "default", "the account that pays, by its name"),
    Setting("price", 0, "micro-coins offered for a billion cost units by the engine market"),
    Setting("budget", "", "the most coins that a run of the engine market may take"),
    Setting("trust", "spot", "how results of the market are checked: spot, pair or self"),
)


class Value(Struct, frozen=True):
    """A setting's value, and where it was found."""

    setting: Setting
    value: int | str
    origin: str


def config_path() -> Path:
    """Where the file is looked for."""
    import platformdirs

    return Path(platformdirs.user_config_dir("cpushare")) / "config.toml"


def read_config(path: Path | None = None) -> dict[str, Value]:
    """Every setting with its value. Raises `Refused` for a file that cannot be understood."""
    path = path or config_path()
    given = _read_file(path)
    names = {setting.name for setting in SETTINGS}
    for name in given:
        if name not in names:
            raise Refused(f"{path}: there is no setting '{name}' (there is: {', '.join(names)})")
    return {setting.name: _value(setting, given, path) for setting in SETTINGS}


def _read_file(path: Path) -> dict[str, object]:
    import tomllib

    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"{path} is no TOML: {error}") from None


def _value(setting: Setting, given: dict[str, object], path: Path) -> Value:
    variable = f"CPUSHARE_{setting.name.upper()}"
    raw: object = os.environ.get(variable)
    origin = variable
    if raw is None and setting.name in given:
        raw, origin = given[setting.name], str(path)
    if raw is None:
        return Value(setting, setting.default, "default")
    if isinstance(setting.default, str):
        if not isinstance(raw, str):
            raise Refused(f"{origin}: {setting.name} is a text, not {raw!r}")
        return Value(setting, raw, origin)
    try:
        number = int(raw) if isinstance(raw, str | int) else -1
    except ValueError:
        number = -1
    if number < 0:
        raise Refused(f"{origin}: {setting.name} is a whole number, not {raw!r}")
    return Value(setting, number, origin)


def object_cache() -> ObjectCache:
    """The cache of compiled kernels, of the size that the settings allow."""
    from vm.sandbox.cache import ObjectCache

    return ObjectCache(limit_bytes=setting("cache_bytes"))


def result_cache() -> ResultCache | None:
    """The cache of results, of the size that the settings allow; None if that is 0."""
    from cpushare.results import ResultCache

    limit_bytes = setting("result_bytes")
    return ResultCache(limit_bytes) if limit_bytes else None


def kept() -> dict[str, ObjectCache | ResultCache | Store]:
    """All that is kept on disk, by what the entries are."""
    from cpushare.batch.made import notes_store
    from cpushare.results import ResultCache

    results = ResultCache(setting("result_bytes"))
    return {"kernels": object_cache(), "results": results, "notes": notes_store()}


def setting(name: str) -> int:
    """The value of a setting that is a number."""
    return int(read_config()[name].value)


def text_setting(name: str) -> str:
    """The value of a setting that is a text."""
    return str(read_config()[name].value)
