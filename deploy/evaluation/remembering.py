"""An embedder that remembers: a replay embeds the same texts many times, and nothing about that is measured here."""

from collections.abc import Sequence
from typing import Any

from ingest.embeddings.protocol import Embedder


class Remembering:
    """Implements `Embedder` over another one."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, list[float]] = {}
        self.name, self.size, self.floor = embedder.name, embedder.size, embedder.floor

    async def embed(self, texts: Sequence[str], *rest: Any, **options: Any) -> list[list[float]]:
        """The vectors of the texts, those that are new by the other embedder."""
        keys = [f"{rest}{options}{text}" for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if new:
            found = await self._embedder.embed(list(new.values()), *rest, **options)
            self._known.update(zip(new, found, strict=True))
        return [self._known[key] for key in keys]

    async def close(self) -> None:
        """Release what the other one holds."""
        await self._embedder.close()
