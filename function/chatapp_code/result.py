"""The normalised result: one shape for every caller, every answer and every failure."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

#: What this package itself says: code -> (sent, retryable, HTTP status).
OWN_CODES: dict[str, tuple[str, bool, int]] = {
    "InvalidEvent": ("no", False, 400),
    "Misconfigured": ("no", False, 500),
    "InvalidRequest": ("no", False, 422),
    "CustSpaceNotAllowed": ("no", False, 403),
    "CountryNotAllowed": ("no", False, 403),
    "DeliveryMethodNotAllowed": ("no", False, 403),
    "LineTypeNotAllowed": ("no", False, 403),
    "CallerUnknown": ("no", False, 403),
    "EventExpired": ("no", False, 410),
    "StoreUnavailable": ("no", True, 503),
    "InProgress": ("no", True, 409),
    "TooSoon": ("no", True, 429),
    "TooManyRequests": ("no", True, 429),
    "TotalLimitReached": ("no", True, 429),
    "QuotaExhausted": ("no", True, 429),
    "UpstreamUnavailable": ("no", True, 503),
    "UpstreamTimeout": ("unknown", False, 202),
    "UpstreamDisconnected": ("unknown", False, 202),
    "InvalidUpstreamAnswer": ("unknown", False, 202),
    "UnexpectedError": ("no", False, 500),
}

ACCEPTED = "CAMS took the request: the code is on its way."

#: What of a result is kept for later deliveries: the request says the rest anew.
_STORED = (
    *("success", "sent", "code", "message", "request_id", "retryable", "access_denied_detail"),
    *("http_status", "upstream_message"),
)

_FOR_THE_PUBLIC = {
    "Misconfigured": "The service can't send codes at the moment; its operator's log says why."
}


class FieldError(BaseModel):
    """One wrong field of a request."""

    model_config = ConfigDict(frozen=True)

    field: str = Field(description="the field's name, as the documentation spells it")
    code: Literal["missing", "invalid", "not_supported", "not_allowed", "conflicting"]
    message: str = Field(description="what is wrong, and what would be right")


def _key(description: str, default: Any = ...) -> Any:
    return Field(default, description=description)


class VerifyCodeResult(BaseModel):
    """What every caller gets: every key is always there."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    success: bool = _key("CAMS took the request")
    sent: Literal["yes", "no", "unknown"] = _key(
        "may a code be on its way? After `unknown`, asking again can send a second one"
    )
    code: str = _key("`OK`, a code of this package, or the API's own code")
    message: str = _key("one sentence for a developer; an app goes by `code`")
    request_id: str | None = _key(
        "the API's RequestId, for its support; null where nothing was asked", None
    )
    invocation_id: str = _key("the invocation's id, for the logs", "")
    retryable: bool = _key("nothing was sent, and asking again can succeed")
    retry_after_seconds: float | None = _key(
        "when this may be asked again; after yes and unknown, the countdown to the next try", None
    )
    phone_number: str | None = _key("the number that was asked for, masked", None)
    method: Literal["sms", "voice"] | None = _key("how the code is to come", None)
    locale: str | None = _key("the language code that was asked for", None)
    replayed: bool = _key("the answer to an earlier delivery; nothing was sent now", False)
    errors: tuple[FieldError, ...] = _key("one for each wrong field of the request", ())
    access_denied_detail: dict[str, str] | str | None = _key(
        "the API's AccessDeniedDetail; always null over HTTP", None
    )

    http_status: int = Field(exclude=True)
    #: The code is one of this package, which the API's may be spelled like.
    is_own: bool = Field(default=False, exclude=True)
    upstream_message: str | None = Field(default=None, exclude=True)

    @classmethod
    def own(cls, code: str, message: str, **more: Any) -> VerifyCodeResult:
        """A result with one of this package's own codes."""
        sent, retryable, http_status = OWN_CODES[code]
        known = {"sent": sent, "retryable": retryable, "http_status": http_status, "is_own": True}
        return cls(success=False, code=code, message=message, **{**known, **more})

    @classmethod
    def accepted(cls) -> VerifyCodeResult:
        """The result of a request that CAMS took."""
        return cls(
            success=True,
            sent="yes",
            code="OK",
            message=ACCEPTED,
            retryable=False,
            http_status=200,
        )

    def stored(self) -> str:
        """What is kept of it, as JSON: neither the number nor an id of ours is in it."""
        return json.dumps({name: getattr(self, name) for name in _STORED})

    def for_the_account(self) -> dict[str, Any]:
        """The result for direct and event callers, with the API's own message."""
        return {**self.model_dump(mode="json"), "message": self.upstream_message or self.message}

    def for_the_public(self) -> dict[str, Any]:
        """The result for HTTP callers, with nothing of the account and its set-up."""
        message = _FOR_THE_PUBLIC.get(self.code, self.message)
        hidden = {"message": message, "access_denied_detail": None}
        return {**self.model_dump(mode="json"), **hidden}


class Refused(Exception):
    """Carries the result of a request that ends before any call is made."""

    def __init__(self, result: VerifyCodeResult) -> None:
        super().__init__(result.code)
        self.result = result


def refuse(code: str, message: str, **more: Any) -> Refused:
    """The exception that ends a request with one of this package's own codes."""
    return Refused(VerifyCodeResult.own(code, message, **more))
