"""Links that a model may write: those of the ticket and of its sources. All others are taken out.

A model that reads strangers' text can be talked into linking to them, or into putting what it knows into a link.
Text is cleaned word by word (a word with the white space before it), so that a text that is still being written is
cleaned exactly like the finished one.
"""

import re
from collections.abc import Iterable
from functools import cached_property

_HOST = r"(?:[a-z0-9](?:[a-z0-9-]{0,62})\.)+(?:xn--[a-z0-9-]{2,59}|[a-z]{2,24})(?![a-z0-9-])"
_REST = r"(?:[a-z0-9\-._~:/?#\[\]@!$&'()*+,;=%|]*[a-z0-9\-_~/#&=+$@%*])?"
_BARE = (
    "com|org|net|info|biz|io|co|cc|tv|kr|ru|cn|jp|uk|de|fr|nl|eu|su|tk|pw|gg|ly|icu|xyz|top|click|link|site|online|shop"
    "|store|cloud|live|vip|website|space"
)
_OTHER_SCRIPT = "[\u0370-\u10ff\u3040-\u30ff\u4e00-\u9fff]"
_BEFORE = r"(?<![a-z0-9.@/_-])"  # not inside an address or a path; Hangul may stand before a link

LINK = re.compile(
    # with a scheme: of ASCII, so that a Korean particle ends it, unless it begins with something else
    rf"[a-z][a-z0-9+.\-]{{0,30}}://(?:[a-z0-9]{_REST}|\S+)"
    r"|https?:[^\s가-힣]+"  # browsers need no strokes, and take those of Windows for the others
    r"|(?:javascript|vbscript|mailto|file|blob):[^\s]+|data:[a-z0-9.+/;=-]*,\S*|(?:tel|sms|callto):\+?\d[\d().+-]*"
    rf"|(?<![:/\\\w])[/\\]{{2}}{_HOST}(?:\\\S*|{_REST})"
    rf"|(?<![a-z0-9.+_-])[a-z0-9.+_-]{{1,64}}@{_HOST}"  # mail goes where it is sent
    rf"|{_BEFORE}www\.[a-z0-9]{_REST}"
    rf"|{_BEFORE}{_HOST}(?::\d{{2,5}})?/{_REST}"
    rf"|{_BEFORE}{_HOST}(?::\d{{2,5}})?(?:\?[a-z0-9_.-]+=|#[a-z]){_REST}|{_BEFORE}{_HOST}:\d{{4,5}}(?!\d)"
    # of other scripts than Hangul, whose sentences end with a stop before a stroke, too
    rf"|{_BEFORE}(?=[^\s/]{{0,99}}{_OTHER_SCRIPT})[^\s/]{{1,99}}\.[^\s/.]{{2,24}}/\S*"
    # without scheme and path only where the last part can hardly be a file's ending or a product's name
    rf"|{_BEFORE}(?:[a-z0-9](?:[a-z0-9-]{{0,62}})\.)+(?:{_BARE})"
    r"(?![a-z0-9-]|\.[a-z0-9])",
    re.IGNORECASE,
)
HOST = re.compile(_BEFORE.replace("/", "") + _HOST, re.IGNORECASE)
WORD = re.compile(r"\s*\S+")
PRODUCTS = frozenset({"asp.net", "vb.net", "ado.net", "paint.net", "socket.io", "draw.io"})
"""Names that only look like a host."""
EMPTY_BRACKETS = re.compile(r"\(\)|\[\]|<>|\{\}")
END_OF_SENTENCE = re.compile(r"[.!?]+\Z")


class Links:
    """The links that occur in `texts`; their hosts alone are allowed too."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = tuple(texts)

    @cached_property
    def found(self) -> frozenset[str]:
        """The links and hosts as they stand in the texts: all that has to be kept of these to allow the same again."""
        whole = "\n".join(self._texts)
        return frozenset(match[0] for match in (*LINK.finditer(whole), *HOST.finditer(whole)))

    @cached_property
    def _allowed(self) -> frozenset[str]:
        """Looked for only when a text has a link, which few have: 5 ms in a thread of 30 long messages."""
        return PRODUCTS | {_normal(link) for link in self.found}

    def clean(self, text: str) -> str:
        """The text without foreign links, and without white space at its end."""
        return "".join(self._word(match[0]) for match in WORD.finditer(text))

    def _word(self, word: str) -> str:
        kept, before = word, ""
        while kept != before:  # what is left when a link is gone may be a link again
            kept, before = LINK.sub(self._link, kept), kept
        if kept == word:
            return word
        kept = EMPTY_BRACKETS.sub("", kept)
        if any(character.isalnum() for character in kept):
            return kept
        end = END_OF_SENTENCE.search(kept)
        lines = "\n" * kept.count("\n")
        return lines + (end[0] if end else "")

    def _link(self, match: re.Match[str]) -> str:
        return match[0] if _normal(match[0]) in self._allowed else ""


def settled(text: str) -> int:
    """How many characters at the start of a growing text are whole words, so that cleaning them is final."""
    end = len(text)
    if text and not text[-1].isspace():
        end -= len(text.rsplit(maxsplit=1)[-1])
    return len(text[:end].rstrip())


def _normal(link: str) -> str:
    """A link as spellings of it compare: without http(s), `www.` and a slash at its end; the host in lower case."""
    link = re.sub(r"^(?:https?:)?//", "", link, flags=re.IGNORECASE)
    host, slash, rest = link.partition("/")
    return (host.lower().removeprefix("www.") + slash + rest).rstrip("/")
