"""Random expressions of a wanted type."""

from __future__ import annotations

from compiler.samples.author import (
    COMPUTE,
    FLOATS,
    INTEGERS,
    NARROW,
    PIXELS,
    Author,
    Picture,
    array,
)

BITS = {"u8": 8, "i8": 8, "u16": 16, "i16": 16, "u32": 32, "i32": 32, "u64": 64, "i64": 64}
VIEWS = ("clamp", "mirror", "reflect101", "wrap", "zero")


class ExpressionAuthor(Author):
    """Writes expressions: `expr(type, depth)` gives text of exactly this type."""

    def expr(self, type_: str, depth: int = 3) -> str:
        """An expression of the type."""
        self.left -= 1
        if depth <= 0 or self.left < 0 or self.chance(0.15):
            return self.leaf(type_)
        if array(type_) is not None:
            return self.array_expr(type_, depth)
        options = [self.conditional, self.called, self.element]
        if type_ == "bool":
            options += [self.comparison, self.comparison, self.logical]
        else:
            options += [self.converted, self.pixel, self.extreme]
        if type_ in COMPUTE:
            options += [self.arithmetic] * 4 + [self.unary, self.reduction]
        if type_ in INTEGERS:
            options += [self.division, self.shift]
        return self.choose(*options)(type_, depth - 1)

    def leaf(self, type_: str) -> str:
        """A name or a literal."""
        names = [name for name, kind in self.values if kind == type_]
        if names and self.chance(0.7):
            return self.choose(*names)
        return self.literal(type_)

    def literal(self, type_: str) -> str:
        """A constant, with its type said."""
        found = array(type_)
        if found is not None:
            return f"[{', '.join(self.literal(found[0]) for _ in range(found[1]))}]"
        if type_ == "bool":
            return self.choose("true", "false")
        if type_ in FLOATS:
            value = self.choose("0.0", "1.0", "-0.5", "3.25", "1e-3", "-7.0", "1e6", "inf", "nan")
            return f"{type_}({value})"
        signed = type_.startswith("i")
        top = (1 << (BITS[type_] - signed)) - 1
        number = self.choose(0, 1, 2, 3, 5, 7, 100, 127, top, top - 1)
        if signed and number and self.chance(0.4):
            return f"({type_}(-{number}))"
        return f"{type_}({number})"

    # Scalars.

    def conditional(self, type_: str, depth: int) -> str:
        """`if … { … } else { … }`."""
        test = self.expr("bool", depth)
        return f"(if {test} {{ {self.expr(type_, depth)} }} else {{ {self.expr(type_, depth)} }})"

    def called(self, type_: str, depth: int) -> str:
        """A call of a function that gives the type."""
        fitting = [each for each in self.functions if each[2] == type_]
        if not fitting:
            return self.leaf(type_)
        name, parameters, _ = self.choose(*fitting)
        return f"{name}({', '.join(self.expr(each, depth) for each in parameters)})"

    def element(self, type_: str, depth: int) -> str:
        """An element of an array."""
        arrays = [(name, kind) for name, kind in self.values if (array(kind) or ("",))[0] == type_]
        if not arrays:
            return self.leaf(type_)
        name, kind = self.choose(*arrays)
        found = array(kind)
        assert found is not None
        return f"{name}[{self.index(found[1], depth)}]"

    def index(self, length: int, depth: int) -> str:
        """An index that is nearly always inside."""
        if self.chance(0.04):
            return self.expr("i32", depth)
        return f"mod_floor({self.expr('i32', depth)}, {length})"

    def comparison(self, type_: str, depth: int) -> str:
        """Two values compared."""
        kind = self.choose(*PIXELS)
        operator = self.choose("==", "!=", "<", "<=", ">", ">=")
        return f"({self.expr(kind, depth)} {operator} {self.expr(kind, depth)})"

    def logical(self, type_: str, depth: int) -> str:
        """Conditions put together."""
        if self.chance(0.3):
            return f"(!{self.expr('bool', depth)})"
        operator = self.choose("&&", "||", "==", "!=", "&", "|", "^")
        return f"({self.expr('bool', depth)} {operator} {self.expr('bool', depth)})"

    def arithmetic(self, type_: str, depth: int) -> str:
        """Two operands."""
        operators = ["+", "-", "*"] + (["&", "|", "^"] if type_ in INTEGERS else ["/"])
        operator = self.choose(*operators)
        return f"({self.expr(type_, depth)} {operator} {self.expr(type_, depth)})"

    def unary(self, type_: str, depth: int) -> str:
        """One operand."""
        words = ["-({})", "abs({})"] if type_.startswith(("i", "f")) else ["~({})"]
        if type_ in FLOATS:
            words += ["sqrt({})", "floor({})", "ceil({})", "trunc({})", "round({})"]
        elif type_ in INTEGERS:
            words.append("~({})")
        return f"({self.choose(*words).format(self.expr(type_, depth))})"

    def division(self, type_: str, depth: int) -> str:
        """A division, nearly always by what is not 0."""
        divisor = self.expr(type_, depth)
        if not self.chance(0.04):
            divisor = f"(({divisor}) | {type_}(1))"
        dividend = self.expr(type_, depth)
        if self.chance(0.5):
            return f"({dividend} {self.choose('/', '%')} {divisor})"
        return f"{self.choose('div_floor', 'mod_floor', 'div_round')}({dividend}, {divisor})"

    def shift(self, type_: str, depth: int) -> str:
        """A shift by any count."""
        return f"({self.expr(type_, depth)} {self.choose('<<', '>>')} {self.expr(type_, depth)})"

    def extreme(self, type_: str, depth: int) -> str:
        """The lesser or greater of two."""
        return f"{self.choose('min', 'max')}({self.expr(type_, depth)}, {self.expr(type_, depth)})"

    def converted(self, type_: str, depth: int) -> str:
        """A conversion to the type, from another."""
        source = self.choose(*(each for each in PIXELS if each != type_))
        inner = self.expr(source, depth)
        if type_ in FLOATS:
            same = [each for each in INTEGERS if BITS[each] == int(type_[1:])]
            if self.chance(0.2):
                return f"bits_{type_}({self.expr(self.choose(*same), depth)})"
            return f"{type_}({inner})"
        if source in FLOATS:
            if type_ in INTEGERS and int(source[1:]) == BITS[type_] and self.chance(0.3):
                return f"bits_{type_}({inner})"
            return f"{type_}({inner})"
        mode = self.choose("sat_", "wrap_", "wrap_", "" if self.chance(0.1) else "sat_")
        return f"{mode}{type_}({inner})"

    # Arrays.

    def array_expr(self, type_: str, depth: int) -> str:
        """An array."""
        found = array(type_)
        assert found is not None
        element, length = found
        kind = self.choose("elements", "for", "fill", "if", "pixel", "both")
        if kind == "pixel":
            return self.pixel(type_, depth - 1)
        if kind == "both" and element in COMPUTE:
            operator = self.choose("+", "-", "*")
            return f"({self.expr(type_, depth - 1)} {operator} {self.expr(type_, depth - 1)})"
        if kind == "if":
            return self.conditional(type_, depth - 1)
        if kind == "fill":
            return f"[{self.expr(element, depth - 1)}; {length}]"
        if kind == "for":
            name = self.fresh("e")
            start = self.choose(0, 1, -3)
            self.values.append((name, "i32"))
            body = self.expr(element, depth - 1)
            self.values.pop()
            return f"[{body} for {name} in {start}..{start + length}]"
        return f"[{', '.join(self.expr(element, depth - 1) for _ in range(length))}]"

    # Pixels and reductions.

    def pixel(self, type_: str, depth: int) -> str:
        """A pixel, or a channel of one."""
        written = self.loop.targets if self.loop is not None else []
        options = [each for each in (*self.inputs, *self.outputs) if each not in written]
        whole = [each for each in options if each.pixel == type_]
        parts = [each for each in options if each.channels > 1 and each.type == type_]
        if whole and (not parts or self.chance(0.7)):
            return self.read(self.choose(*whole), depth)
        if parts:
            picture = self.choose(*parts)
            return f"{self.read(picture, depth)}[{self.index(picture.channels, 0)}]"
        return self.leaf(type_)

    def read(self, picture: Picture, depth: int) -> str:
        """A read through some border."""
        if self.loop is not None and picture.same_size and self.chance(0.3):
            return f"{picture.name}[x, y]"
        if self.chance(0.05):
            return f"{picture.name}[{self.expr('i32', depth)}, {self.expr('i32', depth)}]"
        view = self.choose(*VIEWS)
        if self.chance(0.2):
            view = f"or({self.expr(picture.pixel, min(depth, 1))})"
        if self.loop is not None and self.chance(0.7):
            dx, dy = self.choose(-2, -1, 0, 1, 2, 9), self.choose(-3, -1, 0, 1)
            return f"{picture.name}.{view}[x + ({dx}), y + ({dy})]"
        return f"{picture.name}.{view}[{self.expr('i32', depth)}, {self.expr('i32', depth)}]"

    def reduction(self, type_: str, depth: int) -> str:
        """A reduction over one range, two, or an image."""
        kind = self.choose("sum", "sum", "min", "max", "argmin", "argmax", "count")
        if kind == "count" and type_ != "i32":
            kind = "sum"
        names = [self.fresh("r")]
        domain = f"for {names[0]} in {self.choose(0, 1)}..{self.choose(2, 4, 20)}"
        if self.chance(0.3):
            names.append(self.fresh("r"))
            domain += f" for {names[1]} in 0..{self.choose('1', '3', names[0])}"
        elif self.loop is None and self.inputs and self.chance(0.4):
            names.append(self.fresh("r"))
            domain = f"for ({names[0]}, {names[1]}) in {self.choose(*self.inputs).name}"
        self.values += [(name, "i32") for name in names]
        body = self.expr("bool" if kind == "count" else type_, min(depth, 2))
        del self.values[-len(names) :]
        field = ".value" if kind.startswith("arg") else ""
        if field and type_ == "i32" and self.chance(0.5):
            field = ".at" if len(names) == 1 else self.choose(".x", ".y")
        return f"{kind}({body} {domain}){field}"


__all__ = ["NARROW", "ExpressionAuthor"]
