"""What every recommended reply must be before an agent sees it, whoever wrote it.

It names its sources, it calls the customer by name, it has none of the phrases that the tenant forbids, and no two of
them say the same. What breaks a rule is mended where one sentence less mends it, and dropped where not.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec

from ingest.text.sentences import detect_language, sentences
from ingest.thread import Thread
from ingest.writers import cues
from ingest.writers.protocol import Voice
from ingest.writers.replies import FEWEST_LETTERS, MOST, SAME, customer, greeting
from ingest.writers.salience import alike, terms
from shared.models import NoReplies, Reply, ReplyKind

OWN = "ticket"
"""How a model names the ticket itself, which is ground enough to ask or to escalate, and none for an answer."""
WITHOUT_ANSWER: frozenset[ReplyKind] = frozenset({"ask", "escalate"})
GREETING_CHARACTERS = 120
"""A greeting stands in the first lines."""
BARE_GREETING = re.compile(
    r"\A\s*(?:(?:hi|hello|hey|dear|good (?:morning|afternoon|evening))\b(?: (?:there|customer|sir or madam|all|team))?"
    r"|안녕하(?:세요|십니까)(?:[,.]? ?(?:고객님|회원님))?|고객님)\s*[,.!~]*[ \t]*(?:\n+|(?=\S)|\Z)",
    re.IGNORECASE,
)
MOST_LOST = 0.4
"""Share of a reply's letters from which on it is another reply without them."""


class Vetted(NamedTuple):
    """What may be recommended, and why that is nothing."""

    replies: list[Reply]
    why_none: NoReplies


def vetted(replies: Sequence[Reply], thread: Thread, offered: Collection[str], language: str, voice: Voice) -> Vetted:
    """The replies that keep the rules, mended where needed, at most three. `offered` are the sources that were read.

    CPU-bound: some milliseconds for long replies.
    """
    waiting = thread.waiting()
    if waiting is None:
        return Vetted([], "answered")
    own = f"ticket:{thread.ticket_id}"
    kept: list[Reply] = []
    withheld = False
    for reply in replies:
        sources = grounded(reply, own, offered)
        text = without_phrases(reply.text, voice.forbidden_phrases)
        if sources and text:
            named = with_name(text, thread, language)
            if without_phrases(named, voice.forbidden_phrases) != named:
                named = text  # our own greeting is forbidden, too
            known = any(alike(terms(named), terms(other.text)) >= SAME for other in kept)
            if not known:
                kept.append(msgspec.structs.replace(reply, text=named, sources=sources, answers=waiting.mark))
        withheld = withheld or (bool(sources) and not text)
    return Vetted(kept[:MOST], "" if kept else "withheld" if withheld else "no_ground")


def grounded(reply: Reply, own: str, offered: Collection[str]) -> list[str]:
    """The sources of a reply that were offered, each once; none where they do not carry what it does."""
    named = [own if source == OWN else source for source in reply.sources]
    sources = [source for source in dict.fromkeys(named) if source in offered or source == own]
    if reply.kind not in WITHOUT_ANSWER and not any(source != own for source in sources):
        return []
    return sources


def without_phrases(text: str, phrases: Collection[str]) -> str:
    """The text without the sentences that hold a forbidden phrase; "" where too little is left, or one still stands.

    Case, width and white space make no difference: in Korean a phrase is the same with and without its spaces.
    """
    patterns = [pattern for phrase in phrases if (pattern := _pattern(phrase)) is not None]
    whole = unicodedata.normalize("NFC", text)
    if not any(pattern.search(_folded(whole)) for pattern in patterns):
        return text
    lines: list[str] = []
    for line in whole.split("\n"):
        parts = sentences(line)
        clean = [part for part in parts if not any(pattern.search(_folded(part)) for pattern in patterns)]
        if len(clean) == len(parts):
            lines.append(line)
        elif clean:
            lines.append(" ".join(clean))
    mended = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    if any(pattern.search(_folded(mended)) for pattern in patterns) or _letters(mended) < FEWEST_LETTERS:
        return ""
    says_something = any(not cues.says_nothing(sentence) for sentence in sentences(mended))
    return mended if says_something and _letters(mended) >= (1 - MOST_LOST) * _letters(whole) else ""


def with_name(text: str, thread: Thread, language: str) -> str:
    """The text with a greeting that names the customer, where the name is known and is not there already."""
    code = detect_language(text) if language not in {"ko", "en"} else language
    name = customer(thread, code)
    if not name or name.casefold() in text[:GREETING_CHARACTERS].casefold():
        return text
    rest = BARE_GREETING.sub("", text, count=1).lstrip()
    return f"{greeting(thread, code)}\n\n{rest}"


def _pattern(phrase: str) -> re.Pattern[str] | None:
    """A phrase as it may stand in a folded text: whole words where it begins or ends in Latin letters."""
    words = _folded(phrase).split()
    if not words:
        return None
    letters = [re.escape(letter) for letter in "".join(words)]
    inner = r"\s*".join(letters) if _hangul(phrase) else r"\s+".join(map(re.escape, words))
    before = r"(?<![a-z0-9])" if words[0][0].isascii() and words[0][0].isalnum() else ""
    after = r"(?![a-z0-9])" if words[-1][-1].isascii() and words[-1][-1].isalnum() else ""
    return re.compile(before + inner + after)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _hangul(text: str) -> bool:
    return any("가" <= character <= "힣" for character in text)


def _letters(text: str) -> int:
    """Letters of a text; a Hangul syllable says about as much as two others."""
    return sum(character.isalpha() + ("가" <= character <= "힣") for character in text)
