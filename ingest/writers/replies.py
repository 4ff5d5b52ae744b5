"""Replies to recommend without a model: what agents sent on the most similar tickets, made fit for this customer.

Only greeting and names are changed, and what belongs to the other customer is masked. Where no such reply exists, the
best public article is passed on. Beside the answer may stand a reply that asks for what the sources want to know and
the customer has not said, and one that escalates where an answer of ours did not help. Nothing without a source.
Private notes, resolutions and articles for agents are never read here: what stands in a reply, a customer reads.
"""

import re
from collections.abc import Sequence

from ingest.text.sentences import detect_language, sentences
from ingest.text.signatures import strip_signature
from ingest.thread import Thread
from ingest.writers import cues
from ingest.writers.privacy import GREETED, MASK, addressed, masked, renamed
from ingest.writers.protocol import Article, Neighbour
from ingest.writers.salience import alike, terms
from shared.models import Reply, Tone

MOST = 3
MOST_SOURCES = 3
VERSION = "r3"
"""Of these rules, as prompts have versions: by it the feedback of agents is counted."""
LONGEST_SNIPPET = 400  # characters
SAME = 0.75
"""Share of common terms from which on two replies are the same one to an agent."""
FEWEST_LETTERS = 20
"""Letters that a reply needs, beside masks, to be worth sending."""
LONGEST_REPLY = 5000
"""Characters of a reply; what is longer is a document and no answer to anybody else."""
BRIEF = {"ko": 110, "en": 220}
"""Characters up to which a reply is brief."""

CALLED = re.compile(r"^[A-Z][a-z]{2,14}, (?=(?!I\b)[A-Z])")
NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[ .'’-]){0,39}")

TEXTS = {
    "ko": {
        "greeting": "안녕하세요, {name} 고객님.", "greeting_unnamed": "안녕하세요, 고객님.",
        "article": "문의하신 내용은 아래 도움말에서 다루고 있습니다.",
        "article_end": "안내대로 해 보신 뒤에도 해결되지 않으면 이 메일에 회신해 주세요. 이어서 확인하겠습니다.",
        "received": "문의해 주신 내용을 담당자가 확인하고 있습니다.",
        "ask": "정확히 살펴볼 수 있도록 아래 내용을 알려 주시겠어요?",
        "wait": "확인되는 대로 이 메일로 답변드리겠습니다.",
        "order": "- 주문번호", "version": "- 사용하시는 프로그램이나 앱의 버전과 기기",
        "picture": "- 문제가 보이는 화면 사진", "when": "- 문제가 처음 나타난 때와 그때까지 하신 일",
        "escalate": "앞서 안내해 드린 방법으로 해결되지 않아 불편을 드려 죄송합니다.",
        "escalate_end": "남겨 주신 내용을 그대로 전달하여 전문 담당자가 이어서 살펴보도록 하겠습니다. "
        "같은 설명을 다시 해 주실 필요는 없습니다.",
    },
    "en": {
        "greeting": "Hi {name},", "greeting_unnamed": "Hi there,",
        "article": "This help article covers what you describe:",
        "article_end": "If that does not solve it, just reply to this mail and we will look into it further.",
        "received": "Thank you for writing to us. We are looking into what you describe.",
        "ask": "Could you send us the following, so that we can check it properly?",
        "wait": "We will get back to you as soon as we know more.",
        "order": "- your order number", "version": "- the version of the program or app, and your device",
        "picture": "- a screenshot of what you see", "when": "- when it first happened, and what you did until then",
        "escalate": "I am sorry that what we suggested so far has not solved this.",
        "escalate_end": "I am passing your ticket on to a colleague who will look into it more closely, with "
        "everything you have written. You do not need to explain it again.",
    },
}  # fmt: skip

WANTED = {
    "order": re.compile(r"(?i)\border (?:number|no\b|id\b|#)|주문\s?번호"),
    "version": re.compile(r"(?i)\b(?:which|what|your|the) (?:\w+ )?version|\bversion (?:number|of)|버전"),
    "picture": re.compile(
        r"(?i)\bscreen ?(?:shot|grab)s?\b|\b(?:picture|photo)s? of\b|캡처|스크린샷|화면\s?사진|사진을?\s?(?:보내|첨부)"
    ),
    "when": re.compile(
        r"(?i)\bsince when\b|\bwhen (?:did|does) (?:it|this|the)\b|언제부터|발생\s?(?:시각|시간|일시)|처음\s?나타"
    ),
}  # fmt: skip
"""By what a reply may ask for: how an agent or an article names it. Only what a source wants to know is asked."""
GIVEN = {
    "order": re.compile(
        r"(?i)\b[A-Z]{1,4}[-_]?\d{6,}|\d{8,}|order (?:number|no\.?|#)\s*:?\s*\w*\d"
        r"|주문\s?번호\s?[:는은]?\s*\w*\d"
    ),
    "version": re.compile(r"(?i)\bv(?:ersion)? ?\d|\b\d+\.\d+|버전\s?\d|\b(?:windows|android|ios|macos|win) ?\d"),
    "picture": re.compile(r"(?i)\battach|\bscreen ?shot|첨부|캡처|사진|스크린샷"),
}


def recommend(
    thread: Thread,
    neighbours: Sequence[Neighbour],
    articles: Sequence[Article],
    language: str,
    wanted: Tone | None = None,
) -> list[Reply]:
    """At most three replies to the customer's last words in `language`, the best first; none without a source.

    `sources` names each reply's ticket ("ticket:12"), article ("article:7") or canned response ("canned:9"); the latter
    stands beside what was sent before, since the company has prepared it. Among answers that were sent before, those in
    the `wanted` tone come first.
    """
    code = "ko" if language == "ko" else "en"
    shown = [article for article in articles if article.public]
    others = [neighbour for neighbour in neighbours if neighbour.ticket_id != thread.ticket_id]
    beside = [reply for reply in (_asking(thread, others, shown, code), _escalating(thread, code)) if reply]
    answers = _from_neighbours(thread, others, frozenset(article.url for article in shown if article.url), code)
    answers.sort(key=lambda reply: wanted is not None and reply.tone != wanted)
    prepared = [reply for article in shown if (reply := _from_canned(thread, article, code))][:1]
    if prepared:
        answers = [*answers[: max(1, MOST - 1 - len(beside))], *prepared]
    if not answers:
        readable = [article for article in shown if article.language == code and article.kind == "article"]
        answers = [_from_article(thread, article, code) for article in readable][:1]
    if not answers and not any(neighbour.reply for neighbour in others):
        return []
    return [*answers[: MOST - len(beside)], *beside]


def _from_neighbours(
    thread: Thread, neighbours: Sequence[Neighbour], urls: frozenset[str], language: str
) -> list[Reply]:
    """What was sent on other tickets in this language, solved ones first; none says what another one says."""
    replies: list[Reply] = []
    for neighbour in sorted(neighbours, key=lambda other: not other.resolved):
        if neighbour.language != language:
            continue
        if len(neighbour.reply) > LONGEST_REPLY:
            continue
        body = _adapted(neighbour.reply, customer(thread, language), urls)
        known = any(alike(terms(body), terms(reply.text)) >= SAME for reply in replies)
        if known or not _worth_sending(body, language):
            continue
        text = f"{greeting(thread, language)}\n\n{body}"
        replies.append(Reply(text=text, tone=tone(body, language), sources=[f"ticket:{neighbour.ticket_id}"]))
        if len(replies) == MOST:
            break
    return replies


def _adapted(reply: str, name: str, urls: frozenset[str]) -> str:
    """Somebody else's reply without its greeting, introduction and signature, with names changed and numbers masked."""
    lines = strip_signature(reply).split("\n")
    others = addressed(lines[:4])
    kept: list[str] = []
    for number, line in enumerate(lines):
        own = _own_part(line) if not any(other.strip() for other in kept) else line
        if own or number:
            kept.append(own)
    safe = masked(renamed("\n".join(kept).strip(), name, others), urls)
    return "\n".join(line for line in safe.split("\n") if line.strip() != MASK)


def _own_part(line: str) -> str:
    """A line of a reply's beginning without greeting, name and introduction; list items stay as they are."""
    parts = sentences(GREETED.sub("", line, count=1))
    own = [CALLED.sub("", cues.own_words(part)) for part in parts]
    return line if own == parts and not GREETED.match(line) else " ".join(part for part in own if part)


def _worth_sending(body: str, language: str) -> bool:
    """Whether a reply says something that helps, in the right language."""
    letters = sum(character.isalpha() for character in body.replace(MASK, ""))
    if letters < FEWEST_LETTERS or detect_language(body) != language:
        return False
    return any(not cues.says_nothing(sentence) for sentence in sentences(body))


def customer(thread: Thread, language: str) -> str:
    """How a reply calls the customer: the whole name in Korean, the first name in English; "" if there is none."""
    name = " ".join(thread.requester_name.split())
    if not NAME.fullmatch(name):
        return ""
    return name.split()[0] if language == "en" and name.isascii() else name


def greeting(thread: Thread, language: str) -> str:
    """The first line of a reply."""
    name = customer(thread, language)
    return TEXTS[language]["greeting"].format(name=name) if name else TEXTS[language]["greeting_unnamed"]


def tone(body: str, language: str) -> Tone:
    """The tone of a text by its own style: short is brief; Korean polite speech in -요 and English contractions are
    friendly; all else is formal."""
    if len(body) <= BRIEF[language]:
        return "brief"
    if language == "ko":
        casual, stiff = len(re.findall(r"[요][.!?~]|[!~😊]", body)), len(re.findall(r"니다[.!]?", body))
        return "friendly" if casual >= stiff else "formal"
    casual = len(re.findall(r"(?i)\b\w+['’](?:ll|re|ve|s|d|t|m)\b|!|\b(?:hi|great|glad|happy)\b", body))
    return "friendly" if casual > len(sentences(body)) // 3 else "formal"


def _from_canned(thread: Thread, article: Article, language: str) -> Reply | None:
    """What the company has prepared for such a case, without a greeting of its own."""
    if article.kind != "canned" or article.language != language:
        return None
    lines = article.snippet.split("\n")
    body = "\n".join([_own_part(lines[0]), *lines[1:]]).strip()
    if not _worth_sending(body, language):
        return None
    return Reply(text=f"{greeting(thread, language)}\n\n{body}", tone=tone(body, language), sources=[article.source])


def _from_article(thread: Thread, article: Article, language: str) -> Reply:
    """A reply that passes on an article."""
    say = TEXTS[language]
    snippet = " ".join(article.snippet.split())
    if len(snippet) > LONGEST_SNIPPET:
        snippet = snippet[:LONGEST_SNIPPET].rsplit(" ", 1)[0] + "…"
    about = "\n".join(part for part in (article.title, snippet, article.url) if part)
    text = f"{greeting(thread, language)}\n\n{say['article']}\n\n{about}\n\n{say['article_end']}"
    return Reply(text=text, tone="formal", sources=[article.source])


def _asking(
    thread: Thread, neighbours: Sequence[Neighbour], articles: Sequence[Article], language: str
) -> Reply | None:
    """A reply that asks for what agents or articles want to know in such a case and this customer has not said yet."""
    say = TEXTS[language]
    said = "\n".join([thread.subject, *(message.text for message in thread.said_by("customer"))])
    shown = bool([file for message in thread.said_by("customer") for file in message.attachments])
    texts = {f"ticket:{neighbour.ticket_id}": neighbour.reply for neighbour in neighbours}
    texts |= {article.source: article.snippet for article in articles}
    wanting = {thing: [source for source, text in texts.items() if WANTED[thing].search(text)] for thing in WANTED}
    missing = [
        thing
        for thing, sources in wanting.items()
        if sources and not (thing in GIVEN and GIVEN[thing].search(said)) and not (thing == "picture" and shown)
    ]
    if not missing:
        return None
    sources = dict.fromkeys(source for thing in missing for source in wanting[thing])
    lines = [greeting(thread, language), "", say["received"], say["ask"], *(say[thing] for thing in missing)]
    tone: Tone = "friendly" if language == "en" else "formal"
    return Reply(text="\n".join([*lines, "", say["wait"]]), tone=tone, sources=list(sources)[:MOST_SOURCES], kind="ask")


def _escalating(thread: Thread, language: str) -> Reply | None:
    """A reply that hands the ticket on, where the customer is still in trouble after an answer of ours."""
    last = thread.waiting()
    if last is None or not any(message.text for message in thread.said_by("agent")):
        return None
    if cues.CONFIRMED.search(last.text) or not (cues.TROUBLE.search(last.text) or cues.ANGRY.search(last.text)):
        return None
    say = TEXTS[language]
    text = "\n\n".join([greeting(thread, language), say["escalate"], say["escalate_end"]])
    return Reply(text=text, tone="formal", sources=[f"ticket:{thread.ticket_id}"], kind="escalate")
