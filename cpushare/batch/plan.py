"""From a command line to a batch's tasks: which files are read, which are written."""

from __future__ import annotations

import glob
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cpushare import writing
from cpushare.images import READABLE
from vm.errors import Refused
from vm.inputs import as_output, dtype_of
from vm.module import Kernel, Role


@dataclass(frozen=True, slots=True)
class Files:
    """Which files one task reads and writes: by the names of in images, of out images.

    The names of `made_up` outputs were made from the inputs': they still lack their suffix, which
    is that natural to the pixels.
    """

    inputs: dict[str, str]
    outputs: dict[str, str]
    made_up: frozenset[str] = frozenset()


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
) -> list[Files]:
    """The tasks that a command line asks for. Raises `Refused` if it fits no kernel."""
    return targeted(kernel, inputs_of(kernel, inputs, named), targets)


def inputs_of(
    kernel: Kernel, inputs: tuple[str, ...], named: tuple[str, ...]
) -> list[dict[str, str]]:
    """The files that each task reads, by in image. Raises `Refused`, `FileNotFoundError`."""
    in_names = [image.name for image in kernel.images_of(Role.IN)]
    given, rest = _pairs(named, in_names)
    if rest:
        raise Refused(f"--in takes NAME=FILE with one of: {', '.join(in_names)}; not '{rest[0]}'")
    open_names = [name for name in in_names if name not in given]
    if len(open_names) > 1:
        raise Refused(
            f"kernel '{kernel.name}' takes several images: give all but one of them by --in "
            f"NAME=FILE ({', '.join(open_names)})"
        )
    files = expand(inputs)
    if bool(open_names) != bool(files):
        raise Refused("give a picture to run on" if open_names else "every image is given already")
    return [{open_names[0]: file} | given for file in files] if open_names else [given]


def targeted(kernel: Kernel, inputs: list[dict[str, str]], targets: tuple[str, ...]) -> list[Files]:
    """The files that tasks with these inputs write. Makes the folder that `targets` may name.

    Raises `Refused` where results would be lost or a file cannot hold them.
    """
    out_names = [image.name for image in kernel.images_of(Role.OUT)]
    chosen, plain = _pairs(targets, out_names)
    if len(plain) > 1:
        raise Refused("-o is given twice; for several out images use -o NAME=FILE")
    target = plain[0] if plain else None
    return _targeted(kernel, inputs, target, chosen, out_names, len(inputs) > 1)


def _targeted(
    kernel: Kernel,
    inputs: list[dict[str, str]],
    target: str | None,
    chosen: dict[str, str],
    out_names: list[str],
    many: bool,
) -> list[Files]:
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
        tasks.append(Files(files, outputs, frozenset(made_up)))
    return _distinct(tasks)


def _check_suffixes(kernel: Kernel, outputs: dict[str, str], made_up: set[str]) -> None:
    """Refuse a file that cannot hold its pixels before anything runs."""
    for image in kernel.images_of(Role.OUT):
        if image.name not in made_up:
            pixel = np.empty((1, 1, image.channels), dtype_of(image.type))
            writing.check(outputs[image.name], as_output(pixel))


def _distinct(tasks: list[Files]) -> list[Files]:
    """Pictures of one stem (a.png, a.jpg) keep their whole names, so that none is lost."""
    seen = Counter(path for task in tasks for path in task.outputs.values())
    renamed = []
    for task in tasks:
        suffix = Path(next(iter(task.inputs.values()), "")).suffix
        outputs = {
            name: path if seen[path] == 1 else path + suffix for name, path in task.outputs.items()
        }
        renamed.append(Files(task.inputs, outputs, task.made_up))
    writers: dict[str, Files] = {}
    for task in renamed:
        for path in task.outputs.values():
            other = writers.setdefault(path, task)
            if other is not task:
                both = " and ".join(next(iter(t.inputs.values())) for t in (other, task))
                raise Refused(f"{both} would both be written to {path}: run them apart")
    return renamed
