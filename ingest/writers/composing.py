"""A reply that an agent asks for: what a model reads and writes for it, what stands in without one, and the rules.

The agent's wishes and draft are ground like a source, since the agent answers for them. They change how a reply is
written and what it says, never the rules: what a customer may know, which links may stand in it, which words may not.
"""

import msgspec

from ingest.thread import Thread
from ingest.writers.blocks import Blocks, shortened
from ingest.writers.links import Links
from ingest.writers.prompts import (
    ARTICLES,
    LANGUAGES,
    NEIGHBOURS,
    REPLY_TOKENS,
    Task,
    chosen_articles,
    folded,
    house_rules,
    links_of,
    system_prompt,
)
from ingest.writers.protocol import Wish
from ingest.writers.replies import TEXTS, greeting, recommend, tone
from ingest.writers.structured import Form, cleaned, closed_object
from ingest.writers.vetting import OWN, grounded, with_name, without_phrases
from shared.models import Reply

AGENT = "agent"
"""How a reply names the agent's own wishes or draft as its ground."""
WISH_CHARACTERS, DRAFT_CHARACTERS = 2_000, 6_000
COMPOSED_SCHEMA = closed_object(
    text={"type": "string"},
    kind={"type": "string", "enum": ["answer", "ask", "escalate"]},
    tone={"type": "string", "enum": ["friendly", "formal", "brief"]},
    sources={"type": "array", "items": {"type": "string"}},
)


def compose_task(wish: Wish) -> Task[Reply]:
    """One reply out of what the customer, other customers and the public may know, as the agent wishes it."""
    blocks = Blocks()
    blocks.ticket(wish.thread)
    _add_messages(blocks, wish.thread)
    for neighbour in [neighbour for neighbour in wish.neighbours if neighbour.reply.strip()][:NEIGHBOURS]:
        blocks.neighbour(neighbour)
    for article in chosen_articles(wish.articles, ARTICLES):
        blocks.article(article)
    if wish.draft.strip():
        blocks.add("draft of our agent", shortened(wish.draft, DRAFT_CHARACTERS))
    if wish.instructions.strip():
        blocks.add("wishes of our agent", shortened(wish.instructions, WISH_CHARACTERS))
    language = LANGUAGES.get(wish.language, LANGUAGES["en"])
    doing = "improve our agent's draft of a reply" if wish.draft.strip() else "write a reply"
    return Task(
        system=system_prompt("compose", wish.language) + house_rules(wish.thread.voice, wish.language),
        user=blocks.request(f"Task: {doing} to the customer in {language}."),
        max_tokens=REPLY_TOKENS,
        form=_form(links_of(blocks, wish.thread.voice)),
    )


def composed(wish: Wish) -> Reply:
    """The reply without a model: the agent's draft, what was sent on a similar ticket, an article, or that we look.

    Wishes can't be followed. CPU-bound: some milliseconds.
    """
    language = "ko" if wish.language == "ko" else "en"
    if draft := wish.draft.strip():
        return Reply(text=draft, tone=wish.thread.voice.tone or tone(draft, language), sources=[AGENT])
    found = recommend(wish.thread, wish.neighbours, wish.articles, language, wish.thread.voice.tone)
    return found[0] if found else holding(wish.thread, language)


def holding(thread: Thread, language: str) -> Reply:
    """A reply that says no more than that we look at it: there is nothing else to say."""
    say = TEXTS["ko" if language == "ko" else "en"]
    text = "\n\n".join([greeting(thread, "ko" if language == "ko" else "en"), say["received"], say["wait"]])
    return Reply(text=text, tone="formal", sources=[OWN], kind="ask")


def fit(reply: Reply, wish: Wish) -> Reply | None:
    """The reply as the rules of recommended ones allow it, mended where needed; None where it can't be mended.

    CPU-bound: some milliseconds for long replies.
    """
    own = f"ticket:{wish.thread.ticket_id}"
    offered = {f"ticket:{neighbour.ticket_id}" for neighbour in wish.neighbours}
    offered |= {article.source for article in wish.articles if article.public}
    if wish.draft.strip() or wish.instructions.strip():
        offered.add(AGENT)
    phrases = wish.thread.voice.forbidden_phrases
    sources = grounded(reply, own, offered)
    text = without_phrases(reply.text, phrases)
    if not sources or not text.strip():
        return None
    named = with_name(text, wish.thread, wish.language)
    if without_phrases(named, phrases) != named:
        named = text  # our own greeting is forbidden, too
    return msgspec.structs.replace(reply, text=named, sources=sources)


def _add_messages(blocks: Blocks, thread: Thread) -> None:
    public = thread.public()
    first, last = folded(public)
    blocks.messages(first)
    if left_out := len(public) - len(first) - len(last):
        blocks.say(f"{left_out} messages left out")
    blocks.messages(last, len(public) - len(last) + 1)


def _form(links: Links) -> Form[Reply]:
    def read(document: bytes) -> Reply:
        reply = msgspec.json.decode(document, type=Reply)
        sources = [source.strip(" []") for source in reply.sources]
        return msgspec.structs.replace(reply, text=cleaned(reply.text, links), sources=sources)

    return Form(
        name="reply",
        schema=COMPOSED_SCHEMA,
        path=("text",),
        links=links,
        read=read,
        text=lambda reply: reply.text,
        may_be_empty=True,
    )
