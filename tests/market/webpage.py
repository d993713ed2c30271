"""A reader of HTML that is stricter than browsers are, and what it asks of a page."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "input", "hr"}
SHAPES = {"line", "circle", "polyline"}


class Element:
    """An element: its name, attributes, parent, children and text, that of its children too."""

    def __init__(self, name: str, attributes: dict[str, str], parent: Element | None) -> None:
        self.name = name
        self.attributes = attributes
        self.parent = parent
        self.children: list[Element] = []
        self.text = ""

    def walk(self) -> Iterator[Element]:
        """It and all that is in it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def all(self, *names: str) -> list[Element]:
        """All elements of these names in it."""
        return [each for each in self.walk() if each.name in names]

    def get(self, attribute: str) -> str:
        """An attribute; nothing if there is none."""
        return self.attributes.get(attribute, "")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {}, None)
        self.at = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute is given twice: {tag} {attrs}"
        element = Element(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.children.append(element)
        if tag not in VOID:
            self.at = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SHAPES, f"{tag} cannot end itself"
        self.handle_starttag(tag, attrs)
        self.at = self.at.parent or self.root

    def handle_endtag(self, tag: str) -> None:
        assert self.at.name == tag, f"</{tag}> ends {self.at.name or 'nothing'}"
        self.at = self.at.parent or self.root

    def handle_data(self, data: str) -> None:
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", data)
        place: Element | None = self.at
        while place is not None:
            place.text += data
            place = place.parent


def read(page: str) -> Element:
    """A page's elements. Fails where one is not closed, or another is."""
    assert page.startswith("<!DOCTYPE html>")
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.at is reader.root, f"{reader.at.name} is not closed"
    return reader.root


def check(page: str) -> Element:
    """Its elements, when all that is asked of every page holds."""
    root = read(page)
    ids = [each.get("id") for each in root.walk() if "id" in each.attributes]
    assert len(ids) == len(set(ids)), "ids are unique"
    _check_names(root, set(ids))
    _check_outline(root)
    _check_tables(root)
    _check_nothing_inline(root)
    return root


def _check_names(root: Element, ids: set[str]) -> None:
    for each in root.walk():
        for name in (each.get("aria-labelledby") + " " + each.get("aria-describedby")).split():
            assert name in ids, f"there is no #{name}"
        target = each.get("href")
        assert not target.startswith("#") or target[1:] in ids
        if each.name == "img":
            assert "alt" in each.attributes
            assert each.get("width")
            assert each.get("height")
        if each.name in ("progress", "section", "nav", "svg") or each.get("role") == "region":
            named = each.get("aria-label") or each.get("aria-labelledby")
            assert named, f"{each.name} has no name"
        if each.name == "a":
            assert each.text.strip(), "a link says where it leads"
            assert each.get("href")
        if each.name == "progress":
            assert 0 <= int(each.get("value")) <= int(each.get("max"))


def _check_outline(root: Element) -> None:
    (html,) = root.all("html")
    assert html.get("lang") == "en"
    assert len(root.all("title")) - len(root.all("svg")) == 1
    for landmark in ("main", "header", "footer"):
        assert len(root.all(landmark)) == 1
    levels = [int(each.name[1]) for each in root.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    skip = next(each for each in root.all("a"))
    assert skip.get("href") == "#main"


def _check_tables(root: Element) -> None:
    for table in root.all("table"):
        assert len(table.all("caption")) == 1
        assert all(head.get("scope") in ("col", "row") for head in table.all("th"))
        widths = {len(row.all("th", "td")) for row in table.all("tr")}
        assert len(widths) == 1, "rows are of one width"


def _check_nothing_inline(root: Element) -> None:
    for each in root.walk():
        assert each.name != "style"
        assert not any(name == "style" or name.startswith("on") for name in each.attributes)
        if each.name == "script":
            assert each.get("src")
            assert not each.text
        for name in ("href", "src"):
            assert each.get(name)[:1] in ("/", "#", ""), "nothing is loaded from elsewhere"
