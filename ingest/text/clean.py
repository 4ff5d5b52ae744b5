"""A message as somebody wrote it: no markup, no quoted history, no signature. What the stages and writers read."""

from ingest.text.html import render
from ingest.text.markup import parse
from ingest.text.quotes import strip_quoted_text, without_quotes
from ingest.text.sentences import detect_language, sentences
from ingest.text.signatures import strip_signature

__all__ = ["clean_message", "detect_language", "sentences"]


def clean_message(html: str) -> str:
    """The message's own words as plain text; see `html_to_text`, `strip_quotes` and `strip_signature`.

    Never raises. Empty only if the message shows no text at all: where everything is quote or signature, it stays.
    """
    tree = parse(html)
    own = strip_signature(strip_quoted_text(render(without_quotes(tree))))
    return own or render(tree)
