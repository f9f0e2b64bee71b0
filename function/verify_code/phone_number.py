"""A phone number by libphonenumber: valid, normalised, and never shown in clear."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

import phonenumbers
from phonenumbers import PhoneNumberType

#: What libphonenumber and ALLOWED_COUNTRIES call numbers of no country.
NO_COUNTRY = "001"

#: Of a URL, or of HTML.
_ESCAPE = r"%[0-9A-Fa-f]{2}|&[A-Za-z]\w{1,7};|&#(?:\d{1,6}|[xX][0-9A-Fa-f]{1,5});"

#: A character by its number, in HTML or in JSON.
_CODE_POINT = re.compile(
    r"&#(?:0*([1-9]\d{0,5})|[xX]([0-9A-Fa-f]{1,5}));|\\u([0-9A-Fa-f]{4})", re.ASCII
)

#: Digits, with what may stand between two of them.
_RUN = re.compile(rf"\+?\d(?:(?:{_ESCAPE}|[^0-9A-Za-z]){{0,8}}\d)+")

SPELLING = r"\+?[0-9 ().\[\]-]{1,40}"


@dataclass(frozen=True)
class PhoneNumber:
    """A valid number: ``digits`` is E.164 without ``+``, ``country`` an ISO 3166 code."""

    digits: str
    country: str
    country_calling_code: str
    line_type: int

    def __repr__(self) -> str:
        return self.masked

    @property
    def masked(self) -> str:
        """What may be shown: the country's calling code and the last two digits."""
        return f"+{self.country_calling_code}*******{self.digits[-2:]}"

    @property
    def is_fixed_line(self) -> bool:
        return self.line_type == PhoneNumberType.FIXED_LINE

    @property
    def is_charged_to_the_caller(self) -> bool:
        return self.line_type in (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST)

    def masked_in(self, text: str) -> str:
        """The text without this number: each run of digits that has its last seven is masked.

        So it is found with and without country code, with a 9 that WhatsApp leaves out, and
        with up to eight separators between two digits. What JSON, URLs and HTML escape is decoded
        before.
        """
        text = _unescaped(text)
        last = self.digits[len(self.country_calling_code) :][-7:]

        def masked(run: re.Match[str]) -> str:
            digits = "".join(str(int(c)) for c in re.sub(_ESCAPE, "", run[0]) if c.isdecimal())
            return self.masked if last in digits else run[0]

        return _RUN.sub(masked, text)


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


def parse(text: str, test_numbers: frozenset[str] = frozenset()) -> PhoneNumber:
    """The number in the text; ValueError, with what would be right, if there is none.

    A test number (its digits) need not be valid, but possible.
    """
    if not re.fullmatch(SPELLING, text):
        raise ValueError(
            "phone_number may hold digits, one + in front, spaces, dashes, dots and brackets: "
            "write the country code and the number, +86…."
        )
    digits = re.sub(r"\D", "", text)
    if not text.startswith("+") and re.fullmatch(r"1[3-9]\d{9}", digits):
        raise ValueError(
            "phone_number may be a Chinese mobile number or a North American one: write the "
            "country code with a +, +86… or +1…."
        )
    try:
        number = phonenumbers.parse(f"+{digits}")
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
        line_type = phonenumbers.number_type(number)
        # A known line means that the number is valid; checking that too would repeat the look-up.
        is_known = line_type != PhoneNumberType.UNKNOWN or e164 in test_numbers
    except phonenumbers.NumberParseException:
        is_known = False
    if not is_known:
        raise ValueError(
            "phone_number is not a number that can exist: check it, and write the country code "
            "first, with no 0 or 00 before it."
        )
    return PhoneNumber(
        digits=e164,
        country=phonenumbers.region_code_for_number(number)
        or phonenumbers.region_code_for_country_code(number.country_code or 0),
        country_calling_code=str(number.country_code),
        line_type=line_type,
    )


def possible_digits(text: str) -> str:
    """The digits of a number that is possible, if not valid; ValueError if it isn't."""
    try:
        number = phonenumbers.parse(text if text.startswith("+") else f"+{text}")
        if re.fullmatch(SPELLING, text) and phonenumbers.is_possible_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
    except phonenumbers.NumberParseException:
        pass
    raise ValueError("not a possible number")
