"""Random programs: constants, a record, functions, a kernel, and one that calls it."""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

from compiler.samples.author import COMPUTE, PIXELS, SCALARS, Picture
from compiler.samples.statements import StatementAuthor

SURELY_WRONG = frozenset({"CPS0312", "CPS0502", "CPS0503", "CPS0807", "CPS0801"})
"""What may be said of a random program: a constant that is surely wrong, or more than fits."""

GENERIC = "fn twice<T: num>(v: T) -> T { return if v < v { v } else { max(v, v) }; }"


class ProgramAuthor(StatementAuthor):
    """Writes a whole program, and gives its text."""

    def program(self) -> str:
        """The text."""
        self.depth = 0
        self.line(GENERIC)
        self.constants()
        for _ in range(self.choose(0, 1, 2)):
            self.function()
        self.functions += [("twice", (each,), each) for each in ("i32", "f32", "u8")]
        self.record()
        self.kernel()
        if self.chance(0.3):
            self.caller()
        return "\n".join(self.lines) + "\n"

    def constants(self) -> None:
        """Numbers and tables."""
        for _ in range(self.choose(0, 1, 2)):
            name = self.fresh("C")
            type_ = self.choose(*COMPUTE, f"[{self.choose(*PIXELS)}; 4]")
            self.line(f"const {name}: {type_} = {self.literal(type_)};")
            self.values.append((name, type_))

    def function(self) -> None:
        """A function of a few scalars."""
        name = self.fresh("fn_")
        parameters = [(self.fresh("a"), self.choose(*SCALARS)) for _ in range(self.choose(1, 2, 3))]
        result = self.choose(*SCALARS, "i32", "f32")
        listed = ", ".join(f"{each}: {type_}" for each, type_ in parameters)
        with self.block(f"fn {name}({listed}) -> {result} {{"):
            self.values += parameters
            budget, self.left = self.left, min(self.left, 14)
            for _ in range(self.choose(0, 1, 2)):
                self.pick((2, self.let), (2, self.assign), (1, self.condition))
            self.line(f"return {self.expr(result, 2)};")
            self.left = budget - 10
        self.functions.append((name, tuple(type_ for _, type_ in parameters), result))

    def record(self) -> None:
        """What the kernel gives, perhaps."""
        if self.chance(0.5):
            self.fields = [(self.fresh("g"), self.choose(*SCALARS)) for _ in range(3)]
            listed = ", ".join(f"{name}: {type_}" for name, type_ in self.fields)
            self.line(f"record Row {{ {listed} }}")

    def kernel(self) -> None:
        """The kernel `k`."""
        self.inputs = [Picture("src", self.choose(*PIXELS), self.choose(1, 1, 3), True)]
        self.inputs.append(Picture("other", self.choose(*PIXELS), self.choose(1, 2), False))
        self.outputs = [Picture("out", self.choose(*PIXELS), self.choose(1, 1, 2), True)]
        local = Picture("t", self.choose(*PIXELS), 1, self.chance(0.7))
        result = " -> Row" if self.fields else ""
        size = "(src.width, src.height)"
        head = [
            f"in src: {_image(self.inputs[0])}",
            f"in other: {_image(self.inputs[1])}",
            f"out out: {_image(self.outputs[0])}{size}",
            "param p: i32 in 0..=4 = 2",
            "param flag: bool = true",
        ]
        with self.block(f"kernel k({', '.join(head)}){result} {{"):
            self.values += [("p", "i32"), ("flag", "bool")]
            self.values += [("src.width", "i32"), ("src.height", "i32"), ("other.width", "i32")]
            self.line(f"var t: {_image(local)}{size if local.same_size else '(3, p + 1)'};")
            self.outputs.append(local)
            while self.left > 0:
                self.statement()
            self.left = 12
            self.pixel_map()
            if self.fields:
                values = ", ".join(f"{name}: {self.expr(kind, 2)}" for name, kind in self.fields)
                self.line(f"return Row({values});")

    def caller(self) -> None:
        """A kernel that calls `k`, and is called `m`."""
        result = " -> Row" if self.fields else ""
        head = f"in src: {_image(self.inputs[0])}, in other: {_image(self.inputs[1])}"
        out = f"out out: {_image(self.outputs[0])}(src.width, src.height)"
        with self.block(f"kernel m({head}, {out}, param q: i32 in 0..=9 = 1){result} {{"):
            self.line(f"{'let r = ' if self.fields else ''}k(src, other, out, p: q, flag: q > 3);")
            if self.fields:
                self.line("return r;")


def _image(picture: Picture) -> str:
    channels = f", {picture.channels}" if picture.channels > 1 else ""
    return f"image<{picture.type}{channels}>"


def random_program(seed: int, size: int) -> str:
    """A program of about `size` expressions."""
    return ProgramAuthor(Random(seed), size).program()


def programs() -> st.SearchStrategy[str]:
    """Well-typed programs with a kernel `k`. They shrink in size only."""
    return st.builds(random_program, st.integers(0, 2**64 - 1), st.integers(1, 70))
