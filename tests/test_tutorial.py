"""docs/tutorial.md, carried out: every file written, every command run, every answer compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from compiler.diagnostics import CompileError
from compiler.pipeline import compile_text
from tests.cpushare.cli import ROOT, needs_native

TEXT = (ROOT / "docs" / "tutorial.md").read_text()
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str, str]]:
    """(language, the rest of the info string, text) of every listing, in order."""
    return [(match[1], match[2].strip(), match[3]) for match in BLOCK.finditer(TEXT)]


def matches(answer: str, shown: str) -> bool:
    """Whether an answer is what is shown, where … stands for anything."""
    pattern = ".*?".join(re.escape(part) for part in shown.strip().split("…"))
    return re.fullmatch(pattern, answer.strip(), re.DOTALL) is not None


@needs_native
def test_the_tutorial_is_true(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "NO_COLOR": "1",
    }
    folder = tmp_path
    answer = None
    compared = 0
    for language, info, text in blocks():
        if language == "sh" and info != "install":
            script = f"exec 2>&1\n{text}\npwd -P > {tmp_path}/.folder\n"
            ran = subprocess.run(
                ["bash", "-c", script], cwd=folder, env=environment, capture_output=True,
                text=True, timeout=300, check=False,
            )  # fmt: skip
            answer = ran.stdout
            folder = Path((tmp_path / ".folder").read_text().strip())
        elif language == "cps":
            name = info.split()[-1]
            (folder / name).write_text(text)
        elif language == "text":
            assert answer is not None
            assert matches(answer, text), f"--- shown\n{text}--- answered\n{answer}"
            compared += 1
    assert compared > 8


def test_only_wrong_listings_are_wrong() -> None:
    for language, info, text in blocks():
        if language != "cps":
            continue
        try:
            good = not compile_text(text).warnings
        except CompileError:
            good = False
        assert good is not info.startswith("wrong")


def test_it_installs_as_the_readme_does() -> None:
    (install,) = (
        text for language, info, text in blocks() if (language, info) == ("sh", "install")
    )
    readme = (ROOT / "README.md").read_text()
    for line in install.splitlines():
        assert line in readme, line
