"""Text without digits that nobody may see: a phone number, or a verification code."""

import re
from collections.abc import Mapping
from urllib.parse import unquote

#: Of a URL, or of HTML.
_ESCAPE = r"%[0-9A-Fa-f]{2}|&[A-Za-z]\w{1,7};|&#(?:\d{1,6}|[xX][0-9A-Fa-f]{1,5});"

#: A character by its number, in HTML or in JSON.
_CODE_POINT = re.compile(
    r"&#(?:0*([1-9]\d{0,5})|[xX]([0-9A-Fa-f]{1,5}));|\\u([0-9A-Fa-f]{4})", re.ASCII
)

#: Digits, with what may stand between two of them.
_RUN = re.compile(rf"\+?\d(?:(?:{_ESCAPE}|[^0-9A-Za-z]){{0,8}}\d)+")


def mask(text: str, hidden: Mapping[str, str]) -> str:
    """The text with something else in place of each run of digits that has hidden digits in it.

    ``hidden`` says for such digits what is shown instead. Up to eight separators may stand between
    two digits. What JSON, URLs and HTML escape is decoded before.
    """

    def masked(run: re.Match[str]) -> str:
        found = "".join(str(int(c)) for c in re.sub(_ESCAPE, "", run[0]) if c.isdecimal())
        return next((hidden[digits] for digits in hidden if digits in found), run[0])

    return _RUN.sub(masked, _unescaped(text))


def _character(code: re.Match[str]) -> str:
    return chr(int(code[1]) if code[1] else int(code[2] or code[3], 16))


def _unescaped(text: str) -> str:
    is_escaped = any(mark in text for mark in ("%", "\\", "&#"))
    for _ in range(3 if is_escaped else 0):  # escapes may be escaped
        plain = _CODE_POINT.sub(_character, unquote(text))
        plain = re.sub(r'\\[nrtbf"/\\]', " ", plain)
        if plain == text:
            break
        text = plain
    return text.encode("utf-8", "replace").decode()  # a half of a surrogate pair can't be stored
