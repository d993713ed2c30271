"""What is kept here of a job: its document, its files' names, its program. One small file a job.

It is written before anything is sent. So a study that is submitted again, after a crash or for
curiosity, is the same job: it goes on where it was. Results are checked against it.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from cpushare.files import whole_file
from cpushare.market.messages import JobOrder, canonical, decode
from vm.errors import Refused
from vm.store import key_of
from vm.verifier import VerifiedModule, verify

FORMAT = b"CPUShare study 1\n"
KEY_CHARACTERS = 32


class JobRecord(Struct, frozen=True):
    """A job: its name, study, exchange, account, the order's bytes, the program's, and the files
    that each set of inputs was read from, by in image.
    """

    job: str
    study: str
    exchange: str
    certificate: str
    account: str
    document: bytes
    program: bytes
    files: list[dict[str, str]]

    @property
    def order(self) -> JobOrder:
        """What was asked for."""
        return decode(self.document, JobOrder)

    def verified(self) -> VerifiedModule:
        """The program, verified again: files may be damaged."""
        return verify(self.program)


def study_key(exchange: str, buyer: bytes, order: JobOrder) -> str:
    """What tells one study from another: all of its order but its nonce and its deadline."""
    plain = msgspec.structs.replace(order, nonce="", deadline=0.0)
    return key_of(FORMAT, exchange.encode(), buyer, canonical(plain))[:KEY_CHARACTERS]


def records_folder() -> Path:
    """Where the files are."""
    import platformdirs

    return Path(platformdirs.user_state_dir("cpushare")) / "jobs"


def keep(record: JobRecord) -> None:
    """Write a job's file, whole or not at all. Raises `OSError`."""
    folder = records_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with whole_file(folder / f"{record.study}-{record.job}.json") as file:
        file.write(msgspec.json.encode(record))


def _read(path: Path) -> JobRecord:
    try:
        return msgspec.json.decode(path.read_bytes(), type=JobRecord)
    except msgspec.MsgspecError as error:
        raise Refused(
            f"{path} is damaged ({error}): remove it, and submit the study again"
        ) from None


def of_study(study: str) -> JobRecord | None:
    """The newest job of a study, if there is one."""
    found = sorted(records_folder().glob(f"{study}-*.json"), key=lambda path: path.stat().st_mtime)
    return _read(found[-1]) if found else None


def of_job(text: str) -> JobRecord:
    """A job by the first characters of its name. Raises `Refused`."""
    is_hex = text and not set(text) - set("0123456789abcdef")
    found = sorted(records_folder().glob(f"*-{text}*.json")) if is_hex else []
    if not found:
        raise Refused(
            f"this machine knows no job '{text[:64]}': 'cpushare status' lists the jobs; a job is "
            "known where it was submitted"
        )
    if len(found) > 1:
        raise Refused(f"there are {len(found)} jobs whose names begin with '{text}'")
    return _read(found[0])
