"""What a caller asks: a model of the request for each operation.

A model says under which names its fields may come, and what the API is asked.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
    StringConstraints,
    ValidationInfo,
)

from verify_code import phone_number as phone_numbers
from verify_code.locales import LONGEST_TAG, nearest_code
from verify_code.masking import mask
from verify_code.phone_number import PhoneNumber
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


def _code(value: Any) -> SecretStr:
    if not isinstance(value, str):
        wrong("invalid", "code must be a string: as a number it would lose its first zero.")
    digits = re.sub(r"[\s-]", "", value)
    if not re.fullmatch(r"[0-9]{6}", digits):
        wrong("invalid", "code must be six digits; a dash or spaces may stand between them.")
    return SecretStr(digits)


class Request(BaseModel):
    """What every operation needs: the number, and the space that it belongs to."""

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
    cust_space_id: Annotated[
        str,
        StringConstraints(strip_whitespace=True, pattern=r"^[!-~]{1,128}$"),
    ] = Field(
        validation_alias=AliasChoices("cust_space_id", "CustSpaceId", "custSpaceId"),
        description="the space, if not the service's own; also CustSpaceId",
        json_schema_extra={"pattern": r"^\s*[!-~]{1,128}\s*$"},
    )

    def query(self) -> dict[str, str]:
        """The fields of the API's operation, by the API's names."""
        return {"CustSpaceId": self.cust_space_id, "PhoneNumber": self.phone_number.digits}

    def shown(self) -> dict[str, Any]:
        """What the result says of the request."""
        return {"phone_number": self.phone_number.masked}

    def masked_in(self, text: str) -> str:
        """The text without what nobody may see of this request."""
        return mask(text, self.hidden())

    def hidden(self) -> dict[str, str]:
        """Digits that nobody may see, and what is shown instead."""
        return {self.phone_number.last_digits: self.phone_number.masked}


class StatusRequest(Request):
    """Asks whether the number is verified."""


class IdempotentRequest(Request):
    """A request that changes something, so that it is done once."""

    idempotency_key: Annotated[
        str | None,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=255),
    ] = Field(
        None,
        validation_alias=AliasChoices("idempotency_key", "idempotencyKey"),
        description="names the request; also the header Idempotency-Key",
    )


class SendRequest(IdempotentRequest):
    """Asks for a verification code."""

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

    def query(self) -> dict[str, str]:
        return {**super().query(), "Locale": self.locale, "Method": self.method}

    def shown(self) -> dict[str, Any]:
        return {**super().shown(), "method": self.method, "locale": self.locale}


class VerifyRequest(IdempotentRequest):
    """Hands a verification code in."""

    code: Annotated[SecretStr, PlainValidator(_code, json_schema_input_type=str)] = Field(
        validation_alias=AliasChoices("code", "VerifyCode"),
        description="the verification code: six digits, such as 123-456; also VerifyCode",
        json_schema_extra={"pattern": r"^[\s-]*([0-9][\s-]*){6}$"},
        examples=["123-456"],
    )

    def query(self) -> dict[str, str]:
        return {**super().query(), "VerifyCode": self.code.get_secret_value()}

    def hidden(self) -> dict[str, str]:
        return {**super().hidden(), self.code.get_secret_value(): "******"}
