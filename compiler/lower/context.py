"""The state of lowering one kernel: what names stand for, and the block being written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct, field
from msgspec.structs import replace

from compiler import ir, symbols, typed, walk
from compiler.diagnostics import CompileError, Diagnostic
from compiler.lower.bounds import bounds
from compiler.lower.dimensions import Dimensions, Sizes, Terms
from compiler.lower.values import Elements, Place, Slot, Value, element, stored, stored_type
from compiler.passes.fold import add, folded
from compiler.source import Source, Span
from compiler.types import scalar_of
from compiler.wording import documentation
from vm.module import Role
from vm.opcodes import Op
from vm.types import ScalarType

I32 = ScalarType.I32

MOST_STATEMENTS = 60_000
"""How much a kernel may grow by inlining before the compiler gives up."""

INLINE_ELEMENTS = 32
"""Array values up to this length are handled element by element, longer ones in loops."""


class Scope(Struct):
    """What the names of one kernel or one call stand for.

    `parameters` and `extents` are those of a kernel that is called: values, and sizes.
    """

    locals: dict[symbols.Local, Value] = field(default_factory=dict)
    registers: dict[symbols.Local, ir.Register] = field(default_factory=dict)
    slots: dict[symbols.Local, Slot] = field(default_factory=dict)
    images: dict[symbols.Image, ir.Image] = field(default_factory=dict)
    sizes: Sizes = field(default_factory=dict)
    rows: dict[symbols.Rows, ir.Rows] = field(default_factory=dict)
    parameters: dict[symbols.Parameter, Value] = field(default_factory=dict)
    extents: dict[symbols.Parameter, Terms] = field(default_factory=dict)


class Jumps(Struct):
    """The `for` being lowered that `break` or `continue` may leave: what they set to false.

    `going`: this trip goes on; `running`: the loop does.
    """

    going: ir.Register
    running: ir.Register


class Here(Struct):
    """The pixel loop being lowered: its coordinates, its extents.

    `carried` are the images that a scan writes and reads at pixels gone by, a channel each.
    """

    x: ir.Register
    y: ir.Register
    width: int
    height: int
    carried: dict[tuple[ir.Image, int], ir.Register] = field(default_factory=dict)


class Lowering:
    """Everything that lowering keeps at hand."""

    def __init__(self, source: Source, run_call: Callable[[Lowering, typed.Function], Value]):
        self.source = source
        self.run_call = run_call
        self.scope = Scope()
        self.block: list[ir.Statement] = []
        self.line = 0
        self.span: Span | None = None
        self.written = 0
        self.here: Here | None = None
        self.in_for = 0
        self.jumps: Jumps | None = None
        self.parameters: dict[symbols.Parameter, int] = {}
        self.parameter_arrays: dict[symbols.Parameter, ir.Array] = {}
        self.dimensions = Dimensions(self.parameters)
        self.data: dict[tuple[ScalarType, tuple[int, ...]], ir.Array] = {}
        self.names: set[str] = set()
        self.known: dict[ir.Register, tuple[int, int]] = {}

    # Places in the source.

    def at(self, span: Span) -> None:
        """Go on to a node: its line counts if it is of the kernel's own file."""
        if span.source is self.source:
            self.line = span.line
            self.span = span

    def refuse(self, code: str, message: str, label: str, help_: str) -> CompileError:
        """The error to raise at the current place."""
        helps = (help_,) if help_ else ()
        return CompileError((Diagnostic(code, message, self.span, label, helps=helps),))

    # Writing statements.

    def emit(self, statement: ir.Statement) -> None:
        """Append a statement to the block."""
        self.block.append(statement)
        self.written += 1
        if self.written > MOST_STATEMENTS:
            raise self.refuse(
                "CPS0801",
                "the kernel is too large once its calls are inlined",
                "reached here",
                "loops keep code small; calls are copied wherever they stand",
            )

    @contextmanager
    def new_block(self) -> Iterator[list[ir.Statement]]:
        """Write into a block of its own."""
        outer, self.block = self.block, []
        try:
            yield self.block
        finally:
            self.block = outer

    def set(self, value: ir.Expr, name: str = "") -> ir.Register:
        """Evaluate into a new register."""
        register = ir.Register(value.type, name)
        self.emit(ir.Set(register, value, self.line))
        return register

    def saved(self, value: ir.Expr) -> ir.Expr:
        """The value, evaluated here and now."""
        return value if isinstance(value, ir.Constant) else ir.Read(self.set(value))

    def operation(self, op: Op, scalar: ScalarType, *arguments: ir.Expr) -> ir.Expr:
        """A folded operation at one type."""
        return folded(ir.Operation(op, (scalar,), arguments, self.line))

    def in_order(self, makers: Sequence[Callable[[], ir.Expr]]) -> list[ir.Expr]:
        """Operands in program order: what may trap is evaluated before later statements."""
        made: list[ir.Expr] = []
        for make in makers:
            before = len(self.block)
            expr = make()
            if len(self.block) > before:
                for index, earlier in enumerate(made):
                    if walk.can_trap(earlier):
                        register = ir.Register(earlier.type)
                        self.block.insert(before, ir.Set(register, earlier, self.line))
                        made[index] = ir.Read(register)
                        before += 1
            made.append(expr)
        return made

    # Arrays.

    def constants(self, scalar: ScalarType, raws: tuple[int, ...]) -> Slot:
        """An array of constants."""
        storage = stored_type(scalar)
        array = self.data.setdefault((storage, raws), ir.Array(storage, len(raws), None, raws))
        return Slot(array, scalar, ir.i32(0), len(raws), stable=True)

    def new_slot(self, scalar: ScalarType, length: int) -> Slot:
        """A local array, not yet assigned."""
        array = ir.Array(stored_type(scalar), length)
        return Slot(array, scalar, ir.i32(0), length, stable=True, fresh=True)

    def materialised(self, value: Elements | Slot, scalar: ScalarType) -> Slot:
        """The value in an array."""
        if isinstance(value, Slot):
            return value
        kept = [stored(each) for each in value.elements]
        raws = tuple(each.raw for each in kept if isinstance(each, ir.Constant))
        if len(raws) == len(kept):
            return self.constants(scalar, raws)
        slot = self.new_slot(scalar, value.length)
        self.fill(slot, ir.Constant(0, slot.array.type))
        self.store(slot, value)
        return slot

    def fill(self, slot: Slot, value: ir.Expr) -> None:
        """Every element := value."""
        self.emit(ir.FillArray(slot.array, value, self.line))

    def store(self, target: Slot, value: Elements | Slot) -> None:
        """Copy an array value into a slot that is assigned already, or whole."""
        whole = isinstance(value, Slot) and value.is_whole and target.is_whole
        if isinstance(value, Slot) and whole:
            self.emit(ir.CopyArray(target.array, value.array, self.line))
        elif value.length <= INLINE_ELEMENTS or isinstance(value, Elements):
            self._store_elements(
                target, [element(value, i, self.line) for i in range(value.length)]
            )
        else:
            index = ir.Register(I32, "i")
            with self.new_block() as body:
                self._set_element(target, ir.Read(index), self._at(value, ir.Read(index)))
            self.emit(ir.For(index, ir.i32(0), ir.i32(value.length), 1, tuple(body), (), self.line))

    def _at(self, slot: Slot, index: ir.Expr) -> ir.Expr:
        return ir.Element(slot.array, add(slot.base, index), self.line)

    def _store_elements(self, target: Slot, elements: list[ir.Expr]) -> None:
        kept = [stored(each) for each in elements]
        if len(kept) > 1 and any(_reads(each, target.array) for each in kept):
            kept = [self.saved(each) for each in kept]
        for index, each in enumerate(kept):
            self._set_element(target, ir.i32(index), each)

    def _set_element(self, target: Slot, index: ir.Expr, value: ir.Expr) -> None:
        place = add(target.base, index)
        self.emit(ir.SetElement(target.array, place, value, self.line))

    def set_element(self, target: Slot, index: ir.Expr, value: ir.Expr) -> None:
        """target[index] := a scalar, at a flat index."""
        self._set_element(target, index, stored(value))

    # Names.

    def bind(self, local: symbols.Local, value: Value, *, owned: bool) -> None:
        """Give a local its first value; `owned`: it may be assigned, so it needs its own copy."""
        if isinstance(value, Place):
            fields = {
                key: self.first(each, local.name, owned) for key, each in value.fields.items()
            }
            self.scope.locals[local] = Place({key: ir.Read(r) for key, r in fields.items()})
        elif isinstance(value, Elements | Slot):
            self.scope.slots[local] = self._own_slot(value, local, owned)
        else:
            self.scope.registers[local] = self.first(value, local.name, owned)

    def first(self, value: ir.Expr, name: str, owned: bool) -> ir.Register:
        """A register with its first value; what is known of an i32 that stays is noted."""
        register = self.set(value, name)
        if not owned and value.type is I32:
            self.known[register] = bounds(self.known, value)
        return register

    def _own_slot(self, value: Elements | Slot, local: symbols.Local, owned: bool) -> Slot:
        scalar = scalar_of(local.type)
        assert scalar is not None
        slot = self.materialised(value, scalar)
        if slot.is_whole and (slot.fresh or (slot.stable and not owned)):
            return replace(slot, stable=not owned, fresh=False)
        if not owned and slot.stable:
            return slot
        own = self.new_slot(scalar, slot.length)
        if not slot.is_whole:
            self.fill(own, ir.Constant(0, own.array.type))
        self.store(own, slot)
        return replace(own, stable=not owned, fresh=False)

    def unique(self, name: str) -> str:
        """A name no image of the kernel has yet."""
        candidate, count = name, 1
        while candidate in self.names:
            count += 1
            candidate = f"{name}_{count}"
        self.names.add(candidate)
        return candidate

    def new_image(self, image: symbols.Image, role: Role) -> ir.Image:
        """An image with declared sizes, in this scope."""
        assert image.width is not None
        assert image.height is not None
        scope = self.scope
        width = self.dimensions.index(image.width, scope.sizes, scope.extents)
        height = self.dimensions.index(image.height, scope.sizes, scope.extents)
        return self.add_image(image, role, width, height)

    def add_image(self, image: symbols.Image, role: Role, width: int, height: int) -> ir.Image:
        """An image of these dimensions, known by its symbol in this scope."""
        name = self.unique(image.name)
        doc = documentation(image.doc)
        made = ir.Image(name, role, image.type.element, image.type.channels, width, height, doc)
        self.scope.images[image] = made
        self.scope.sizes[image] = (width, height)
        return made


def _reads(expr: ir.Expr, array: ir.Array) -> bool:
    return any(isinstance(node, ir.Element) and node.array is array for node in walk.nodes(expr))
