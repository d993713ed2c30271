"""The language server, as an editor talks to it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cpushare.cli import command

GOOD = """/// Twice.
fn twice(v: i32) -> i32 { return 2 * v; }

kernel k(in src: image<u8>, out dst: image<i32>(src.width, src.height)) {
    map (x, y) in src { dst[x, y] = twice(i32(src[x, y])); }
}
"""


class Editor:
    """Sends requests and notifications; collects what the server tells of its own accord."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            command("lsp"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.uri = (folder / "a.cps").as_uri()
        self.count = 0
        self.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self.tell("initialized", {})

    def send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        length = 0
        while line := self.process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return message

    def tell(self, method: str, params: object) -> None:
        self.send({"method": method, "params": params})

    def request(self, method: str, params: object) -> Any:
        self.count += 1
        self.send({"id": self.count, "method": method, "params": params})
        while (message := self.receive()).get("id") != self.count:
            pass
        return message["result"]

    def open(self, text: str) -> list[Any]:
        """Open a document; gives the diagnostics."""
        document = {"uri": self.uri, "languageId": "cps", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": document})
        return self.told()

    def change(self, text: str) -> list[Any]:
        identity = {"uri": self.uri, "version": 2}
        changes = {"textDocument": identity, "contentChanges": [{"text": text}]}
        self.tell("textDocument/didChange", changes)
        return self.told()

    def told(self) -> list[Any]:
        while (message := self.receive()).get("method") != "textDocument/publishDiagnostics":
            pass
        found: list[Any] = message["params"]["diagnostics"]
        return found

    def at(self, line: int, character: int) -> dict[str, Any]:
        place = {"line": line, "character": character}
        return {"textDocument": {"uri": self.uri}, "position": place}


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    found = Editor(tmp_path)
    yield found
    found.request("shutdown", None)
    found.tell("exit", None)
    found.process.communicate(timeout=20)
    assert found.process.returncode == 0


def test_errors_while_one_types(editor: Editor) -> None:
    assert editor.open(GOOD) == []
    (found,) = editor.change(GOOD.replace("return 2 * v", "return 2 * true"))
    assert found["code"].startswith("CPS03")
    assert found["range"]["start"]["line"] == 1
    assert found["severity"] == 1
    (warned,) = editor.change(GOOD.replace("src[x, y]", "src[x + 1, y]"))
    assert (warned["code"], warned["severity"]) == ("CPS0808", 2)
    assert "x + 1 may equal src.width" in warned["message"]
    assert editor.change(GOOD) == []


def test_columns_are_counted_as_the_editor_does(editor: Editor) -> None:
    """In units of UTF-16: a clef takes two."""
    (found,) = editor.open('fn f(v: i32) -> i32 { require(v > 0, "𝄞"); return w; }\n')
    assert found["range"]["start"]["character"] == 52 - 1


def test_formatting_hovering_completing(editor: Editor) -> None:
    editor.open(GOOD.replace("2 * v", "2*v"))
    whole = {"textDocument": {"uri": editor.uri}, "options": {"tabSize": 4, "insertSpaces": True}}
    (edit,) = editor.request("textDocument/formatting", whole)
    assert edit["newText"] == GOOD
    hover = editor.request("textDocument/hover", editor.at(4, 39))
    assert "Twice." in hover["contents"]["value"]
    labels = {each["label"] for each in editor.request("textDocument/completion", editor.at(4, 0))}
    assert {"twice", "kernel", "u8", "argmin", "srgb_to_linear"} <= labels
