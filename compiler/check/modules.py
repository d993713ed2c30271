"""Modules: the main source and what it uses; which names each offers.

`use std.math { exp };` finds stdlib/std/math.cps. `use "file.cps" { name };` is relative to the
using file and stays within the folder of the main source: a program cannot make the compiler read
(and print) other files. A module passes on what it uses itself.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from msgspec import Struct, field

import stdlib
from compiler import syntax
from compiler.check.scope import nearest
from compiler.diagnostics import Diagnostics
from compiler.parse import parse
from compiler.source import Source, SourceError, Span
from vm.limits import SOURCES

LIBRARY = Path(stdlib.__file__).parent / "std"
BUILTIN_MODULE = "std.builtin"
"""A module without a file: the names that every file can call anyway."""


class Entry(Struct, frozen=True, eq=False):
    """An item of a module: a function, kernel, record or constant, or the name of a builtin."""

    name: str
    item: syntax.FunctionItem | syntax.KernelItem | syntax.ConstItem | syntax.RecordItem | None
    module: ModuleScope


class ModuleScope(Struct, eq=False):
    """The names of one file; `damaged` if not all of it could be parsed."""

    source: Source
    file: syntax.File
    folder: Path | None
    entries: dict[str, tuple[Entry, Span]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    damaged: bool = False

    def find(self, name: str) -> Entry | None:
        """The item of this name, own or used."""
        found = self.entries.get(name)
        return found[0] if found else None


class Loader:
    """Reads modules, each once, in the order in which they are needed."""

    def __init__(self, main: Source, diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics
        self.root = main.path.resolve().parent if main.path else None
        self.modules: dict[str, ModuleScope | None] = {}
        self.loading: list[str] = []
        self.sources: list[Source] = [main]

    def load_main(self, main: Source) -> ModuleScope:
        """Read the main source and all it uses."""
        key = str(main.path.resolve()) if main.path else main.name
        self.loading.append(key)
        module = self._read(main, self.root)
        self.loading.pop()
        return module

    def _read(self, source: Source, folder: Path | None) -> ModuleScope:
        before = len(self.diagnostics.found)
        file = parse(source, self.diagnostics)
        module = ModuleScope(source, file, folder)
        module.damaged = len(self.diagnostics.found) > before
        for item in file.items:
            if isinstance(item, syntax.UseItem):
                self._use(module, item)
            elif not isinstance(item, syntax.TestItem):
                self._declare(module, item.name, Entry(item.name.text, item, module))
        return module

    def _declare(self, module: ModuleScope, name: syntax.Name, entry: Entry) -> None:
        earlier = module.entries.get(name.text)
        if earlier is not None:
            self.diagnostics.error(
                "CPS0122",
                name.span,
                "declared again here",
                f"the name '{name.text}' is taken",
                also=((earlier[1], "declared first here"),),
                help="choose another name",
            )
            return
        module.entries[name.text] = entry, name.span

    def _use(self, module: ModuleScope, item: syntax.UseItem) -> None:
        if not item.is_file and item.path == BUILTIN_MODULE:
            for name in item.names:
                self._declare(module, name, Entry(name.text, None, module))
            return
        used = self._file(module, item) if item.is_file else self._standard(item)
        for name in item.names:
            if used is None:
                module.broken.add(name.text)
                continue
            entry = used.find(name.text)
            if entry is None:
                module.broken.add(name.text)
                self._missing(used, item, name)
            else:
                self._declare(module, name, entry)

    def _missing(self, used: ModuleScope, item: syntax.UseItem, name: syntax.Name) -> None:
        if name.text in used.broken or used.damaged:
            return
        meant = nearest(name.text, used.entries)
        callable_names = [
            entry.name
            for entry, _ in used.entries.values()
            if not isinstance(entry.item, syntax.ConstItem)
        ]
        offered = ", ".join(sorted(callable_names or used.entries)[:12]) or "nothing"
        self.diagnostics.error(
            "CPS0132",
            name.span,
            f"not in {item.path}",
            f"'{item.path}' has no '{name.text}'",
            help=f"did you mean '{meant}'?" if meant else f"it has: {offered}",
        )

    def _standard(self, item: syntax.UseItem) -> ModuleScope | None:
        if item.path in self.modules:
            return self.modules[item.path]
        names = sorted(
            f"std.{entry.name.removesuffix('.cps')}"
            for entry in LIBRARY.iterdir()
            if entry.name.endswith(".cps")
        )
        if item.path not in names:
            meant = nearest(item.path, names)
            self.diagnostics.error(
                "CPS0131",
                item.path_span,
                "not in the standard library",
                f"there is no module '{item.path}'",
                help=f"did you mean '{meant}'?" if meant else f"there are: {', '.join(names)}",
            )
            self.modules[item.path] = None
            return None
        text = (LIBRARY / (item.path.partition(".")[2] + ".cps")).read_text(encoding="utf-8")
        source = Source.from_text(item.path, text)
        return self._enter(item.path, source, None, item)

    def _file(self, module: ModuleScope, item: syntax.UseItem) -> ModuleScope | None:
        path = self._locate(module, item.path, item.path_span, ".cps")
        if path is None:
            return None
        key = str(path)
        if key in self.loading:
            chain = " → ".join([*(Path(each).name for each in self.loading), path.name])
            self.diagnostics.error(
                "CPS0133",
                item.path_span,
                "this file is being read already",
                "files use each other in a circle",
                note=f"the circle: {chain}",
                help="move what both need to a third file",
            )
            return None
        if key in self.modules:
            return self.modules[key]
        assert self.root is not None
        try:
            source = Source.from_path(path, path.relative_to(self.root).as_posix())
        except OSError as error:
            self.diagnostics.error(
                "CPS0131",
                item.path_span,
                error.strerror or "cannot be read",
                f"'{item.path}' cannot be read",
            )
            self.modules[key] = None
            return None
        except SourceError as error:
            self.diagnostics.error("CPS0131", item.path_span, "not usable", str(error))
            self.modules[key] = None
            return None
        return self._enter(key, Source(source.name, source.text, path, source.sha256), path, item)

    def _enter(
        self, key: str, source: Source, path: Path | None, item: syntax.UseItem
    ) -> ModuleScope | None:
        if len(self.sources) >= SOURCES:
            self.diagnostics.fatal("CPS0135", item.path_span, f"more than {SOURCES} files")
        self.sources.append(source)
        self.loading.append(key)
        try:
            module = self._read(source, path.parent if path else None)
        finally:
            self.loading.pop()
        self.modules[key] = module
        return module

    def read_table(self, module: ModuleScope, path: syntax.Text) -> Source | None:
        """The file of an `embed`, noted among the sources; None after an error.

        Raises `SourceError`.
        """
        found = self._locate(module, path.value, path.span, "")
        if found is None:
            return None
        assert self.root is not None
        name = found.relative_to(self.root).as_posix()
        known = next((each for each in self.sources if each.name == name), None)
        if known is not None:
            return known
        source = Source.from_path(found, name)
        self._note(source, path.span)
        return source

    def _note(self, source: Source, span: Span) -> None:
        """One more source of the program."""
        if len(self.sources) >= SOURCES:
            self.diagnostics.fatal("CPS0135", span, f"the limit is {SOURCES}")
        self.sources.append(source)

    def _locate(self, module: ModuleScope, name: str, span: Span, suffix: str) -> Path | None:
        """The file that a `use` or an `embed` means, if it may be read."""
        pure = PurePosixPath(name)
        problem = help_ = None
        if module.folder is None or self.root is None:
            problem = "this program is not a file, so it has no files beside it"
        elif pure.is_absolute() or any(character in name for character in "\\\0:"):
            problem, help_ = "not a relative path", "write the path from this file, with '/'"
        elif suffix and pure.suffix != suffix:
            problem, help_ = "not a .cps file", "the standard library is used without quotes"
        if problem is None:
            assert module.folder is not None
            assert self.root is not None
            path = (module.folder / name).resolve()
            if not path.is_relative_to(self.root):
                problem = f"outside of the folder of the main file, '{self.root.name}'"
            elif path.is_file():
                return path
            else:
                problem = "no such file"
                near = nearest(pure.name, [each.name for each in path.parent.glob(f"*{suffix}")])
                help_ = f"did you mean '{pure.with_name(near)}'?" if near else None
        self.diagnostics.error("CPS0131", span, problem, f"cannot use '{name}'", help=help_)
        return None
