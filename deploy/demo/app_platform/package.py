"""The Freshdesk app as its package lies on disk: manifest, request templates, settings, and the files of its frames."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import deploy

MEDIA_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".woff2": "font/woff2",
}
SHOWN = ("app", "config")
"""Folders whose files a browser gets; templates and manifest stay with the platform."""
KEPT = {"config/requests.json", "config/iparams.json", "config/oauth_config.json"}


def frontend_folder() -> Path:
    """The app's package: in a wheel it lies inside ours, in a checkout beside it."""
    package = Path(deploy.__file__).parent
    packed = package / "_frontend"
    return packed if packed.is_dir() else package.parent / "frontend"


@dataclass(frozen=True)
class AppPackage:
    """`templates` by name, those that the manifest lists, `locations` and the pages that lie there."""

    templates: dict[str, Any]
    locations: dict[str, str]
    folder: Path
    _files: dict[str, Path] = field(default_factory=dict)

    def file(self, name: str) -> Path | None:
        """A file that a browser gets, by its path in the package; one that was added later is found, too."""
        if name not in self._files:
            self._files.update(_files(self.folder))
        return self._files.get(name)

    @classmethod
    def read(cls, folder: Path) -> "AppPackage":
        """Read a package.

        Raises:
            OSError, ValueError: a file is missing or not JSON.
        """
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        requests = json.loads((folder / "config" / "requests.json").read_text("utf-8"))
        modules = manifest["modules"]
        listed = modules["common"].get("requests", {})
        locations = {
            name: place["url"] for module in modules.values() for name, place in module.get("location", {}).items()
        }
        return cls({name: requests[name] for name in requests if name in listed}, locations, folder)


def _files(folder: Path) -> dict[str, Path]:
    found = {
        path.relative_to(folder).as_posix(): path
        for part in SHOWN
        for path in sorted((folder / part).rglob("*"))
        if path.is_file() and path.suffix in MEDIA_TYPES
    }
    return {name: path for name, path in found.items() if name not in KEPT}
