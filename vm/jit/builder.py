"""A writer of textual LLVM IR: names, blocks, phis, cold traps. It knows nothing of bytecode.

Every name is made here from a counter, so nothing a module holds can reach LLVM as text. No
flag that licenses undefined behaviour (nsw, nuw, exact, inbounds, fast-math) is ever written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from vm.errors import OverLimit

IR_INSTRUCTIONS = 60_000  # far beyond honest kernels; about ten seconds of LLVM at worst
BLOCK_INSTRUCTIONS = 24_000  # LLVM's passes on one block are where compile bombs live


@dataclass(slots=True)
class Phi:
    """A phi whose incoming values are added as their blocks are written."""

    name: str
    type: str
    incoming: list[tuple[str, str]] = field(default_factory=list)

    def add(self, value: str, block: str) -> None:
        """One incoming edge."""
        self.incoming.append((value, block))

    def __str__(self) -> str:
        edges = ", ".join(f"[ {value}, %{block} ]" for value, block in self.incoming)
        return f"  {self.name} = phi {self.type} {edges}"


@dataclass(frozen=True, slots=True)
class Mark:
    """A point to return to: see `Builder.mark`."""

    lines: int
    count: int
    cold: int
    block: str
    block_count: int


class Builder:
    """The body of one function, written front to back.

    `entry` lines come first of all (allocas, constants made once); `cold` blocks last.
    """

    def __init__(self) -> None:
        self.entry: list[str] = []
        self.lines: list[str | Phi] = []
        self.cold: list[str] = []
        self.globals: list[str] = []
        self.declared: set[str] = set()
        self._known: dict[str, str] | None = None  # names by instruction: see `sharing`
        self.count = 0
        self.block = "entry"
        self._block_count = 0
        self._names = 0

    def name(self) -> str:
        """A new value name."""
        self._names += 1
        return f"%v{self._names}"

    def label(self) -> str:
        """A new block name, without its percent sign."""
        self._names += 1
        return f"b{self._names}"

    def emit(self, text: str) -> None:
        """One instruction without a result. Raises `OverLimit`."""
        self._tick()
        self.lines.append("  " + text)

    def _tick(self) -> None:
        self.count += 1
        self._block_count += 1
        if self.count > IR_INSTRUCTIONS or self._block_count > BLOCK_INSTRUCTIONS:
            raise OverLimit(
                "the kernel is too large for native code", f"{IR_INSTRUCTIONS} LLVM instructions"
            )

    def value(self, text: str) -> str:
        """One instruction with a result; gives its name."""
        if self._known is not None and text in self._known:
            return self._known[text]
        name = self.name()
        self.emit(f"{name} = {text}")
        if self._known is not None:
            self._known[text] = name
        return name

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """Within, equal instructions of a block are written once: so nothing read may change."""
        self._known = {}
        try:
            yield
        finally:
            self._known = None

    def at_entry(self, text: str) -> str:
        """An instruction with a result at the head of the function."""
        self._tick()
        name = self.name()
        self.entry.append(f"  {name} = {text}")
        return name

    def start(self, label: str) -> None:
        """Begin a block."""
        self.lines.append(f"{label}:")
        self.block = label
        self._block_count = 0
        if self._known is not None:
            self._known = {}

    def jump(self, label: str) -> None:
        """End the block with a branch."""
        self.emit(f"br label %{label}")

    def branch(self, condition: str, yes: str, no: str) -> None:
        """End the block with a conditional branch."""
        self.emit(f"br i1 {condition}, label %{yes}, label %{no}")

    def phi(self, type_text: str) -> Phi:
        """A phi at the head of the block just begun."""
        self._tick()
        made = Phi(self.name(), type_text)
        self.lines.append(made)
        return made

    def repeat(
        self, first: str, last: str, body: Callable[[str], None], *, is_short: bool = False
    ) -> None:
        """A loop over first .. last - 1 (i64 operands, last >= 0), possibly empty.

        Of a short one LLVM makes no vectors.
        """
        before, head, after = self.block, self.label(), self.label()
        self.branch(self.value(f"icmp slt i64 {first}, {last}"), head, after)
        self.start(head)
        phi = self.phi("i64")
        phi.add(first, before)
        body(phi.name)
        following = self.value(f"add i64 {phi.name}, 1")
        phi.add(following, self.block)
        more = self.value(f"icmp slt i64 {following}, {last}")
        note = ", !llvm.loop !4" if is_short else ""
        self.emit(f"br i1 {more}, label %{head}, label %{after}{note}")
        self.start(after)

    def unlikely(self, ok: str, word: int) -> None:
        """Leave the function with `word` unless `ok`; go on in a new block."""
        trap, go_on = self.label(), self.label()
        self.emit(f"br i1 {ok}, label %{go_on}, label %{trap}, !prof !0")
        self.cold += [f"{trap}:", f"  ret i64 {word}"]
        self.start(go_on)

    def call(self, result: str, function: str, types: Sequence[str], args: Sequence[str]) -> str:
        """Call an intrinsic, declared on first use."""
        self.declared.add(f"declare {result} @{function}({', '.join(types)})")
        given = ", ".join(f"{t} {a}" for t, a in zip(types, args, strict=True))
        text = f"call {result} @{function}({given})"
        if result == "void":
            self.emit(text)
            return ""
        return self.value(text)

    def mark(self) -> Mark:
        """Remember this point, to write something on trial."""
        return Mark(len(self.lines), self.count, len(self.cold), self.block, self._block_count)

    def rewind(self, mark: Mark) -> None:
        """Forget what was written since the mark (names and entry lines stay used)."""
        del self.lines[mark.lines :]
        del self.cold[mark.cold :]
        self.count = mark.count
        self.block = mark.block
        self._block_count = mark.block_count

    def text(self, signature: str, metadata: Sequence[str]) -> str:
        """The whole module."""
        parts = [
            *self.globals,
            f"define {signature} {{",
            "entry:",
            *self.entry,
            *(str(line) for line in self.lines),
            *self.cold,
            "}",
            *sorted(self.declared),
            *metadata,
        ]
        return "\n".join(parts) + "\n"
