"""A whole exchange as a folder that can be put away: rows, blobs, keys, configuration.

    backup/
      database        the rows, as they were at one moment
      blobs/          programs, images, results: all that the rows name
      config.toml, *.key, *.cpu, certificate.pem, operator.name

The operator's secret key goes with it only if it is asked for. Blobs in a bucket are not copied.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from cpushare.exchange.blobs import folder_of
from cpushare.exchange.config import NAME, Config, read_config
from cpushare.exchange.sql import copies
from cpushare.exchange.sql.migrate import sqlite_path
from cpushare.market.errors import Conflict, Missing, Unreachable

DATABASE, BLOBS = "database", "blobs"
OPERATOR = "operator.key"


async def backup(folder: Path, target: Path, *, with_operator: bool = False) -> bool:
    """Copy an exchange, which may go on meanwhile, into a new folder; gives whether it has blobs.

    Raises `Conflict` if there is such a folder, `Missing` without pg_dump, `Unreachable`.
    """
    config = read_config(folder)
    if target.exists():
        raise Conflict(f"{target} is there already: a backup does not overwrite another")
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700, parents=True)
    try:
        await copies.backup(config.database, part / DATABASE)
        for file in folder.iterdir():
            is_ours = file.suffix in (".key", ".cpu", ".pem", ".name") or file.name == NAME
            if is_ours and file.is_file() and (with_operator or file.name != OPERATOR):
                shutil.copy2(file, part)
        blobs = folder_of(config.blobs)
        if blobs is not None:
            _copy_tree(blobs, part / BLOBS)
        part.rename(target)
    except OSError as error:
        raise Unreachable(f"the backup {target} could not be written: {error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return blobs is not None


async def restore(source: Path, folder: Path, database: str = "") -> Config:
    """Make an exchange's folder from a backup; `database` is the address of a new one, if not here.

    Raises `Conflict` if there is such a folder, `Missing` if the backup is none, `Unreachable`.
    """
    if not (source / DATABASE).is_file():
        raise Missing(f"{source} is no backup of an exchange")
    if folder.exists():
        raise Conflict(f"{folder} is there already: move it away, then restore")
    config = read_config(source)
    if not database and sqlite_path(config.database) is None:
        raise Missing("the backup is of PostgreSQL: give a new, empty database by --database URL")
    place = folder.resolve()
    folder.mkdir(mode=0o700, parents=True)
    try:
        for file in source.iterdir():
            if file.is_file() and file.name not in (DATABASE, NAME):
                shutil.copy2(file, folder)
        moved = {config.database: database or f"sqlite:///{place / 'exchange.sqlite'}"}
        if (source / BLOBS).is_dir():
            _copy_tree(source / BLOBS, folder / BLOBS)
            moved[config.blobs] = (place / BLOBS).as_uri()
        text = (source / NAME).read_text()
        for before, after in moved.items():
            text = text.replace(f'"{before}"', f'"{after}"')
        await copies.restore(moved[config.database], source / DATABASE)
        (folder / NAME).write_text(text)  # last: a folder without it is no exchange
    except OSError as error:
        raise Unreachable(f"{source} could not be restored: {error}") from error
    return read_config(folder)


def _copy_tree(source: Path, target: Path) -> None:
    """Files that never change are linked where that is possible, and copied elsewhere."""
    for here, folders, files in os.walk(source):
        there = target / Path(here).relative_to(source)
        there.mkdir(parents=True, exist_ok=True)
        folders.sort()
        for name in files:
            if "#" in name:  # what is being written now
                continue
            try:
                os.link(Path(here) / name, there / name)
            except OSError:
                shutil.copy2(Path(here) / name, there / name)
