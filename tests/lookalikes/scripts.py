"""What a look-alike answers, how fast, and how it fails.

A test queues items; each request takes the first one that fits it. Faults can also befall a seeded share of the
requests that found the queue empty, which makes a soak run repeatable: request number n meets the same fault each time.
"""

import json
import math
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

from tests.lookalikes.wire import LoggedRequest

Stop = Literal["end", "max_tokens", "refusal", "filtered", "context_full"]
Kind = Literal["generation", "embeddings", "models"]
Effect = Literal[
    "status", "page", "hang_up", "silence", "error_event", "cut", "early_end", "stall", "garbage", "answer"
]

AT_ONCE: frozenset[Effect] = frozenset({"status", "page", "hang_up", "silence"})  # before any answer
ONLY_GENERATION: frozenset[Effect] = frozenset({"error_event", "early_end", "garbage", "answer"})


@dataclass(frozen=True)
class Speed:
    """Seconds until the first token, tokens a second after it, and seconds that an embeddings request takes."""

    first_token: float = 0.0
    tokens_per_second: float = math.inf
    embeddings: float = 0.0

    def due(self, index: int) -> float:
        """Seconds from the start of the answer to token `index` (0 is the first)."""
        return self.first_token + index / self.tokens_per_second


@dataclass(frozen=True)
class Answer:
    """A generated text. `stop` says why it ends, `speed` replaces the script's."""

    text: str
    stop: Stop = "end"
    speed: Speed | None = None


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way to fail; use the constructors below.

    `after` counts tokens. In a request that does not stream, a fault in the middle shows as far as it can: `cut` and
    `stall` stop inside the JSON body, `error_event` becomes its status, `early_end` leaves out the stop reason.
    """

    name: str
    effect: Effect
    error: str = ""  # which of the provider's errors, for `status` and `error_event`
    status: int | None = None  # instead of the provider's usual one
    message: str | None = None
    retry_after: float | str | None = None  # seconds or an HTTP date
    form: str = ""
    after: int = 0
    reset: bool = False
    pings: float | None = None
    stop: Stop = "end"
    speed: Speed | None = None

    @classmethod
    def unauthorized(cls) -> Self:
        """401: a wrong or revoked key."""
        return cls(name="unauthorized", effect="status", error="authentication")

    @classmethod
    def forbidden(cls) -> Self:
        """403: the key may not use this."""
        return cls(name="forbidden", effect="status", error="permission")

    @classmethod
    def unknown_model(cls) -> Self:
        """404: the model does not exist or was retired."""
        return cls(name="unknown_model", effect="status", error="not_found")

    @classmethod
    def bad_request(cls, message: str | None = None) -> Self:
        """400: the request itself is wrong; to try again is of no use."""
        return cls(name="bad_request", effect="status", error="bad_request", message=message)

    @classmethod
    def context_too_long(cls) -> Self:
        """400: the prompt does not fit the model."""
        return cls(name="context_too_long", effect="status", error="context_too_long")

    @classmethod
    def spend_limit(cls, form: Literal["billing", "own_limit", "tier"] = "billing", status: int | None = None) -> Self:
        """No more money. OpenAI: 429 `insufficient_quota`. Anthropic says it in three ways.

        `billing`: `billing_error` with 400 (its error pages list it as 402: `status=402`); `own_limit`: 400
        `invalid_request_error` with a message about usage limits; `tier`: 429 `rate_limit_error` without Retry-After
        but with `details.error_code` `enforced_spend_limit_reached`.
        """
        return cls(name="spend_limit", effect="status", error=f"spend_limit_{form}", status=status)

    @classmethod
    def rate_limited(cls, retry_after: float | str | None = 1) -> Self:
        """429, with `Retry-After` in seconds or as the given HTTP date; None leaves the header out."""
        return cls(name="rate_limited", effect="status", error="rate_limit", retry_after=retry_after)

    @classmethod
    def overloaded(cls) -> Self:
        """529 from Anthropic, 503 from OpenAI."""
        return cls(name="overloaded", effect="status", error="overloaded")

    @classmethod
    def server_error(cls, status: int = 500) -> Self:
        """500, or another 5xx, with the provider's JSON."""
        return cls(name="server_error", effect="status", error="server_error", status=status)

    @classmethod
    def html_page(cls, status: int = 502) -> Self:
        """A proxy's HTML page. With 200 it looks like success to whoever does not check the type."""
        return cls(name="html_page", effect="page", status=status)

    @classmethod
    def hang_up(cls, *, reset: bool = False) -> Self:
        """The connection is closed without a byte of an answer."""
        return cls(name="hang_up", effect="hang_up", reset=reset)

    @classmethod
    def silence(cls) -> Self:
        """The request is accepted and nothing ever comes back."""
        return cls(name="silence", effect="silence")

    @classmethod
    def error_event(
        cls,
        after: int = 3,
        *,
        error: Literal["overloaded", "server_error", "rate_limit"] = "overloaded",
        form: Literal["nested", "flat", "failed"] = "nested",
    ) -> Self:
        """An error inside a stream that began with 200.

        `form` is for OpenAI's Responses: `nested` is what the service sends (the SDK raises), `flat` what its reference
        documents (the SDK hands it on as an event), `failed` a `response.failed` event.
        """
        return cls(name="error_event", effect="error_event", error=error, after=after, form=form)

    @classmethod
    def cut(cls, after: int = 3, *, reset: bool = False) -> Self:
        """The connection is closed in the middle of the body, by FIN or (`reset`) by RST."""
        return cls(name="cut", effect="cut", after=after, reset=reset)

    @classmethod
    def early_end(cls, after: int = 3) -> Self:
        """The body ends as the protocol wants it, but too early: no stop reason, no closing events."""
        return cls(name="early_end", effect="early_end", after=after)

    @classmethod
    def stall(cls, after: int = 3, *, pings: float | None = None) -> Self:
        """Nothing more comes. With `pings` (seconds) keep-alives still do, so that only an overall time-out helps."""
        return cls(name="stall", effect="stall", after=after, pings=pings)

    @classmethod
    def garbage(cls, after: int = 3, *, form: Literal["json", "bytes", "shape"] = "json") -> Self:
        """A stream that goes wrong: an event of broken JSON, bytes that are no event, or one without its fields."""
        return cls(name="garbage", effect="garbage", after=after, form=form)

    @classmethod
    def refusal(cls, after: int = 0) -> Self:
        """The model declines. Anthropic: `refusal` after `after` tokens; OpenAI: a refusal in place of the text."""
        return cls(name="refusal", effect="answer", stop="refusal", after=after)

    @classmethod
    def filtered(cls, after: int = 3) -> Self:
        """A content filter ends the text midway. OpenAI: `content_filter`; Anthropic: `refusal`."""
        return cls(name="filtered", effect="answer", stop="filtered", after=after)

    @classmethod
    def max_tokens(cls, after: int = 5) -> Self:
        """The text ends at the token limit."""
        return cls(name="max_tokens", effect="answer", stop="max_tokens", after=after)

    @classmethod
    def invalid_json(cls) -> Self:
        """The structured answer is broken JSON, with a normal stop."""
        return cls(name="invalid_json", effect="answer")

    @classmethod
    def slow(cls, tokens_per_second: float = 1.0) -> Self:
        """The right answer, one token a second."""
        return cls(name="slow", effect="answer", speed=Speed(tokens_per_second=tokens_per_second))

    def can_befall(self, kind: Kind) -> bool:
        """Whether a request of this kind can fail in this way."""
        return kind == "generation" or self.effect not in ONLY_GENERATION


Simple = str | dict[str, Any] | list[Any] | Answer | Fault
Item = Simple | Callable[[LoggedRequest], Simple | Awaitable[Simple]]


class _Queued(NamedTuple):
    item: Item
    on: str | None


class _Shared(NamedTuple):
    fault: Fault
    share: float
    on: str | None


class Script:
    """The queue of what comes next, what comes when it is empty (`default`, else derived), and the speed."""

    def __init__(self, *items: Item, default: Item | None = None, speed: Speed | None = None, seed: int = 0) -> None:
        self.default = default
        self.speed = speed or Speed()
        self.seed = seed
        self._queue: deque[_Queued] = deque()
        self._shares: list[_Shared] = []
        self.add(*items)

    @property
    def pending(self) -> int:
        """Queued items that no request has taken yet."""
        return len(self._queue)

    def add(self, *items: Item, times: int = 1, on: str | None = None) -> None:
        """Queue items for the next requests, each `times` times; `on` is how the request's path must end."""
        for item in items:
            self._queue.extend([_Queued(item, on)] * times)

    def share(self, fault: Fault, share: float, *, on: str | None = None) -> None:
        """Let `fault` befall this share of the requests that find the queue empty; 1.0 is all of them."""
        self._shares.append(_Shared(fault, share, on))

    def clear(self) -> None:
        """Back to an empty script at full speed."""
        self._queue.clear()
        self._shares.clear()
        self.default = None
        self.speed = Speed()

    def take(self, request: LoggedRequest, kind: Kind) -> Item | None:
        """The item for this request, taken from the queue; None for the default answer."""
        for queued in self._queue:
            if self._fits(queued.item, queued.on, request, kind):
                self._queue.remove(queued)
                return queued.item
        return self._drawn(request, kind)

    def _drawn(self, request: LoggedRequest, kind: Kind) -> Fault | None:
        draw = random.Random(f"{self.seed}:{request.number}").random()
        for fault, share, on in self._shares:
            if self._fits(fault, on, request, kind):
                if draw < share:
                    return fault
                draw -= share
        return None

    @staticmethod
    def _fits(item: Item, on: str | None, request: LoggedRequest, kind: Kind) -> bool:
        if on is not None:
            return request.path.endswith(on)
        if isinstance(item, Fault):
            return kind != "models" and item.can_befall(kind)
        return kind == "generation"


def as_answer(value: str | dict[str, Any] | list[Any] | Answer) -> Answer:
    """A scripted value as an `Answer`; JSON is written as a model writes it, Korean unescaped."""
    if isinstance(value, Answer):
        return value
    return Answer(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
