"""Warnings for accesses that keep their check: what is missing for a proof, and ways out.

    unproved(verified, program) -> diagnostics

The verifier tells the instruction, its line and what it could not show. The expressions that
stand there are looked up in the typed tree, where one of them can be meant only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from compiler import typed
from compiler.diagnostics import Diagnostic
from compiler.source import Span
from vm.module import Border
from vm.opcodes import Op
from vm.verifier import VerifiedKernel, VerifiedModule
from vm.verifier.doubts import Doubt, merged

Access = typed.PixelRead | typed.PixelWrite | typed.Index | typed.AssignElement
KINDS: dict[Op, type] = {
    Op.LOAD: typed.PixelRead,
    Op.STORE: typed.PixelWrite,
    Op.ELEM_GET: typed.Index,
    Op.ELEM_SET: typed.AssignElement,
}
MOST = 20
"""Warnings of one program."""


def unproved(verified: VerifiedModule, program: typed.TypedProgram) -> tuple[Diagnostic, ...]:
    """One warning for each access in the program's own file that keeps its check."""
    found: dict[tuple[Span, Op], tuple[Access | None, list[Doubt]]] = {}
    for kernel in verified.kernels.values():
        if not kernel.facts.doubts:
            continue
        accesses = _accesses(program)
        for position, doubts in sorted(kernel.facts.doubts.items()):
            instruction = kernel.kernel.code[position]
            access = _meant(kernel, position, accesses)
            span = access.span if access else program.source.line_span(instruction.line)
            found.setdefault((span, instruction.op), (access, []))[1].extend(doubts)
    warnings = [
        _warning(span, op, access, merged(doubts)) for (span, op), (access, doubts) in found.items()
    ]
    return tuple(warnings[:MOST])


def _meant(
    kernel: VerifiedKernel, position: int, accesses: dict[tuple[int, type], list[Access]]
) -> Access | None:
    """The access that an instruction was made of, if it is certain."""
    instruction = kernel.kernel.code[position]
    same = [
        index
        for index, each in enumerate(kernel.kernel.code)
        if each.line == instruction.line and each.op is instruction.op and _can_trap(kernel, index)
    ]
    there = accesses.get((instruction.line, KINDS[instruction.op]), [])
    if len(there) == 1:
        return there[0]
    return there[same.index(position)] if len(there) == len(same) else None


def _can_trap(kernel: VerifiedKernel, position: int) -> bool:
    return position in kernel.facts.proved or position in kernel.facts.checked


def _warning(span: Span, op: Op, access: Access | None, doubts: tuple[Doubt, ...]) -> Diagnostic:
    indices = _indices(access)
    texts = [doubt.text(indices.get(doubt.index, "")) for doubt in doubts]
    return Diagnostic(
        "CPS0808",
        "this access is checked while the kernel runs",
        span,
        " and ".join(texts),
        helps=(_help(op, doubts, indices),),
        severity="warning",
    )


def _indices(access: Access | None) -> dict[str, str]:
    """What the program writes for "x", "y" and "the index"."""
    if isinstance(access, typed.PixelRead | typed.PixelWrite):
        return {"x": _text(access.x.span), "y": _text(access.y.span)}
    if isinstance(access, typed.Index):
        return {"the index": _text(access.index.span)}
    if isinstance(access, typed.AssignElement) and len(access.indices) == 1:
        return {"the index": _text(access.indices[0].span)}
    return {}


def _text(span: Span) -> str:
    return " ".join(span.text.split())


def _help(op: Op, doubts: tuple[Doubt, ...], indices: dict[str, str]) -> str:
    if op in (Op.ELEM_GET, Op.ELEM_SET):
        last = int(doubts[0].extent) - 1
        return f"keep it in range: 'min(max({indices.get('the index', 'i')}, 0), {last})'"
    ways = []
    facts = []
    for doubt in doubts:
        index = indices.get(doubt.index, doubt.index)
        if doubt.least is not None and doubt.is_bounded:
            ways.append(f"begin at {-doubt.least}")
        elif doubt.least is not None:
            facts.append(f"{index} >= 0")
        elif doubt.beyond is not None:
            ways.append(f"loop to {doubt.extent} - {doubt.beyond + 1}")
        else:
            facts.append(f"{index} < {doubt.extent}")
    if facts and all(fact.split()[0].isidentifier() for fact in facts):
        ways.append(f"outside of loops 'require({' && '.join(facts)}, \"…\")'")
    border = ".clamp" if op is Op.LOAD else ".drop"
    return f"use {border}, or {' and '.join(dict.fromkeys(ways))}" if ways else f"use {border}"


def _accesses(program: typed.TypedProgram) -> dict[tuple[int, type], list[Access]]:
    """Accesses of the program's own file that may be checked, by line and kind."""
    found: dict[tuple[int, type], dict[Span, Access]] = {}
    parts: tuple[typed.Kernel | typed.Function, ...] = (*program.kernels, *program.functions)
    for part in parts:
        for access in _walk((part.body, part.result)):
            if access.span.source is program.source and _may_be_checked(access):
                key = (access.span.line, type(access))
                found.setdefault(key, {}).setdefault(access.span, access)
    return {key: list(each.values()) for key, each in found.items()}


def _may_be_checked(access: Access) -> bool:
    if isinstance(access, typed.PixelRead):
        return access.border is Border.INSIDE
    if isinstance(access, typed.PixelWrite):
        return not access.here and not access.drop
    return isinstance(access, typed.AssignElement) or not isinstance(access.index, typed.Literal)


def _walk(node: Any) -> Iterator[Any]:
    """All accesses below a node of the typed tree, in the order of evaluation, without calls."""
    if isinstance(node, tuple):
        for each in node:
            yield from _walk(each)
        return
    if not isinstance(node, Struct) or not type(node).__module__.startswith("compiler.typed"):
        return
    if isinstance(node, typed.Function):
        return
    for name in node.__struct_fields__:
        yield from _walk(getattr(node, name))
    if isinstance(node, Access):
        yield node
