"""LLM providers' look-alikes: servers that speak Anthropic's and OpenAI's wire protocols over real HTTP.

The SDKs talk to them as they talk to the providers, so a test exercises our adapter, the SDK, its HTTP client and the
socket. Nothing is patched. What a test asserts on is the look-alike's request log.

    async with AnthropicLookalike() as fake:
        client = AsyncAnthropic(api_key="any", base_url=fake.base_url, max_retries=0)
        fake.script.add("The printer needs a new driver.")         # the next answer: text
        fake.script.add({"summary": "Printer offline"})            # the one after: JSON
        fake.script.add(lambda request: request.prompt.upper())    # then: derived from the request
        fake.script.add(Fault.rate_limited(retry_after=2), times=3)
        fake.script.share(Fault.cut(after=5), 0.1)                 # a seeded tenth of the later requests
        ...
        assert fake.requests[-1].body["model"] == "claude-haiku-5-5"
        await fake.until(lambda: fake.requests[-1].disconnected)   # a condition, never a sleep

**What is spoken.** `AnthropicLookalike`: `POST /v1/messages`, `GET /v1/models`. `OpenAILookalike`:
`POST /v1/responses`, `POST /v1/chat/completions`, `POST /v1/embeddings`, `GET /v1/models`. Streams, JSON schemas
(refused with 400 where the real provider refuses them), usage with prompt-cache accounting, request ids, errors in each
provider's own form.

**Answers.** A queued item may be text, JSON (a dict or list), an `Answer` (text, how it stops, its own speed), a
`Fault`, or a callable of the `LoggedRequest` that returns one of these; it may be async, so a test can hold an answer
back until it says so. Answers wait for the next request that generates text, faults for the next request of any kind
that they can happen to; `on="embeddings"` (the end of a path) narrows both. With an empty queue the answer is
`script.default`, else one derived from the request: an instance of the requested schema whose strings quote the prompt,
or a short text that quotes it, Korean where the prompt is Korean. Embeddings are deterministic and of unit length, and
similar texts have similar vectors.

**Speed.** `script.speed = Speed(first_token=0.2, tokens_per_second=80, embeddings=0.05)`; at once unless set.

**Faults** (each a constructor of `Fault`):
instead of an answer: `unauthorized`, `forbidden`, `unknown_model`, `bad_request`, `context_too_long`, `spend_limit`,
`rate_limited`, `overloaded`, `server_error`, `html_page`, `hang_up`, `silence`;
in the middle of one: `error_event`, `cut`, `early_end`, `stall`, `garbage`;
an answer that is no good: `refusal`, `filtered`, `max_tokens`, `invalid_json`, `slow`.

**Batches** of both (`fake.batches`): Message Batches, or files and batches. Each call of a batch meets
the script as if it had come alone; results come in another order. `batches.held` keeps them in progress,
`batches.expire_after = n` lets the next one expire after n answers, `batches.lose_answers = 1` takes a batch and hangs
up, `batches.faults` befall requests about batches; `batches.made` and `batches.calls` are the log.

**A process under test** is pointed at it by `fake.environment` (key and base URL as the SDKs read them).

**An outage** is `await fake.stop()`, its end `await fake.start()`: the port stays the same.

By hand: `python -m tests.lookalikes --port 9100` serves both on one port and prints what to export.
"""

from tests.lookalikes.anthropic import AnthropicLookalike
from tests.lookalikes.openai import OpenAILookalike
from tests.lookalikes.scripts import Answer, Fault, Script, Speed
from tests.lookalikes.wire import LoggedRequest

__all__ = ["Answer", "AnthropicLookalike", "Fault", "LoggedRequest", "OpenAILookalike", "Script", "Speed"]
