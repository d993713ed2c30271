"""Random `.cps` programs: valid by construction, full of traps, loops, arrays and rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st

HELPERS = """\
fn mix(a: i32, b: i32) -> i32 {
    var r = a;
    if b > 2 { r = a - b; } else { r += b * 2; }
    return r + a;
}
fn turned(v: [i32; 4], by: i32) -> [i32; 4] {
    var r = v;
    for i in 0..4 { r[i] = v[(i + by) & 3]; }
    return r;
}
"""


@dataclass
class Writer:
    """Writes one body: draws choices, knows which names may be read and assigned."""

    draw: Callable[..., object]
    names: list[str]
    variables: list[str]
    in_map: bool
    lines: list[str] = field(default_factory=list)
    depth: int = 1
    count: int = 0
    budget: int = 24

    def choose(self, *choices: str) -> str:
        return str(self.draw(st.sampled_from(choices)))

    def number(self, low: int, high: int) -> int:
        return int(str(self.draw(st.integers(low, high))))

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def expr(self, depth: int = 3) -> str:
        kind = "name" if depth == 0 else self.choose(
            "name", "name", "number", "binary", "binary", "divide", "if", "call", "element",
            "pixel", "reduce", "extreme",
        )  # fmt: skip
        inner = depth - 1
        if kind == "number":
            return f"({self.number(-6, 6)})"
        if kind == "binary":
            return f"({self.expr(inner)} {self.choose(*'+-*&|^')} {self.expr(inner)})"
        if kind == "divide":
            divisor = self.choose("3", "-2", self.expr(inner))
            if self.choose("plain", "named") == "plain":
                return f"({self.expr(inner)} {self.choose('/', '%')} {divisor})"
            return f"{self.choose('div_floor', 'mod_floor')}({self.expr(inner)}, {divisor})"
        if kind == "if":
            arms = self.expr(inner), self.expr(inner)
            return f"(if {self.condition(inner)} {{ {arms[0]} }} else {{ {arms[1]} }})"
        if kind == "call":
            return f"mix({self.expr(inner)}, {self.expr(inner)})"
        if kind == "element":
            index = self.choose("({} & 3)", "({})").format(self.expr(inner))
            return self.choose(f"v[{index}]", f"turned(v, {self.expr(inner)})[{index}]")
        if kind == "pixel":
            view = self.choose("src.clamp", "src.zero", "src.mirror", "src.or(7)", "src")
            at = "x, y" if self.in_map and self.choose("here", "there") == "here" else None
            return f"{view}[{at or f'{self.expr(inner)} & 7, ({self.expr(0)} & 3) - 1'}]"
        if kind == "reduce":
            k = self.fresh("k")
            self.names.append(k)
            body = self.expr(inner)
            self.names.remove(k)
            return f"sum({body} for {k} in 0..{self.choose('3', '0', 'n', 'src.width')})"
        if kind == "extreme":
            return f"{self.choose('min', 'max')}({self.expr(inner)}, {self.expr(inner)})"
        return self.choose(*self.names)

    def condition(self, depth: int = 2) -> str:
        if depth > 0 and self.choose("plain", "plain", "joined") == "joined":
            sides = self.condition(depth - 1), self.condition(depth - 1)
            return f"({sides[0]} {self.choose('&&', '||')} {sides[1]})"
        return f"{self.expr(depth)} {self.choose('<', '==', '!=', '>=')} {self.expr(depth)}"

    def block(self, most: int) -> None:
        for _ in range(self.number(1, most)):
            if self.budget <= 0:
                return
            self.budget -= 1
            self.statement()

    def nested(self, head: str) -> None:
        names = list(self.names)
        self.line(head + " {")
        self.depth += 1
        self.block(3)
        self.depth -= 1
        self.names = names

    def statement(self) -> None:
        kinds = ["let", "assign", "assign", "element", "array"]
        kind = (
            self.choose(*kinds, "if", "for", "require") if self.depth < 4 else self.choose(*kinds)
        )
        if kind == "let":
            name = self.fresh("t")
            self.line(f"let {name} = {self.expr()};")
            self.names.append(name)
        elif kind == "assign":
            self.line(
                f"{self.choose(*self.variables)} {self.choose('=', '+=', '-=')} {self.expr()};"
            )
        elif kind == "element":
            index = self.choose("{} & 3", "{}").format(self.expr(1))
            self.line(f"v[{index}] = {self.expr(2)};")
        elif kind == "array":
            k = self.fresh("k")
            self.names.append(k)
            body = self.expr(2)
            self.names.remove(k)
            self.line(
                self.choose(
                    f"v = turned(v, {self.expr(1)});",
                    f"v = [{body} for {k} in 0..4];",
                    f"v = v + v * {self.number(-3, 3)};",
                    f"v = [v[3], v[2], {self.expr(1)}, v[0]];",
                )
            )
        elif kind == "if":
            self.nested(f"if {self.condition()}")
            if self.choose("yes", "no") == "yes":
                self.nested("} else")
            self.line("}")
        elif kind == "for":
            i = self.fresh("i")
            self.names.append(i)
            bound = self.choose("0..4", "1..=3", "2..2", "0..n", "0..src.width", "0..9 step 3")
            self.nested(f"for {i} in {bound}")
            self.line("}")
            self.names.remove(i)
        else:
            self.line(f'require({self.condition(1)}, "required");')


@st.composite
def top_level(draw: Callable[..., object]) -> str:
    """A kernel whose statements stand outside of any pixel loop."""
    writer = Writer(draw, ["a", "b", "n"], ["a", "b"], in_map=False)
    writer.block(8)
    return _kernel(
        "    var a = 1;\n    var b = src[0, 0];\n    var v = [1, 2, a, b];\n",
        writer.lines,
        "    dst[0, 0] = a;\n    dst[1, 0] = b;\n    for i in 0..4 { dst[2 + i, 0] = v[i]; }\n",
        "(6, 1)",
    )


@st.composite
def mapped(draw: Callable[..., object]) -> str:
    """A kernel whose statements stand in a map."""
    writer = Writer(draw, ["a", "b", "n", "x", "y"], ["a", "b"], in_map=True, depth=2)
    writer.block(6)
    return _kernel(
        "    map (x, y) in dst {\n        var a = x;\n        var b = src[x, y];\n"
        "        var v = [y, 2, a, b];\n",
        writer.lines,
        "        dst[x, y] = (a ^ b) + v[0] * 3 + v[1] - v[2] + v[3];\n    }\n",
        "(src.width, src.height)",
    )


@st.composite
def scanned(draw: Callable[..., object]) -> str:
    """A kernel whose statements stand in a scan, with additions to rows among them."""
    writer = Writer(draw, ["a", "b", "n", "x", "y"], ["a", "b"], in_map=True, depth=2)
    turns = writer.choose("raster", "serpentine(true)", "serpentine(n > 2)")
    writer.block(3)
    for _ in range(writer.number(1, 5)):
        down = writer.number(0, 2)
        ahead = writer.number(-2 if down else 1, 2)
        value = writer.choose("a", "b", "a * n", "n * a", "b * 3", writer.expr(2))
        add = f"err.drop[x + {ahead} * d, y + {down}] {writer.choose('+=', '-=')} {value};"
        if writer.choose("plain", "guarded") == "guarded":
            add = f"if {writer.condition(1)} {{ {add} }}"
        writer.line(add)
        writer.block(1)
    return _kernel(
        f"    var err: rows<i32, 3>(src.width);\n    scan (x, y, d) in src by {turns} {{\n"
        "        var a = src[x, y] + err[x, y];\n        var b = x * 3 - y;\n"
        "        var v = [y, 2, a, b];\n",
        writer.lines,
        "        dst[x, y] = (a ^ b) + v[0] * 3 + v[1] - v[2] + v[3];\n    }\n",
        "(src.width, src.height)",
    )


def _kernel(head: str, lines: list[str], tail: str, size: str) -> str:
    return (
        HELPERS
        + f"kernel k(in src: image<i32>, out dst: image<i32>{size}, param n: i32 in 0..=4 = 2) {{\n"
        + head
        + "\n".join(lines)
        + "\n"
        + tail
        + "}\n"
    )
