"""Modules made to take long: verifying is linear, compiling is bounded, whatever the limit."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import numpy as np
import pytest

from tests.counting import count
from tests.engines import shared_box
from tests.vm.listings import encoded, framed
from vm import limits
from vm.errors import Malformed, OverLimit, SandboxUnavailable
from vm.sandbox.box import CompileBox
from vm.sandbox.runner import NativeRunner
from vm.verifier import verify

ROUNDS = 5
MORE_THAN_LINEAR = 3.0  # twice as much may take so many times as long


def straight(size: int) -> str:
    """Additions, one after the other."""
    return "code\nconst i32 1\nset l0\n" + "get l0\nconst i32 3\nadd i32\nset l0\n" * (size // 4)


def arms(size: int) -> str:
    """An `if` after the other, each with two arms that assign."""
    one = "const bool true\nif\nconst i32 1\nset l0\nelse\nconst i32 2\nset l0\nend\n"
    return "code\n" + one * (size // 8)


def nested(size: int) -> str:
    """Towers of `if` as deep as may be."""
    depth = limits.NESTING - 1
    one = "const bool true\nif\n" * depth + "const i32 1\nset l0\n" + "end\n" * depth
    return "code\n" + one * (size // (3 * depth + 2))


def loops(size: int) -> str:
    """Loops whose price has the same few terms."""
    one = "const i32 0\ndim src.width\nfor l0 1\nconst i32 0\nset l1\nend\n"
    return "code\n" + one * (size // 6)


def claims(size: int) -> str:
    """Loops with a claim for every local."""
    locals_ = 5
    head = "".join(f"const i32 0\nset l{i}\n" for i in range(1, 1 + locals_))
    words = " ".join(f"claim(l{i},0,9)" for i in range(1, 1 + locals_))
    one = f"const i32 0\nconst i32 9\nfor l0 1 {words}\nconst i32 7\nset l1\nend\n"
    return "code\n" + head + one * (size // 6)


def products(size: int) -> str:
    """Exact forms that want to grow: polynomials of parameters."""
    head = "\n".join(f"param p{i} i32 low 0 high 3" for i in range(8))
    one = "param p0\nparam p1\nadd i32\nparam p2\nmul i32\nparam p3\nadd i32\nset l0\n"
    grow = "get l0\nparam p4\nadd i32\nget l0\nmul i32\nset l0\n"
    return f"{head}\ncode\n" + (one + grow) * (size // 14)


def deep_stack(size: int) -> str:
    """The stack up and down again."""
    depth = limits.STACK_DEPTH - 1
    one = "const i32 1\n" * depth + "add i32\n" * (depth - 1) + "set l0\n"
    return "code\n" + one * (size // (2 * depth))


def requirements(size: int) -> str:
    """Facts about sizes, learned again and again."""
    one = "dim src.width\ndim src.height\nge i32\nrequire t0\n"
    return 'text "no"\ncode\n' + one * (size // 4)


def carries(size: int) -> str:
    """Every carry read at every distance that fits."""
    head = "\n".join(["carry i32"] * limits.CARRIES)
    puts = "".join(f"const i32 1\ncarry.put c{i}\n" for i in range(limits.CARRIES))
    one = "".join(f"carry.get c{i} -{1 + i} -{i % 16}\nset l3\n" for i in range(limits.CARRIES))
    scan = "const bool false\nscan rows l2 l0 l1 src.width src.height\n"
    return f"{head}\ncode\n{scan}{puts}" + one * (size // (2 * limits.CARRIES)) + "end\n"


ALL = limits.INSTRUCTIONS - 200
BOMBS: dict[Callable[[int], str], int] = {  # how many instructions it may have
    straight: ALL,
    arms: ALL,
    nested: limits.REGIONS * 3,
    loops: limits.REGIONS * 5,
    claims: limits.REGIONS * 5,
    products: ALL,
    deep_stack: ALL,
    requirements: ALL,
    carries: ALL,
}


def seconds(data: bytes) -> float:
    """The least time of several verifications."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        verify(data)
        taken.append(time.perf_counter() - began)
    return min(taken)


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.__name__)
def test_the_verifiers_time_grows_linearly(bomb: Callable[[int], str]) -> None:
    """A ratio of times in one run, at sizes where everything else is small beside it."""
    sizes = (BOMBS[bomb] // 2, BOMBS[bomb])
    small, large = (encoded(framed(bomb(size))) for size in sizes)
    ratios = []
    for _ in range(4):  # somebody else may use the machine: one undisturbed pair is enough
        ratios.append(seconds(large) / seconds(small))
        if ratios[-1] < MORE_THAN_LINEAR:
            break
    assert min(ratios) < MORE_THAN_LINEAR, ratios
    count("verifier bombs")


@pytest.fixture(scope="module")
def box() -> CompileBox:
    try:
        found: CompileBox = shared_box()
        return found
    except SandboxUnavailable as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.__name__)
def test_at_the_limit_it_compiles_or_is_refused(
    bomb: Callable[[int], str], box: CompileBox
) -> None:
    verified = verify(encoded(framed(bomb(BOMBS[bomb]))))
    given = {p.name: 1 for p in verified.kernels["k"].kernel.parameters}
    with NativeRunner(verified, "k", given, box=box) as runner, contextlib.suppress(OverLimit):
        runner.run({"src": np.zeros((3, 4), np.uint8)})
    count("compile bombs")


def everything() -> str:
    """As many images, parameters, arrays, carries, texts, regions and instructions as may be."""
    parts = ["dimension", "dimension"]
    parts += [f"dimension = #0 {i} add" for i in range(limits.DIMENSIONS - 2)]
    parts += ["image src in u8 16 #0 #1"]
    parts += [f"image o{i} out f64 16 #0 #1" for i in range(limits.IMAGES - 1)]
    parts += [f"param p{i} i32 low 0 high 9 default 1" for i in range(limits.PARAMETERS)]
    parts += [f"field f{i} f64" for i in range(limits.FIELDS)]
    parts += ["locals " + "i32 " * 64] * (limits.LOCALS // 64)
    parts += ["array u8[512]"] * limits.ARRAYS
    parts += ["carry f64"] * limits.CARRIES
    parts += ['text "no"'] * limits.TEXTS
    code = "".join(f"const f64 1.0\ngive f{i}\n" for i in range(limits.FIELDS))
    code += "".join(f"const u8 1\narray.fill a{i}\n" for i in range(limits.ARRAYS))
    code += "const bool false\nscan rows l2 l0 l1 src.width src.height\n"
    code += "".join(f"carry.get c{i} -64 -16\ncarry.put c{i}\n" for i in range(limits.CARRIES))
    code += "end\n"
    towers = (limits.REGIONS - 1) // (limits.NESTING - 1)
    depth = limits.NESTING - 1
    tower = "const bool true\nif\n" * depth + "param p3\nset l5\n" + "end\n" * depth
    code += tower * towers
    left = limits.INSTRUCTIONS - code.count("\n")
    code += "const i32 1\nset l9\n" * (left // 2)
    return framed("\n".join([*parts, "code", code]))


def test_everything_at_its_limit_at_once(box: CompileBox) -> None:
    verified = verify(encoded(everything()))
    assert len(verified.kernels["k"].kernel.code) > limits.INSTRUCTIONS - 2
    runner = NativeRunner(verified, "k", {}, box=box, memory_limit_bytes=1 << 32)
    with runner, contextlib.suppress(OverLimit):
        record = runner.run({"src": np.zeros((2, 3, 16), np.uint8)}).record
        assert set(record.values()) == {1.0}


@pytest.mark.parametrize("count_", [1 << 28, 1 << 35, (1 << 63) - 1])
def test_a_count_that_nothing_follows_is_refused_at_once(count_: int) -> None:
    varint = b""
    while count_ > 127:
        varint += bytes([count_ & 127 | 128])
        count_ >>= 7
    varint += bytes([count_])
    with pytest.raises(Malformed):
        verify(b"\0cps\x01\x00\x00" + varint)
