"""Embeddings by OpenAI, or by any server that speaks its wire protocol (`OPENAI_BASE_URL`).

The vectors are asked for in the size of the settings and brought to unit length again, since a shortened one is not of
unit length with every server. What can go wrong is told apart by `StageFailed.kind`; nothing is tried again here, as
the job that asked knows better whether it still matters.
"""

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import numpy as np
from openai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncOpenAI,
    BadRequestError,
    OpenAIError,
    UnprocessableEntityError,
)
from openai.types import CreateEmbeddingResponse

from ingest.retry_after import retry_after
from shared.errors import StageFailed

BATCH: Final = 32
MAX_CHARACTERS: Final = 6000
"""A text may have 8,192 tokens and a request 300,000; 32 texts of 6,000 characters stay below both in any language."""
DEFAULT_WAIT: Final = timedelta(seconds=2)
KINDS: Final = {401: "auth", 403: "auth", 408: "timeout", 429: "rate_limited"}


class OpenAIEmbedder:
    """`Embedder` over the SDK's client, which stays the caller's: its key, its time-outs, its `max_retries=0`."""

    floor = 0.25
    """The cosines of OpenAI's third generation spread from 0 to 1; unrelated texts lie around .1."""

    def __init__(self, client: AsyncOpenAI, model: str, size: int) -> None:
        self.name = f"openai/{model}"
        self.size = size
        self._client = client
        self._model = model
        self._sends_size = True

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """See `Embedder`."""
        vectors: list[list[float]] = []
        for start in range(0, len(texts), BATCH):
            # An empty text is refused by the service; a blank is not.
            batch = [text[:MAX_CHARACTERS] or " " for text in texts[start : start + BATCH]]
            try:
                answer = await self._ask(batch)
                vectors.extend(self._vectors(answer, len(batch)))
            except OpenAIError as error:
                raise _failure(error) from error
            except (AttributeError, TypeError, ValueError) as error:  # HTTP 200, but not what the protocol says
                raise StageFailed("The embedding service answered with something else", kind="unknown") from error
        return vectors

    async def close(self) -> None:
        """See `Embedder`; the client is the caller's to close."""

    async def _ask(self, batch: list[str]) -> CreateEmbeddingResponse:
        """One request. A server that knows no `dimensions` is asked again without, and never told again."""
        if not self._sends_size:
            return await self._client.embeddings.create(model=self._model, input=batch)
        try:
            return await self._client.embeddings.create(model=self._model, input=batch, dimensions=self.size)
        except (BadRequestError, UnprocessableEntityError):
            answer = await self._client.embeddings.create(model=self._model, input=batch)
            self._sends_size = False
            return answer

    def _vectors(self, answer: CreateEmbeddingResponse, count: int) -> list[list[float]]:
        ordered = sorted(answer.data, key=lambda item: item.index)
        if len(ordered) != count:
            raise StageFailed("The embedding service answered with too few vectors", kind="unknown")
        return [self._unit(item.embedding) for item in ordered]

    def _unit(self, numbers: list[float]) -> list[float]:
        if len(numbers) != self.size:
            detail = f"{self.name} has vectors of {len(numbers)} numbers, not {self.size}: set CANVAS_EMBEDDING_SIZE"
            raise StageFailed(detail, kind="bad_request")
        vector = np.asarray(numbers, dtype=np.float64)
        length = float(np.linalg.norm(vector))
        if not math.isfinite(length) or length == 0.0:
            raise StageFailed("The embedding service returned no usable vector", kind="unknown")
        unit: list[float] = (vector / length).tolist()
        return unit


def _failure(error: OpenAIError) -> StageFailed:
    """What went wrong, in one word and without the service's own text, which may quote what was sent."""
    detail = f"The embedding service failed: {type(error).__name__}"
    if isinstance(error, APIStatusError):
        kind = KINDS.get(error.status_code, "bad_request" if error.status_code < 500 else "unknown")
        return StageFailed(detail, kind, retry_after(error.response.headers) or DEFAULT_WAIT)
    if isinstance(error, APITimeoutError):
        return StageFailed(detail, "timeout")
    if isinstance(error, APIConnectionError):
        return StageFailed(detail, "connection")
    return StageFailed(detail, "unknown")
