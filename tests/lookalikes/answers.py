"""The answer to a request for which nothing was scripted: derived from the request, the same each time.

A schema gets an instance of itself whose strings quote the prompt and whose integers are numbers of the prompt, so that
citations point at something; no schema gets a sentence or two that quote it. Quotes are runs of words of one line, so
`quote in prompt` holds. Korean in, Korean out.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

_DEPTH = 6  # levels of a recursive schema before optional parts are left empty
_TAG_OR_LINE = re.compile(r"<[^<>\n]{1,80}>|\n")
_MARKED_NUMBER = re.compile(r"(?:#|\bid\W{0,3}|\[)(\d{1,12})\b", re.IGNORECASE)
_HANGUL = re.compile(r"[가-힣]")
_LETTER = re.compile(r"[^\W\d_]")
_FORMATS = {
    "date-time": "2026-01-05T09:30:00Z",
    "date": "2026-01-05",
    "time": "09:30:00Z",
    "duration": "PT5M",
    "email": "agent@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def is_korean(text: str) -> bool:
    """Whether at least a fifth of the letters are Hangul; English product names in Korean tickets stay below that."""
    return len(_HANGUL.findall(text)) * 5 >= max(1, len(_LETTER.findall(text)))


def default_text(prompt: str) -> str:
    """A short answer that quotes the prompt, in its language."""
    source = _Source.of(prompt)
    first, second = source.quote("first"), source.quote("second")
    if source.korean:
        return f'문의하신 "{first}" 내용을 확인했습니다. "{second}" 부분부터 살펴보겠습니다.'
    return f'You wrote "{first}". The next step follows from "{second}".'


def default_json(prompt: str, schema: dict[str, Any]) -> str:
    """An instance of `schema` as JSON text. Supports what structured outputs support; `pattern` is not looked at."""
    return json.dumps(_Instance(_Source.of(prompt), schema).of(schema, "$", 0), ensure_ascii=False)


_AROUND = re.compile(r"[0-9a-f]{16} |Boundary: |Task: ")


@dataclass(frozen=True)
class _Source:
    """What can be quoted: the prompt's lines in its language, and its numbers."""

    lines: list[list[str]]
    numbers: list[int]
    korean: bool
    salt: str

    @classmethod
    def of(cls, prompt: str) -> "_Source":
        korean = is_korean(prompt)
        # As a good model, it repeats nothing of what stands around other people's words.
        texts = [line.strip() for line in _TAG_OR_LINE.split(prompt)]
        lines = [text.split() for text in texts if text and not _AROUND.match(text)]
        same = [words for words in lines if is_korean(" ".join(words)) == korean]
        long = [words for words in same if len(words) >= 3]
        return cls(long or same or lines, [int(n) for n in _MARKED_NUMBER.findall(prompt)], korean, prompt)

    def pick(self, place: str, count: int) -> int:
        """A number below `count` that depends on the prompt and on where in the answer it is for."""
        digest = hashlib.blake2b(f"{place}\0{self.salt}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % count

    def quote(self, place: str) -> str:
        """Up to eight words in a row; words of other spacing are joined by one space."""
        if not self.lines:
            return "내용 없음" if self.korean else "nothing"
        words = self.lines[self.pick(place, len(self.lines))]
        start = self.pick(place + "@", max(1, len(words) - 7))
        return " ".join(words[start : start + 8])


class _Instance:
    def __init__(self, source: _Source, root: dict[str, Any]) -> None:
        self._source = source
        self._root = root

    def of(self, schema: dict[str, Any], place: str, depth: int) -> Any:
        """A value that `schema` allows; `place` is its path in the answer."""
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._choice(schema["enum"], place)
        match _type_of(schema, depth):
            case "object":
                return self._object(schema, place, depth)
            case "array":
                return self._array(schema, place, depth)
            case "string":
                return self._string(schema, place)
            case "integer":
                return self._integer(schema, place)
            case "number":
                low, high = _bounds(schema, 0.0, 1.0, 0.001)
                return (low + high) / 2
            case "boolean":
                return bool(self._source.pick(place, 2))
        return None

    def _resolved(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        """The schema with references, `allOf` and unions replaced by one plain schema."""
        if "$ref" in schema:
            target: Any = self._root
            for key in schema["$ref"].removeprefix("#").strip("/").split("/"):
                target = target[key] if key else target
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            return self._resolved({**target, **rest}, depth)
        for part in schema.get("allOf", []):
            schema = {**schema, **self._resolved(part, depth)}
        for union in ("anyOf", "oneOf"):
            if union in schema:
                variants = sorted(schema[union], key=lambda variant: variant.get("type") == "null")
                return self._resolved(variants[-1] if depth > _DEPTH else variants[0], depth)
        return schema

    def _choice(self, values: list[Any], place: str) -> Any:
        languages = [
            value for value in values if value in ({"ko", "ko-KR"} if self._source.korean else {"en", "en-US"})
        ]
        return (languages or values)[0 if languages else self._source.pick(place, len(values))]

    def _object(self, schema: dict[str, Any], place: str, depth: int) -> dict[str, Any]:
        names = schema.get("properties", {})
        if depth > _DEPTH:
            names = {name: names[name] for name in schema.get("required", [])}
        return {name: self.of(part, f"{place}.{name}", depth + 1) for name, part in names.items()}

    def _array(self, schema: dict[str, Any], place: str, depth: int) -> list[Any]:
        least, most = schema.get("minItems", 0), schema.get("maxItems", 2)
        size = least if depth > _DEPTH else max(least, min(2, most))
        return [self.of(schema.get("items", {}), f"{place}[{index}]", depth + 1) for index in range(size)]

    def _string(self, schema: dict[str, Any], place: str) -> str:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        if place.rpartition(".")[2] in ("language", "lang"):
            return "ko" if self._source.korean else "en"
        text = self._source.quote(place)
        text = text.ljust(schema.get("minLength", 0), ".")
        return text[: schema.get("maxLength", len(text))]

    def _integer(self, schema: dict[str, Any], place: str) -> int:
        low, high = _bounds(schema, 1, 10**12, 1)
        numbers = [number for number in self._source.numbers if low <= number <= high]
        return numbers[self._source.pick(place, len(numbers))] if numbers else round(low)


def _type_of(schema: dict[str, Any], depth: int) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        if depth > _DEPTH and "null" in kind:
            return "null"
        kind = next((one for one in kind if one != "null"), "null")
    return str(kind)


def _bounds(schema: dict[str, Any], low: float, high: float, step: float) -> tuple[float, float]:
    """The closed interval of a number; `low` and `high` where the schema is open, `step` inside an exclusive end."""
    if "minimum" in schema or "exclusiveMinimum" in schema:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + step)
        high = max(low, high)
    if "maximum" in schema or "exclusiveMaximum" in schema:
        high = schema.get("maximum", schema.get("exclusiveMaximum", 0) - step)
        low = min(low, high)
    return low, high
