"""What must not travel from one customer's ticket into a reply to another: names, addresses, numbers, private links.

Masking errs on the safe side: a version with many digits may be lost, an agent sees the "[…]" and fills it in.
"""

import re
from collections.abc import Sequence

MASK = "[…]"

EMAIL = re.compile(r"[\w.+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
URL = re.compile(r"https?://[^\s()<>\"'“”]+")
PUBLIC_PATH = re.compile(
    r"(?i)/(?:articles?|solutions|kb|help|docs?|faq|guides?|questions|community|forums?)(?:[/#]|$)"
)
PRIVATE_URL = re.compile(r"[?@]|\d{6}|[0-9a-f]{16}|(?i:token|session|order|invoice|ticket)")

# Groups of digits: telephone, card, account and tracking numbers, dates. No version has three digits in each part.
GROUPED = re.compile(
    r"(?<![A-Za-z0-9.])(?:\+\d{1,3}[ .-]?)?(?:\(0?\d{1,3}\) ?|0\d{1,2}[ .-])?\d{3,4}[ .-]\d{4}(?![A-Za-z0-9]|\.\d)"
    r"|(?<![A-Za-z0-9.])\d{2,6}([ .-])\d{2,6}(?:\1\d{2,6}){1,5}(?![A-Za-z0-9]|\.\d)"
)
TOKEN = re.compile(r"[A-Za-z0-9*]+(?:[-_][A-Za-z0-9*]+)*")
LONG_RUN, LONG_WITH_PREFIX = 6, 5
"""Digits from which on a token is somebody's number; fewer are enough where letters and a stroke lead it (HB-77120)."""
PREFIX = re.compile(r"[A-Za-z]{1,6}[-_]?\d")
LONG_CODE, FEWEST_DIGITS = 8, 4
SCRAMBLED = re.compile(r"[A-Za-z].*\d.*[A-Za-z].*\d|\d.*[A-Za-z].*\d")
"""Letters and digits in turns (mw-7f31c0), which are somebody's trace, key or ticket where they are long."""
STANDARD = re.compile(r"(?i)(?:0x|iso|rfc|cve|kb|utf|sha|ipv|tls|ascii|windows)[-_]?[0-9a-f]")

GREETED = re.compile(
    r"(?:[Hh]i|[Hh]ello|[Dd]ear|[Hh]ey|[Gg]ood (?:[Mm]orning|[Aa]fternoon|[Ee]vening))[ ,]+(?:(?:Mr|Mrs|Ms|Dr)\.? )?"
    r"(?!(?i:there|all|everyone|team|sir|madam|again|folks)\b)([A-Z][\w'’-]+(?: [A-Z][\w'’-]+){0,2})\s*(?:[,.!:;—-]|$)"
)
GREETED_KO = re.compile(
    r"(?:^|안녕하(?:세요|십니까)[,.!]?\s*)([가-힣]{2,5}|[A-Za-z][A-Za-z .'-]{1,30}) ?(?:고객님|회원님|님)(?=[,.!~ ]|$)"
)
COMPOUND = "남궁|황보|제갈|사공|선우|독고"
SURNAME = (
    "[김이박최정강조윤장임한오서신권황안송류유전홍고문양손배백허남심노하곽성차주우구민진지엄채원천방공현함변염여추도소석선설마길연위표명기반왕"
    "금옥육인맹제모탁국은편용]"
)
NAMED = re.compile(
    rf"(?<![가-힣])((?:{SURNAME}|{COMPOUND})(?:(?!님)[가-힣]){{2}}) ?(고객님|회원님|님|씨)"
    r"(?=[은는이가을를의께과와도,.!?~ \n]|에게|$)"
)
NOBODY = frozenset(
    re.findall(
        r"\S+",
        """이용자 주인공 구매자 판매자 담당자 신청자 주문자 작성자 수령자 소비자 관리자 소중한 어머니 아버지 모르는
        기사분 여러분 선생님 문의한 주문한 구매한 이용한 신청한 방문한 이번에 지금은 이러한""",
    )
)
"""Words that look like a name and are none."""


def masked(text: str, public_urls: frozenset[str] = frozenset()) -> str:
    """The text with what looks like an e-mail address, a telephone, order or account number or a personal link masked.

    Links in `public_urls` and those of help pages stay.
    """
    pieces: list[str] = []
    end = 0
    for match in URL.finditer(text):
        url = match[0].rstrip(".,;:!?")
        pieces.append(_without_numbers(text[end : match.start()]))
        known = url in public_urls or PUBLIC_PATH.search(url) or not PRIVATE_URL.search(url)
        pieces.append(url if known else MASK)
        end = match.start() + len(url)
    pieces.append(_without_numbers(text[end:]))
    return "".join(pieces)


def _without_numbers(text: str) -> str:
    text = GROUPED.sub(MASK, EMAIL.sub(MASK, text))
    return TOKEN.sub(_token, text)


def _token(match: re.Match[str]) -> str:
    token = match[0]
    digits = sum(map(str.isdigit, token))
    if digits < FEWEST_DIGITS or STANDARD.match(token):
        return token
    if digits >= (LONG_WITH_PREFIX if PREFIX.match(token) else LONG_RUN):
        return MASK
    return MASK if len(token) >= LONG_CODE and SCRAMBLED.search(token[:80]) else token


def renamed(text: str, own: str, others: frozenset[str]) -> str:
    """The text with other customers' names replaced by this customer's name, or masked where `own` is "".

    Others are the names given, and three syllables that begin with a Korean surname before "고객님", "님" or "씨".
    """
    for other in sorted(others, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(other)}(?![A-Za-z0-9_])", lambda _: own or MASK, text)

    def rename(match: re.Match[str]) -> str:
        name, title = match[1], match[2]
        if name in NOBODY or name == own or name.endswith("하신"):
            return match[0]
        return f"{own or MASK} {title}" if title == "고객님" else f"{MASK} {title}"

    return NAMED.sub(rename, text)


def addressed(lines: Sequence[str]) -> frozenset[str]:
    """Names by which a reply's first lines address its reader, whole and by their first part."""
    found: set[str] = set()
    for line in lines:
        for match in [*GREETED.finditer(line), *GREETED_KO.finditer(line)]:
            name = match[1].strip()
            found |= {name, *(part for part in name.split() if len(part) > 2)}
    return frozenset(found - {"고객", "회원", "담당자"})
