"""Tasks of a batch from file to file: read, run, write. What every process of a batch does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from cpushare import colour, images, writing
from cpushare.batch.made import MadeBefore
from cpushare.batch.plan import Files
from cpushare.engines import Batch, Engine, Task, is_remote, open_engine
from cpushare.images import Reading
from vm.inputs import Number
from vm.module import Kernel, Role
from vm.sandbox import capability
from vm.verifier import VerifiedModule, verify

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vm.inputs import Outputs


@dataclass(frozen=True, slots=True)
class Work:
    """What all tasks of a batch share, fit to be sent to another process.

    `is_fresh` uses nothing that was made before, `resumes` leaves outputs that are there and right;
    `tasks` is how many there are.
    """

    program: bytes
    kernel: str
    values: Mapping[str, object]
    reading: Reading
    engine: str
    jobs: int
    memory_bytes: int
    use_cache: bool
    checked: bool = False
    is_fresh: bool = False
    resumes: bool = False
    tasks: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """A task that has been done: files written by out image, the record, what else to tell.

    `is_old` says that it had been done by an earlier batch.
    """

    written: dict[str, str]
    record: dict[str, Number]
    seconds: float
    notes: list[str]
    is_old: bool = False


Made = TypeVar("Made")
Outcome = Done | Exception
"""What became of a task. An exception is `Refused`, `Trap`, `OverLimit`, `SandboxBroken`,
`SandboxUnavailable` or `OSError`; another one is a bug.
"""


@dataclass(frozen=True, slots=True)
class _Read:
    """A task whose images are here; `seconds` is how long that took."""

    files: Files
    key: str | None
    arrays: dict[str, NDArray[Any]]
    notes: list[str]
    seconds: float


class Workshop:
    """Does tasks of one batch, in one process: program, engine and children stay warm."""

    def __init__(self, work: Work, verified: VerifiedModule | None = None) -> None:
        self.work = work
        self.batch = Batch(
            verified or verify(work.program),
            work.kernel,
            work.checked,
            work.memory_bytes,
            work.use_cache,
            tasks=work.tasks,
        )
        self._engine: Engine | None = None
        self.made = MadeBefore.open(self.batch, work.values, work.reading) if work.resumes else None

    @property
    def kernel(self) -> Kernel:
        """The kernel of the batch."""
        return self.batch.signature

    def open(self, jobs: int = 1) -> Engine:
        """The engine; if it is here, of `jobs` children when it is asked for first."""
        if self._engine is None:
            work = self.work
            self._engine = open_engine(
                work.engine, jobs=jobs, use_cache=work.use_cache, is_fresh=work.is_fresh
            )
        return self._engine

    def run(self, group: Sequence[Files]) -> list[Outcome]:
        """Do tasks, unless they have been done before; what became of each.

        All are read, then all are run, so that an engine which runs many at once has them there.
        """
        read = [_tried(self._prepared, files) for files in group]
        begun = [(each, self._begin(each)) if isinstance(each, _Read) else each for each in read]
        return [_tried(self._finished, *e) if isinstance(e, tuple) else e for e in begun]

    def _prepared(self, files: Files) -> Done | _Read:
        """The images of a task, or what was made of them before."""
        began = time.perf_counter()
        key = self.made.key(files) if self.made is not None else None
        if self.made is not None and key is not None and not self.work.is_fresh:
            found = self.made.find(key, files)
            if found is not None:
                seconds = round(time.perf_counter() - began, 6)
                return Done(found.written, found.record, seconds, [], is_old=True)
        arrays, notes = self._read(files)
        return _Read(files, key, arrays, notes, time.perf_counter() - began)

    def _begin(self, read: _Read) -> Future[Outputs]:
        return self.open().submit(self.batch, Task(read.arrays, self.work.values))

    def _finished(self, read: _Read, future: Future[Outputs]) -> Done:
        """Wait for what a task gives, and write it."""
        began, files = time.perf_counter(), read.files
        try:
            outputs = future.result()
        except CancelledError:
            raise OSError("the engine gave the task up: is it still there?") from None
        written = {}
        for name, path in files.outputs.items():
            if name in files.made_up:
                path += writing.natural_suffix(outputs[name])
            writing.write_image(path, outputs[name])
            written[name] = path
        if self.made is not None and read.key is not None:
            self.made.remember(read.key, written, outputs.record)
        seconds = round(read.seconds + time.perf_counter() - began, 6)
        return Done(written, outputs.record, seconds, read.notes)

    def _read(self, files: Files) -> tuple[dict[str, NDArray[Any]], list[str]]:
        """The in images as the kernel takes them, and what had to be done for it."""
        arrays, notes = {}, []
        engine = self.work.engine
        if is_remote(engine):
            engine = "local" if capability.check().is_native else "interpret"
        for image in self.kernel.images_of(Role.IN):
            file = files.inputs[image.name]
            pixels = images.read_image(file, self.work.reading)
            arrays[image.name], said = colour.fit(pixels, image, file, engine)
            notes += [said] if said else []
        return arrays, notes

    def close(self) -> None:
        """End the engine, if there is one."""
        if self._engine is not None:
            self._engine.close()


def _tried(function: Callable[..., Made], *given: Any) -> Made | Exception:
    """What a function gives, or the exception that it raises."""
    try:
        return function(*given)
    except Exception as error:
        return error
