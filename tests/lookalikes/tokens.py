"""Tokens and prompt caches, close enough to count with.

A token is up to six letters or digits, up to two Hangul syllables, or one sign, with the space before it. Joining the
tokens of a text gives the text.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple

_TOKEN = re.compile(r"\s*(?:[가-힣]{1,2}|[^\W가-힣]{1,6}|[^\w\s])|\s+")
_STEP = 128  # OpenAI counts cached tokens in steps of 128, from 1,024 on (its prompt-caching guide)


def tokens_of(text: str) -> list[str]:
    """Cut a text into tokens."""
    return _TOKEN.findall(text)


def count(text: str) -> int:
    """How many tokens a text has."""
    return len(tokens_of(text))


class Block(NamedTuple):
    """A part of a prompt; `marked` where the request puts a cache breakpoint after it."""

    text: str
    marked: bool = False


class Usage(NamedTuple):
    """Input tokens: read from the cache, written to it, and the rest."""

    read: int
    written: int
    fresh: int

    @property
    def total(self) -> int:
        """All input tokens."""
        return self.read + self.written + self.fresh


class PromptCache:
    """Remembers prefixes, for ever (a test is shorter than the shortest lifetime). `minimum` is in tokens."""

    def __init__(self, minimum: int = 1024) -> None:
        self.minimum = minimum
        self._known: set[str] = set()

    def at_breakpoints(self, model: str, blocks: Sequence[Block]) -> Usage:
        """Anthropic's way: what ends with a marked block is written, and read by whoever starts the same."""
        prefixes = []
        digest, total = hashlib.blake2b(model.encode()), 0
        for block in blocks:
            digest.update(f"\0{block.text}".encode())
            total += count(block.text)
            prefixes.append((digest.hexdigest(), total, block.marked and total >= self.minimum))
        kept = max((size for _, size, marked in prefixes if marked), default=0)
        read = max((size for key, size, _ in prefixes if size <= kept and key in self._known), default=0)
        self._known.update(key for key, _, marked in prefixes if marked)
        return Usage(read, kept - read, total - kept)

    def automatic(self, model: str, text: str) -> Usage:
        """OpenAI's way: every long enough prefix is kept."""
        tokens = tokens_of(text)
        digest, prefixes = hashlib.blake2b(model.encode()), []
        for end in range(_STEP, len(tokens) + 1, _STEP):
            digest.update("".join(tokens[end - _STEP : end]).encode())
            if end >= self.minimum:
                prefixes.append((digest.hexdigest(), end))
        read = max((size for key, size in prefixes if key in self._known), default=0)
        kept = max((size for _, size in prefixes), default=0)
        self._known.update(key for key, _ in prefixes)
        return Usage(read, kept - read, len(tokens) - kept)
