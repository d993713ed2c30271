"""How a running seller is asked and told: one word to a socket that only its owner may use."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from vm.errors import Refused

WORDS = ("status", "pause", "resume", "finish", "stop")
ANSWER_BYTES = 1 << 20
PATIENCE_S = 5.0


class ControlServer:
    """Answers words with what `told` gives, in a thread of its own."""

    def __init__(self, path: Path, told: Callable[[str], bytes]) -> None:
        """Raises `OSError`."""
        self._path = path
        self._told = told
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX)
        before = os.umask(0o177)
        try:
            self._socket.bind(str(path))
        finally:
            os.umask(before)
        self._socket.listen(8)
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            with caller, contextlib.suppress(OSError):
                caller.settimeout(PATIENCE_S)
                word = caller.recv(32).decode("ascii", "replace").strip()
                if word in WORDS:
                    caller.sendall(self._told(word))

    def close(self) -> None:
        """Answer no more."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(PATIENCE_S)
        self._path.unlink(missing_ok=True)


def ask(path: Path, word: str) -> bytes:
    """Tell a running seller a word; gives its status. Raises `Refused` if none runs."""
    try:
        with socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(PATIENCE_S)
            caller.connect(str(path))
            caller.sendall(word.encode())
            caller.shutdown(socket.SHUT_WR)
            data = b""
            while part := caller.recv(1 << 16):
                data += part
                if len(data) > ANSWER_BYTES:
                    break
            return data
    except (FileNotFoundError, ConnectionRefusedError):
        raise Refused(f"no seller runs with {path.parent}; --state names another folder") from None
