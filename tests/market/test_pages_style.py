"""The stylesheet: contrast of all its colours in both schemes, and nothing but its own colours."""

from __future__ import annotations

import itertools
import re
from importlib.resources import files

import pytest

from tests.market.colours import contrast, from_hex

STYLE = (files("cpushare.exchange.pages") / "static" / "style.css").read_text()
SCRIPT = (files("cpushare.exchange.pages") / "static" / "live.js").read_text()
ROOTS = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
LEAST = {"ink": 4.5, "mark": 3.0}
"""WCAG 2.2, AA: 1.4.3 for text, 1.4.11 for what else has to be seen."""


def colours(root: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", root))


LIGHT, DARK = colours(ROOTS[0]), colours(ROOTS[1])
PAIRS = [
    (scheme, front, back)
    for scheme in ("light", "dark")
    for front, back in itertools.product(LIGHT, LIGHT)
    if front.split("-")[0] in LEAST and back.startswith("paper")
]


def test_both_schemes_have_the_same_colours() -> None:
    assert set(LIGHT) == set(DARK)
    assert {name.split("-")[0] for name in LIGHT} == {"paper", "ink", "mark", "hair"}
    assert len(PAIRS) == 2 * 9 * 3


@pytest.mark.parametrize(("scheme", "front", "back"), PAIRS)
def test_contrast(scheme: str, front: str, back: str) -> None:
    own = LIGHT if scheme == "light" else DARK
    found = contrast(from_hex(own[front]), from_hex(own[back]))
    assert found >= LEAST[front.split("-")[0]], f"{found:.2f}"


def test_colours_are_used_for_what_they_are_named_for() -> None:
    rules = re.sub(r":root \{.*?\}", "", STYLE, flags=re.DOTALL)
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)|rgba?\(|hsla?\(", rules)
    used = re.findall(r"(?<![\w-])([\w-]+): ([^;{}]*var\(--(ink|paper|mark|hair)[^;{}]*)", rules)
    assert len(used) > 30
    for name, value, kind in used:
        if name == "color":
            assert kind == "ink", value
        if name == "background" and "gradient" not in value:
            assert kind in ("paper", "mark"), value


def test_nothing_is_loaded_from_elsewhere() -> None:
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    assert "http" not in STYLE + SCRIPT
    assert "innerHTML" not in SCRIPT
    assert "eval" not in SCRIPT


def test_motion_print_and_forced_colours_are_thought_of() -> None:
    for wish in ("prefers-reduced-motion: reduce", "prefers-color-scheme: dark", "print"):
        assert f"@media ({wish})" in STYLE or f"@media {wish}" in STYLE
    assert ":focus-visible { outline: 3px solid var(--mark)" in STYLE
    bare = list(re.findall(r"([^{}]+)\{([^{}]*outline: none[^{}]*)\}", STYLE))
    assert [selector.strip() for selector, _ in bare] == ["main:focus"]
