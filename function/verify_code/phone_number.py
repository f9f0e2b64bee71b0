"""A phone number by libphonenumber: valid, normalised, and never shown in clear."""

import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumberType

#: What libphonenumber and ALLOWED_COUNTRIES call numbers of no country.
NO_COUNTRY = "001"

SPELLING = r"\+?[0-9 ().\[\]-]{1,40}"


@dataclass(frozen=True)
class PhoneNumber:
    """A valid number, or a test number.

    ``digits`` is E.164 without ``+``, ``country`` an ISO 3166 code.
    """

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
    def is_premium_or_shared_cost(self) -> bool:
        return self.line_type in (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST)

    @property
    def last_digits(self) -> str:
        """Seven digits by which it is found in a text.

        They find it with and without country code, and with a 9 that WhatsApp leaves out.
        """
        return self.digits[len(self.country_calling_code) :][-7:]


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
