"""`cpushare exchange`: a folder is made, served, given coins, audited, and stopped."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cpushare.command.main import cpushare
from cpushare.cpsc.lazy import run_command
from cpushare.market.keys import KeyPair
from cpushare.wire.client import ExchangeClient
from tests.market.serving import pair

pytest.importorskip("cpushare.exchange.sql", reason="needs the SQL store")


def run(*words: str) -> int:
    return run_command(cpushare, "cpushare", ["exchange", *words])


def test_a_folder_is_made_served_and_stopped(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = str(tmp_path / "exchange")
    assert run("init", folder, "--address", f"https://127.0.0.1:{port}", "--json") == 0
    made = json.loads(capfd.readouterr().out)
    assert run("init", folder) == 1
    assert "another folder" in capfd.readouterr().err
    account = pair("buyer")
    assert run("mint", folder, account.name, "2.5", "--reason", "a test") == 0
    assert run("mint", folder, account.name, "0", "--reason", "a test") == 2
    assert run("audit", folder) == 0
    secret = KeyPair.load(tmp_path / "exchange" / "operator.key")
    assert secret.name == (tmp_path / "exchange" / "operator.name").read_text().strip()
    line = (sys.executable, "-m", "cpushare.command.main", "exchange", "serve", folder)
    with subprocess.Popen([*line, "--no-checker"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "the exchange is at" in process.stderr.readline()
        with ExchangeClient(made["address"], account, certificate=made["certificate"]) as client:
            assert client.balance().available == 2_500_000
            assert client.info().key == made["key"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)
