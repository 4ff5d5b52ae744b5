"""Calls of Anthropic's SDK that the tests make, and what came of them."""

from typing import Any

import pydantic
from anthropic import AsyncAnthropic
from anthropic.types import Message, MessageParam

PROMPT = "My printer shows offline since the update of Tuesday morning."


class Summary(pydantic.BaseModel):
    text: str
    language: str
    sources: list[int]


def says(text: str) -> list[MessageParam]:
    return [{"role": "user", "content": text}]


async def ask(client: AsyncAnthropic, text: str = PROMPT, **more: Any) -> Message:
    arguments = {"model": "claude-haiku-5-5", "max_tokens": 500, "messages": says(text), **more}
    message: Message = await client.messages.create(**arguments)
    return message


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


class Streamed:
    """What a client saw of a stream: the pieces, and the message at the end, if there was an end."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.message: Message | None = None

    async def read(self, client: AsyncAnthropic, text: str = PROMPT) -> "Streamed":
        async with client.messages.stream(model="claude-haiku-5-5", max_tokens=500, messages=says(text)) as stream:
            async for piece in stream.text_stream:
                self.pieces.append(piece)
            self.message = await stream.get_final_message()
        return self
