"""Personal data that must not travel: found in a thread right after it was cleaned, and replaced by a name of its kind.

From there on nothing holds it, neither prompt nor vector nor Canvas. Numbers are masked where their own check digit or
their shape says what they are, so that order numbers, versions and ticket ids stay. Every pattern takes time that is
linear in the text, whatever the text is: repetitions are possessive or bounded, and nothing is searched twice.
"""

import re
from collections.abc import Callable, Collection, Iterator
from typing import Final

import msgspec

from ingest.text.redact_secrets import mask_secrets
from ingest.thread import Message, Thread
from shared.tenant_settings import Redaction

MARKS: dict[str, dict[Redaction, str]] = {
    "en": {
        "card": "[card number]",
        "national_id": "[national id]",
        "secret": "[secret]",
        "email": "[e-mail]",
        "phone": "[phone number]",
        "iban": "[IBAN]",
    },
    "ko": {
        "card": "[카드번호]",
        "national_id": "[주민등록번호 등]",
        "secret": "[비밀정보]",
        "email": "[이메일]",
        "phone": "[전화번호]",
        "iban": "[IBAN]",
    },
}
DASH: Final = r"[-\u2010-\u2015\u2212]"
ALONE: Final = r"(?<![\dA-Za-z-])"
"""Not a word boundary: Korean particles and words stand right beside a number."""
ENDS: Final = r"(?![\dA-Za-z-])"

# Runs of digits with at most two signs between them; the groups decide where a card number can begin and end.
NUMBER = re.compile(r"(?<![\dA-Za-z_.])\d++(?:[ .\u00a0\u00b7\-\u2010-\u2015\u2212]{1,2}\d++)*+([A-Za-z_])?")
GROUP = re.compile(r"\d+")
FEWEST_DIGITS, MOST_DIGITS = 13, 19
FIRST_GROUP, SMALLEST_GROUP, MOST_GROUPS = 4, 2, 6
NO_CARD = frozenset({0, 1, 7})
"""First digits that no card has."""
CARD_PREFIX = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Mastercard
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}"  # American Express, Diners
    r"|(?:6011|64[4-9]\d|65\d\d|62\d\d|81\d\d|35(?:2[89]|[3-8]\d)|50\d\d|5[6-8]\d\d|6[37]\d\d|220[0-4])\d{12,15}"
)
GROUPED_PREFIX = re.compile(r"9\d{15}")
"""Cards that are valid in Korea alone begin with 9, as many order numbers do: only four groups of four are taken."""
SECURITY_CODE = re.compile(r"(?i)(?<![a-z])((?:cvc|cvv|cvn)2?[ :=#]{1,3})\d{3,4}(?!\d)")
OTHER_NUMBER = re.compile(
    r"(?i)(?:주문|송장|운송장|접수|예약|문의|티켓|배송|order|ticket|tracking|invoice|case|reference|ref)"
    r" ?(?:번호|no|number|id|nr)?[.:#은는 ]{0,3}$"
)
LABEL_CHARACTERS = 24

BIRTH_DATE: Final = r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
RESIDENT = re.compile(rf"{ALONE}{BIRTH_DATE}(?: ?{DASH} ?| )[1-8]\d{{6}}{ENDS}")
RESIDENT_RUN = re.compile(rf"(?<!\.){ALONE}{BIRTH_DATE}[1-8]\d{{6}}{ENDS}")
RESIDENT_LABEL = re.compile(r"(?i)(?:주민|외국인|resident|rrn|arc)[^\n\d]{0,20}$")
RESIDENT_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
SOCIAL_SECURITY = re.compile(rf"(?<!\.){ALONE}(?!000|666|9)\d{{3}}-(?!00)\d\d-(?!0000)\d{{4}}{ENDS}")
LABELLED_ID = re.compile(
    r"(?i)((?<![a-z])(?:ssn|social security(?: number| no)?|passport(?: number| no)?|여권(?: ?번호)?)[^\w\n]{0,3}"
    r"(?:is |은 |는 )?)([A-Z]{0,2}\d[\d -]{6,10}\d|[A-Z]\d{3}[A-Z]\d{4})" + ENDS
)
DRIVING_LICENCE = re.compile(rf"{ALONE}[1-2]\d{DASH}\d\d{DASH}\d{{6}}{DASH}\d\d{ENDS}")

EMAIL = re.compile(r"(?<![A-Za-z0-9_.+%-])[A-Za-z0-9_.+%-]{1,64}+@[A-Za-z0-9-]{1,63}+(?:\.[A-Za-z0-9-]{1,63}+)++")
PHONE = re.compile(
    r"(?<![\dA-Za-z.+-])(?:"
    r"(?:\+82[ .-]?|0)(?:2|1[016789]|[3-6]\d|70|50\d)[ .)-]{0,2}\d{3,4}[ .-]?\d{4}"  # Korea
    r"|\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){2,4}"  # any country, with its code
    r"|(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}"  # North America
    r")" + ENDS
)
IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")

Mask = Callable[[str, str], str]


def redacted(thread: Thread, kinds: Collection[Redaction]) -> Thread:
    """The thread without data of these kinds: its subject, names and messages. CPU-bound: about 1 ms for 20 KB."""
    if not kinds:
        return thread

    def clean(text: str) -> str:
        return redact(text, kinds, thread.language)

    messages = [_without(message, clean) for message in thread.messages]
    return msgspec.structs.replace(
        thread, subject=clean(thread.subject), requester_name=clean(thread.requester_name), messages=messages
    )


def _without(message: Message, clean: Callable[[str], str]) -> Message:
    files = [msgspec.structs.replace(file, name=clean(file.name)) for file in message.attachments]
    texts = {"text": clean(message.text), "author_name": clean(message.author_name)}
    return msgspec.structs.replace(message, **texts, attachments=files)


def redact(text: str, kinds: Collection[Redaction], language: str = "en") -> str:
    """The text with what looks like personal data of these kinds replaced by a mark in `language` ("ko" or "en").

    Never raises; a text that was redacted before stays as it is.
    """
    marks = MARKS.get(language, MARKS["en"])
    for kind, mask in _MASKS.items():
        if kind in kinds:
            text = mask(text, marks[kind])
    return text


def _mask_cards(text: str, mark: str) -> str:
    text = SECURITY_CODE.sub(lambda match: match[1] + mark, text)
    return _spliced(text, _cards(text), mark)


def _cards(text: str) -> Iterator[tuple[int, int]]:
    for run in NUMBER.finditer(text):
        groups = [group.span() for group in GROUP.finditer(text, run.start(), run.end())]
        if run[1]:
            groups.pop()  # the last one is the beginning of a word
        first = 0
        while first < len(groups):
            last = _card_end(text, groups[first : first + MOST_GROUPS])
            if last is None:
                first += 1
                continue
            yield groups[first][0], groups[first + last][1]
            first += last + 1


def _card_end(text: str, groups: list[tuple[int, int]]) -> int | None:
    """The group with which a card number ends that begins with the first one, or None: the longest one counts."""
    if int(text[groups[0][0]]) in NO_CARD:
        return None
    sizes: list[int] = []
    digits, found = 0, None
    for place, (begin, end) in enumerate(groups):
        sizes.append(end - begin)
        digits += end - begin
        if sizes[-1] < (SMALLEST_GROUP if place else FIRST_GROUP) or digits > MOST_DIGITS:
            break
        if digits >= FEWEST_DIGITS and _is_card(text, groups[0][0], end, sizes):
            found = place
    return found


def _is_card(text: str, begin: int, end: int, sizes: list[int]) -> bool:
    digits = "".join(str(int(character)) for character in text[begin:end] if character.isdecimal())
    known = CARD_PREFIX.fullmatch(digits) or (sizes == [4, 4, 4, 4] and GROUPED_PREFIX.fullmatch(digits))
    if not known or not _luhn(digits):
        return False
    return len(sizes) > 1 or not _is_labelled_otherwise(text, begin)


def _is_labelled_otherwise(text: str, begin: int) -> bool:
    """Whether the words before say that it is an order or the like: one number in ten has a card's check digit."""
    return OTHER_NUMBER.search(text[max(0, begin - LABEL_CHARACTERS) : begin]) is not None


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _mask_national_ids(text: str, mark: str) -> str:
    text = RESIDENT.sub(mark, text)
    text = _spliced(text, (run.span() for run in RESIDENT_RUN.finditer(text) if _is_resident(text, run)), mark)
    text = SOCIAL_SECURITY.sub(mark, text)
    text = LABELLED_ID.sub(lambda match: match[1] + mark, text)
    return DRIVING_LICENCE.sub(mark, text)


def _is_resident(text: str, run: re.Match[str]) -> bool:
    """Thirteen digits in a row: many are times or order numbers, so a check digit or a word must speak for it.

    Numbers given since October 2020 have no check digit: without a dash and a word they can't be told apart.
    """
    digits = [int(digit) for digit in run[0]]
    check = (11 - sum(map(int.__mul__, digits, RESIDENT_WEIGHTS)) % 11) % 10
    if _is_labelled_otherwise(text, run.start()):
        return False
    label = text[max(0, run.start() - LABEL_CHARACTERS) : run.start()]
    return check == digits[-1] or RESIDENT_LABEL.search(label) is not None


def _mask_ibans(text: str, mark: str) -> str:
    return _spliced(text, _ibans(text), mark)


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    for found in IBAN.finditer(text):
        candidate = found[0]
        # Words in capitals that follow look like more of it.
        while " " in candidate and not _is_iban(candidate):
            candidate = candidate.rpartition(" ")[0]
        if _is_iban(candidate):
            yield found.start(), found.start() + len(candidate)


def _is_iban(text: str) -> bool:
    """ISO 13616: the first four characters moved to the end, letters as numbers, modulo 97."""
    plain = text.replace(" ", "")
    return len(plain) >= 15 and int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def _spliced(text: str, spans: Iterator[tuple[int, int]], mark: str) -> str:
    pieces: list[str] = []
    end = 0
    for begin, until in spans:
        pieces += [text[end:begin], mark]
        end = until
    return "".join([*pieces, text[end:]])


_MASKS: dict[Redaction, Mask] = {
    "secret": mask_secrets,  # first, since keys hold runs of digits
    "email": lambda text, mark: EMAIL.sub(mark, text),
    "iban": _mask_ibans,
    "card": _mask_cards,
    "national_id": _mask_national_ids,
    "phone": lambda text, mark: PHONE.sub(mark, text),
}
