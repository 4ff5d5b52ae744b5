"""The history that mail clients repeat below an answer, taken out: of the markup where they mark it, else of the text.

What a client marks (Freshdesk, Gmail, Yahoo, Thunderbird, Apple, Outlook, Proton, Zoho) is dropped as an element; what
Outlook, Naver, Daum and plain text introduce by a header or a separator line is cut from there on. A forwarded mail
is the message itself and stays. So does everything where the quote is all there is.

`mail-parser-reply` was tried first: its pattern for Korean attributions can never match (its own look-ahead forbids
it), it takes "- item" lists for signatures, and `"On " * 50_000` keeps it busy for more than eight seconds.
"""

import re
from itertools import takewhile

from ingest.text.markup import BLOCKS, Element, parse, to_html, walk

QUOTES = (
    "freshdesk_quote", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote", "tutanota_quote", "zmail_extra",
    "ik_mail_quote", "outlookmessageheader",
)  # fmt: skip
"""Parts of class names that say: this element is a quote, or a quote's heading. Clients put prefixes before them."""

CONTAINERS = ("gmail_quote", "gmail_extra")
"""Parts of class names of an element that holds a quote, and between its blockquotes perhaps answers."""

REST = (
    "divrplyfwdmsg", "appendonsend", "mail-editor-reference-message-container", "ms-outlook-mobile-reference-message",
)  # fmt: skip
"""Parts of ids and class names from where on all is history."""

SENDER = r"from|보낸\s?사람|보낸이|발신인?|발신자"
FIELDS = r"sent|date|to|cc|subject|보낸\s?(?:날짜|시간|시각)|날짜|일시|(?:받는|받은)\s?사람|수신인?|수신자|참조|제목"
HEADER_START = re.compile(rf"[\s>*]*(?:{SENDER})\s?[*]*\s?:", re.IGNORECASE)
HEADER_LINE = re.compile(rf"[\s>*]*(?:{FIELDS})\s?[*]*\s?:", re.IGNORECASE)
HEADER_FIELDS = 2
"""Fields that must stand below the sender's, so that a line "From: ..." in somebody's prose is not taken for one."""
RAW_HEADER = re.compile(r"(?i)(?:received|return-path|message-id|mime-version|content-type|x-[\w-]+):")

SEPARATOR = re.compile(
    r"(?i)[\s>]*[-_=]{2,}\s*(?:original message|(?:원본|원문|이전)\s?(?:메시지|메세지|메일))\s*[-_=]{2,}\s*"
)
FORWARD = re.compile(r"(?i)[-_=\s]*(?:(?:begin )?forwarded message:?|전달된?\s?(?:메시지|메일))[-_=\s]*")

MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s"
DATE = re.compile(rf"(?i)\d{{1,4}}\s?[년./-]\s?\d{{1,2}}\s?[월./-]\s?\d{{1,4}}|\d{{1,2}}:\d\d|{MONTH}")
WROTE = re.compile(r"(?i)(?:\bwrote|작성|작성(?:하였|했)습니다|썼습니다|쓰셨습니다)\s?[:：]$")
LONGEST_ATTRIBUTION = 300
"""Characters of "On ... wrote:", over at most three lines."""
SAID = re.compile(r"(?!it\b|he\b|she\b|they\b)[\w.-]{2,30}(?: [\w.-]{1,20})? said", re.IGNORECASE)
"""How the quote button of Mozilla's and other forums introduces a quote."""

QUOTED = re.compile(r"\s*>")
SEPARATED = BLOCKS | {"br"}
Slot = tuple[list[Element | str], int]
"""Where a text stands in the copy of a tree: its parent's children, and its place there."""


def strip_quotes(html: str) -> str:
    """The markup without quoted history; unchanged (but for being well formed) if nothing else would be left."""
    return to_html(without_quotes(parse(html)))


def without_quotes(root: Element) -> Element:
    """The tree without quoted history, or the same tree if nothing else is in it."""
    pruned = _Pruner().run(root)
    return pruned if any(isinstance(node, str) and node.strip() for _, node in walk(pruned)) else root


class _Pruner:
    """Copies a tree without its quotes, in one pass over it."""

    def __init__(self) -> None:
        self.copy = Element("")
        self.path = [self.copy]
        self.container: Element | None = None
        self.answers = False  # a blockquote of the container was seen: what follows may be an answer
        self.line: list[Slot] = []
        self.line_before: list[Slot] = []

    def run(self, root: Element) -> Element:
        """The copy."""
        skipping: Element | None = None
        for event, node in walk(root):
            if skipping is not None:
                skipping = None if event == "close" and node is skipping else skipping
            elif isinstance(node, str):
                self._text(node)
            elif event == "close":
                self._close(node)
            elif _begins_history(node):
                break
            elif self._is_quote(node):
                skipping = node
            else:
                self._open(node)
        return self.copy

    def _text(self, text: str) -> None:
        if self.container is None or self.answers:
            siblings = self.path[-1].children
            siblings.append(text)
            if text.strip():
                self.line.append((siblings, len(siblings) - 1))

    def _open(self, element: Element) -> None:
        self._end_line(element)
        if self.container is None and _has(element.get("class"), CONTAINERS) and not _is_forward(element):
            self.container, self.answers = element, False
        shallow = Element(element.name, element.attributes)
        self.path[-1].children.append(shallow)
        self.path.append(shallow)

    def _close(self, element: Element) -> None:
        self._end_line(element)
        self.path.pop()
        if element is self.container:
            self.container = None

    def _end_line(self, element: Element) -> None:
        if self.line and element.name in SEPARATED:
            self.line_before, self.line = self.line, []

    def _is_quote(self, element: Element) -> bool:
        if _has(element.get("class"), QUOTES) or "quoted-text" in element.get("rel"):
            return True
        if element.name != "blockquote":
            return False
        if self.container is not None:
            self.answers = True
            return True
        self._end_line(element)
        return element.get("type") == "cite" or self._drop_attribution()

    def _drop_attribution(self) -> bool:
        """Takes the line above out of the copy if it says whose words follow."""
        text = "".join(str(siblings[place]) for siblings, place in self.line_before[:20]).strip()
        if not SAID.fullmatch(text) and not _is_attribution(text):
            return False
        for siblings, place in self.line_before:
            siblings[place] = ""
        self.line_before = []
        return True


def _has(value: str, parts: tuple[str, ...]) -> bool:
    return bool(value) and any(part in value for part in parts)


def _begins_history(element: Element) -> bool:
    """Whether all from here on is history: Outlook's marks, or the line it draws above a header."""
    if _has(element.get("id"), REST) or _has(element.get("class"), REST):
        return True
    return "border-top" in element.get("style") and HEADER_START.match(_beginning(element)) is not None


def _is_forward(container: Element) -> bool:
    """Whether a Gmail container holds a forwarded mail; it looks almost the same as an answer's history."""
    return FORWARD.match(_beginning(container)) is not None


def _beginning(element: Element) -> str:
    """The first words in an element; it is looked at no further than 50 nodes."""
    nodes = (node for (_, node), _ in zip(walk(element), range(50), strict=False))
    return "".join(node for node in nodes if isinstance(node, str))[:200].strip()


def strip_quoted_text(text: str) -> str:
    """Plain text without quoted history; the whole text if nothing else is in it.

    All below a separator, a header block or an attribution ("On ... wrote:", "... 작성:") is history. Where the
    quote's lines begin with ">", only those are, so that answers between them stay.
    """
    lines = text.split("\n")
    for number in range(len(lines)):
        if height := _attribution(lines, number):
            kept = _around(lines[:number], lines[number + height :])
            break
        if _is_cut(lines, number):
            kept = lines[:number]
            break
    else:
        kept = _without_outer_quotes(lines)
    return "\n".join(kept if any(re.search(r"\w", line) for line in kept) else lines).strip()


def _around(before: list[str], after: list[str]) -> list[str]:
    """What stays of the lines before and after an attribution."""
    filled = [line for line in after if line.strip()]
    if not filled or not QUOTED.match(filled[0]):
        return before
    return before + [line for line in after if not QUOTED.match(line)]


def _attribution(lines: list[str], number: int) -> int:
    """How many lines, 0 to 3, an attribution takes that begins at this line; clients wrap them."""
    joined = ""
    for height, line in enumerate(lines[number : number + 3], 1):
        joined = f"{joined} {line.strip(' >')}".strip()
        if len(joined) > LONGEST_ATTRIBUTION or not line.strip():
            return 0
        if joined.endswith((":", "：")):
            return height if _is_attribution(joined) and _may_begin(lines[number : number + height]) else 0
    return 0


def _may_begin(lines: list[str]) -> bool:
    """Whether an attribution begins with the first of these lines, and not with a later one."""
    if len(lines) == 1 or re.match(r"[\s>]*On\b", lines[0]):
        return True
    return DATE.search(lines[0]) is not None and not _is_attribution(" ".join(lines[1:]).strip())


def _is_attribution(line: str) -> bool:
    """Whether a line says who wrote what follows, and when: "On Wed, Mar 4, 2026 at 2:11 PM, Kim wrote:"."""
    return len(line) <= LONGEST_ATTRIBUTION and WROTE.search(line) is not None and DATE.search(line) is not None


def _is_cut(lines: list[str], number: int) -> bool:
    """Whether history begins at this line, by a separator or by a header block."""
    line = lines[number]
    if len(line) > LONGEST_ATTRIBUTION:
        return False
    if SEPARATOR.fullmatch(line):
        return True
    if not HEADER_START.match(line) or (number and FORWARD.fullmatch(_line_above(lines, number))):
        return False
    block = list(takewhile(str.strip, lines[number + 1 : number + 7]))
    if any(RAW_HEADER.match(other) for other in [*lines[max(0, number - 2) : number], *block]):
        return False  # somebody shows us the source of a mail
    return sum(HEADER_LINE.match(other) is not None for other in block) >= HEADER_FIELDS


def _line_above(lines: list[str], number: int) -> str:
    """The nearest line above that is not blank, looking three lines up."""
    return next((line for line in reversed(lines[max(0, number - 3) : number]) if line.strip()), "")


def _without_outer_quotes(lines: list[str]) -> list[str]:
    """The lines without those at the beginning and at the end that start with ">"."""
    start, end = 0, len(lines)
    while end > start and (QUOTED.match(lines[end - 1]) or not lines[end - 1].strip()):
        end -= 1
    while start < end and (QUOTED.match(lines[start]) or not lines[start].strip()):
        start += 1
    return lines[start:end]
