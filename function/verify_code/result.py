"""The normalised result: one shape for every caller, every answer and every failure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, get_args

Sent = Literal["yes", "no", "unknown"]

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

#: What of a result reaches no caller.
UNSEEN = ("http_status", "is_own", "upstream_message")

_FOR_THE_PUBLIC = {
    "Misconfigured": "The service can't send codes at the moment; its operator's log says why."
}


@dataclass(frozen=True)
class FieldError:
    """One wrong field of a request."""

    field: str
    """the field's name, as the documentation spells it"""
    code: Literal["missing", "invalid", "not_supported", "not_allowed", "conflicting"]
    message: str
    """what is wrong, and what would be right"""


@dataclass(frozen=True, kw_only=True)
class VerifyCodeResult:
    """What every caller gets: every key is always there."""

    success: bool
    """CAMS took the request"""
    sent: Sent
    """may a code be on its way? After `unknown`, asking again can send a second one"""
    code: str
    """`OK`, a code of this package, or the API's own code"""
    message: str
    """one sentence for a developer; an app goes by `code`"""
    request_id: str | None = None
    """the API's RequestId, for its support; null where nothing was asked"""
    invocation_id: str = ""
    """the invocation's id, for the logs"""
    retryable: bool
    """nothing was sent, and asking again can succeed"""
    retry_after_seconds: float | None = None
    """when this may be asked again; after yes and unknown, the countdown to the next try"""
    phone_number: str | None = None
    """the number that was asked for, masked"""
    method: Literal["sms", "voice"] | None = None
    """how the code is to come"""
    locale: str | None = None
    """the language code that was asked for"""
    replayed: bool = False
    """the answer to an earlier delivery; nothing was sent now"""
    errors: tuple[FieldError, ...] = ()
    """one for each wrong field of the request"""
    access_denied_detail: dict[str, str] | str | None = None
    """the API's AccessDeniedDetail, for direct invocations; else null"""

    http_status: int
    is_own: bool = False  # the code is one of this package, which the API's may be spelled like
    upstream_message: str | None = None

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

    @classmethod
    def replay(cls, stored: str) -> VerifyCodeResult:
        """What was stored, for a later delivery; ValueError or TypeError if it isn't a result."""
        result = cls(**json.loads(stored), replayed=True)
        if result.sent not in get_args(Sent):
            raise ValueError("not a result of this version")
        return result

    def stored(self) -> str:
        """What is kept of it, as JSON: neither the number nor an id of ours is in it."""
        return json.dumps({name: getattr(self, name) for name in _STORED})

    def for_the_account(self) -> dict[str, Any]:
        """The result for event sources, with the API's own message."""
        shown = {name: value for name, value in vars(self).items() if name not in UNSEEN}
        errors = [dict(vars(error)) for error in self.errors]
        message = self.upstream_message or self.message
        return {**shown, "errors": errors, "message": message, "access_denied_detail": None}

    def for_the_caller(self) -> dict[str, Any]:
        """The result for who invokes directly, who may know of the account's policies."""
        return {**self.for_the_account(), "access_denied_detail": self.access_denied_detail}

    def for_the_public(self) -> dict[str, Any]:
        """The result for HTTP callers, with nothing of the account and its set-up."""
        message = _FOR_THE_PUBLIC.get(self.code, self.message)
        return {**self.for_the_account(), "message": message}


def unexpected(may_have_sent: bool) -> VerifyCodeResult:
    """The result where something is wrong with this package itself."""
    if not may_have_sent:
        return VerifyCodeResult.own("UnexpectedError", "The function failed; nothing was sent.")
    text = "The function failed; a code may have been sent."
    return VerifyCodeResult.own("UnexpectedError", text, sent="unknown", http_status=202)


class Refused(Exception):
    """Carries the result of a request that ends before any call is made."""

    def __init__(self, result: VerifyCodeResult) -> None:
        super().__init__(result.code)
        self.result = result


def refuse(code: str, message: str, **more: Any) -> Refused:
    """The exception that ends a request with one of this package's own codes."""
    return Refused(VerifyCodeResult.own(code, message, **more))
