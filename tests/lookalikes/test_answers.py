"""The derived answers: valid instances of any schema that structured outputs allow."""

import json
from typing import Any

import jsonschema
import pydantic
import pytest

from tests.lookalikes.answers import default_json, default_text, is_korean
from tests.lookalikes.tokens import tokens_of


class Reply(pydantic.BaseModel):
    text: str
    tone: str | None
    sources: list[int]


class Node(pydantic.BaseModel):
    name: str
    children: "list[Node]"
    parent: "Node | None"


class Canvas(pydantic.BaseModel):
    summary: str
    replies: list[Reply]


SCHEMAS: list[dict[str, Any]] = [
    Canvas.model_json_schema(),
    Node.model_json_schema(),
    {"type": "object", "properties": {"sentiment": {"enum": ["calm", "angry"]}, "v": {"const": 1}}},
    {"type": "array", "items": {"type": "number", "minimum": 3, "maximum": 4}, "minItems": 3},
    {"type": "object", "properties": {"when": {"type": "string", "format": "date-time"}, "ok": {"type": "boolean"}}},
    {"anyOf": [{"type": "null"}, {"type": "string", "maxLength": 4, "minLength": 2}]},
    {"allOf": [{"type": "object", "properties": {"n": {"type": "integer", "exclusiveMinimum": 5}}, "required": ["n"]}]},
    {"type": ["null", "integer"], "maximum": -3},
]


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize(
    "prompt", ["", "x", "Ticket #42: the app crashes\non start", "앱이 시작하자마자 종료됩니다 (문의 #7)"]
)
def test_an_instance_of_the_schema_is_valid(schema: dict[str, Any], prompt: str) -> None:
    jsonschema.validate(json.loads(default_json(prompt, schema)), schema)


def test_the_language_of_the_customer_wins_over_the_product_names_in_the_text() -> None:
    assert is_korean("Galaxy S24 Ultra에서 Samsung Internet 앱이 계속 종료됩니다. 재설치해도 같습니다.")
    assert not is_korean("The 한글 keyboard does not open in Thunderbird on Windows")
    assert not is_korean("")


def test_a_quote_comes_from_a_line_in_the_language_of_the_prompt() -> None:
    prompt = "<subject>환불 문의드립니다 빠른 답변</subject>\nOrder number A-1\n두 번 결제되어 환불을 요청합니다"
    assert "Order" not in default_text(prompt)


@pytest.mark.parametrize("text", ["", "  a\n\nb  ", "한국어 문장입니다. And English, too!", '{"a": [1, 2.5, "é😀_x"]}'])
def test_tokens_join_to_the_text(text: str) -> None:
    assert "".join(tokens_of(text)) == text
