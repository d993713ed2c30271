"""What the figures depend on: the machine, and the versions of everybody."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from bench import c_code
from bench.session import Session
from bench.works import HERE
from vm.jit.backend import llvm_version


def described(session: Session) -> dict[str, str]:
    """Names and values, for people."""
    found = {
        "CPU": f"{cpu_model()}, level {session.levels[0]}, "
        f"{os.cpu_count()} cores, {os.getloadavg()[2]:.1f} processes on them",
        "system": f"{platform.system()} {platform.release()}",
        "CPUShare": f"revision {revision()}, LLVM {llvm_version()}, "
        f"llvmlite {version('llvmlite')}, Python {platform.python_version()}",
    }
    found |= c_code.versions()
    return found | {peer.library: peer.version for peer in session.peers}


def cpu_model() -> str:
    """What the processor calls itself."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def revision() -> str:
    """The commit that is measured, or the version."""
    try:
        line = ["git", "rev-parse", "--short", "HEAD"]
        return subprocess.run(
            line, cwd=HERE.parent, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return version("cpushare")
