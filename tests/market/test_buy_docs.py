"""docs/buy.md, carried out at an exchange on loopback with two sellers and a checker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cpushare.buyer.accounts import account_names, load_account
from cpushare.market.trust import TrustPolicy
from tests.cpushare.cli import ROOT
from tests.market.buyers import sellers
from tests.market.serving import served
from tests.test_tutorial import BLOCK, matches

TEXT = (ROOT / "docs" / "buy.md").read_text()
ADDRESS = "https://exchange.example:8443"


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    ran = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    return ran.stdout + ran.stderr


def test_the_afternoon_is_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.delenv(f"XDG_{kind}_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("NO_COLOR", "1")
    (tmp_path / "pictures").mkdir()
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (16, 24), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"p{number}.png")
    compared, answer = 0, ""
    with served(policy=TrustPolicy(patience_s=0.0)) as exchange, sellers(exchange):
        for language, info, text in BLOCK.findall(TEXT):
            told = text.replace(ADDRESS, exchange.address)
            if language == "sh" and info.strip() != "install":
                script = ["bash", "-c", f"exec 2>&1\n{told}"]
                answer = run(script, tmp_path, dict(os.environ))
                if "account new" in text:
                    assert account_names() == ["default"]
                    exchange.fund(load_account("default").name, 100_000_000)
            elif language == "python":
                answer = run([sys.executable, "-c", told], tmp_path, dict(os.environ))
            elif language in ("cps", "toml"):
                (tmp_path / info.strip()).write_text(told)
            elif language == "text":
                assert matches(answer, text), f"--- shown\n{text}--- answered\n{answer}"
                compared += 1
    assert compared == 9
