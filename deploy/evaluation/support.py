"""Whether a text says only what its sources say: sentence by sentence, by common words, else by meaning.

A rough measure, to compare versions with: it finds sentences about something else, not those that twist a fact.
"""

from collections.abc import Sequence

from ingest.embeddings.protocol import Embedder
from ingest.text.sentences import sentences
from ingest.writers import cues
from ingest.writers.links import HOST, LINK
from ingest.writers.salience import terms

COMMON = 0.5
"""Share of a sentence's terms that its sources have, from which on it counts as supported."""
ALIKE = 0.9
"""Cosine to a sentence of the sources from which on it does too (multilingual-e5-small puts unrelated ones at .80)."""
COMPARED = 8
"""Sentences of the sources, those with most common terms, that an unsupported one is compared with by meaning."""


async def unsupported(text: str, sources: Sequence[str], embedder: Embedder) -> list[str]:
    """The sentences of a text that claim something which the sources do not support.

    Questions, courtesy and greetings claim nothing.
    """
    known = frozenset[str]().union(*(terms(source) for source in sources))
    doubtful = [sentence for sentence in _claims(text) if _share(sentence, known) < COMMON]
    return [sentence for sentence in doubtful if not await _meant(sentence, sources, embedder)]


def foreign_links(text: str, sources: Sequence[str]) -> list[str]:
    """Links and hosts in a text that stand in none of its sources, word for word.

    On purpose not the code that takes them out (`ingest.writers.links.Links`): only its patterns.
    """
    whole = "\n".join(sources).lower()
    found = [match[0].rstrip("/.") for match in LINK.finditer(text)]
    found += [match[0] for match in HOST.finditer(text) if match[0].rsplit(".", 1)[-1].lower() in ("com", "example")]
    return [link for link in found if _bare(link) not in whole]


def _bare(link: str) -> str:
    return link.lower().removeprefix("https://").removeprefix("http://").removeprefix("www.")


def _claims(text: str) -> list[str]:
    parts = (cues.own_words(sentence) for sentence in sentences(text))
    return [part for part in parts if part and not cues.says_nothing(part) and not cues.asks(part)]


def _share(sentence: str, known: frozenset[str]) -> float:
    own = terms(sentence)
    return len(own & known) / len(own) if own else 1.0


async def _meant(sentence: str, sources: Sequence[str], embedder: Embedder) -> bool:
    """Whether a sentence of the sources means about the same."""
    own = terms(sentence)
    said = [other for source in sources for other in sentences(source)]
    nearest = sorted(said, key=lambda other: len(own & terms(other)), reverse=True)[:COMPARED]
    if not nearest:
        return False
    [vector, *others] = await embedder.embed([sentence, *nearest])
    return max(sum(a * b for a, b in zip(vector, other, strict=True)) for other in others) >= ALIKE
