"""Which beginning of a prompt is worth a place in the provider's prompt cache.

A mark on a prefix that is too short is ignored without a word, and a prefix that is written and never read again costs
a quarter more. So a mark is set only on what is stable and surely long enough, and on nothing else.
"""

import hashlib
import re

from ingest.writers.prices import cache_minimum

HANGUL = re.compile(r"[가-힣]")
LATIN_CHARACTERS = 4.5
"""A token at most, in English prose; newer tokenizers make more tokens of the same text, never fewer."""
HANGUL_CHARACTERS = 2.0


def at_least_tokens(text: str) -> int:
    """A lower bound of the tokens of a text, good enough to say that it is long enough."""
    hangul = len(HANGUL.findall(text))
    return int(hangul / HANGUL_CHARACTERS + (len(text) - hangul) / LATIN_CHARACTERS)


def cacheable(model: str, prefix: str) -> bool:
    """Whether the provider of `provider/model` will cache this prefix."""
    return at_least_tokens(prefix) >= cache_minimum(model)


def cache_key(name: str, prefix: str) -> str:
    """OpenAI's `prompt_cache_key`: requests of one key meet the same machine. It says nothing about what is inside."""
    return f"canvas-{name}-{hashlib.blake2b(prefix.encode('utf-8', 'replace'), digest_size=8).hexdigest()}"
