"""From the fields that came to the model of a request, with a sentence for each wrong field."""

import re
from functools import cache
from typing import Any, TypeVar

from pydantic import AliasChoices, ValidationError

from verify_code.json_text import differ
from verify_code.request import Request, SendRequest, StatusRequest, VerifyRequest
from verify_code.result import FieldError, Rejected

#: Each field, and all names under which it may come.
NAMES: dict[str, list[str]] = {
    name: [str(choice) for choice in field.validation_alias.choices]
    for model in (SendRequest, StatusRequest, VerifyRequest)
    for name, field in model.model_fields.items()
    if isinstance(field.validation_alias, AliasChoices)
}

_ALL_NAMES = {spelling for names in NAMES.values() for spelling in names}

#: Names that callers write by mistake, in small letters without separators.
_NEAR_MISSES = {
    "phone_number": "phone phones phonenumbers phoneno phonenum number mobile mobilenumber msisdn",
    "method": "metod methd mehtod methods deliverymethod",
    "locale": "locales lokale local locle",
    "cust_space_id": "custspace custspaceids spaceid customerspaceid",
    "idempotency_key": "idempotentkey idempotencekey idempotency",
    "code": "verifycode codes verificationcode smscode otpcode otp authcode confirmationcode",
}

_NEAREST = {
    near: name
    for name, others in _NEAR_MISSES.items()
    for near in (*others.split(), name.replace("_", ""))
}

#: What is said about a field's value that isn't of its type.
_RULES = {
    "method": "must be sms or voice",
    "locale": "must be a language tag, such as en, pt-BR or zh_CN",
    "cust_space_id": "must be 1 to 128 printable characters without a space",
    "idempotency_key": "must be 1 to 255 characters",
}

AnyRequest = TypeVar("AnyRequest", bound=Request)


def given(fields: dict[str, Any], name: str) -> list[Any]:
    """All values given for a field, under whichever of its names. Null is no value."""
    return [fields[each] for each in NAMES[name] if fields.get(each) is not None]


def asked(fields: dict[str, Any], model: type[Request]) -> dict[str, Any]:
    """The fields that a request of this model may have, as they came, without its name."""
    names = [name for name in _fields_of(model) if name != "idempotency_key"]
    spelled = (spelling for name in names for spelling in NAMES[name])
    return {spelling: fields[spelling] for spelling in spelled if spelling in fields}


@cache
def _fields_of(model: type[Request]) -> tuple[str, ...]:
    return tuple(model.model_fields)


def plain(name: str) -> str:
    """The name without case, spaces and separators, in which callers often differ."""
    return re.sub(r"[\s_-]", "", name.lower())


def validate(
    model: type[AnyRequest],
    fields: dict[str, Any],
    defaults: dict[str, Any],
    test_numbers: frozenset[str],
) -> AnyRequest:
    """The request in the fields; Rejected with everything that is wrong with them.

    ``defaults`` are the values of fields that weren't given, ``test_numbers`` the digits of numbers
    that need not be valid.
    """
    values = {name: given(fields, name) for name in _fields_of(model)}
    known = {name: several[0] for name, several in values.items() if several}
    errors = {name: _conflict(name) for name, several in values.items() if differ(several)}
    near_misses = _near_misses(model, fields, known)
    context = {"test_numbers": test_numbers, "default_locale": defaults["locale"]}
    try:
        request = model.model_validate({**defaults, **known}, context=context)
    except ValidationError as invalid:
        for each in invalid.errors(include_url=False, include_input=False):
            name = str(each["loc"][0])
            if name not in near_misses:
                errors.setdefault(name, _field_error(name, each["type"], each["msg"]))
    if errors or near_misses:
        raise invalid_request(*errors.values(), *near_misses.values())
    return request


def invalid_request(*errors: FieldError) -> Rejected:
    """Ends a request with wrong fields."""
    sentences = " ".join(error.message for error in errors)
    return Rejected("InvalidRequest", sentences, errors=errors)


def _near_misses(
    model: type[Request], fields: dict[str, Any], known: dict[str, Any]
) -> dict[str, FieldError]:
    """Names that are wrong, or were probably meant for an absent field, by what was meant."""
    found: dict[str, FieldError] = {}
    for name, value in fields.items():
        meant, shown = _NEAREST.get(plain(name)), name[:100]
        if meant == "code" and "code" not in _fields_of(model) and value is not None:
            # Who hands a code in doesn't want another one.
            text = f"Only a request to verify has a field {shown}: leave it out."
            found[name] = FieldError(field=shown, code="unknown", message=text)
        elif meant and meant in _fields_of(model) and meant not in known and name not in _ALL_NAMES:
            text = f"There is no field {shown}: did you mean {meant}?"
            found.setdefault(meant, FieldError(field=shown, code="unknown", message=text))
    return found


def _field_error(name: str, kind: str, message: str) -> FieldError:
    """One of pydantic's errors, in the words of this package."""
    if kind == "invalid":
        return FieldError(field=name, code="invalid", message=message)
    text = {"missing": "is required", "string_type": "must be a string"}.get(kind)
    code: Any = {"missing": "missing", "literal_error": "not_supported"}.get(kind, "invalid")
    return FieldError(field=name, code=code, message=f"{name} {text or _RULES[name]}.")


def _conflict(name: str) -> FieldError:
    text = f"{name} is given more than once, with different values: give it once."
    return FieldError(field=name, code="conflicting", message=text)
