"""Backup and restore: a copy of all rows as they were at one moment, while the exchange runs on.

SQLite's copy is a database of its own, made by SQLite; PostgreSQL's is pg_dump's archive. Blobs are
files, and copied like files: after the rows, so that all that rows name is there.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from cpushare.exchange.sql.migrate import check_version, sqlite_path
from cpushare.market.errors import Conflict, Missing, Unreachable

PROGRAMS = "/usr/lib/postgresql"
"""Where Debian puts PostgreSQL's programs, by version."""


async def backup(url: str, target: Path) -> None:
    """Copy a database into a new file, which is whole or not there.

    Raises `Conflict` if there is a file of this name, `Missing` without pg_dump, `Unreachable`.
    """
    await check_version(url)
    if target.exists():
        raise Conflict(f"{target} is there already: a backup does not overwrite another")
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    source = sqlite_path(url)
    try:
        if source is None:
            await _run(program("pg_dump"), "--format=custom", f"--file={part}", f"--dbname={url}")
        else:
            await asyncio.to_thread(_copy, source, part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.rename(target)
    except (OSError, sqlite3.Error) as error:
        raise Unreachable(f"the backup {target} could not be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)


async def restore(url: str, source: Path) -> None:
    """Fill a database, which must be new or empty, from a backup.

    Raises `Conflict` if it is not, `Missing` without a backup or pg_restore, `Unreachable`.
    """
    if not source.is_file():
        raise Missing(f"there is no backup {source}")
    target = sqlite_path(url)
    if target is None:
        whole = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-acl")
        await _run(program("pg_restore"), *whole, f"--dbname={url}", str(source))
    elif target.exists():
        raise Conflict(f"{target} is there already: move it away, then restore")
    else:
        try:
            await asyncio.to_thread(_copy, source, target)
        except (OSError, sqlite3.Error) as error:
            target.unlink(missing_ok=True)
            raise Unreachable(f"{source} could not be restored: {error}") from error
    await check_version(url)


def _copy(source: Path, target: Path) -> None:
    address = f"{source.absolute().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(address, uri=True)) as one,
        closing(sqlite3.connect(target)) as other,
    ):
        one.backup(other)
        (verdict,) = other.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)


def program(name: str) -> str:
    """Where a program of PostgreSQL is, the newest. Raises `Missing`."""
    found = sorted(Path(PROGRAMS).glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    named = str(found[-1]) if found else shutil.which(name)
    if named is None:
        raise Missing(f"{name} is not installed: apt install postgresql-client")
    return named


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    if process.returncode:
        raise Unreachable(f"{Path(command[0]).name}: {said.decode(errors='replace')[:500].strip()}")
