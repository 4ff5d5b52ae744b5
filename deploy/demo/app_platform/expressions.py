"""The `<%= … %>` of request templates: names, strings, `encode(…)` (base64), `+`, and `.split('…')[n]`. Nothing is run.

The platform takes JavaScript there; these are the forms that Freshworks' documents and public apps use. A name that is
not allowed in a place (a secure setting in a path, say) is refused like one that is not there.
"""

import base64
import re
from collections.abc import Mapping

TAG = re.compile(r"<%=(.*?)%>", re.DOTALL)
TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'[^'\\]*'|"[^"\\]*")
      | (?P<split>\.split\()
      | (?P<name>[A-Za-z_$][\w$]*(?:\.(?!split\()[A-Za-z_$][\w$]*)*)
      | (?P<number>\d+)
      | (?P<sign>[()+\[\]])
    )""",
    re.VERBOSE,
)


class ExpressionError(ValueError):
    """An expression that can't be read, or names what is not there (or not allowed here)."""


def substitute(text: str, names: Mapping[str, str]) -> str:
    """`text` with every `<%= … %>` replaced by its value; `names` are those allowed here, as `iparam.x`.

    Raises:
        ExpressionError: an expression is malformed or names something else.
    """
    return TAG.sub(lambda found: evaluate(found[1], names), text)


def evaluate(expression: str, names: Mapping[str, str]) -> str:
    """The value of one expression.

    Raises:
        ExpressionError: it is malformed or names what is not in `names`.
    """
    tokens = _Tokens(expression)
    value = _sum(tokens, names)
    if tokens.kind:
        raise ExpressionError(f"Can't read {expression.strip()!r}")
    return value


class _Tokens:
    """The tokens of an expression, one at a time; `kind` is "" after the last one."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._at = 0
        self.kind = self.word = ""
        self.move()

    def move(self) -> str:
        """To the next token; returns the word that was the present one."""
        before = self.word
        found = TOKEN.match(self._expression, self._at)
        if found is None and self._expression[self._at :].strip():
            raise ExpressionError(f"Can't read {self._expression.strip()!r}")
        self.kind, self.word = (found.lastgroup or "", found[found.lastgroup or 0]) if found else ("", "")
        self._at = found.end() if found else len(self._expression)
        return before

    def expect(self, word: str) -> None:
        if self.word != word:
            raise ExpressionError(f"Can't read {self._expression.strip()!r}: {word!r} is missing")
        self.move()

    def take(self, kind: str) -> str:
        if self.kind != kind:
            raise ExpressionError(f"Can't read {self._expression.strip()!r}")
        return self.move()


def _sum(tokens: _Tokens, names: Mapping[str, str]) -> str:
    value = _value(tokens, names)
    while tokens.word == "+":
        tokens.move()
        value += _value(tokens, names)
    return value


def _value(tokens: _Tokens, names: Mapping[str, str]) -> str:
    value = _primary(tokens, names)
    while tokens.kind == "split":
        tokens.move()
        parts = value.split(tokens.take("text")[1:-1])
        tokens.expect(")")
        tokens.expect("[")
        index = int(tokens.take("number"))
        tokens.expect("]")
        value = parts[index] if index < len(parts) else ""
    return value


def _primary(tokens: _Tokens, names: Mapping[str, str]) -> str:
    if tokens.kind == "text":
        return tokens.move()[1:-1]
    name = tokens.take("name")
    if name == "encode":
        tokens.expect("(")
        value = _sum(tokens, names)
        tokens.expect(")")
        return base64.b64encode(value.encode()).decode()
    if name not in names:
        raise ExpressionError(f"{name} is not there, or not allowed here")
    return names[name]
