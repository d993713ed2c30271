"""What lowering writes: no forbidden flag, no foreign name, no library call, bounded size."""

from __future__ import annotations

import re
from pathlib import Path

import llvmlite.binding as llvm
import pytest

from compiler.pipeline import compile_path
from tests.jit import inprocess, kernels
from tests.vm.build import ELSE, END, LOAD_HERE, check, const, get, op, pixels, put_local
from vm import parameters
from vm.errors import OverLimit
from vm.jit import backend, linker
from vm.jit.audit import find_forbidden
from vm.jit.lower import VECTOR_TARGETS, lower
from vm.module import Array, Border, Dimension, Image, Order, Reduction, Role
from vm.opcodes import Op
from vm.types import ScalarType
from vm.verifier import VerifiedKernel, verify

WAVES = Path(__file__).with_name("waves.cps")
I32, U8, F32 = ScalarType.I32, ScalarType.U8, ScalarType.F32
FORBIDDEN = re.compile(
    r"\b(nsw|nuw|exact|inbounds|nusw|nnan|ninf|nsz|arcp|contract|afn|reassoc|fast|disjoint|nneg|"
    r"unreachable|undef|indirectbr|invoke|asm)\b"
)
ALLOWED_CALLS = re.compile(
    r"llvm\.(memset\.p0\.i64|memcpy\.p0\.p0\.i64|(sqrt|floor|ceil|trunc|roundeven|fabs|minimum|"
    r"maximum)\.f(32|64)|fpto[su]i\.sat\.i\d+\.f(32|64)|s(add|sub|mul)\.with\.overflow\.i(32|64))"
)


def ir_of(kernel: VerifiedKernel, blind: int = 0, *, checked: bool = False, **given: object) -> str:
    """The IR with these parameters."""
    values = parameters.resolve(kernel.kernel, given)
    return lower(kernel, values, blind=blind, checked=checked).ir


@pytest.mark.parametrize("checked", [False, True])
@pytest.mark.parametrize("blind", [0, 1, 2, 3])
@pytest.mark.parametrize("make", kernels.ALL, ids=lambda make: make.__name__)
def test_only_harmless_ir_is_written(make: kernels.Maker, blind: int, checked: bool) -> None:
    ir = ir_of(make(), blind, checked=checked)
    assert not FORBIDDEN.search(ir), FORBIDDEN.search(ir)
    for called in re.findall(r"(?:call|declare) [\w {},]+ @([\w.]+)", ir):
        assert ALLOWED_CALLS.fullmatch(called), called


@pytest.mark.parametrize("cpu", ["x86-64-v2", "x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("make", kernels.ALL, ids=lambda make: make.__name__)
def test_nothing_but_memory_functions_is_called(make: kernels.Maker, cpu: str) -> None:
    """Rounding, conversion, minimum and division all become instructions on every level."""
    text = inprocess.assembly(ir_of(make()), cpu)
    called = {name.split("@")[0] for name in re.findall(r"call\w*\s+(?:\*)?([\w.@]+)", text)}
    named = set(re.findall(r"\$(\w+)@GOT", text))
    assert (called | named) - {"rax", "rcx"} <= {"memset", "memcpy", "kernel"}, (called, named)


@pytest.mark.parametrize("cpu", sorted(VECTOR_TARGETS))
def test_wavefronts_are_harmless_ir_and_call_nothing(cpu: str) -> None:
    verified = verify(compile_path(WAVES).encoded)
    for kernel in verified.kernels.values():
        values = parameters.resolve(kernel.kernel, {})
        ir = lower(kernel, values, target=VECTOR_TARGETS[cpu]).ir
        assert not FORBIDDEN.search(ir), FORBIDDEN.search(ir)
        for called in re.findall(r"(?:call|declare) [\w {},<>]+ @([\w.]+)", ir):
            plain = re.sub(r"\.v\d+(?=[if]\d)", ".", called)
            assert ALLOWED_CALLS.fullmatch(plain) or called == "llvm.prefetch.p0", called
        text = inprocess.assembly(ir, cpu)
        # Of many calls LLVM keeps the address on the stack: it is that of one of these too.
        called_there = set(re.findall(r"call\w*\s+(?:\*)?(?!\d+\(%rsp\))([\w.]+)", text))
        assert called_there <= {"memset", "memcpy", "rax", "rcx"}, called_there
        named = {name for name in re.findall(r"\$(\w+)@GOT", text) if name[:5] != "table"}
        assert named <= {"memset", "memcpy", "kernel"}, named


def test_nothing_of_the_module_is_named() -> None:
    images = (
        Image("evil", Role.IN, U8, 1, 0, 1),
        Image("zebra", Role.OUT, U8, 1, 0, 1),
    )
    made = check(
        const(1, ScalarType.BOOL),
        op(Op.REQUIRE, 0),
        *pixels(*LOAD_HERE, op(Op.PUT, 1, 0)),
        images=images,
        texts=("quagga",),
    )
    ir = ir_of(made)
    assert "evil" not in ir
    assert "zebra" not in ir
    assert "quagga" not in ir


def test_lowering_is_deterministic() -> None:
    for make in kernels.ALL:
        assert ir_of(make()) == ir_of(make())


def test_proved_accesses_have_no_check() -> None:
    made = kernels.dither()
    assert not made.checked
    ir = ir_of(made)
    assert "ret i64 0" in ir
    assert len(re.findall(r"ret i64", ir)) == 1
    inner = ir[ir.rindex("phi i64") :]
    assert len(re.findall(r"\bload\b", inner)) == 2  # a byte and the line above
    assert len(re.findall(r"\bstore\b", inner)) == 2


def test_a_checked_access_keeps_its_check() -> None:
    body = (get(0), const(1), op(Op.ADD, I32), get(1), op(Op.LOAD, 0, 0, Border.INSIDE))
    made = check(*pixels(*body, op(Op.PUT, 1, 0)))
    assert made.checked == 1
    assert re.search(r"ret i64 \d{9,}", ir_of(made))


def test_constants_chosen_by_the_program_are_hidden() -> None:
    planted = 0x0F05_0F05
    made = check(
        *pixels(
            *LOAD_HERE,
            op(Op.CONVERT, U8, I32),
            const(planted),
            op(Op.XOR, I32),
            op(Op.WRAP, I32, U8),
            op(Op.PUT, 1, 0),
        )
    )
    wanted = planted.to_bytes(4, "little")
    for blind in range(4):
        target = inprocess.machine()
        data = target.emit_object(inprocess.optimise(ir_of(made, blind), target))
        assert (wanted in data) == (blind == 0 and b"\x05\x0f\x05\x0f" in data)
        assert str(planted) not in ir_of(made, blind) or blind == 0


def test_small_constants_that_meet_in_one_store_get_through_the_audit() -> None:
    """15 and 3 in neighbouring channels are stored as one word: the bytes of `lsl`."""
    images = (Image("src", Role.IN, U8, 1, 0, 1), Image("dst", Role.OUT, U8, 2, 0, 1))
    put = (const(15, U8), op(Op.PUT, 1, 0), const(3, U8), op(Op.PUT, 1, 1))
    made = check(*pixels(*put), images=images)
    hits = []
    for attempt in range(4):
        data = backend.compile_ir(ir_of(made, attempt), "x86-64-v2", attempt)
        image = linker.link(data, "kernel", ("memset", "memcpy"), layout_seed=attempt)
        hits.append(bool(find_forbidden(image.text)))
    assert hits[0]
    assert not all(hits)


def test_hidden_tables_hold_the_same_numbers() -> None:
    import numpy as np

    data = tuple(range(-7, 9))
    code = pixels(
        *LOAD_HERE,
        op(Op.CONVERT, U8, I32),
        const(15),
        op(Op.AND, I32),
        op(Op.ELEM_GET, 0),
        op(Op.PUT, 1, 0),
    )
    images = (Image("src", Role.IN, U8, 1, 0, 1), Image("dst", Role.OUT, I32, 1, 0, 1))
    made = check(*code, images=images, arrays=(Array(I32, 16, None, data),))
    given = np.arange(32, dtype=np.uint8).reshape(2, 16)
    for blind in range(4):
        out = inprocess.run_kernel(made, {"src": given}, {}, blind)["dst"]
        assert out.tolist() == [list(data)] * 2


def test_a_kernel_too_large_for_llvm_is_over_limit() -> None:
    start = (*LOAD_HERE, op(Op.CONVERT, U8, I32), put_local(2))
    grow = (get(2), get(2), op(Op.DIV_ROUND, I32), put_local(2))
    code = pixels(*start, *grow * 4000, *LOAD_HERE, op(Op.PUT, 1, 0))
    with pytest.raises(OverLimit):
        ir_of(check(*code))


def test_only_the_taken_arm_of_a_known_condition_is_lowered() -> None:
    arms = (op(Op.IF, I32), const(77_777), ELSE, const(88_888), END)
    code = pixels(const(1), const(2), op(Op.LT, I32), *arms, put_local(2), *LOAD_HERE)
    made = check(*code[:-1], op(Op.PUT, 1, 0), END)
    ir = ir_of(made)
    assert "88888" not in ir


def test_image_pointers_are_kept_apart() -> None:
    ir = ir_of(kernels.dither())
    scopes = re.findall(r"!alias\.scope (!\d+), !noalias (!\d+)", ir)
    assert len(set(scopes)) == 3
    llvm.parse_assembly(ir, llvm.create_context()).verify()


def test_a_run_time_reduction_uses_sixteen_lanes() -> None:
    count = (const(0), op(Op.DIMENSION, 0), op(Op.REDUCE, Reduction.SUM, F32, 2))
    body = (get(2), op(Op.CONVERT, I32, F32), END)
    images = (Image("src", Role.IN, U8, 1, 0, 1), Image("dst", Role.OUT, F32, 1, 0, 1))
    made = check(*pixels(*count, *body, op(Op.PUT, 1, 0)), images=images)
    assert "alloca [16 x float]" in ir_of(made)


def test_scans_in_both_directions_are_written_once_each() -> None:
    scan = (const(1, ScalarType.BOOL), op(Op.SCAN, Order.ROWS, 2, 0, 1, 0, 1))
    put = (*LOAD_HERE, op(Op.PUT, 1, 0), END)
    raster = (const(0, ScalarType.BOOL), *scan[1:], *put)
    assert ir_of(check(*scan, *put)).count("store i8") == 2
    assert ir_of(check(*raster)).count("store i8") == 1


def test_equal_dimensions_share_one_value() -> None:
    images = (Image("src", Role.IN, U8, 1, 0, 1), Image("dst", Role.OUT, U8, 1, 2, 1))
    from vm.module import ExtentOp, ExtentTerm

    same = Dimension((ExtentTerm(ExtentOp.DIMENSION, 0),))
    made = check(
        *pixels(*LOAD_HERE, op(Op.PUT, 1, 0)),
        images=images,
        dimensions=(Dimension(), Dimension(), same),
    )
    ir = ir_of(made)
    assert len(set(re.findall(r"mul i64 %\w+, (%\w+)", ir))) == 1
