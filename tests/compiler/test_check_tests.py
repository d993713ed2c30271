"""`test` blocks become straight lines of images made, kernels run and assertions."""

from __future__ import annotations

import pytest

from compiler import testblocks as blocks
from compiler import typed
from compiler.check.program import check_program
from compiler.diagnostics import CompileError
from compiler.source import Source
from compiler.symbols import ImageRole
from compiler.types import F32, ArrayType, ImageType, ScalarType

KERNELS = """
kernel k(in src: image<u8>, param level: i32 = 3, in mask: image<u8>,
         out dst: image<u8>(src.width, src.height), out low: image<f32>(1, 1)) {
    map (x, y) in dst { dst[x, y] = sat_u8(level); }
}
kernel one(in src: image<u8, 3>, out dst: image<u8, 3>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}
"""


def steps(body: str) -> tuple[blocks.TestStatement, ...]:
    text = f'{KERNELS}\ntest "t" {{\n{body}\n}}\n'
    (found,) = check_program(Source.from_text("a.cps", text)).tests
    assert found.name == "t"
    return found.body


def codes(body: str) -> list[str]:
    with pytest.raises(CompileError) as caught:
        steps(body)
    return [each.code for each in caught.value.diagnostics]


def test_images_are_named_before_kernels_run() -> None:
    body = "assert_eq(k(fill(1, 4, 3), 5, mask: ramp(4, 3)).dst, noise(7, 4, 3));"
    found = steps(body)
    assert [type(each).__name__ for each in found] == [
        "MakeImage", "MakeImage", "RunKernel", "MakeImage", "AssertEqual",
    ]  # fmt: skip
    first, second, run, third, equal = found
    assert isinstance(first, blocks.MakeImage)
    assert isinstance(second, blocks.MakeImage)
    assert isinstance(third, blocks.MakeImage)
    assert [each.maker for each in (first, second, third)] == [
        blocks.Maker.FILL, blocks.Maker.RAMP, blocks.Maker.NOISE,
    ]  # fmt: skip
    assert isinstance(run, blocks.RunKernel)
    assert run.inputs == (first.image, second.image)
    assert [each.name for each in run.outputs] == ["dst", "low"]
    assert isinstance(run.parameters[0], typed.Literal)
    assert isinstance(equal, blocks.AssertEqual)
    assert equal.left is run.outputs[0]
    assert equal.right is third.image
    assert first.image.role is ImageRole.TEST
    assert third.arguments[0].type is ScalarType.U64


def test_defaults_are_left_out() -> None:
    run = steps("let a: image<u8> = fill(1, 2, 2); let o = k(a, mask: a); assert_eq(o.dst, a);")[1]
    assert isinstance(run, blocks.RunKernel)
    assert run.parameters == (None,)
    assert run.inputs[0] is run.inputs[1]


def test_colour_images_are_filled_with_colours() -> None:
    make = steps("assert_eq(one(fill([1, 2, 3], 2, 2)).dst, fill([1, 2, 3], 2, 2));")[0]
    assert isinstance(make, blocks.MakeImage)
    assert make.image.type == ImageType(ScalarType.U8, 3)
    assert make.arguments[0].type == ArrayType(ScalarType.U8, 3)


def test_every_assertion() -> None:
    found = steps("""
    let a: image<u8> = noise(1, 5, 5);
    let o = k(a, mask: a);
    var n = 1;
    n += 2;
    assert_eq(n, 3);
    assert_eq(o.dst[1, 1], 3);
    assert_eq(a.width, o.dst.width);
    assert_close(o.low, fill(0.5, 1, 1), 0.25);
    assert_close(sqrt(2.0), 1.4142, 0.001);
    assert_between(sum(i32(o.dst[x, y]) for (x, y) in o.dst), 0, 100);
    assert_hash(o.dst, "0123456789abcdef");
    assert_traps(k(a, mask: a, level: -1));
    """)
    kinds = [type(each).__name__ for each in found]
    assert kinds[2:] == [
        "Declare", "Assign", "AssertEqual", "AssertEqual", "AssertEqual", "MakeImage",
        "AssertClose", "AssertClose", "AssertBetween", "AssertHash", "AssertTraps",
    ]  # fmt: skip
    close = found[8]
    assert isinstance(close, blocks.AssertClose)
    assert close.tolerance.type is F32


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("assert_eq(1, true);", "CPS0301"),
        ("assert_eq(1);", "CPS0401"),
        ("assert_eq(fill(1, 2, 2), fill(1, 2, 2));", "CPS0704"),
        ("let a = fill(1, 2, 2);", "CPS0704"),
        ("let a: i32 = fill(1, 2, 2);", "CPS0704"),
        ("let a: image<u8> = fill(1, 2);", "CPS0401"),
        ("let a: image<u8> = fill(256, 2, 2);", "CPS0305"),
        ("let a: image<u8> = noise(-1, 2, 2);", "CPS0305"),
        ("let a: image<f32> = fill(0.5, 2, 2); let o = k(a, mask: ramp(1, 1));", "CPS0301"),
        ("let a: image<u8> = fill(1, 2, 2); k(a, mask: a);", "CPS0411"),
        ("let a: image<u8> = fill(1, 2, 2); let o = k(a);", "CPS0401"),
        ("let a: image<u8> = fill(1, 2, 2); assert_eq(k(a, mask: a), a);", "CPS0406"),
        ("let a: image<u8> = fill(1, 2, 2); assert_hash(a, \"xyz\");", "CPS0701"),
        ("let a: image<u8> = fill(1, 2, 2); assert_hash(a, 5);", "CPS0701"),
        ("let a: image<u8> = fill(1, 2, 2); a[0, 0] = 1;", "CPS0215"),
        ("let a: image<u8> = fill(1, 2, 2); map (x, y) in a { }", "CPS0703"),
        ("assert_close(true, false, true);", "CPS0701"),
        ("assert_close([1, 2], [1, 2], 1);", "CPS0701"),
        ("assert_between(true, 0, 1);", "CPS0701"),
        ("assert_traps(sqrt(2.0));", "CPS0701"),
        ("let v = fill(1, 2, 2) + 1;", "CPS0701"),
        ("require(1 > 0, \"no\");", "CPS0703"),
        ("assert_eq(x for x in 0..3, 1);", "CPS0413"),
        ("return;", "CPS0404"),
    ],
)  # fmt: skip
def test_wrong_tests(body: str, code: str) -> None:
    assert codes(body) == [code]


def test_a_broken_kernel_is_reported_once() -> None:
    text = (
        KERNELS.replace("sat_u8(level)", "level") + 'test "t" { let a: image<u8> = fill(1, 2, 2);'
    )
    with pytest.raises(CompileError) as caught:
        check_program(Source.from_text("a.cps", text + " assert_eq(k(a, mask: a).dst, a); }"))
    assert [each.code for each in caught.value.diagnostics] == ["CPS0303"]
