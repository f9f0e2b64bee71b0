"""The result: a model for the answer to each operation, on a common base."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

Outcome = Literal["yes", "no", "unknown"]
VerificationStatus = Literal["NOT_VERIFIED", "VERIFIED", "EXPIRED"]

#: When to ask again after no answer came.
UNREACHABLE_SECONDS = 5.0


class Meaning(NamedTuple):
    """What a code says, unless the result says otherwise; the documents have its sentence."""

    outcome: Outcome
    retryable: bool
    http_status: int
    happened: str


#: The package's own codes. Every other code is the API's, or OK.
CODES = {
    "InvalidEvent": Meaning("no", False, 400, "No JSON request, not sent by POST, or too large."),
    "Misconfigured": Meaning("no", False, 500, "A setting is wrong, or the function has no role."),
    "OperationNotEnabled": Meaning("no", False, 404, "This operation isn't enabled."),
    "InvalidRequest": Meaning("no", False, 422, "A field is wrong; errors says which."),
    "CustSpaceNotAllowed": Meaning("no", False, 403, "This space may not be used here."),
    "CountryNotAllowed": Meaning("no", False, 403, "Numbers of this country are not allowed."),
    "DeliveryMethodNotAllowed": Meaning("no", False, 403, "This method is not allowed."),
    "LineTypeNotAllowed": Meaning(
        "no", False, 403, "This kind of line isn't allowed, or not by this method."
    ),
    "CallerUnknown": Meaning("no", False, 403, "The trigger named no caller, or no space."),
    "EventExpired": Meaning("no", False, 410, "The request is older than MAX_EVENT_AGE_SECONDS."),
    "StoreUnavailable": Meaning("no", True, 503, "The store couldn't be reached before the call."),
    "InProgress": Meaning("no", True, 409, "This request, or another of the number, is under way."),
    "TooSoon": Meaning("no", True, 429, "The limit for this number is used up."),
    "TooManyRequests": Meaning("no", True, 429, "The limit for this caller is used up."),
    "TotalLimitReached": Meaning("no", True, 429, "The limit for all callers together is used up."),
    "QuotaExhausted": Meaning("no", True, 429, "The API's quota had no place in the time left."),
    "UpstreamUnavailable": Meaning("no", True, 503, "The API can't be reached; nothing was done."),
    "UpstreamTimeout": Meaning("unknown", False, 202, "The API didn't answer in time."),
    "UpstreamDisconnected": Meaning("unknown", False, 202, "No whole answer came from the API."),
    "InvalidUpstreamAnswer": Meaning("unknown", False, 202, "The API's answer isn't clear."),
    "UnexpectedError": Meaning("no", False, 500, "The function has a bug."),
}

#: What HTTP callers are told of Misconfigured.
_NEUTRAL_MESSAGE = "The service isn't set up rightly; its operator's log says why."


class FieldError(BaseModel):
    """One wrong field of a request."""

    model_config = ConfigDict(frozen=True)

    field: str = Field(description="the field's name, as it was meant or given")
    code: Literal["missing", "invalid", "not_supported", "not_allowed", "conflicting", "unknown"]
    message: str = Field(description="what is wrong, and what would be right")


class Result(BaseModel):
    """What is known of a request, whichever operation it asks for. Every key is always there."""

    model_config = ConfigDict(frozen=True)

    success: bool = Field(description="CAMS took the request")
    #: Each operation shows it under its own name.
    outcome: Outcome
    code: str = Field(description="`OK`, a code of this package, or the API's own code")
    message: str = Field(description="one sentence for a developer; an app goes by `code`")
    request_id: str | None = Field(
        None, description="the API's RequestId, for its support; null where nothing was asked"
    )
    invocation_id: str = Field("", description="the invocation's id, for the logs")
    retryable: bool = Field(description="nothing was done, and asking again can succeed")
    retry_after_seconds: float | None = Field(
        None,
        description="when this may be asked again; after yes and unknown, the countdown to the "
        "next try",
    )
    phone_number: str | None = Field(None, description="the number that was asked for, masked")
    replayed: bool = Field(
        False, description="the answer to an earlier delivery; nothing was done now"
    )
    errors: tuple[FieldError, ...] = Field((), description="one for each wrong field")
    access_denied_detail: dict[str, str] | str | None = Field(
        None, description="the API's AccessDeniedDetail, for direct invocations; else null"
    )

    # These are never returned to a caller, but where a model of an operation shows them.
    verification_status: VerificationStatus | None = Field(None, exclude=True)
    http_status: int = Field(exclude=True)
    origin: Literal["package", "api"] = Field("api", exclude=True)
    upstream_message: str | None = Field(None, exclude=True)

    #: The message after success.
    success_message: ClassVar[str] = "CAMS took the request."

    @classmethod
    def of(cls, code: str, message: str, **more: Any) -> Result:
        """A result with one of the package's own codes."""
        outcome, retryable, http_status, _ = CODES[code]
        meaning = {"outcome": outcome, "retryable": retryable, "http_status": http_status}
        given = {**meaning, "origin": "package", **more}
        return cls(success=False, code=code, message=message, **given)

    @classmethod
    def accepted(cls, **more: Any) -> Result:
        """The result of a success."""
        return cls(
            success=True,
            outcome="yes",
            code="OK",
            message=cls.success_message,
            retryable=False,
            http_status=200,
            **more,
        )

    @classmethod
    def unexpected(cls, may_be_done: bool) -> Result:
        """The result where this package itself failed."""
        if not may_be_done:
            return cls.of("UnexpectedError", "The function failed.")
        text = "The function failed; nobody knows whether it was done."
        return cls.of("UnexpectedError", text, outcome="unknown", http_status=202)

    @classmethod
    def replay(cls, stored: str) -> Result:
        """What :meth:`stored` made, for a later delivery; ValueError if it isn't a result."""
        return cls.model_validate_json(stored).with_(replayed=True)

    @classmethod
    def of_operation(cls, result: Result, **asked: Any) -> Result:
        """The same result as the answer to one operation, with what was asked of it."""
        message = cls.success_message if result.success else result.message
        return cls(**{**vars(result), "message": message, **asked})

    def stored(self) -> str:
        """What is kept of it, as JSON. It holds neither the number nor an id of this package."""
        return json.dumps({name: getattr(self, name) for name in _STORED})

    def with_(self, **changes: Any) -> Result:
        """The same result with other values in some fields."""
        return self.model_copy(update=changes)

    def for_event_source(self) -> dict[str, Any]:
        """The result for event sources, with the API's own message."""
        return {**self.for_invoker(), "access_denied_detail": None}

    def for_invoker(self) -> dict[str, Any]:
        """The result for direct callers, who may see the account's policies."""
        return {**self._shown(), "message": self.upstream_message or self.message}

    def for_http(self) -> dict[str, Any]:
        """The result for HTTP callers, with nothing about the account and its set-up."""
        message = _NEUTRAL_MESSAGE if self.code == "Misconfigured" else self.message
        return {**self._shown(), "message": message, "access_denied_detail": None}

    def _shown(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True)


#: Result fields that are kept for later deliveries. The request gives the others again.
_STORED = (
    *("success", "outcome", "code", "message", "request_id", "retryable", "access_denied_detail"),
    *("http_status", "origin", "upstream_message"),
)


class SendResult(Result):
    """The answer to a request for a code."""

    success_message = "CAMS took the request: the code is on its way."

    outcome: Outcome = Field(
        serialization_alias="sent",
        description="may a code be on its way? After `unknown`, asking again can send a second one",
    )
    method: Literal["sms", "voice"] | None = Field(None, description="how the code is to come")
    locale: str | None = Field(None, description="the language code that was asked for")


class StatusResult(Result):
    """The answer to a request for the number's status, which changes nothing."""

    success_message = "CAMS told the number's status."

    outcome: Outcome = Field(exclude=True)
    replayed: bool = Field(False, exclude=True)
    verification_status: VerificationStatus | None = Field(
        None,
        description="`NOT_VERIFIED`, `VERIFIED` (for 14 days), or `EXPIRED`; null where it isn't "
        "known",
    )

    @classmethod
    def of_operation(cls, result: Result, **asked: Any) -> Result:
        if result.outcome == "unknown":  # no answer came, and asking again does no harm
            result = result.with_(
                outcome="no",
                message="The API didn't tell the number's status.",
                retryable=True,
                retry_after_seconds=UNREACHABLE_SECONDS,
                http_status=503,
            )
        return super().of_operation(result, **asked)


class VerifyResult(Result):
    """The answer to a code that was handed in."""

    success_message = "CAMS took the code: the number is registered."

    outcome: Outcome = Field(
        serialization_alias="registered",
        description="did this request register the number? After `unknown`, its status tells",
    )


class Rejected(Exception):
    """Ends a request of which surely nothing was done. It carries the result."""

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(code)
        self.result = Result.of(code, message, **more)
