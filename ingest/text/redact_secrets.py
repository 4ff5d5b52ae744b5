"""Keys, tokens and passwords in a text: by the shapes that their makers gave them, and by the word that announces them.

A word alone is no proof ("Password: reset does not work"), so what follows it must look like a secret, or stand alone
on its line.
"""

import re
from itertools import zip_longest
from typing import Final

SHAPES = re.compile(
    r"(?<![A-Za-z0-9_])(?:"
    r"sk-[A-Za-z0-9_-]{20,200}+"  # OpenAI, Anthropic
    r"|(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}(?![A-Z0-9])"  # AWS
    r"|gh[pousr]_[A-Za-z0-9]{36,255}+|github_pat_[A-Za-z0-9_]{22,255}+|glpat-[A-Za-z0-9_-]{20,100}+"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,250}+|xapp-[A-Za-z0-9-]{10,250}+"  # Slack
    r"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,250}+|whsec_[A-Za-z0-9+/=]{16,100}+"  # Stripe
    r"|AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,500}+|GOCSPX-[A-Za-z0-9_-]{20,60}+"  # Google
    r"|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}"  # SendGrid
    r"|(?:SK|AC)[0-9a-f]{32}(?![0-9a-f])"  # Twilio
    r"|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{16,500}+|hf_[A-Za-z0-9]{30,60}+|do[opr]_v1_[0-9a-f]{64}"
    r"|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|\d{8,10}:[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"  # Shopify, Telegram
    r")"
    # A JSON Web Token. It begins where its run of characters does: looked for inside, it would be read again and again.
    r"|(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,4000}+\.[A-Za-z0-9_-]{10,20000}+(?:\.[A-Za-z0-9_-]{0,2000}+)?"
)
BEARER = re.compile(r"(?i)(?<![a-z])((?:bearer|basic) {1,3})((?=[^ \n]{0,300}\d)[A-Za-z0-9._~+/=-]{16,2000}+)")
IN_URL = re.compile(
    r"(?i)([?&](?:token|key|api_?key|secret|sig|signature|access_token|auth|password|pwd)=)[^\s&#\"'<>]{1,2000}+"
)
URL_PASSWORD = re.compile(r"(?<=://)([^\s/:@]{1,64}+:)[^\s/@]{1,128}+(?=@)")

BEGIN_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
END_KEY = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
KEY_LINES = re.compile(r"(?:\s{0,4}+[A-Za-z0-9+/=]{16,}+)*+")
LONGEST_KEY = 20_000

NAME: Final = (
    r"(?:(?:api|access|secret|client|auth|private|session|refresh)[ _-]?(?:key|token|secret)|token|secret"
    r"|password|passwd|passcode|passphrase|pwd|pw"
    r"|비밀 ?번호|패스워드|암호|비번|인증 ?키|접근 ?키|토큰|시크릿(?: ?키)?|API ?키)"
)
SAID = re.compile(
    rf"(?i)(?<![a-z])({NAME}[\"']? ?[ \t]{{0,3}}(?:([:=：])|(?<=[가-힣])[은는] | is )[ \t]{{0,3}}[\"'“‘]?)"
    r"([^\s\"'“”‘’가-힣]{3,200}+)(?=([^\n]{0,3}))"
)
PAIR = re.compile(r"(?i)(?<![a-z])((?:id|아이디) ?/ ?(?:pw|pass|password|비번|비밀번호) ?[:=：] ?)[^\n]{3,200}+")
SIGN = re.compile(r"[!@#$%^&*+=?~|\\<>]")
END_OF_SENTENCE: Final = ".,;!?)"
NO_SECRET = re.compile(
    r"(?i)changed|empty|error|expired|fail(?:ed|s)?|forgotten|incorrect|invalid|lost|missing|n/a|none|null|optional"
    r"|required|reset|unknown|wrong"
)


def mask_secrets(text: str, mark: str) -> str:
    """The text with keys, tokens and passwords replaced by `mark`; what announces them stays."""
    text = _without_private_keys(text, mark)
    text = SHAPES.sub(mark, text)
    text = BEARER.sub(lambda match: match[1] + mark, text)
    text = URL_PASSWORD.sub(lambda match: match[1] + mark, IN_URL.sub(lambda match: match[1] + mark, text))
    text = PAIR.sub(lambda match: match[1] + mark, text)
    return SAID.sub(lambda match: _said(match, mark), text)


def _without_private_keys(text: str, mark: str) -> str:
    begins = list(BEGIN_KEY.finditer(text))
    closings = END_KEY.finditer(text)
    closing = next(closings, None)
    pieces: list[str] = []
    end = 0
    for begin, following in zip_longest(begins, begins[1:]):
        while closing and closing.start() < begin.end():
            closing = next(closings, None)
        until = min(following.start() if following else len(text), begin.end() + LONGEST_KEY)
        lines = KEY_LINES.match(text, begin.end())
        pieces += [text[end : begin.start()], mark]
        # A block that was cut off, or never closed, ends with its last line.
        end = closing.end() if closing and closing.start() <= until else lines.end() if lines else begin.end()
    return "".join([*pieces, text[end:]])


def _said(match: re.Match[str], mark: str) -> str:
    label, sign, value, rest = match.groups()
    core = value.rstrip(END_OF_SENTENCE)
    if core.startswith(("[", "http:", "https:")) or NO_SECRET.fullmatch(core):
        return match[0]
    alone = sign is not None and not rest.strip(" \t.,;!")
    if not (alone or _looks_secret(core, announced=sign is not None)):
        return match[0]
    return f"{label}{mark}{value[len(core) :]}"


def _looks_secret(word: str, *, announced: bool) -> bool:
    """Letters with digits or signs are no word of a language; digits alone are one only after a colon."""
    letters, digits = any(map(str.isalpha, word)), any(map(str.isdigit, word))
    if letters and (digits or (SIGN.search(word) and len(word) >= 6)):
        return True
    return announced and word.isdigit() and len(word) >= 4
