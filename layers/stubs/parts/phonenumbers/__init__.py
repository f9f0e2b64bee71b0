"""What this package uses of phonenumbers, without its finder of numbers in texts and the like."""

from phonenumbers.phonenumber import PhoneNumber
from phonenumbers.phonenumberutil import (
    SUPPORTED_REGIONS,
    NumberParseException,
    PhoneNumberFormat,
    PhoneNumberType,
    format_number,
    is_possible_number,
    number_type,
    parse,
    region_code_for_country_code,
    region_code_for_number,
)

__all__ = [
    "SUPPORTED_REGIONS",
    "NumberParseException",
    "PhoneNumber",
    "PhoneNumberFormat",
    "PhoneNumberType",
    "format_number",
    "is_possible_number",
    "number_type",
    "parse",
    "region_code_for_country_code",
    "region_code_for_number",
]
