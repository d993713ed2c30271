"""Results on disk, as `cpsc run` writes them: an image a task, a row a task, whole or not at all.

Where a study has several parameter sets, each has a folder of its own. What is there already with
the right pixels is left alone, so that one goes on after a full disk or Ctrl-C. `cpushare-job.json`
says which file is which task's: by it `cpushare verify FILE` finds its way.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from cpushare import tables, writing
from cpushare.batch.plan import Files, targeted
from cpushare.buyer.records import JobRecord
from cpushare.files import whole_file
from cpushare.images import Reading, read_image
from cpushare.market.messages import JobOrder, Outcome
from cpushare.market.outcomes import outputs_from, read_trap, record_of
from cpushare.market.rasters import blob_name, encode_raster
from vm import parameters as parameter_values
from vm.errors import CPUShareError, Refused
from vm.inputs import Number
from vm.module import Kernel, Role

if TYPE_CHECKING:
    from numpy.typing import NDArray

MANIFEST = "cpushare-job.json"
LABEL_CHARACTERS = 100


class Written(Struct, frozen=True):
    """A file: the task and the out image that it holds, and the hash of its pixels as a raster."""

    task: int
    image: str
    raster: str


class Manifest(Struct, frozen=True):
    """What a folder of results is: its job, and its files by their paths in it."""

    job: str
    exchange: str
    files: dict[str, Written]


class Results:
    """The results of a job, on their way to `folder` (None: only records are wanted)."""

    def __init__(self, record: JobRecord, kernel: Kernel, folder: str | None) -> None:
        self.order: JobOrder = record.order
        self.kernel = kernel
        self.files = record.files
        self.values = [
            parameter_values.by_name(kernel, parameter_values.from_bytes(kernel, given))
            for given in self.order.parameters
        ]
        self._folder = Path(folder) if folder is not None else None
        self._manifest = Manifest(record.job, record.exchange, {})
        self._plans = self._planned() if self._folder is not None else []

    def _planned(self) -> list[list[Files]]:
        """For each parameter set the files of its tasks."""
        folder = self._folder or Path()
        folder.mkdir(parents=True, exist_ok=True)
        labels = labels_of(self.values)
        return [targeted(self.kernel, self.files, (f"{folder / label}/",)) for label in labels]

    def wanted(self, index: int, outcome: Outcome) -> list[str]:
        """The blobs that a task's files lack: what is there and right is not fetched."""
        if self._folder is None or outcome.trap:
            return []
        lacking = []
        for name, path in self._paths(index).items():
            found = next((each for each in _candidates(path) if each.is_file()), None)
            if found is None or _raster_of(found) != outcome.images[name]:
                lacking.append(outcome.images[name])
            else:
                self._note(found, index, name, outcome.images[name])
        return lacking

    def _paths(self, index: int) -> dict[str, str]:
        row, column = divmod(index, len(self.files))
        return self._plans[row][column].outputs

    def write(self, index: int, outcome: Outcome, blobs: dict[str, bytes]) -> None:
        """Write a task's images. Raises `OSError` where there is no room, `BadMessage`."""
        outputs = outputs_from(self.kernel, outcome, blobs)
        for name, path in self._paths(index).items():
            pixels: NDArray[Any] = outputs[name]
            target = Path(f"{path}{writing.natural_suffix(pixels)}")
            writing.write_image(target, pixels)
            self._note(target, index, name, outcome.images[name])

    def _note(self, path: Path, index: int, image: str, raster: str) -> None:
        assert self._folder is not None
        self._manifest.files[str(path.relative_to(self._folder))] = Written(index, image, raster)

    def finish(self) -> int:
        """Write which file is what; gives how many there are."""
        if self._folder is not None and self._manifest.files:
            with whole_file(self._folder / MANIFEST) as file:
                file.write(msgspec.json.format(msgspec.json.encode(self._manifest)))
        return len(self._manifest.files)

    def row(self, index: int, outcome: Outcome | None, failure: str) -> dict[str, tables.Cell]:
        """The row of a task in a table."""
        row, column = divmod(index, len(self.files))
        record: dict[str, Number] = {}
        error = failure or None
        if outcome is not None and not failure:
            if outcome.trap:
                error = str(read_trap(outcome.trap))
            else:
                record = record_of(self.kernel, outcome)
        return tables.row_of(self.kernel, self.files[column], self.values[row], record, error)


def labels_of(values: list[dict[str, object]]) -> list[str]:
    """A folder for each parameter set: what varies, if that is short; "" for the only set."""
    if len(values) == 1:
        return [""]
    varying = [name for name in values[0] if any(each[name] != values[0][name] for each in values)]
    labels = []
    for each in values:
        parts = [f"{name}={_plain(each[name])}" for name in varying]
        labels.append(",".join(parts))
    if len(set(labels)) < len(labels) or any(len(label) > LABEL_CHARACTERS for label in labels):
        return [f"p{number:0{len(str(len(values)))}}" for number in range(len(values))]
    return labels


def _plain(value: object) -> str:
    if isinstance(value, list):
        return "_".join(map(_plain, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _candidates(path: str) -> list[Path]:
    return [Path(f"{path}{suffix}") for suffix in (".png", ".npy")]


def _raster_of(path: Path) -> str:
    """The hash of a written image's pixels; nothing if it cannot be read."""
    try:
        pixels = read_image(path, Reading(most_pixels=1 << 62))
    except (CPUShareError, OSError):
        return ""
    return blob_name(encode_raster(pixels))


def find_written(path: Path) -> tuple[Manifest, Written]:
    """The job and the task that a written file is of. Raises `Refused`."""
    for folder in path.absolute().parents:
        if (folder / MANIFEST).is_file():
            try:
                manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
            except msgspec.MsgspecError as error:
                raise Refused(f"{folder / MANIFEST} is damaged: {error}") from None
            written = manifest.files.get(str(path.absolute().relative_to(folder)))
            if written is not None:
                return manifest, written
    raise Refused(
        f"{path} is no result that 'cpushare results' wrote here; a result is also JOB:INDEX"
    )


def out_images(kernel: Kernel) -> list[str]:
    """The names of a kernel's out images."""
    return [image.name for image in kernel.images_of(Role.OUT)]
