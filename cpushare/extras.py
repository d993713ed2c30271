"""Packages that only some of CPUShare needs, and what to install where they are missing."""

from __future__ import annotations

from vm.errors import Refused

MARKET = ("nacl", "urllib3")
EXCHANGE = (
    "aiosqlite",
    "alembic",
    "asyncpg",
    "cryptography",
    "fastapi",
    "jinja2",
    "obstore",
    "prometheus_client",
    "sqlalchemy",
    "starlette",
    "structlog",
    "uvicorn",
)


def missing_extra(error: ModuleNotFoundError) -> Refused | ModuleNotFoundError:
    """What to say of a package that is missing; the error itself if it is none of an extra."""
    package = (error.name or "").partition(".")[0]
    for extra, packages in (("market", MARKET), ("exchange", EXCHANGE)):
        if package in packages:
            return Refused(f"this needs {package}: pip install 'cpushare[{extra}]'")
    return error
