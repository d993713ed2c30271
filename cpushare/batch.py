"""Batches: one kernel, one set of parameters, many pictures.

Every picture is a task of its own: read, run, write. Tasks run in threads, each with a strict
child of its own. One that fails does not stop the rest; what failed is listed at the end. Outputs
appear whole or not at all.
"""

from __future__ import annotations

import glob
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cpushare import colour, images, tables, writing
from cpushare.cpsc import exits, output
from cpushare.images import READABLE, Reading
from vm.errors import CPUShareError, Refused
from vm.inputs import Number, Outputs, as_output, dtype_of
from vm.module import Kernel, Role

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.progress import Progress

    from cpushare.program import Program
    from vm.sandbox.runner import NativeRunner


@dataclass(frozen=True, slots=True)
class Task:
    """Files of the in images by name, and files of the out images.

    The names of `made_up` outputs were made from the inputs': they still lack their suffix, which
    is that natural to the pixels.
    """

    inputs: dict[str, str]
    outputs: dict[str, str]
    made_up: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Work:
    """What all tasks of a batch share."""

    program: Program
    kernel: Kernel
    values: dict[str, object]
    reading: Reading
    engine: str
    jobs: int
    memory_bytes: int
    use_cache: bool
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """A task that has been done: files written by out image, the record, what else to tell."""

    task: Task
    written: dict[str, str]
    record: dict[str, Number]
    seconds: float
    notes: list[str]


@dataclass(slots=True)
class Runners:
    """A native runner for each thread: a child belongs to the thread that made it."""

    work: Work
    local: threading.local = field(default_factory=threading.local)
    all: list[NativeRunner] = field(default_factory=list)

    def run(self, inputs: dict[str, NDArray[Any]]) -> Outputs:
        """Run the kernel on one task's images."""
        work = self.work
        if work.engine == "interpret":
            from vm import interp

            verified, name = work.program.verified, work.kernel.name
            return interp.run(verified, name, inputs, work.values, checked=work.checked).outputs
        if not hasattr(self.local, "runner"):
            runner = work.program.runner(
                work.kernel.name, work.values, use_cache=work.use_cache, checked=work.checked
            )
            runner.memory_limit_bytes = work.memory_bytes
            self.local.runner = runner
            self.all.append(runner)
        outputs: Outputs = self.local.runner.run(inputs)
        return outputs

    def close(self) -> None:
        """End every child."""
        for runner in self.all:
            runner.close()


# Planning: which files go where.


def expand(inputs: tuple[str, ...]) -> list[str]:
    """Files, folders' pictures in order of name, and patterns, as one list of files."""
    found: list[str] = []
    for text in inputs:
        path = Path(text)
        if text == "-" or path.is_file():
            found.append(text)
        elif path.is_dir():
            names = sorted(p for p in path.iterdir() if p.suffix.lower() in READABLE)
            if not names:
                raise Refused(f"there is no picture in the folder {text}")
            found += map(str, names)
        elif any(character in text for character in "*?["):
            matches = sorted(glob.glob(text))
            if not matches:
                raise Refused(f"nothing matches {text}")
            found += matches
        else:
            raise FileNotFoundError(2, "no such file or folder", text)
    return found


def _pairs(texts: tuple[str, ...], names: list[str]) -> tuple[dict[str, str], list[str]]:
    """`NAME=FILE` by name, and what is no such pair."""
    named, plain = {}, []
    for text in texts:
        name, equals, file = text.partition("=")
        if equals and name in names:
            named[name] = file
        else:
            plain.append(text)
    return named, plain


def plan(
    kernel: Kernel, inputs: tuple[str, ...], named: tuple[str, ...], targets: tuple[str, ...]
) -> list[Task]:
    """The tasks that a command line asks for. Raises `Refused` if it fits no kernel."""
    in_names = [image.name for image in kernel.images_of(Role.IN)]
    out_names = [image.name for image in kernel.images_of(Role.OUT)]
    given, rest = _pairs(named, in_names)
    if rest:
        raise Refused(f"--in takes NAME=FILE with one of: {', '.join(in_names)}; not '{rest[0]}'")
    chosen, plain = _pairs(targets, out_names)
    if len(plain) > 1:
        raise Refused("-o is given twice; for several out images use -o NAME=FILE")
    open_names = [name for name in in_names if name not in given]
    if len(open_names) > 1:
        raise Refused(
            f"kernel '{kernel.name}' takes several images: give all but one of them by --in "
            f"NAME=FILE ({', '.join(open_names)})"
        )
    files = expand(inputs)
    if bool(open_names) != bool(files):
        raise Refused("give a picture to run on" if open_names else "every image is given already")
    tasks = [{open_names[0]: file} | given for file in files] if open_names else [given]
    target = plain[0] if plain else None
    many = len(tasks) > 1
    return _targeted(kernel, tasks, target, chosen, out_names, many)


def _targeted(
    kernel: Kernel,
    inputs: list[dict[str, str]],
    target: str | None,
    chosen: dict[str, str],
    out_names: list[str],
    many: bool,
) -> list[Task]:
    folder = target is not None and (many or Path(target).is_dir() or target.endswith(os.sep))
    if many and target is None and out_names:
        raise Refused("several pictures need a folder to go to: -o DIR")
    if many and (chosen or target == "-"):
        raise Refused("several pictures cannot go to one file")
    if target is not None and not out_names:
        raise Refused(f"kernel '{kernel.name}' writes no image; its records go to --table")
    if folder and target is not None:
        Path(target).mkdir(parents=True, exist_ok=True)
    tasks = []
    for files in inputs:
        first = next(iter(files.values()), kernel.name)
        outputs = {}
        made_up = set()
        for name in out_names:
            suffix = "" if len(out_names) == 1 else f".{name}"
            stem = kernel.name if first == "-" else Path(first).stem
            if name in chosen:
                outputs[name] = chosen[name]
            elif folder:
                outputs[name] = str(Path(target or "") / f"{stem}{suffix}")
                made_up.add(name)
            elif target is not None and len(out_names) == 1:
                outputs[name] = target
            elif target is not None:
                raise Refused(f"there are several out images: -o {out_names[0]}=FILE, or a folder")
            else:
                place = Path() if first == "-" else Path(first).parent
                outputs[name] = str(place / f"{stem}.{kernel.name}{suffix}")
                made_up.add(name)
        _check_suffixes(kernel, outputs, made_up)
        tasks.append(Task(files, outputs, frozenset(made_up)))
    return _distinct(tasks)


def _check_suffixes(kernel: Kernel, outputs: dict[str, str], made_up: set[str]) -> None:
    """Refuse a file that cannot hold its pixels before anything runs."""
    for image in kernel.images_of(Role.OUT):
        if image.name not in made_up:
            pixel = np.empty((1, 1, image.channels), dtype_of(image.type))
            writing.check(outputs[image.name], as_output(pixel))


def _distinct(tasks: list[Task]) -> list[Task]:
    """Pictures of one stem (a.png, a.jpg) keep their whole names, so that none is lost."""
    seen = Counter(path for task in tasks for path in task.outputs.values())
    renamed = []
    for task in tasks:
        suffix = Path(next(iter(task.inputs.values()), "")).suffix
        outputs = {
            name: path if seen[path] == 1 else path + suffix for name, path in task.outputs.items()
        }
        renamed.append(Task(task.inputs, outputs, task.made_up))
    writers: dict[str, Task] = {}
    for task in renamed:
        for path in task.outputs.values():
            other = writers.setdefault(path, task)
            if other is not task:
                both = " and ".join(next(iter(t.inputs.values())) for t in (other, task))
                raise Refused(f"{both} would both be written to {path}: run them apart")
    return renamed


# Running.


def run_task(work: Work, runners: Runners, task: Task) -> Done:
    """Read, run, write one task; gives what there is to tell of it."""
    began = time.perf_counter()
    notes = []
    arrays = {}
    for image in work.kernel.images_of(Role.IN):
        file = task.inputs[image.name]
        pixels = images.read_image(file, work.reading)
        arrays[image.name], said = colour.fit(pixels, image, file, work.engine)
        notes += [said] if said else []
    found = runners.run(arrays)
    written = {}
    for name, path in task.outputs.items():
        if name in task.made_up:
            path += writing.natural_suffix(found[name])
        writing.write_image(path, found[name])
        written[name] = path
    seconds = round(time.perf_counter() - began, 6)
    return Done(task, written, found.record, seconds, notes)


@contextmanager
def interrupts() -> Iterator[threading.Event]:
    """Remembers Ctrl-C: the exception is lost where it strikes a destructor or a callback."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def handler(number: int, frame: object) -> None:
        asked.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, handler)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def progress_bar(total: int) -> Iterator[Progress | None]:
    """A bar on standard error, if that is a terminal and there is more than one task."""
    import sys

    if total < 2 or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), "pictures", TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        bar.add_task("", total=total)
        yield bar


def run(work: Work, tasks: list[Task], *, as_json: bool, table: str | None = None) -> int:
    """Run all tasks; gives the exit code: 0, or that of the first task that failed."""
    runners = Runners(work)
    jobs = min(work.jobs or os.cpu_count() or 1, len(tasks))
    pool = ThreadPoolExecutor(max_workers=jobs)
    report = Report(work, as_json, alone=len(tasks) == 1)
    try:
        futures = {pool.submit(run_task, work, runners, task): task for task in tasks}
        with progress_bar(len(tasks)) as bar, interrupts() as asked:
            for future in as_completed(futures):
                if asked.is_set():
                    raise KeyboardInterrupt
                report.tell(futures[future], future)
                if bar is not None:
                    bar.advance(bar.task_ids[0])
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        runners.close()  # whoever still waits for a child finds it gone
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        runners.close()
    return report.finish(tasks, table)


@dataclass(slots=True)
class Report:
    """What is told of a batch, as it goes and at its end."""

    work: Work
    as_json: bool
    alone: bool
    done: dict[int, Done] = field(default_factory=dict)
    failed: dict[int, Exception] = field(default_factory=dict)

    def tell(self, task: Task, future: Future[Done]) -> None:
        """A task has ended."""
        try:
            done = self.done[id(task)] = future.result()
        except (CPUShareError, OSError) as error:
            self.failed[id(task)] = error
            if self.as_json and not self.alone:
                output.result_json({"input": task.inputs, "error": str(error)})
            return
        for text in done.notes:
            output.note(text)
        if "-" in task.outputs.values():
            return
        if self.as_json:
            self.tell_json(done)
        elif self.alone:
            for path in done.written.values():
                output.note(f"{path} ({done.seconds} s)")

    def tell_json(self, done: Done) -> None:
        """A task as an object."""
        fields: dict[str, object] = {"input": done.task.inputs, "output": done.written}
        if done.record:
            fields["record"] = {name: tables.json_of(v) for name, v in done.record.items()}
        output.result_json({**fields, "seconds": done.seconds})

    def finish(self, tasks: list[Task], table: str | None) -> int:
        """The table, the failures, the exit code."""
        if self.alone and self.failed:
            raise self.failed[id(tasks[0])]
        kernel, failures = self.work.kernel, [t for t in tasks if id(t) in self.failed]
        if table is not None:
            tables.write(table, kernel, [self.row(task) for task in tasks])
            output.note(f"{table}: {len(tasks)} rows")
        elif kernel.fields and not self.as_json:
            self.show(tasks)
        for task in failures:
            output.error(f"{', '.join(task.inputs.values())}: {self.failed[id(task)]}")
        if len(tasks) > 1:
            output.note(f"{len(self.done)} of {len(tasks)} pictures done")
        return exits.exit_code(self.failed[id(failures[0])]) if failures else 0

    def row(self, task: Task) -> dict[str, tables.Cell]:
        """The row of a task, done or failed."""
        done, error = self.done.get(id(task)), self.failed.get(id(task))
        record = done.record if done is not None else {}
        text = None if error is None else str(error)
        return tables.row_of(self.work.kernel, task.inputs, self.work.values, record, text)

    def show(self, tasks: list[Task]) -> None:
        """Records that go to no table: the fields of one, or all as CSV."""
        if not self.alone:
            rows = [self.row(task) for task in tasks]
            output.result(tables.csv_text(self.work.kernel, rows).rstrip("\n"))
            return
        record = self.done[id(tasks[0])].record
        width = max(map(len, record))
        for name, value in record.items():
            output.result(f"{name:{width}} = {tables.text_of(value)}")
