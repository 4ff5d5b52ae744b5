"""What of a message a person would have seen. Instructions to a model like to hide where no reader looks.

Two kinds of hiding are undone: markup that makes text invisible (`Look`), and characters that have no shape.
"""

import re
import unicodedata
from dataclasses import dataclass, replace

from ingest.text.markup import Element

# Zero-width and bidirectional controls, soft hyphens, tags, variation selectors (but the one of emoji), Hangul
# fillers, annotation marks, and the control characters that are no white space.
INVISIBLE = re.compile(
    "[\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\ud800-\udfff]"
)
MARKS_MAYBE = re.compile(r"[^\w\s\x00-\u02ff]{5,}")
TALLEST = 4
"""Combining marks on one letter; no script needs more, and normalising a run of n of them takes n² steps."""

HIDDEN = re.compile(
    r"display\s*:\s*none|opacity\s*:\s*(?:0?(?:\.0\d*)?|\d(?:\.\d*)?%)\s*(?![.\d%])|mso-hide\s*:\s*all"
    r"|filter\s*:[^;]{0,60}opacity\(\s*0(?:\.0\d*)?%?\s*\)|content-visibility\s*:\s*hidden|zoom\s*:\s*0?(?:\.0\d*)?\s*(?![.\d])"
    r"|max-(?:height|width)\s*:\s*0(?![.\d])|letter-spacing\s*:\s*-(?:\d{2,}|\d+(?:\.\d+)?em)"
    r"|text-indent\s*:\s*-\d{3,}|(?:left|top|right|bottom)\s*:\s*-\d{3,}|clip\s*:\s*rect\(\s*(?:0|1px[\s,]+1px[\s,]+1px)"
    r"|clip-path\s*:\s*(?:inset\(\s*(?:[5-9]\d|100)%|circle\(\s*0|polygon\(\s*0\s+0\s*,\s*0\s+0\s*,\s*0\s+0)"
    r"|transform\s*:\s*(?:scale[xy]?\(\s*0(?:\.0\d*)?\s*[,)]|translate[xy]?\(\s*-\d{3,})"
    r"|(?<![-\w])(?:max-)?(?:height|width)\s*:\s*[01](?:px|em|pt)?\s*(?:;|$)(?=.*overflow\s*:\s*hidden)"
    r"|overflow\s*:\s*hidden(?=.*(?<![-\w])(?:max-)?(?:height|width)\s*:\s*[01](?:px|em|pt)?\s*(?:;|$))"
)
COMMENT, ESCAPE = re.compile(r"/\*.*?\*/", re.DOTALL), re.compile(r"\\([0-9a-f]{1,6})\s?|\\(?=[^0-9a-f])")
DECLARATION = re.compile(
    r"(?:^|[;\s])(visibility|font-size|font|(?:-webkit-text-fill-)?color|background(?:-color)?)\s*:\s*([^;]{0,200})"
)
RGB = re.compile(r"rgba?\(\s*(\d{1,3})\s*[,\s]\s*(\d{1,3})\s*[,\s]\s*(\d{1,3})(?:\s*[,/]\s*([\d.]+))?")
RGB_SHARES = re.compile(r"rgba?\(\s*(\d{1,3})(?:\.\d*)?%\s*[,\s]\s*(\d{1,3})(?:\.\d*)?%\s*[,\s]\s*(\d{1,3})(?:\.\d*)?%")
HSL = re.compile(r"hsla?\(\s*[\d.]+(?:deg)?\s*[,\s]\s*[\d.]+%\s*[,\s]\s*([\d.]+)%(?:\s*[,/]\s*([\d.]+))?")
SHORTHAND_SIZE = re.compile(r"(?:^|\s)(\d*\.?\d+(?:px|pt|em|rem|%)?)(?:\s*/|\s)")
HEX = re.compile(r"#([0-9a-f]{6}|[0-9a-f]{3})([0-9a-f]{1,2})?\b")
NAMED = {
    "white": (255, 255, 255), "black": (0, 0, 0), "snow": (255, 250, 250), "ivory": (255, 255, 240),
    "whitesmoke": (245, 245, 245), "ghostwhite": (248, 248, 255), "azure": (240, 255, 255),
    "mintcream": (245, 255, 250), "floralwhite": (255, 250, 240), "aliceblue": (240, 248, 255),
    "seashell": (255, 245, 238), "red": (255, 0, 0), "blue": (0, 0, 255), "green": (0, 128, 0),
    "yellow": (255, 255, 0), "gray": (128, 128, 128), "grey": (128, 128, 128),
}  # fmt: skip
CLOSED = frozenset({"dialog", "progress", "meter", "rp"})
"""Elements whose content a browser does not show, unless they are `open`."""
TINY = re.compile(
    r"(?:calc\(\s*)?0+(?:\.0*)?(?![.\d])|0?\.\d+v[wh]|[0-3](?:\.\d+)?(?:px|pt)|0?\.[0-2]\d*(?:r?em)|\d(?:\.\d+)?%|0?\.\d+(?:px|pt)"
)
"""Sizes of letters that nobody can read: below 4 px, .3 em and 10 %."""
ABSOLUTE_SIZE = re.compile(r"\d*\.?\d+(?:px|pt|rem|vw)|small|medium|large")
FAINT = 0.1
"""Opacity below which text can't be read."""
ALIKE = 17
"""Steps of 255 in each channel up to which two colours can't be told apart on a screen."""

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Look:
    """How text of an element is shown: what it inherits and what it says itself. `None` is a colour unknown."""

    gone: bool = False
    tiny: bool = False
    invisible: bool = False
    colour: Colour | None = None
    ground: Colour | None = (255, 255, 255)

    @property
    def hidden(self) -> bool:
        """Whether text that looks like this can't be read."""
        if self.gone or self.tiny or self.invisible:
            return True
        if self.colour is None or self.ground is None:
            return False
        return max(abs(a - b) for a, b in zip(self.colour, self.ground, strict=True)) <= ALIKE

    def inside(self, element: Element) -> "Look":
        """The look of text in an element that stands in text of this look."""
        attributes = element.attributes
        if element.name in CLOSED and "open" not in attributes:
            return replace(self, gone=True)
        if not attributes or self.gone:
            return self
        style = _plain(element.get("style"))
        if "hidden" in attributes or element.get("aria-hidden") == "true" or HIDDEN.search(style):
            return replace(self, gone=True)
        look = self
        if "bgcolor" in attributes or "background" in attributes:
            look = replace(look, ground=_colour(element.get("bgcolor")))
        if "color" in attributes:
            look = replace(look, colour=_colour(element.get("color")))
        for name, value in DECLARATION.findall(style):
            look = look.styled(name, value.strip())
        return look

    def styled(self, name: str, value: str) -> "Look":
        """The look after one CSS declaration."""
        if name == "visibility":
            return replace(self, invisible=value.startswith(("hidden", "collapse")))
        if name == "font":
            size = SHORTHAND_SIZE.search(value)
            return self if size is None else self.styled("font-size", size[1])
        if name == "font-size":
            if TINY.match(value):
                return replace(self, tiny=True)
            return replace(self, tiny=False) if ABSOLUTE_SIZE.search(value) else self
        if name.endswith("color") and not name.startswith("background"):
            return replace(self, gone=True) if _transparent(value) else replace(self, colour=_colour(value))
        if value.startswith(("transparent", "inherit", "initial", "none")) and "url(" not in value:
            return self
        return replace(self, ground=None if "url(" in value or "gradient" in value else _colour(value))


def _plain(style: str) -> str:
    """A style as a browser reads it: without comments and escapes."""
    if "/*" not in style and "\\" not in style:
        return style
    return ESCAPE.sub(lambda match: chr(min(int(match[1], 16), 0x10FFFF)) if match[1] else "", COMMENT.sub("", style))


def _transparent(value: str) -> bool:
    """Whether a colour lets everything through."""
    if (match := HEX.search(value)) and match[2]:
        return int(match[2], 16) < FAINT * (255 if len(match[2]) == 2 else 15)
    match = RGB.search(value) or HSL.search(value)
    alpha = match[match.lastindex or 1] if match and match.lastindex in (2, 4) else ""
    return value.startswith("transparent") or (alpha != "" and float(alpha) < FAINT)


def _colour(value: str) -> Colour | None:
    """The colour in a CSS value or an attribute, None where it is not known."""
    if match := HEX.search(value):
        digits = match[1] if len(match[1]) == 6 else "".join(digit * 2 for digit in match[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    if match := RGB.search(value):
        return int(match[1]), int(match[2]), int(match[3])
    if match := RGB_SHARES.search(value):
        return round(int(match[1]) * 2.55), round(int(match[2]) * 2.55), round(int(match[3]) * 2.55)
    if (match := HSL.search(value)) and not 5 < float(match[1]) < 95:  # near the ends all are white or black
        grey = round(float(match[1]) * 2.55)
        return grey, grey, grey
    return NAMED.get(value.split(maxsplit=1)[0] if value.strip() else "")


def without_invisible(text: str) -> str:
    """The text without characters that have no shape: zero-width, bidirectional, tag and control characters."""
    return INVISIBLE.sub("", text)


def composed(text: str) -> str:
    """The text in NFC; of more than TALLEST combining marks in a row the others are dropped.

    `unicodedata.normalize` needs 20 s for 200,000 marks in the wrong order.
    """
    return unicodedata.normalize("NFC", MARKS_MAYBE.sub(_unstacked, text))


def _unstacked(match: re.Match[str]) -> str:
    kept, run = [], 0
    for character in match[0]:
        run = run + 1 if unicodedata.combining(character) else 0
        if run <= TALLEST:
            kept.append(character)
    return "".join(kept)
