"""What a caller asks: the model of a request, and the names under which its fields may come."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationError,
    ValidationInfo,
)

from verify_code import phone_number as phone_numbers
from verify_code.json_text import differ
from verify_code.locales import LONGEST_TAG, nearest_code
from verify_code.phone_number import PhoneNumber
from verify_code.result import FieldError, Rejected
from verify_code.wording import wrong

Method = Literal["sms", "voice"]


def _number(value: Any, info: ValidationInfo) -> PhoneNumber:
    if not isinstance(value, str):
        wrong("invalid", "phone_number must be a string.")
    try:
        return phone_numbers.parse(value.strip(), (info.context or {})["test_numbers"])
    except ValueError as problem:
        wrong("invalid", str(problem))


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _locale(tag: str, info: ValidationInfo) -> str:
    return nearest_code(tag) or str((info.context or {})["default_locale"])


class VerifyCodeRequest(BaseModel):
    """A request for a code, as the API will be asked."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    phone_number: Annotated[
        PhoneNumber,
        PlainValidator(_number, json_schema_input_type=str),
    ] = Field(
        validation_alias=AliasChoices("phone_number", "PhoneNumber", "phoneNumber"),
        description="the business phone number with its country code; also PhoneNumber",
        json_schema_extra={"pattern": rf"^\s*{phone_numbers.SPELLING}\s*$"},
        examples=["+8613800001234"],
    )
    method: Annotated[Method, BeforeValidator(_lower)] = Field(
        validation_alias=AliasChoices("method", "Method"),
        description="sms or voice; a fixed line takes voice only; also Method",
        json_schema_extra={"pattern": r"^\s*([sS][mM][sS]|[vV][oO][iI][cC][eE])\s*$"},
    )
    locale: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=LONGEST_TAG),
        AfterValidator(_locale),
    ] = Field(
        validation_alias=AliasChoices("locale", "Locale"),
        description="a language tag; the nearest documented code is used; also Locale",
        examples=["pt-BR", "zh_CN"],
    )
    cust_space_id: Annotated[
        str,
        StringConstraints(strip_whitespace=True, pattern=r"^[!-~]{1,128}$"),
    ] = Field(
        validation_alias=AliasChoices("cust_space_id", "CustSpaceId", "custSpaceId"),
        description="the space, if not the service's own; also CustSpaceId",
        json_schema_extra={"pattern": r"^\s*[!-~]{1,128}\s*$"},
    )
    idempotency_key: Annotated[
        str | None,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=255),
    ] = Field(
        None,
        validation_alias=AliasChoices("idempotency_key", "idempotencyKey"),
        description="names the request; also the header Idempotency-Key",
    )


#: Each field, and all names under which it may come.
NAMES: dict[str, list[str]] = {
    name: [str(choice) for choice in field.validation_alias.choices]
    for name, field in VerifyCodeRequest.model_fields.items()
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


def given(fields: dict[str, Any], name: str) -> list[Any]:
    """All values given for a field, under whichever of its names. Null is no value."""
    return [fields[each] for each in NAMES[name] if fields.get(each) is not None]


def asked(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that a request may have, as they came."""
    return {name: value for name, value in fields.items() if name in _ALL_NAMES}


def validate(
    fields: dict[str, Any], defaults: dict[str, Any], test_numbers: frozenset[str]
) -> VerifyCodeRequest:
    """The request in the fields; Rejected with everything that is wrong with them.

    ``defaults`` are the values of fields that weren't given, ``test_numbers`` the digits of numbers
    that need not be valid.
    """
    check_operation(fields)
    values = {name: given(fields, name) for name in NAMES}
    known = {name: several[0] for name, several in values.items() if several}
    errors = {name: _conflict(name) for name, several in values.items() if differ(several)}
    near_misses = _near_misses(fields, known)
    context = {"test_numbers": test_numbers, "default_locale": defaults["locale"]}
    try:
        request = VerifyCodeRequest.model_validate({**defaults, **known}, context=context)
    except ValidationError as invalid:
        for each in invalid.errors(include_url=False, include_input=False):
            name = str(each["loc"][0])
            if name not in near_misses:
                errors.setdefault(name, _field_error(name, each["type"], each["msg"]))
    if errors or near_misses:
        found = (*errors.values(), *near_misses.values())
        sentences = " ".join(error.message for error in found)
        raise Rejected("InvalidRequest", sentences, errors=found)
    return request


def operation_not_enabled() -> Rejected:
    """Ends a request for something else than a code."""
    text = "This operation is not enabled here; only send is. Nothing was sent."
    return Rejected("OperationNotEnabled", text)


def check_operation(fields: dict[str, Any]) -> None:
    """Rejects what isn't a request to send a code, so that a slip sends nothing."""
    for name, value in fields.items():
        if _plain(name) == "operation" and value not in (None, "send"):
            raise operation_not_enabled()


def _plain(name: str) -> str:
    """The name without case and separators, in which callers often differ."""
    return name.lower().replace("_", "").replace("-", "")


def _near_misses(fields: dict[str, Any], known: dict[str, Any]) -> dict[str, FieldError]:
    """Names that are wrong, or were probably meant for an absent field, by what was meant."""
    found: dict[str, FieldError] = {}
    for name, value in fields.items():
        plain, shown = _plain(name), name[:100]
        meant = _NEAREST.get(plain)
        if plain in ("code", "verifycode") and value is not None:
            # Who hands a code in doesn't want another one.
            text = f"{shown} is no field of a request to send a code: leave it out."
            found[plain] = FieldError(field=shown, code="unknown", message=text)
        elif meant and meant not in known and name not in _ALL_NAMES:
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
