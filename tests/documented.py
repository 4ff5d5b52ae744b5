"""What the code says about its own settings and Redis keys, as the tables and files that people read.

The README's tables and `.env.example` must be exactly this, and tests compare them; so prose can't go stale.
"""

import inspect
import json
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from deploy.settings import DeploySettings
from ingest.settings import IngestSettings
from serve.settings import ServeSettings
from shared import keys, lifetimes
from shared.settings import Settings

GROUPS: dict[type[BaseSettings], str] = {
    Settings: "every process",
    DeploySettings: "the `canvas` command",
    ServeSettings: "serve",
    IngestSettings: "ingest and its workers",
}
LINE_CHARS = 118
KEY_ARGUMENTS = {
    "host": "host",
    "ticket_id": "<id>",
    "run_id": "<run>",
    "key_hash": "<hash>",
    "name": "<name>",
    "process": "<process>",
    "provider": "<provider>",
    "model": "<model>",
    "day": "<day>",
    "lane": "<lane>",
    "month": "<month>",
    "bucket": "<bucket>",
    "address": "<address>",
    "who": "<who>",
    "kind": "<list>",
    "block": "<block>",
}
"""The words that stand for a key function's arguments in the patterns of `shared.keys`."""
ENV_HEAD = """\
# Every setting, with its default. Copy this file to .env and uncomment what you change; a variable of the environment
# goes before .env, and an empty value is the default. A test keeps this file equal to the settings in the code.
"""


@dataclass(frozen=True)
class Setting:
    """One setting: the variable's name, its default as one would write it ("" for none), and what it does."""

    name: str
    default: str
    description: str


def settings_of(group: type[BaseSettings]) -> list[Setting]:
    """The settings of a class, in its order."""
    return [Setting(_name(field), _default(field), field.description or "") for field in group.model_fields.values()]


def all_settings() -> list[Setting]:
    """The settings of all classes."""
    return [setting for group in GROUPS for setting in settings_of(group)]


def env_example() -> str:
    """The text of `.env.example`."""
    parts = [ENV_HEAD]
    for group, title in GROUPS.items():
        parts.append(f"\n# --- {title[0].upper()}{title[1:]} ---\n".replace("`", ""))
        for setting in settings_of(group):
            wrapped = textwrap.wrap(setting.description, LINE_CHARS, break_long_words=False, break_on_hyphens=False)
            parts.append("\n" + "".join(f"# {line}\n" for line in wrapped))
            parts.append(f"#{setting.name}={setting.default}\n")
    return "".join(parts)


def settings_table() -> str:
    """The README's table of settings, Markdown."""
    rows = [
        (f"`{setting.name}`", f"`{setting.default}`" if setting.default else "", setting.description, title)
        for group, title in GROUPS.items()
        for setting in settings_of(group)
    ]
    return markdown(("setting", "default", "what it does", "read by"), rows)


def keys_table() -> str:
    """The README's table of Redis keys, Markdown."""
    said = dict(key_functions().values())
    rows = [(f"`{pattern}`", text[0].upper() + text[1:], "permanent") for pattern, text in lifetimes.PERMANENT.items()]
    rows += [
        (f"`{pattern}`", said[pattern].removesuffix("."), in_words(lifetime))
        for pattern, lifetime in lifetimes.LIFETIMES.items()
    ]
    return markdown(("key", "what it holds", "lifetime"), rows)


def key_functions() -> dict[str, tuple[str, str]]:
    """Of each function in `shared.keys`, by its name: the pattern of the keys it makes, and what it says they hold."""
    found = {}
    for name, function in inspect.getmembers(keys, inspect.isfunction):
        if function.__module__ == keys.__name__:
            said = " ".join((function.__doc__ or "").split("\n\n")[0].split())
            found[name] = (_pattern(function), said)
    return found


def in_words(span: timedelta) -> str:
    """A lifetime in its largest whole unit: `90 days`, `1 hour`, `15 seconds`."""
    seconds = int(span.total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds % size == 0:
            count = seconds // size
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return f"{seconds} seconds"


def markdown(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table with a line break at its end."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _name(field: FieldInfo) -> str:
    assert isinstance(field.validation_alias, str), f"a setting without its own name: {field!r}"
    return field.validation_alias


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value == []:
        return ""
    return json.dumps(value, separators=(",", ":")) if isinstance(value, (dict, list)) else str(value)


def _pattern(function: Callable[..., str]) -> str:
    return function(**{name: KEY_ARGUMENTS[name] for name in inspect.signature(function).parameters})
