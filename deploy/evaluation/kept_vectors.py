"""An embedder that keeps its vectors on disk: who measures twice need not embed ten thousand texts twice."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ingest.embeddings.protocol import Embedder
from shared.errors import BadInput

AT_ONCE = 16
DIGEST_BYTES = 8


class KeptVectors:
    """Implements `Embedder` over another one; `folder` None keeps them in memory only.

    Two files a model: 8 bytes of each text's digest, and its vector as 32-bit floats. A file whose writing was killed
    is read as far as both are whole. One process at a time.

    Raises:
        BadInput: the folder can't be made or read.
    """

    def __init__(self, embedder: Embedder, folder: Path | None) -> None:
        self._embedder = embedder
        self.name, self.size, self.floor = embedder.name, embedder.size, embedder.floor
        self.embedded = 0
        self._known: dict[bytes, list[float]] = {}
        self._files: list[BinaryIO] = []
        if folder is not None:
            try:
                self._open(folder)
            except OSError as error:
                raise BadInput(f"No vectors can be kept in {folder}: {error.strerror}") from error

    async def embed(self, texts: Sequence[str], told: Callable[[int], None] | None = None) -> list[list[float]]:
        """See `Embedder`; `told` hears how many texts are done, again and again."""
        digests = [hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).digest() for text in texts]
        new = {key: text for key, text in zip(digests, texts, strict=True) if key not in self._known}
        done, keys = len(texts) - len(new), list(new)
        for start in range(0, len(keys), AT_ONCE):
            part = keys[start : start + AT_ONCE]
            vectors = await self._embedder.embed([new[key] for key in part])
            self._keep(part, vectors)
            self.embedded += len(part)
            done += len(part)
            if told:
                told(done)
        return [self._known[key] for key in digests]

    async def close(self) -> None:
        """See `Embedder`."""
        for file in self._files:
            file.close()
        await self._embedder.close()

    def _open(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{self.name.replace('/', '-')}-{self.size}"
        paths = [folder / f"{name}.digests", folder / f"{name}.f32"]
        widths = [DIGEST_BYTES, 4 * self.size]
        whole = min(
            path.stat().st_size // width if path.exists() else 0 for path, width in zip(paths, widths, strict=True)
        )
        if whole:
            digests = paths[0].read_bytes()
            vectors = np.fromfile(paths[1], dtype=np.float32, count=whole * self.size).reshape(whole, self.size)
            for place, vector in enumerate(vectors.tolist()):
                self._known[digests[place * DIGEST_BYTES : (place + 1) * DIGEST_BYTES]] = vector
        for path, width in zip(paths, widths, strict=True):
            file = path.open("ab")
            file.truncate(whole * width)
            self._files.append(file)

    def _keep(self, keys: Sequence[bytes], vectors: Sequence[list[float]]) -> None:
        self._known.update(zip(keys, vectors, strict=True))
        if self._files:
            self._files[0].write(b"".join(keys))
            self._files[1].write(np.asarray(vectors, dtype=np.float32).tobytes())
            for file in self._files:
                file.flush()
