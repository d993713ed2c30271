"""What earlier batches made, so that a batch does only what is missing.

A note is kept for every task that was done: the hashes of the files it wrote, and its record. It
is found by all that decides them: the program's meaning, kernel, parameters, how files are read,
and the bytes of every input file. A task is done if there is a note and the files it names are
there, with these hashes. So folders may be moved, and whoever changes an input or an output has
it made anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cpushare.batch.plan import Files
from cpushare.engines import Batch
from cpushare.images import Reading
from cpushare.results import decided_by
from vm.inputs import Number
from vm.store import Store, key_of

FORMAT = b"CPUShare made 1\n"
LIMIT_BYTES = 64 << 20  # some 200,000 pictures
ENTRY_BYTES = 1 << 20


class Note(msgspec.Struct, array_like=True):
    """Suffix added to the planned name and sha256 of each file, by out image; the record."""

    files: dict[str, tuple[str, bytes]]
    record: dict[str, Number]


@dataclass(frozen=True, slots=True)
class Found:
    """What an earlier batch made: files by out image, and the record."""

    written: dict[str, str]
    record: dict[str, Number]


def notes_store() -> Store:
    """Where notes are kept, in the user's cache."""
    import platformdirs

    folder = Path(platformdirs.user_cache_dir("cpushare")) / "made"
    return Store(folder, FORMAT, LIMIT_BYTES, ENTRY_BYTES)


class MadeBefore:
    """The notes of one batch's tasks."""

    def __init__(self, store: Store, decided: list[bytes]) -> None:
        self.store = store
        self.decided = decided

    @classmethod
    def open(cls, batch: Batch, values: Mapping[str, object], reading: Reading) -> MadeBefore:
        """The notes of a program with these parameters. Raises `Refused` if they do not fit."""
        return cls(notes_store(), [*decided_by(batch, values), repr(reading).encode()])

    def key(self, files: Files) -> str | None:
        """The name of a task's note; None for a task that no file decides. Raises `OSError`."""
        parts = []
        for name, file in sorted(files.inputs.items()):
            if file == "-":
                return None
            parts += [name.encode(), file.encode() if file.startswith("#") else _hash_of(file)]
        return key_of(FORMAT, *self.decided, *parts)

    def find(self, key: str, files: Files) -> Found | None:
        """What was made of a task, if all of it is still there."""
        body = self.store.load(key)
        if body is None:
            return None
        try:
            note = msgspec.msgpack.decode(body, type=Note)
        except msgspec.MsgspecError:
            return None
        written = {}
        for name, path in files.outputs.items():
            suffix, digest = note.files.get(name, ("", b""))
            path += suffix if name in files.made_up else ""
            try:
                if _hash_of(path) != digest:
                    return None
            except OSError:
                return None
            written[name] = path
        return Found(written, note.record)

    def remember(self, key: str, written: Mapping[str, str], record: Mapping[str, Number]) -> None:
        """Note what a task has made."""
        files = {name: (Path(path).suffix, _hash_of(path)) for name, path in written.items()}
        self.store.store(key, msgspec.msgpack.encode(Note(files, dict(record))))


def _hash_of(file: str) -> bytes:
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()
