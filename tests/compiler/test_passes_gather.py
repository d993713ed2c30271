"""Rows against their definition: a window of pending sums, added to in execution order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.pipeline import compile_text
from vm import interp
from vm.verifier import verify


@dataclass(frozen=True)
class Tap:
    """`[if guard] rows[x + ahead d, y + down] (+|-)= value · weight`."""

    ahead: int
    down: int
    negate: bool
    value: str
    weight: str
    guard: int

    def text(self) -> str:
        value = f"{self.value} * {self.weight}" if self.weight else self.value
        sign = "-=" if self.negate else "+="
        add = f"r.drop[x + {self.ahead} * d, y + {self.down}] {sign} {value};"
        if not self.guard:
            return add
        if self.guard == 1:
            return f"if (x + 2 * y) % 3 == 0 {{ {add} }}"
        return f"if x % 2 == 0 {{ {add} }} else {{ {add} }}"

    def is_made(self, x: int, y: int) -> bool:
        return self.guard != 1 or (x + 2 * y) % 3 == 0


def taps(weights: list[str]) -> st.SearchStrategy[list[Tap]]:
    tap = st.builds(
        lambda ahead, down, *rest: Tap(ahead if down else max(1, abs(ahead)), down, *rest),
        st.integers(-2, 2),
        st.integers(0, 2),
        st.booleans(),
        st.sampled_from(["v", "q"]),
        st.sampled_from(weights),
        st.integers(0, 2),
    )
    return st.lists(tap, min_size=1, max_size=5)


def program(kind: str, some: list[Tap], order: str, one: str) -> str:
    body = "\n        ".join(tap.text() for tap in some)
    return f"""
kernel k(in src: image<{kind}>, out dst: image<{kind}>(src.width, src.height),
    param turned: bool = false, param n: {kind} = {one}) {{
    var r: rows<{kind}, 3>(src.width);
    scan (x, y, d) in src by {order} {{
        let v = src[x, y] + r[x, y];
        let q = v - {one};
        dst[x, y] = v;
        {body}
    }}
}}"""


def reference(
    src: np.ndarray[Any, Any], some: list[Tap], turns: bool, constants: dict[str, Any]
) -> np.ndarray[Any, Any]:
    """The scan as the language defines it, in the type of the image."""
    height, width = src.shape
    pending = np.zeros((height + 3, width), src.dtype)
    out = np.zeros_like(src)
    one = constants["one"]
    for y in range(height):
        d = -1 if turns and y % 2 else 1
        for x in range(width)[::d]:
            v = src[y, x] + pending[y, x]
            out[y, x] = v
            for tap in some:
                at = x + tap.ahead * d
                if not tap.is_made(x, y) or not 0 <= at < width:
                    continue
                value = v if tap.value == "v" else v - one
                if tap.weight:
                    value = value * constants[tap.weight]
                if tap.negate:
                    pending[y + tap.down, at] -= value
                else:
                    pending[y + tap.down, at] += value
    return out


@pytest.mark.fuzz
@pytest.mark.parametrize("kind", ["i32", "f32"])
def test_rows_are_what_they_are_defined_to_be(kind: str) -> None:
    whole = kind == "i32"
    weights = ["", "3", "n", "-1"] if whole else ["", "0.3", "n", "-0.7", "1.0"]
    scalar = np.int32 if whole else np.float32
    constants: dict[str, Any] = {
        text: scalar(float(text)) for text in weights if text[-1:].isdigit()
    }
    constants["one"] = scalar(1 if whole else 0.25)

    @given(
        taps(weights),
        st.sampled_from(["raster", "serpentine(true)", "serpentine(turned)"]),
        st.booleans(),
        st.tuples(st.integers(1, 6), st.integers(1, 6)),
        st.integers(0, 2**32),
    )
    def check(some: list[Tap], order: str, turned: bool, shape: tuple[int, int], seed: int) -> None:
        random = np.random.default_rng(seed)
        src = (random.integers(-90, 90, shape) * (1 if whole else 0.1)).astype(scalar)
        n = scalar(random.integers(-3, 4)) if whole else scalar(random.normal())
        verified = verify(
            compile_text(program(kind, some, order, "1" if whole else "0.25")).encoded
        )
        values = {"turned": turned, "n": n.item()}
        found = interp.run(verified, "k", {"src": src}, values).outputs["dst"]
        turns = order == "serpentine(true)" or (order == "serpentine(turned)" and turned)
        with np.errstate(all="ignore"):
            wanted = reference(src, some, turns, {**constants, "n": n})
        assert found.tobytes() == wanted.tobytes(), program(kind, some, order, "1")

    check()
