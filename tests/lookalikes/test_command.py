"""`python -m tests.lookalikes`: both providers on one port, for a demo by hand."""

import asyncio
import re
import signal
import sys
from pathlib import Path

from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

PROJECT = Path(__file__).parents[2]


async def test_the_command_serves_both_providers_on_one_port_until_ctrl_c() -> None:
    command = [
        sys.executable,
        "-m",
        "tests.lookalikes",
        "--port",
        "0",
        "--first-token",
        "0",
        "--tokens-per-second",
        "0",
    ]
    process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    lines = [(await process.stdout.readline()).decode() for _ in range(2)]
    assert lines[0].startswith("export ANTHROPIC_BASE_URL=http://127.0.0.1:")
    assert lines[1].startswith("export OPENAI_BASE_URL=http://127.0.0.1:")
    first, second = (re.findall(r"=(http\S+)", line)[0] for line in lines)
    assert second == first + "/v1"
    async with (
        AsyncAnthropic(api_key="k", base_url=first) as claude,
        AsyncOpenAI(api_key="k", base_url=second) as gpt,
    ):
        message = await claude.messages.create(
            model="m", max_tokens=99, messages=[{"role": "user", "content": "Printer offline"}]
        )
        response = await gpt.responses.create(model="m", input="Printer offline")
        assert message.content[0].type == "text"
        assert "Printer offline" in message.content[0].text
        assert "Printer offline" in response.output_text
        assert {model.id for model in (await claude.models.list()).data}.isdisjoint(
            model.id for model in (await gpt.models.list()).data
        )
    process.send_signal(signal.SIGINT)
    rest, _ = await process.communicate()
    assert process.returncode == 0
    assert b"POST /v1/messages 200" in rest
