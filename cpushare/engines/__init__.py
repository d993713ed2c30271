"""Engines: where the tasks of a batch run. One interface, whoever does the work.

    open_engine(name, jobs=…) -> Engine      raises Refused, SandboxUnavailable, OSError

    local              strict children on this machine (cpushare/engines/local.py)
    interpret          the reference interpreter: anywhere, slowly
    dask://HOST:PORT   a Dask cluster of one's own: docs/cluster.md
    market             strangers' machines, for CPUCoins: docs/buy.md

A batch is one program and many tasks, each of them images and parameters, independent of each
other and deterministic. So it does not matter which engine does a task, whether it is done twice,
or whether its result was kept from an earlier day (cpushare/engines/cached.py).
"""

from __future__ import annotations

from cpushare.engines.engine import Batch, Engine, Task
from cpushare.extras import missing_extra
from vm.errors import Refused

__all__ = ["NAMES", "Batch", "Engine", "Task", "open_engine"]

DASK = "dask://"
MARKET = "market"
NAMES = ("local", "interpret", f"{DASK}HOST:PORT", MARKET)


def check_name(name: str) -> str:
    """The name, if an engine goes by it. Raises `Refused`."""
    host, colon, port = name.removeprefix(DASK).rpartition(":")
    is_address = name.startswith(DASK) and host and colon and port.isdigit()
    if name not in ("local", "interpret", MARKET) and not is_address:
        raise Refused(f"there is no engine '{name}' (there is: {', '.join(NAMES)})")
    return name


def is_remote(name: str) -> bool:
    """Whether the engine of this name computes on other machines than this."""
    return name.startswith(DASK) or name == MARKET


def open_engine(
    name: str, *, jobs: int = 0, use_cache: bool = True, is_fresh: bool = False
) -> Engine:
    """An engine, ready for tasks; `jobs` at once (0: one for each processor), if it is here.

    With `use_cache` results are kept, and used again unless `is_fresh`. Raises `Refused` for a name
    that is none or settings that are missing, `SandboxUnavailable` where no child can be confined,
    `OSError` where no cluster answers.
    """
    from cpushare.config import result_cache
    from cpushare.engines.cached import CachedEngine

    engine = _opened(check_name(name), jobs)
    results = result_cache() if use_cache else None
    return engine if results is None else CachedEngine(engine, results, is_fresh=is_fresh)


def _opened(name: str, jobs: int) -> Engine:
    if name == "interpret":
        from cpushare.engines.interpret import InterpretEngine

        return InterpretEngine()
    if name == MARKET:
        return _market()
    if is_remote(name):
        from cpushare.engines.cluster import ClusterEngine

        return ClusterEngine(name.removeprefix(DASK))
    from cpushare.engines.local import LocalEngine

    return LocalEngine(jobs)


def _market() -> Engine:
    try:
        from cpushare.engines.market import MarketEngine
    except ModuleNotFoundError as error:
        raise missing_extra(error) from None
    return MarketEngine()
