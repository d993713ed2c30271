"""Functions, kernels and the whole program of the typed tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from compiler.source import Source, Span
from compiler.symbols import Image, ImageRole, Local, Parameter
from compiler.typed.expressions import Expr
from compiler.typed.statements import Statement
from compiler.types import ValueType

if TYPE_CHECKING:
    from compiler.diagnostics import Diagnostic
    from compiler.testblocks import TypedTest


class Function(Struct, frozen=True, eq=False):
    """One instance of a function, or a kernel that is called.

    `result` is what its closing `return` gives, None for nothing; `label` names the instance in
    listings: `gauss<11>`. `sizing` are the parameters of a kernel that its sizes are made of.
    """

    name: str
    label: str
    parameters: tuple[Local | Image | Parameter, ...]
    body: tuple[Statement, ...]
    result: Expr | None
    type: ValueType
    has_pixel_loop: bool
    span: Span
    sizing: tuple[Parameter, ...] = ()


class Kernel(Struct, frozen=True, eq=False):
    """A kernel. `images` are its IN and OUT images, `parameters` its params, as declared.

    `result` is the record that its closing `return` gives, None for nothing.
    """

    name: str
    images: tuple[Image, ...]
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    result: Expr | None
    doc: str
    span: Span

    @property
    def inputs(self) -> tuple[Image, ...]:
        """The IN images."""
        return tuple(image for image in self.images if image.role is ImageRole.IN)

    @property
    def outputs(self) -> tuple[Image, ...]:
        """The OUT images."""
        return tuple(image for image in self.images if image.role is ImageRole.OUT)


class TypedProgram(Struct, frozen=True, eq=False):
    """A checked program: the kernels and tests of its main source.

    `functions` are the instances reachable from them, callees before callers; `sources` all files
    it was made from, the main one first. `warnings` are diagnostics that do not stop anything.
    """

    source: Source
    doc: str
    kernels: tuple[Kernel, ...]
    functions: tuple[Function, ...]
    tests: tuple[TypedTest, ...]
    sources: tuple[Source, ...]
    warnings: tuple[Diagnostic, ...] = ()
