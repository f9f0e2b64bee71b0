"""The result: one model for every caller, every answer and every failure."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

Sent = Literal["yes", "no", "unknown"]


class Meaning(NamedTuple):
    """What a code says, unless the result says otherwise."""

    sent: Sent
    retryable: bool
    http_status: int


#: The package's own codes. Every other code is the API's, or OK.
CODES = {
    "InvalidEvent": Meaning("no", False, 400),
    "Misconfigured": Meaning("no", False, 500),
    "OperationNotEnabled": Meaning("no", False, 404),
    "InvalidRequest": Meaning("no", False, 422),
    "CustSpaceNotAllowed": Meaning("no", False, 403),
    "CountryNotAllowed": Meaning("no", False, 403),
    "DeliveryMethodNotAllowed": Meaning("no", False, 403),
    "LineTypeNotAllowed": Meaning("no", False, 403),
    "CallerUnknown": Meaning("no", False, 403),
    "EventExpired": Meaning("no", False, 410),
    "StoreUnavailable": Meaning("no", True, 503),
    "InProgress": Meaning("no", True, 409),
    "TooSoon": Meaning("no", True, 429),
    "TooManyRequests": Meaning("no", True, 429),
    "TotalLimitReached": Meaning("no", True, 429),
    "QuotaExhausted": Meaning("no", True, 429),
    "UpstreamUnavailable": Meaning("no", True, 503),
    "UpstreamTimeout": Meaning("unknown", False, 202),
    "UpstreamDisconnected": Meaning("unknown", False, 202),
    "InvalidUpstreamAnswer": Meaning("unknown", False, 202),
    "UnexpectedError": Meaning("no", False, 500),
}

ACCEPTED = "CAMS took the request: the code is on its way."

#: Result fields that are kept for later deliveries. The request gives the others again.
STORED = {
    *("success", "sent", "code", "message", "request_id", "retryable", "access_denied_detail"),
    *("http_status", "origin", "upstream_message"),
}

#: Result fields that are never returned to a caller.
HIDDEN = {"http_status", "origin", "upstream_message"}

_NEUTRAL_MESSAGES = {
    "Misconfigured": "The service can't send codes at the moment; its operator's log says why."
}


class FieldError(BaseModel):
    """One wrong field of a request."""

    model_config = ConfigDict(frozen=True)

    field: str = Field(description="the field's name, as it was meant or given")
    code: Literal["missing", "invalid", "not_supported", "not_allowed", "conflicting", "unknown"]
    message: str = Field(description="what is wrong, and what would be right")


class VerifyCodeResult(BaseModel):
    """What every caller gets. Every key is always there."""

    model_config = ConfigDict(frozen=True)

    success: bool = Field(description="CAMS took the request")
    sent: Sent = Field(
        description="may a code be on its way? After `unknown`, asking again can send a second one"
    )
    code: str = Field(description="`OK`, a code of this package, or the API's own code")
    message: str = Field(description="one sentence for a developer; an app goes by `code`")
    request_id: str | None = Field(
        None, description="the API's RequestId, for its support; null where nothing was asked"
    )
    invocation_id: str = Field("", description="the invocation's id, for the logs")
    retryable: bool = Field(description="nothing was sent, and asking again can succeed")
    retry_after_seconds: float | None = Field(
        None,
        description="when this may be asked again; after yes and unknown, the countdown to the "
        "next try",
    )
    phone_number: str | None = Field(None, description="the number that was asked for, masked")
    method: Literal["sms", "voice"] | None = Field(None, description="how the code is to come")
    locale: str | None = Field(None, description="the language code that was asked for")
    replayed: bool = Field(
        False, description="the answer to an earlier delivery; nothing was sent now"
    )
    errors: tuple[FieldError, ...] = Field((), description="one for each wrong field")
    access_denied_detail: dict[str, str] | str | None = Field(
        None, description="the API's AccessDeniedDetail, for direct invocations; else null"
    )

    http_status: int
    origin: Literal["package", "api"] = "api"
    upstream_message: str | None = None

    @classmethod
    def of(cls, code: str, message: str, **more: Any) -> VerifyCodeResult:
        """A result with one of the package's own codes."""
        meaning = {**CODES[code]._asdict(), "origin": "package"}
        return cls(success=False, code=code, message=message, **{**meaning, **more})

    @classmethod
    def accepted(cls) -> VerifyCodeResult:
        """The result for a test number: as if CAMS had taken the request."""
        return cls(
            success=True,
            sent="yes",
            code="OK",
            message=ACCEPTED,
            retryable=False,
            http_status=200,
        )

    @classmethod
    def unexpected(cls, may_have_sent: bool) -> VerifyCodeResult:
        """The result where this package itself failed."""
        if not may_have_sent:
            return cls.of("UnexpectedError", "The function failed; nothing was sent.")
        text = "The function failed; a code may have been sent."
        return cls.of("UnexpectedError", text, sent="unknown", http_status=202)

    @classmethod
    def replay(cls, stored: str) -> VerifyCodeResult:
        """What :meth:`stored` made, for a later delivery; ValueError if it isn't a result."""
        return cls.model_validate_json(stored).with_(replayed=True)

    def stored(self) -> str:
        """What is kept of it, as JSON. It holds neither the number nor an id of this package."""
        return self.model_dump_json(include=STORED)

    def with_(self, **changes: Any) -> VerifyCodeResult:
        """The same result with other values in some fields."""
        return self.model_copy(update=changes)

    def for_event_source(self) -> dict[str, Any]:
        """The result for event sources, with the API's own message."""
        message = self.upstream_message or self.message
        return {**self._shown(), "message": message, "access_denied_detail": None}

    def for_invoker(self) -> dict[str, Any]:
        """The result for direct callers, who may see the account's policies."""
        return {**self._shown(), "message": self.upstream_message or self.message}

    def for_http(self) -> dict[str, Any]:
        """The result for HTTP callers, with nothing about the account and its set-up."""
        message = _NEUTRAL_MESSAGES.get(self.code, self.message)
        return {**self._shown(), "message": message, "access_denied_detail": None}

    def _shown(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude=HIDDEN)


class Rejected(Exception):
    """Ends a request of which surely nothing was sent. It carries the result."""

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(code)
        self.result = VerifyCodeResult.of(code, message, **more)
