"""The documents as web pages, their listings in colour.

    make site

python -m cpushare.site OUT [ROOT]
"""

from __future__ import annotations

import html
import itertools
import re
import shutil
import sys
from pathlib import Path

from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from cpushare.highlight import CpsLexer

ROOT = Path(__file__).parents[1]
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{base}style.css">
<nav>{links}</nav>
<main>
{body}</main>
</html>
"""
STYLE = """\
:root { color-scheme: light dark; }
body { font: 17px/1.55 system-ui, sans-serif; margin: 0 auto; max-width: 52rem; padding: 1rem; }
nav { display: flex; flex-wrap: wrap; gap: 0 1rem; font-size: 15px; }
pre { overflow-x: auto; padding: .7rem 1rem; border-radius: 6px; background: #8881; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
img { max-width: 100%; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid #8884; text-align: left; }
"""


def coloured(text: str, language: str) -> str:
    """A listing as HTML."""
    try:
        lexer = CpsLexer() if language == "cps" else get_lexer_by_name(language or "text")
    except ClassNotFound:
        return f"<pre>{html.escape(text)}</pre>\n"
    shown: str = highlight(text, lexer, HtmlFormatter(nowrap=False))
    return shown


def page(text: str, base: str, links: str) -> str:
    """A document as a page; links to documents lead to their pages, headings can be linked to."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    renderer = markdown.renderer
    renderer.rules["fence"] = lambda tokens, index, options, env: coloured(  # type: ignore[attr-defined]
        tokens[index].content, tokens[index].info.split(" ")[0]
    )
    tokens = markdown.parse(text)
    for token, inline in itertools.pairwise(tokens):
        if token.type == "heading_open":
            words = re.sub(r"[^\w\s-]", "", inline.content.lower())
            token.attrSet("id", re.sub(r"\s", "-", words.strip()))
    body = renderer.render(tokens, markdown.options, {})
    body = re.sub(r'(href="(?!https?:)[^"#]*)\.md', r"\1.html", body)
    found = re.search(r"^# (.*)", text, re.MULTILINE)
    return PAGE.format(title=found[1] if found else "CPUShare", base=base, body=body, links=links)


def make(out: Path, root: Path = ROOT) -> list[Path]:
    """Write all pages; gives their paths."""
    documents = [*sorted(root.glob("*.md")), *sorted((root / "docs").glob("*.md"))]
    formatter = HtmlFormatter()
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    light = formatter.get_style_defs(".highlight")
    out.mkdir(parents=True, exist_ok=True)
    style = f"{STYLE}{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"
    (out / "style.css").write_text(style, encoding="utf-8")
    written = []
    for document in documents:
        name = document.relative_to(root).with_suffix(".html")
        base = "../" * (len(name.parts) - 1)
        links = " ".join(
            f'<a href="{base}{other.relative_to(root).with_suffix(".html")}">{other.stem}</a>'
            for other in documents
        )
        target = out / name
        target.parent.mkdir(exist_ok=True)
        target.write_text(page(document.read_text(encoding="utf-8"), base, links), encoding="utf-8")
        written.append(target)
    shutil.copytree(root / "docs" / "images", out / "docs" / "images", dirs_exist_ok=True)
    return written


if __name__ == "__main__":
    pages = make(Path(sys.argv[1]), *map(Path, sys.argv[2:]))
    print(f"{len(pages)} pages; begin with {pages[0].parent / 'README.html'}")
