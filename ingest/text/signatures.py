"""Names, titles, telephone numbers and "Sent from my iPhone" at a message's end, taken off.

Cut is only what comes last and looks like nothing else: losing a customer's sentence is worse than keeping a name.
"""

import re

TALLEST, WIDEST = 12, 90
"""Lines of a block that may be a signature, and characters of one of its lines."""

# A device or an app names itself; such a line says nothing wherever it stands.
MOBILE = re.compile(
    r"(?i)(?:sent (?:from|with|via) (?:my |the )?[\w .,&+'’-]{2,60}|get outlook for \w+.{0,60}"
    r"|(?:나의|내) [\w .+-]{2,30}에서 보냄|[\w .+-]{2,30} ?(?:앱|어플|에서 ?보낸|메일)에서 ?(?:보냄|보냈습니다|발송)"
    r"|(?:iPhone|iPad|Galaxy|갤럭시|아이폰|네이버|다음|카카오)[\w .+-]{0,20}에서 ?(?:보냄|보냈습니다|발송됨?)"
    r"|yahoo mail[\w :.-]{0,40}android.{0,40})(?: \(https?://\S{1,200}\))?[.!]?"
)
CLOSING = re.compile(
    r"(?i)(?:(?:with )?(?:best|kind|kindest|warm|warmest|many|yours|sincere)?\s?(?:regards|wishes|greetings)"
    r"|(?:yours )?(?:sincerely|faithfully|truly)(?: yours)?|all the best|best|cheers|br|rgds|take care|respectfully"
    r"|(?:many )?thanks(?: (?:again|in advance|so much|a lot|for your help))?|thank you(?: (?:again|in advance|so much"
    r"|very much|for your help))?|thx|"
    r"(?:그럼 |항상 |미리 |대단히 )*(?:감사합니다|감사드립니다|고맙습니다|감사해요)"
    r"|수고하세요|수고하십시오|안녕히 ?계세요"
    r"|(?:오늘도 )?좋은 하루 ?(?:되세요|보내세요|되십시오)|(?:그럼 )?이만 줄입니다)\s?[.,!~^ ]*"
)
SIGNED = re.compile(
    r"(?:(?:감사합니다|고맙습니다|감사드립니다)[.,! ]*)?"
    r"(?:[가-힣A-Za-z.]{2,12} ){0,2}[가-힣A-Za-z]{1,10}(?<![을를]) ?(?:드림|올림|배상)[.]?"
)
CONTACT = re.compile(
    r"(?i)(?:상담|운영|업무|근무|영업)\s?시간|평일|(?:business|office|opening|support) hours"
    r"|(?:tel|phone|mobile|mob|cell|fax|e-?mail|web|office|direct|[tmfpe]|전화|휴대폰|휴대전화|핸드폰|팩스|이메일|메일|주소)"
    r"\s?[.:)]\s?\S|https?://\S+$|www\.\S+$|\S+@\S+\.\w+$|\+?\d[\d ().-]{6,20}$"
)
SENTENCE = re.compile(
    r"[?]|(?:니다|어요|아요|해요|세요|네요|군요|지요|죠|까요|습니까|음|함)[.!~]*$|\w{3,}[.!]\s+\w|\w\s\w+\s\w+\s\w+\s\w+.*[.!]$"
)
# What people add below their thanks: an order's number, the version of a program.
FACT = re.compile(r"(?i)\d|주문|번호|버전|오류|추신|order|version|error|\bp\.? ?s\b|windows|android|\bios\b|mac ?os")
DISCLAIMER = re.compile(
    r"(?i)(?:this (?:e-?mail|message|communication)(?: and any (?:files|attachments)\b.{0,40})? (?:is|are|may|contains)"
    r"|confidentiality notice|disclaimer:|the information (?:contained )?in this (?:e-?mail|message)"
    r"|(?:본|이) (?:전자)?(?:메일|우편)[은는].{0,40}(?:기밀|비밀|법률|지정된 수신인))"
)


def strip_signature(text: str) -> str:
    """The text without the signature at its end: after "-- ", after a closing, a signed name, a device's line.

    A closing that nothing follows stays, it may be all that is said. Never empties a text.
    """
    lines = text.rstrip().split("\n")
    for cut in (_without_mobile, _without_disclaimer, _without_delimited, _without_closing, _without_signed):
        shorter = cut(lines)
        if any(re.search(r"\w", line) for line in shorter):
            lines = shorter
    return "\n".join(lines).strip()


def _without_mobile(lines: list[str]) -> list[str]:
    return [line for line in lines if len(line) > WIDEST * 3 or not MOBILE.fullmatch(line.strip())]


def _without_disclaimer(lines: list[str]) -> list[str]:
    """Without a lawyer's paragraph among the last ones."""
    for number in range(max(1, len(lines) - TALLEST), len(lines)):
        if DISCLAIMER.match(lines[number].lstrip(" *")):
            return lines[:number]
    return lines


def _without_delimited(lines: list[str]) -> list[str]:
    """Without what follows the last "-- " line, if it is short enough to be a signature."""
    for number in range(len(lines) - 1, max(-1, len(lines) - TALLEST - 3), -1):
        if lines[number].strip() in ("--", "—", "---", "__"):
            return lines[:number] if all(len(line) <= WIDEST * 2 for line in lines[number:]) else lines
    return lines


def _without_closing(lines: list[str]) -> list[str]:
    """Without the last closing and the names, titles and numbers below it."""
    for number in range(len(lines) - 2, max(-1, len(lines) - TALLEST), -1):
        line = lines[number].strip()
        if len(line) <= WIDEST and CLOSING.fullmatch(line):
            below = [other.strip() for other in lines[number + 1 :] if other.strip()]
            signed = any(len(other) <= WIDEST and SIGNED.fullmatch(other) for other in below)
            return lines[:number] if below and (signed or all(map(_is_signature_line, below))) else lines
    return lines


def _without_signed(lines: list[str]) -> list[str]:
    """Without a line "... 드림" and the titles and numbers below it."""
    for number in range(max(1, len(lines) - TALLEST), len(lines)):
        line = lines[number].strip()
        below = [other.strip() for other in lines[number + 1 :] if other.strip()]
        if len(line) <= WIDEST and SIGNED.fullmatch(line) and all(map(_is_signature_line, below)):
            return lines[:number]
    return lines


def _is_signature_line(line: str) -> bool:
    """Whether a line may be a name, a title, a company, an address or a number."""
    if len(line) > WIDEST:
        return False
    return CONTACT.match(line) is not None or not (FACT.search(line) or SENTENCE.search(line))
