"""`cpushare exchange`: a folder is made, served, given coins, audited, and stopped."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cpushare.command.main import cpushare
from cpushare.cpsc.lazy import run_command
from cpushare.exchange.config import read_config
from cpushare.exchange.sql import open_store
from cpushare.exchange.store import USER
from cpushare.market.keys import KeyPair
from cpushare.wire.client import ExchangeClient
from tests.market.parties import pair


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


def test_what_was_put_away_is_the_exchange_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    here, away, again = (str(tmp_path / name) for name in ("here", "away", "again"))
    assert run("init", here, "--address", "https://127.0.0.1:18999") == 0
    account = pair("buyer").name
    assert run("mint", here, account, "3", "--reason", "kept") == 0
    assert run("backup", here, away) == 0
    assert run("mint", here, account, "4", "--reason", "later") == 0
    assert run("backup", here, away) == 1
    assert not (tmp_path / "away" / "operator.key").exists()
    assert (tmp_path / "away").stat().st_mode & 0o77 == 0
    assert run("restore", away, here) == 1
    assert run("restore", here, again) == 1
    assert run("restore", away, again) == 0
    assert run("audit", again) == 0
    config = read_config(tmp_path / "again")
    assert str(tmp_path / "again") in config.database
    assert balance_of(config.database, account) == 3_000_000
    assert balance_of(read_config(tmp_path / "here").database, account) == 7_000_000
    blobs = {path.name for path in (tmp_path / "again" / "blobs").rglob("*") if path.is_file()}
    assert len(blobs) == 1  # the first mint's document
    assert "does not overwrite" in capfd.readouterr().err


def balance_of(database: str, account: str) -> int:
    async def found() -> int:
        store = await open_store(database)
        try:
            async with store.begin() as transaction:
                number = await transaction.account(USER, account)
                return (await transaction.balances([number]))[number].available
        finally:
            await store.close()

    return asyncio.run(found())
