"""What the providers refuse in a JSON schema, so that a test fails where the real request would.

Anthropic: every object closed, no bounds on numbers, strings or arrays beyond minItems 0 or 1 (guide to structured
outputs, "JSON Schema limitations"). OpenAI with `strict`: every object closed and every property required (its guide to
structured outputs, "Supported schemas").
"""

from collections.abc import Iterator
from typing import Any

_UNBOUNDED = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
)


def anthropic_complaint(schema: dict[str, Any]) -> str | None:
    """What Anthropic would say against a schema, or None."""
    for part in _parts(schema):
        if part.get("type") == "object" and part.get("additionalProperties") is not False:
            return "For 'object' type, 'additionalProperties' must be explicitly set to false"
        for keyword in _UNBOUNDED:
            if keyword in part:
                return f"For '{part.get('type')}' type, property '{keyword}' is not supported"
        if part.get("minItems", 0) > 1:
            return "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
    return None


def openai_complaint(schema: dict[str, Any]) -> str | None:
    """What OpenAI would say against a strict schema, or None."""
    if schema.get("type") != "object":
        return "schema must be a JSON Schema of 'type: \"object\"'"
    for part in _parts(schema):
        if part.get("type") != "object":
            continue
        if part.get("additionalProperties") is not False:
            return "'additionalProperties' is required to be supplied and to be false"
        missing = sorted(set(part.get("properties", {})) - set(part.get("required", [])))
        if missing:
            return (
                f"'required' is required to be supplied and to include every key in properties. Missing '{missing[0]}'"
            )
    return None


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    """The schema and all schemas in it."""
    if isinstance(schema, list):
        for item in schema:
            yield from _parts(item)
    if not isinstance(schema, dict):
        return
    yield schema
    for name in ("properties", "$defs", "definitions"):
        for part in schema.get(name, {}).values():
            yield from _parts(part)
    for name in ("items", "anyOf", "oneOf", "allOf"):
        yield from _parts(schema.get(name))
