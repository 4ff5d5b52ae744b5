"""Other people's words in a prompt: blocks of data between lines that begin with a random boundary, capped by field.

Strangers' words stand only inside blocks, so nobody can write a label, end a block, or speak as somebody else.
"""

import secrets
from collections.abc import Sequence

from ingest.text.visible import without_invisible
from ingest.thread import Message, Thread
from ingest.writers.links import LINK
from ingest.writers.privacy import addressed, masked, renamed
from ingest.writers.protocol import Article, Earlier, Neighbour
from shared.models import Summary

LABELS = {"customer": "[customer]", "agent": "[agent]", "note": "[internal note]"}

# All caps are in characters: about 4 of them are a token in English, 1 to 2 in Korean.
LINE_CHARACTERS = 300  # a subject, a name or a title; Freshdesk's own subjects end at 255
MESSAGE_CHARACTERS = 4_000  # two pages; what is longer is a log file, whose start and end tell the most
REPLY_CHARACTERS = 1_200  # agents' replies on similar tickets; longer ones repeat the article they quote
SNIPPET_CHARACTERS = 1_200  # an article's best passage
OVERHEAD = 120  # a block's two boundary lines and its sender


class Blocks:
    """The blocks of one prompt. Its boundary is made anew for each call, so nobody can have known it."""

    def __init__(self) -> None:
        self.boundary = secrets.token_hex(8)
        self.done: list[str] = []

    def add(self, name: str, text: str) -> None:
        """A block of data. Characters that no person can see are taken out: they hide words from people alone."""
        text = without_invisible(text)
        self.done.append(f"{self.boundary} begin {name}\n{text}\n{self.boundary} end {name}")

    def say(self, line: str) -> None:
        """A line of our own between the blocks."""
        self.done.append(f"{self.boundary} {line}")

    def ticket(self, thread: Thread) -> None:
        """Subject and customer. Not the status: it changes without a word being said, and nothing is written anew."""
        self.add("ticket", f"Subject: {line(thread.subject)}\nCustomer: {line(thread.requester_name)}")

    def messages(self, messages: Sequence[Message], first: int = 1, longest: int = MESSAGE_CHARACTERS) -> None:
        """A block a message, counted from `first`; messages without text are skipped."""
        for number, message in enumerate(messages, first):
            if message.text.strip():
                sender = f"From: {line(message.author_name)}, " if message.author_name.strip() else ""
                text = f"{sender}{message.created_at:%Y-%m-%d %H:%M}\n{shortened(message.text, longest)}"
                self.add(f"message {number} {LABELS[message.author]}", text)

    def earlier(self, earlier: Earlier) -> None:
        """What stands for the first messages."""
        several = len(earlier.summaries) > 1
        for number, summary in enumerate(earlier.summaries, 1):
            part = f", part {number} of {len(earlier.summaries)}" if several else ""
            self.add(f"summary of messages 1 to {earlier.covers}{part}", told(summary))

    def neighbour(self, neighbour: Neighbour) -> None:
        """What an agent sent another customer, without what belongs to that customer.

        `resolution` is left out: it is for agents' eyes, and mostly the same words. So are links in the subject, which
        that customer wrote: what stands in a prompt may be linked to.
        """
        answer = _anonymous(shortened(neighbour.reply, REPLY_CHARACTERS))
        subject = _anonymous(LINK.sub("", line(neighbour.subject)))
        self.add(f"ticket:{neighbour.ticket_id}", f"Subject: {subject}\nAnswer: {answer}")

    def article(self, article: Article, longest: int = SNIPPET_CHARACTERS) -> None:
        """A help article's title, address and best passage, or the company's own prepared answer."""
        snippet = shortened(article.snippet, longest)
        where = f"URL: {line(article.url)}" if article.kind == "article" else "Our company's prepared answer:"
        self.add(article.source, f"Title: {line(article.title)}\n{where}\n{snippet}")

    def request(self, task: str) -> str:
        """The whole message to the model, the task last."""
        return "\n\n".join([f"Boundary: {self.boundary}", *self.done, task])


def _anonymous(text: str) -> str:
    """A text of another customer's ticket without whom it was written to, and without that customer's numbers."""
    return renamed(masked(text), "", addressed(text.split("\n")[:4]))


def cost(message: Message) -> int:
    """About how many characters of a prompt a message takes."""
    return min(len(message.text), MESSAGE_CHARACTERS) + OVERHEAD


def told(summary: Summary) -> str:
    """A summary as a model reads it again."""
    fields = {"Text": summary.text, "Problem": summary.problem, "Tried": summary.tried, "Next": summary.next_step}
    return "\n".join(f"{name}: {value}" for name, value in fields.items() if value)


def shortened(text: str, limit: int) -> str:
    """At most about `limit` characters: three quarters from the start, one from the end, and what is missing."""
    if len(text) <= limit:
        return text
    start, end = limit - limit // 4, limit // 4
    return f"{text[:start].rstrip()}\n[… {len(text) - limit} characters left out …]\n{text[-end:].lstrip()}"


def line(text: str) -> str:
    """One line of at most LINE_CHARACTERS, without characters that no person can see."""
    return " ".join(without_invisible(text).split())[:LINE_CHARACTERS]
