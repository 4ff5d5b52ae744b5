"""FastAPI for the peer: installed beside the environment at its first use, pinned by hash, never part of the project.

Where it can't be had (no network), the peer is left out, and its ratios are said to be missing.
"""

import importlib.util
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "peers" / "requirements.txt"
MISSING = "FastAPI could not be installed for the peer"


def folder() -> Path:
    """Where it is: in the virtual environment's folder, but not among its packages; one for each set of versions."""
    return Path(sys.prefix) / f"bench-peer-{zlib.crc32(REQUIREMENTS.read_bytes()):08x}"


def available() -> bool:
    """Whether the peer can run."""
    return (folder() / "fastapi").is_dir() or importlib.util.find_spec("fastapi") is not None


def install() -> bool:
    """Install it where it is missing; False if that did not work."""
    if available():
        return True
    # Into a draft first: an install that is cut off must not look like one that is whole.
    draft = folder().with_suffix(".draft")
    uv = shutil.which("uv")
    command = [uv, "pip"] if uv else [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    options = ["-q", "--no-deps", "--require-hashes", "--target", str(draft), "-r", str(REQUIREMENTS)]
    try:
        done = subprocess.run([*command, "install", *options], capture_output=True, check=False, timeout=120)
        if done.returncode == 0:
            draft.replace(folder())
    except (OSError, subprocess.TimeoutExpired):
        pass
    shutil.rmtree(draft, ignore_errors=True)
    return available()
