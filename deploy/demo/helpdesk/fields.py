"""Checks of request bodies and query strings, with Freshdesk's wording and codes.

An unknown key is an error (`invalid_field`), in bodies and in queries: a client that misspells one must notice.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from deploy.demo.helpdesk.errors import Invalid, problem

MAX_PER_PAGE = 100
DEFAULT_PER_PAGE = 30
# What counts as missing in a required field.
BLANK: tuple[Any, ...] = (None, "", [])

T = TypeVar("T")

_KINDS: dict[str, type | tuple[type, ...]] = {
    "String": str,
    "Integer": int,
    "Boolean": bool,
    "Array": list,
    "Object": dict,
    "DateTime": str,
    "Any": object,
}
_NAMES = {str: "String", bool: "Boolean", int: "Integer", float: "Float", list: "Array", dict: "key/value pair"}


@dataclass(frozen=True)
class Field:
    """What a body's key may hold: a kind out of `_KINDS`, perhaps one of `choices`, perhaps null."""

    kind: str
    choices: tuple[Any, ...] = ()
    null: bool = False
    items: str | None = None

    def problem(self, name: str, value: Any) -> dict[str, str] | None:
        """None, or the entry of the error body."""
        if value is None and self.null:
            return None
        if not _is(self.kind, value) or (self.items and not all(_is(self.items, item) for item in value)):
            given = "Null" if value is None else _NAMES.get(type(value), "String")
            message = f"Value set is of type {given}.It should be a/an {self.kind}"
            return problem(name, message, "datatype_mismatch")
        if self.choices and value not in self.choices:
            listed = ",".join(str(choice) for choice in self.choices)
            return problem(name, f"It should be one of these values: '{listed}'", "invalid_value")
        if self.kind == "DateTime" and parse_time(value) is None:
            return problem(name, "It should be in ISO 8601 format", "datatype_mismatch")
        return None


def _is(kind: str, value: Any) -> bool:
    # A bool is an int for Python, but not for JSON.
    if kind == "Integer" and isinstance(value, bool):
        return False
    return isinstance(value, _KINDS[kind])


def check_body(body: Mapping[str, Any], spec: Mapping[str, Field], required: Collection[str] = ()) -> None:
    """Raise one `Invalid` that names every wrong key.

    Raises:
        Invalid: unknown keys, missing ones, wrong types or values.

    """
    problems = [
        problem(name, f"It should be a/an {spec[name].kind}", "missing_field")
        for name in required
        if body.get(name) in BLANK
    ]
    for name, value in body.items():
        if name not in spec:
            problems.append(problem(name, "Unexpected/invalid field in request", "invalid_field"))
        elif not (name in required and value in BLANK) and (found := spec[name].problem(name, value)):
            problems.append(found)
    if problems:
        raise Invalid(*problems)


def check_query(query: Mapping[str, str], allowed: Collection[str]) -> None:
    """Refuse unknown parameters; `page` and `per_page` are always known.

    Raises:
        Invalid: a name that this endpoint doesn't take.

    """
    unknown = [name for name in query if name not in allowed and name not in ("page", "per_page")]
    if unknown:
        raise Invalid(*(problem(name, "Unexpected/invalid field in request", "invalid_field") for name in unknown))


def includes(query: Mapping[str, str], allowed: Collection[str]) -> set[str]:
    """The `include` parameter as a set.

    Raises:
        Invalid: an unknown include.

    """
    names = {name for name in query.get("include", "").split(",") if name}
    if names - set(allowed):
        message = f"It should be one of these values: '{', '.join(allowed)}'"
        raise Invalid(problem("include", message, "invalid_value"))
    return names


def choice(query: Mapping[str, str], name: str, allowed: Collection[str], default: str) -> str:
    """A parameter out of a fixed list.

    Raises:
        Invalid: another value.

    """
    value = query.get(name, default)
    if value not in allowed:
        message = f"It should be one of these values: '{','.join(allowed)}'"
        raise Invalid(problem(name, message, "invalid_value"))
    return value


def number(query: Mapping[str, str], name: str) -> int | None:
    """A whole number, or None where the parameter is absent.

    Raises:
        Invalid: not a number.

    """
    value = query.get(name)
    if value is None:
        return None
    if not value.isdecimal():
        raise Invalid(problem(name, "It should be a Positive Integer", "datatype_mismatch"))
    return int(value)


def time(query: Mapping[str, str], name: str) -> datetime | None:
    """A time, or None where the parameter is absent.

    Raises:
        Invalid: not ISO 8601.

    """
    value = query.get(name)
    if value is None:
        return None
    # An unencoded "+00:00" arrives as a blank.
    parsed = parse_time(value.replace(" ", "+"))
    if parsed is None:
        raise Invalid(problem(name, "It should be in the 'combined date and time ISO8601' format", "invalid_value"))
    return parsed


def parse_time(value: str) -> datetime | None:
    """ISO 8601 with any offset; UTC where none is given; None if it is no time."""
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else datetime.fromisoformat(f"{parsed.isoformat()}+00:00")


@dataclass(frozen=True)
class Page:
    """One page of a list: `number` from 1."""

    number: int
    size: int

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Page":
        """Read `page` and `per_page`.

        Raises:
            Invalid: not positive, or more than 100 a page.

        """
        return cls(_positive(query, "page", 1, None), _positive(query, "per_page", DEFAULT_PER_PAGE, MAX_PER_PAGE))

    def cut(self, items: list[T]) -> tuple[list[T], bool]:
        """The page's items, and whether another page follows."""
        begin = (self.number - 1) * self.size
        return items[begin : begin + self.size], begin + self.size < len(items)


def _positive(query: Mapping[str, str], name: str, default: int, most: int | None) -> int:
    text = query.get(name)
    if text is None:
        return default
    value = int(text) if text.isdecimal() else 0
    if value < 1 or (most and value > most):
        bound = f" less than or equal to {most}" if most else ""
        raise Invalid(problem(name, f"It should be a Positive Integer{bound}", "invalid_value"))
    return value
