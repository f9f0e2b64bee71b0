"""The request for a code: validated, normalised, and allowed by the settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from pydantic_core import PydanticCustomError, SchemaValidator, ValidationError, core_schema

from verify_code import phone_number as phone_numbers
from verify_code.caller import Caller
from verify_code.fields import ALIASES, CONFLICTING, differ, named
from verify_code.locales import nearest_code
from verify_code.phone_number import NO_COUNTRY, PhoneNumber
from verify_code.result import FieldError, refuse
from verify_code.settings import Settings

if TYPE_CHECKING:
    from pydantic_core.core_schema import ValidationInfo

#: The refusals by settings, in the order in which they are reported.
_REFUSALS = (
    "CustSpaceNotAllowed",
    "CountryNotAllowed",
    "DeliveryMethodNotAllowed",
    "LineTypeNotAllowed",
)


@dataclass(frozen=True)
class VerifyCodeRequest:
    """A request for a code, as the API will be asked."""

    phone_number: PhoneNumber
    """the business phone number with its country code; also PhoneNumber"""
    method: Literal["sms", "voice"]
    """sms or voice; a fixed line takes voice only; also Method"""
    locale: str
    """a language tag; the nearest documented code is used; also Locale"""
    cust_space_id: str
    """the space, if not the service's own; also CustSpaceId"""
    idempotency_key: str | None
    """names the request; also the header Idempotency-Key"""


def _wrong(code: str, message: str, refusal: str = "") -> NoReturn:
    # The message goes in as a value: pydantic would read braces in a template.
    raise PydanticCustomError(code, "{message}", {"message": message, "refusal": refusal})


def _text(value: Any, info: ValidationInfo) -> str:
    if value is None:
        _wrong("missing", f"{info.field_name} is required.")
    if not isinstance(value, str):
        _wrong("invalid", f"{info.field_name} must be a string.")
    return value.strip()


def _settings(info: ValidationInfo) -> Settings:
    settings: Settings = (info.context or {})["settings"]
    return settings


def _callers_space(info: ValidationInfo) -> str | None:
    caller: Caller = (info.context or {})["caller"]
    return caller.cust_space_id


def _phone_number(value: Any, info: ValidationInfo) -> PhoneNumber:
    text = _text(value, info)
    try:
        number = phone_numbers.parse(text, _settings(info).test_numbers)
    except ValueError as problem:
        _wrong("invalid", str(problem))
    allowed = _settings(info).allowed_countries
    if number.country not in allowed and ("*" not in allowed or number.country == NO_COUNTRY):
        message = "phone_number is of a country that may not be sent to."
        _wrong("not_allowed", message, "CountryNotAllowed")
    if number.is_charged_to_the_caller:
        message = "phone_number is a premium-rate or shared-cost line: name another."
        _wrong("not_allowed", message, "LineTypeNotAllowed")
    return number


def _method(value: Any, info: ValidationInfo) -> str:
    allowed = _settings(info).allowed_methods
    method = _text(value, info).lower()
    if method not in ("sms", "voice"):
        _wrong("not_supported", "method must be sms or voice.")
    if method not in allowed:
        _wrong("not_allowed", f"method must be {allowed[0]} here.", "DeliveryMethodNotAllowed")
    number = info.data.get("phone_number")
    if method == "sms" and number is not None and number.is_fixed_line:
        _wrong("not_allowed", "A fixed line can't take sms: ask for voice.", "LineTypeNotAllowed")
    return method


def _locale(value: Any, info: ValidationInfo) -> str:
    text = _text(value, info)
    try:
        return nearest_code(text) or _settings(info).default_locale
    except ValueError:
        _wrong("invalid", "locale must be a language tag, such as en, pt-BR or zh_CN.")


def _cust_space_id(value: Any, info: ValidationInfo) -> str:
    allowed = _settings(info).cust_space_ids
    space = _text(value, info)
    if not re.fullmatch(r"[!-~]{1,128}", space):
        _wrong("invalid", "cust_space_id must be 1 to 128 printable characters without a space.")
    is_others = _callers_space(info) not in (None, "", space)
    if is_others or (space not in allowed and allowed != ("*",)):
        _wrong("not_allowed", "cust_space_id may not be used here.", "CustSpaceNotAllowed")
    return space


def _idempotency_key(value: Any, info: ValidationInfo) -> str | None:
    key = None if value is None else _text(value, info)
    if key is not None and not 1 <= len(key) <= 255:
        _wrong("invalid", "idempotency_key must be 1 to 255 characters.")
    return key


#: With what each field is made, in this order: the method's check needs the number.
_CHECKS = {
    "phone_number": _phone_number,
    "method": _method,
    "locale": _locale,
    "cust_space_id": _cust_space_id,
    "idempotency_key": _idempotency_key,
}

# By pydantic's core: to import its models, too, would take a third of a cold start's time.
_VALIDATOR = SchemaValidator(
    core_schema.typed_dict_schema(
        {
            name: core_schema.typed_dict_field(
                core_schema.with_info_plain_validator_function(check)
            )
            for name, check in _CHECKS.items()
        }
    )
)


def validate(fields: dict[str, Any], settings: Settings, caller: Caller) -> VerifyCodeRequest:
    """The request in the fields, or :class:`Refused` with all that is wrong with them at once."""
    first_space = settings.cust_space_ids[0]
    # Of an unknown caller no space can be asked: who it is comes first.
    has_default = first_space != "*" or caller.is_unknown
    defaults = {
        "method": settings.default_method,
        "locale": settings.default_locale,
        "cust_space_id": caller.cust_space_id or (first_space if has_default else None),
    }
    given = {name: named(fields, name) for name in ALIASES}
    values = {name: all_[0] if all_ else defaults.get(name) for name, all_ in given.items()}
    errors = {
        name: _conflict(name) for name, all_ in given.items() if CONFLICTING in all_ or differ(all_)
    }
    refusals = [""] if errors else []
    context = {"settings": settings, "caller": caller}
    try:
        request = VerifyCodeRequest(**_VALIDATOR.validate_python(values, context=context))
    except ValidationError as invalid:
        for details in invalid.errors(include_url=False, include_input=False):
            name, problem = str(details["loc"][0]), details["ctx"]
            refusals.append(problem["refusal"])
            code: Any = details["type"]
            errors.setdefault(name, FieldError(name, code, problem["message"]))
    if not errors:
        return request
    code = min(refusals, key=_REFUSALS.index) if all(refusals) else "InvalidRequest"
    sentences = " ".join(error.message for error in errors.values())
    raise refuse(code, sentences, errors=tuple(errors.values()))


def _conflict(name: str) -> FieldError:
    message = f"{name} is given more than once, with different values: give it once."
    return FieldError(field=name, code="conflicting", message=message)
