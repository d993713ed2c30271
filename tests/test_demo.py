"""`make demo`, as a user starts it and as a container would: with a filter installed already."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cpushare.images import read_image
from vm.sandbox import capability

ROOT = Path(__file__).parents[1]
# Allows everything, as far as the demo can tell; but it is a filter, so strict mode is refused.
ENTER_FILTER = """
import sys
from vm.sandbox import seccomp
seccomp.install([(seccomp.GIVE, 0, 0, seccomp.ALLOW)])
from cpushare.demo import main
sys.exit(main())
"""
PLAIN = "import sys\nfrom cpushare.demo import main\nsys.exit(main())\n"

pytestmark = pytest.mark.skipif(
    not capability.check().is_native, reason=f"no child here: {capability.check().problem}"
)


def demo(code: str, out: Path) -> str:
    """Run the demo in a process of its own; gives what it printed."""
    command = [sys.executable, "-c", code, "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_demo_shows_every_stage_and_writes_its_pictures(tmp_path: Path) -> None:
    text = demo(PLAIN, tmp_path)
    for stage in ("hash", "price", "verify", "child", "speed", "attack", "wrote"):
        assert stage in text
    assert f"Seccomp: {1 if capability.check().mode == 'strict' else 2}" in text
    assert "killed by SIG" in text
    assert any(0x2800 < ord(character) <= 0x28FF for character in text)
    halftone = read_image(tmp_path / "dithered.png")
    assert set(halftone.ravel().tolist()) == {0, 255}
    assert 0.2 < (halftone == 255).mean() < 0.8
    assert read_image(tmp_path / "before-after.png").shape == (600, 2 * 512 + 8)


def test_the_demo_runs_inside_a_filter(tmp_path: Path) -> None:
    """Strict mode answers EINVAL there; the child confines itself by a filter of its own."""
    text = demo(ENTER_FILTER, tmp_path)
    assert "Seccomp: 2 (filter)" in text
    assert "killed by SIGSYS" in text
    demo(PLAIN, tmp_path / "plain")
    inside = (tmp_path / "dithered.png").read_bytes()
    assert inside == (tmp_path / "plain" / "dithered.png").read_bytes()
