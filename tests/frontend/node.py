"""Node with the tools of `frontend/package.json`: installed once, by the lock file, into `frontend/node_modules`.

Where there is no Node, or npm can't reach a registry, the tests that need it are left out and say why.
"""

import fcntl
import functools
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

FRONTEND = Path(__file__).parents[2] / "frontend"
MODULES = FRONTEND / "node_modules"
OLDEST = 18
INSTALL_S = 240
PATIENCE = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=30000")
"""A registry that can't be reached is given up after seconds; npm's own default is minutes."""


@functools.cache
def missing() -> str:
    """Why the frontend's own tests can't run here; "" where they can."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return "Node and npm are not installed: the frontend's own tests are left out"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < OLDEST:
        return f"Node {version} is too old for the frontend's own tests: {OLDEST} or newer is needed"
    return _install(npm)


def node(*command: str, timeout_s: float = 120) -> str:
    """Run Node in `frontend`; returns what it said, and fails the test where it fails."""
    if missing():
        pytest.skip(missing())
    ran = subprocess.run(
        ["node", *command], cwd=FRONTEND, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def _install(npm: str) -> str:
    wanted = hashlib.sha256((FRONTEND / "package-lock.json").read_bytes()).hexdigest()
    stamp = MODULES / ".installed"
    with (FRONTEND / "package-lock.json").open("rb") as lock:
        # Several processes of a test run may come here at the same time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.is_file() and stamp.read_text("ascii") == wanted:
            return ""
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", *PATIENCE]
        try:
            ran = subprocess.run(command, cwd=FRONTEND, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        except subprocess.TimeoutExpired:
            return f"npm has not installed the frontend's tools in {INSTALL_S} s"
        # A lock that does not fit is a mistake of ours; anything else is the network's.
        assert "EUSAGE" not in ran.stderr, ran.stderr
        if ran.returncode:
            why = [line.removeprefix("npm error") for line in ran.stderr.splitlines() if line.startswith("npm error")]
            return f"npm can't install the frontend's tools:{''.join(why)[:300]}"
        stamp.write_text(wanted, "ascii")
    return ""
