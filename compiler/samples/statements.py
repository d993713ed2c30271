"""Random statements: locals, conditions, loops, pixels, rows, carried images, records."""

from __future__ import annotations

from compiler.samples.author import COMPUTE, SCALARS, Loop, Picture
from compiler.samples.expressions import ExpressionAuthor

ORDERS = ("raster", "serpentine(true)", "serpentine(flag)", "columns", "reverse")


class StatementAuthor(ExpressionAuthor):
    """Writes statements into the body that is open."""

    def statements(self, count: int) -> None:
        """Some statements."""
        for _ in range(count):
            if self.left > 0:
                self.statement()

    def statement(self) -> None:
        """A statement."""
        free = self.loop is None and bool(self.inputs)
        self.pick(
            (4, self.let),
            (3, self.assign),
            (2 if self.depth < 5 else 0, self.condition),
            (2 if self.depth < 4 else 0, self.counted),
            (1 if self.fors else 0, self.jump),
            (0.5, self.require),
            (3 if free and self.depth < 3 else 0, self.pixel_map),
            (4 if free and self.depth < 3 else 0, self.scan),
            (1 if free and self.outputs else 0, self.store),
            (3 if self.loop else 0, self.put),
            (2 if self.loop else 0, self.add_rows),
        )

    def type(self) -> str:
        """A type of a local."""
        if self.chance(0.2):
            return f"[{self.choose(*COMPUTE)}; {self.choose(2, 3, 5)}]"
        return self.choose(*SCALARS, "i32", "i32", "f32")

    def let(self) -> None:
        """A new local."""
        type_, name = self.type(), self.fresh("v")
        word = self.choose("let", "var")
        self.line(f"{word} {name}: {type_} = {self.expr(type_)};")
        self.values.append((name, type_))
        if word == "var":
            self.variables.append((name, type_))

    def assign(self) -> None:
        """A new value of a local, or of an element of one."""
        if not self.variables:
            self.let()
            return
        name, type_ = self.choose(*self.variables)
        if type_.startswith("[") and self.chance(0.6):
            element, _, length = type_[1:-1].rpartition("; ")
            self.line(f"{name}[{self.index(int(length), 1)}] = {self.expr(element)};")
        elif type_ in COMPUTE and self.chance(0.4):
            self.line(f"{name} {self.choose('+=', '-=', '*=')} {self.expr(type_, 2)};")
        else:
            self.line(f"{name} = {self.expr(type_)};")

    def condition(self) -> None:
        """An `if`."""
        with self.block(f"if {self.expr('bool')} {{"):
            self.statements(self.choose(1, 2))
        if self.chance(0.4):
            self.lines.pop()
            with self.block("} else {"):
                self.statements(self.choose(1, 2))

    def counted(self) -> None:
        """A `for`."""
        name = self.fresh("n")
        ends = ["0", "1", "3", "4"]
        if self.inputs:
            ends += ["src.width", "min(src.height, 3)", "p"]
        end = self.choose(*ends)
        step = self.choose("", "", " step 2")
        with self.block(f"for {name} in {self.choose(0, 1)}..{end}{step} {{"):
            self.values.append((name, "i32"))
            self.fors += 1
            self.statements(self.choose(1, 2, 3))
            self.fors -= 1

    def jump(self) -> None:
        """A `break` or `continue`, under a condition."""
        with self.block(f"if {self.expr('bool', 2)} {{"):
            self.line(f"{self.choose('break', 'continue')};")

    def require(self) -> None:
        """A requirement, nearly always met."""
        surely = "src.width > 0" if self.inputs else "true"
        test = self.expr("bool", 2) if self.chance(0.05) else surely
        self.line(f'require({test}, "a requirement");')

    # Pixels.

    def inside(self, head: str, loop: Loop) -> None:
        """The body of a map or scan: outer variables are fixed there."""
        outer, self.variables = self.variables, []
        fors, self.fors = self.fors, 0
        with self.block(head):
            self.loop = loop
            self.values += [("x", "i32"), ("y", "i32")]
            if loop.word == "scan":
                self.values.append(("d", "i32"))
                for name, (element, _) in loop.rows.items():
                    value = self.fresh("v")
                    self.line(f"let {value}: {element} = {name}[x, y];")
                    self.values.append((value, element))
            self.statements(self.choose(1, 2, 3))
            self.put()
            self.loop = None
        self.variables, self.fors = outer, fors

    def pixel_map(self) -> None:
        """A map over all pixels."""
        self.inside(
            f"map (x, y) in {self.choose('src', 'out')} {{", Loop("map", "", self.targets())
        )

    def scan(self) -> None:
        """A scan with rows."""
        order = self.choose(*ORDERS)
        width = "src.height" if order == "columns" else "src.width"
        loop = Loop("scan", order, self.targets())
        for _ in range(self.choose(0, 1, 1, 2)):
            name, lines = self.fresh("e"), self.choose(1, 2, 3)
            element = self.choose("i32", "i32", "f32", "i64", "u32", "f64", "[f32; 2]")
            self.line(f"var {name}: rows<{element}, {lines}>({width});")
            loop.rows[name] = (element, lines)
        self.inside(f"scan (x, y, d) in src by {order} {{", loop)

    def targets(self) -> list[Picture]:
        """Some of the images that a loop may write."""
        return [each for each in self.outputs if each.same_size and self.chance(0.7)]

    def put(self) -> None:
        """The loop's pixel of an output, perhaps with what was written before it."""
        assert self.loop is not None
        if not self.loop.targets:
            return
        target = self.choose(*self.loop.targets)
        value = self.expr(target.pixel)
        if self.loop.word == "scan" and target.channels == 1 and self.chance(0.4):
            value = f"{self.choose('min', 'max')}({value}, {self.gone_by(target)})"
        elif target.type in COMPUTE and target.channels == 1 and self.chance(0.2):
            self.line(f"{target.name}[x, y] += {value};")
            return
        self.line(f"{target.name}[x, y] = {value};")

    def gone_by(self, target: Picture) -> str:
        """A pixel of an image that the scan writes, at an offset gone by."""
        assert self.loop is not None
        ahead, down = self.choose(-2, -1, 0, 1, 3), self.choose(0, 1, 2)
        if down == 0:
            ahead = -abs(ahead) or -1
        view = self.choose("zero", f"or({self.literal(target.type)})")
        return f"{target.name}.{view}[{self.place(ahead, -down)}]"

    def place(self, ahead: int, down: int) -> str:
        """Coordinates (ahead, down) along the way of the scan."""
        assert self.loop is not None
        along = f"+ {ahead} * d" if ahead else ""
        if self.loop.order == "columns":
            return f"x + ({down}), y {along}"
        sign = -1 if self.loop.order == "reverse" else 1
        return f"x {along}, y + ({sign * down})"

    def add_rows(self) -> None:
        """Something for a pixel to come."""
        assert self.loop is not None
        if not self.loop.rows:
            return
        name, (element, lines) = self.choose(*self.loop.rows.items())
        ahead, down = self.choose(-2, -1, 0, 1, 2), self.rng.randrange(lines)
        if down == 0:
            ahead = abs(ahead) or 1
        if self.fors and element not in ("i32", "i64", "u32"):
            return  # the order of float additions is kept, so long loops are refused
        value = self.expr(element, 2)
        operator = self.choose("+=", "-=")
        self.line(f"{name}.drop[{self.place(ahead, down)}] {operator} {value};")

    def store(self) -> None:
        """A pixel anywhere, outside of loops."""
        target = self.choose(*self.outputs)
        at = f"{self.expr('i32', 1)}, {self.expr('i32', 1)}"
        if self.chance(0.95):
            self.line(f"{target.name}.drop[{at}] = {self.expr(target.pixel, 2)};")
        else:
            self.line(f"{target.name}[{at}] = {self.expr(target.pixel, 2)};")
