"""Scans and maps that would take LLVM long, or much stack, as vectors: they get another form."""

from __future__ import annotations

import time
from bisect import bisect_left

import numpy as np
import pytest

from tests import engines
from tests.counting import count
from tests.jit.test_wavefront import LEVELS
from tests.vm.listings import encoded, framed
from vm import limits, parameters
from vm.errors import OverLimit
from vm.jit import builder
from vm.jit.backend import compile_ir
from vm.jit.lower import VECTOR_TARGETS, lower
from vm.jit.lower.lanes import STACK_BYTES, TOO_MUCH
from vm.verifier import verify

COMPILE_S = 5.0  # of CPU time
SCAN = "const bool false\nscan rows l2 l0 l1 src.width src.height\n"


def scan(kind: str, body: str, before: str = "") -> str:
    """A scan that computes l3 of the pixel, also in l4."""
    head = f"image src in {kind} 1 #0 #1\nimage dst out {kind} 1 #0 #1\nlocals i32 i32 i32 "
    pixel = "own src 0\nset l3\nown src 0\nset l4\n"
    return f"{head}{kind} {kind} i32\n{before}code\n{SCAN}{pixel}{body}get l3\nput dst 0\nend\n"


def copies(kind: str, channels: int, images: int) -> str:
    """Scans that copy one image to others."""
    head = "".join(f"image o{i} out {kind} {channels} #0 #1\n" for i in range(images))
    code = ""
    for i in range(images):
        moved = "".join(f"own src {c}\nput o{i} {c}\n" for c in range(channels))
        code += f"{SCAN}{moved}end\n"
    return f"image src in {kind} {channels} #0 #1\n{head}code\n{code}"


def neighbours() -> str:
    """As many neighbours as fit, through borders."""
    body = ""
    for number in range(300):
        body += f"get l0\nconst i32 {number % 40 - 20}\nadd i32\nget l1\n"
        body += (
            f"const i32 {number // 40 - 4}\nadd i32\nload src 0 mirror\nget l3\nmin u8\nset l3\n"
        )
    return scan("u8", body)


def held(kind: str, amount: int) -> str:
    """Results that are all wanted later."""
    head = f"image src in {kind} 1 #0 #1\nimage dst out {kind} 1 #0 #1\nlocals i32 i32 i32 "
    names = [f"l{3 + i}" for i in range(amount)]
    made = "".join(f"own src 0\nconst {kind} {i + 2}\nmul {kind}\nset {n}\n"
                   for i, n in enumerate(names))  # fmt: skip
    used = "own src 0\n" + "".join(f"get {n}\nadd {kind}\nown src 0\nxor {kind}\n" for n in names)
    return f"{head}{f'{kind} ' * amount}\ncode\n{SCAN}{made}{used}put dst 0\nend\n"


def map_of(kind: str, locals_: int, body: str) -> str:
    """A map of one image; l3 and so on are of its type."""
    head = f"image src in {kind} 1 #0 #1\nimage dst out {kind} 1 #0 #1\nlocals i32 i32 i32 "
    loop = f"map l0 l1 src.width src.height\n{body}put dst 0\nend\n"
    return f"{head}{f'{kind} ' * locals_}\ncode\n{loop}"


def mirrored() -> str:
    """A map's neighbours through borders, each of them a vector."""
    body = "own src 0\n"
    for number in range(250):
        body += f"get l0\nconst i32 {number % 32 - 16}\nadd i32\nget l1\n"
        body += f"const i32 {number // 32 - 4}\nadd i32\nload src 0 mirror\nmin u8\n"
    return map_of("u8", 0, body)


def held_in_a_map(kind: str, amount: int) -> str:
    """As `held`."""
    names = [f"l{3 + i}" for i in range(amount)]
    made = "".join(f"own src 0\nconst {kind} {i + 2}\nmul {kind}\nset {n}\n"
                   for i, n in enumerate(names))  # fmt: skip
    used = "own src 0\n" + "".join(f"get {n}\nadd {kind}\nown src 0\nxor {kind}\n" for n in names)
    return map_of(kind, amount, made + used)


def maps(amount: int) -> str:
    """Maps that take ever so little."""
    one = "map l0 l1 src.width src.height\nown src 0\n"
    one += "const f64 1.5\nmul f64\nsqrt f64\n" * 30 + "put dst 0\nend\n"
    head = "image src in f64 1 #0 #1\nimage dst out f64 1 #0 #1\nlocals i32 i32 i32\n"
    return f"{head}code\n{one * amount}"


def taps() -> str:
    """Every carry at every distance that fits."""
    head = "carry f64\n" * limits.CARRIES
    body = "".join(
        f"carry.get c{c} {ahead} -{down}\nget l3\nadd f64\nset l3\n"
        for c in range(limits.CARRIES)
        for ahead, down in ((-5, 1), (8, 1), (30, 16), (-64, 4))
    )
    return scan(
        "f64", body + "".join(f"get l3\ncarry.put c{c}\n" for c in range(limits.CARRIES)), head
    )


def repeated(kind: str, one: str, times: int) -> str:
    """The same over and over."""
    return scan(kind, one * times)


DIVIDE = "get l3\nget l4\nconst {0} 1\nmax {0}\n{1} {0}\nget l4\nadd {0}\nset l3\n"
CONVERT = "get l3\nconvert {0} {1}\nconvert {1} {0}\nget l4\nadd {0}\nset l3\n"
BOMBS = {
    "16 channels": copies("f32", 16, 1),
    "8 channels, 19 images": copies("u8", 8, 19),
    "4 channels, 19 images": copies("f64", 4, 19),
    "2 channels, 19 images": copies("u16", 2, 19),
    "divisions": repeated("i64", DIVIDE.format("i64", "div_round"), 200),
    "narrow divisions": repeated("u32", DIVIDE.format("u32", "rem"), 200),
    "constant divisions": repeated("i64", "get l3\nconst i64 77\nmod_floor i64\nset l3\n", 200),
    "conversions": repeated("f64", CONVERT.format("f64", "u64"), 200),
    "roots": repeated("f64", "get l3\nsqrt f64\nset l3\n", 900),
    "neighbours": neighbours(),
    "held": held("i64", 1_000),
    "a few held": held("i64", 300),
    "taps": taps(),
    "mirrored": mirrored(),
    "held in a map": held_in_a_map("i64", 1_000),
    "a few held in a map": held_in_a_map("i64", 300),
    "maps": maps(90),
}


@pytest.mark.parametrize("name", BOMBS)
def test_vector_code_is_made_in_time(name: str) -> None:
    kernel = verify(encoded(framed(BOMBS[name]))).kernels["k"]
    values = parameters.resolve(kernel.kernel, {})
    for cpu in LEVELS:
        began = time.process_time()
        lowered = lower(kernel, values, target=VECTOR_TARGETS[cpu])
        compile_ir(lowered.ir, cpu)
        taken = time.process_time() - began
        assert taken < COMPILE_S, (name, cpu)
        count("vector bombs")


@pytest.mark.parametrize("name", ["4 channels, 19 images", "a few held"])
def test_the_childs_stack_holds_all_vector_code(name: str) -> None:
    verified = verify(encoded(framed(BOMBS[name])))
    source = verified.kernels["k"].kernel.images[0]
    shape = (3, 70, source.channels)[: 2 + (source.channels > 1)]
    pixels = np.arange(np.prod(shape)).reshape(shape) % 200
    kind = {"f64": np.float64, "i64": np.int64, "u8": np.uint8}[source.type.label]
    inputs = {"src": pixels.astype(kind)}
    left = engines.outcome(engines.interpret, verified, "k", inputs, {})
    engines.assert_same(left, engines.outcome(engines.native, verified, "k", inputs, {}))


def test_all_scans_of_a_kernel_share_the_room_for_vectors() -> None:
    kernel = verify(encoded(framed(copies("f64", 4, 19)))).kernels["k"]
    forms = lower(kernel, parameters.resolve(kernel.kernel, {}), target=VECTOR_TARGETS["x86-64-v4"])
    names = [form.name for form in forms.forms.values()]
    assert names[0] == "wavefront"
    assert names[-1] == "scalar"
    rooms = [line for line in forms.ir.splitlines() if " = alloca [" in line]
    sizes = [int(line.split("[")[1].split()[0]) * 8 for line in rooms]
    assert sum(sizes) <= STACK_BYTES


def test_all_maps_of_a_kernel_share_the_room_for_vectors() -> None:
    kernel = verify(encoded(framed(maps(90)))).kernels["k"]
    values = parameters.resolve(kernel.kernel, {})
    first, *_, last = lower(kernel, values, target=VECTOR_TARGETS["x86-64-v3"]).forms.values()
    assert first.why == "16 pixels at a time"
    assert last.why == f"pixels in no order; {TOO_MUCH}"


def test_what_only_vectors_make_too_large_is_scalar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Just as many instructions as the scalar form has are allowed, and one less."""
    kernel = verify(encoded(framed(maps(1)))).kernels["k"]
    values = parameters.resolve(kernel.kernel, {})
    scalar, target = lower(kernel, values), VECTOR_TARGETS["x86-64-v3"]

    def fits(limit: int) -> bool:
        monkeypatch.setattr(builder, "IR_INSTRUCTIONS", limit)
        try:
            return bool(lower(kernel, values).ir)
        except OverLimit:
            return False

    least = bisect_left(range(1_000), True, key=fits)
    monkeypatch.setattr(builder, "IR_INSTRUCTIONS", least)
    found = lower(kernel, values, target=target)
    assert found.ir == scalar.ir
    assert [form.why for form in found.forms.values()] == [f"pixels in no order; {TOO_MUCH}"]
    monkeypatch.setattr(builder, "IR_INSTRUCTIONS", least - 1)
    with pytest.raises(OverLimit):
        lower(kernel, values, target=target)
