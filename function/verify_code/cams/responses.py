"""What every answer of the API means, and every failure to get one."""

import json
import re
from typing import Any, get_args

from verify_code.cams.transport import Exchange
from verify_code.request import Request, StatusRequest
from verify_code.result import UNREACHABLE_SECONDS, Outcome, Result, VerificationStatus

#: How long to wait when the API's flow control doesn't say: its limit counts whole seconds.
FLOW_CONTROL_SECONDS = 1.0

_LONGEST_MESSAGE = 300

#: Codes that mean a failure of the API's own server ("Error codes" of CAMS 2020-06-06).
_SERVER_FAILED = re.compile(
    r"999999|Internal.*Error.*|.*(System|Server)-?Error.*|ServiceUnavailable.*|ERR-COMMON-.*"
    r"|.*Timed?-?out.*",
    re.IGNORECASE,
)
#: An answer with one of these codes may quote what was signed, which holds the token.
_ABOUT_CREDENTIALS = re.compile(
    r"((Invalid|Incomplete)?Signature|InvalidAccessKeyId|InvalidSecurityToken|InvalidTimeStamp).*"
)
_FLOW_CONTROL = re.compile(r"Throttling(\..*)?|System\.LimitControl")

#: The API's page of errors lists these with HTTP 200, and doesn't explain them.
_UNCLEAR_CODES = ("0000", "0", "200", "Success")


def unreachable() -> Result:
    """Returns the result for an attempt that could not connect: nothing was written."""
    return Result.of(
        "UpstreamUnavailable",
        "The API can't be reached.",
        retry_after_seconds=UNREACHABLE_SECONDS,
    )


def interpret(exchange: Exchange, request: Request) -> Result:
    """Returns the result of one attempt, by what was written and what came back.

    ``outcome`` is ``no`` in two cases only: nothing was written, or a whole answer refuses the
    request as the documentation says refusals look, and nothing in the answer contradicts that.
    """
    if not exchange.entered:
        # An SDK that raised wrote nothing. One that returned may have sent the request itself.
        return Result.unexpected(may_be_done=not exchange.sdk_raised)
    if not exchange.written:
        return unreachable()
    if not exchange.is_whole:
        return Result.of(
            "UpstreamTimeout" if exchange.timed_out else "UpstreamDisconnected",
            "No whole answer came from the API; nobody knows whether it was done.",
        )
    return _Answer(exchange, request).result()


class _Answer:
    """A whole answer of the API."""

    def __init__(self, exchange: Exchange, request: Request) -> None:
        self._request = request
        self._status = exchange.status
        self._retry_after = exchange.headers.get("x-acs-retry-after", "")
        body = _json_object(exchange.body or b"")
        # The API's own example writes "None" where it means nothing.
        self._body = {k.lower(): v for k, v in body.items() if v not in (None, "None")}
        self._code = self._identifier("code")

    def result(self) -> Result:
        code = self._code or ""
        succeeded = self._succeeded()
        says_ok = code.upper() == "OK"
        says_done = says_ok or succeeded is True
        if not says_done and (_FLOW_CONTROL.fullmatch(code) or self._status == 429):
            message = "The API's flow control refused the call."
            wait = self._retry_after_seconds()
            return self._make("no", code or "Throttling", 429, message, wait)
        is_ok = self._status == 200 and says_ok and succeeded is not False
        if is_ok and self._tells_what_was_asked():
            status = self._verification_status()
            return Result.accepted(
                request_id=self._identifier("requestid"), verification_status=status
            )
        if code and not says_done and self._is_refusal(code):
            http_status = 422 if code.startswith("InvalidParameter.") else 424
            message = "The API refused the request."
            return self._make("no", code, http_status, message)
        # The server failed, the answer contradicts itself, or it is no answer of this API.
        code = "InvalidUpstreamAnswer" if says_ok or not code else code
        message = "The API's answer doesn't say whether it was done."
        return self._make("unknown", code, 202, message)

    def _tells_what_was_asked(self) -> bool:
        return not isinstance(self._request, StatusRequest) or bool(self._verification_status())

    def _verification_status(self) -> VerificationStatus | None:
        data = self._body.get("data")
        told = {k.lower(): v for k, v in data.items()} if isinstance(data, dict) else {}
        value = told.get("codeverificationstatus")
        return value if value in get_args(VerificationStatus) else None

    def _is_refusal(self, code: str) -> bool:
        if _SERVER_FAILED.fullmatch(code) or code in _UNCLEAR_CODES:
            return False
        return self._status == 200 or 400 <= (self._status or 0) < 500

    def _retry_after_seconds(self) -> float:
        is_number = re.fullmatch(r"[0-9]{1,9}", self._retry_after)
        milliseconds = int(self._retry_after) if is_number else 0
        return milliseconds / 1000 or FLOW_CONTROL_SECONDS

    def _make(
        self,
        outcome: Outcome,
        code: str,
        http_status: int,
        message: str,
        retry_after_seconds: float | None = None,
    ) -> Result:
        quotes = _ABOUT_CREDENTIALS.fullmatch(self._code or "")
        return Result(
            success=False,
            outcome=outcome,
            code=code,
            message=message,
            http_status=http_status,
            retryable=retry_after_seconds is not None,
            retry_after_seconds=retry_after_seconds,
            request_id=self._identifier("requestid"),
            access_denied_detail=None if quotes else self._access_denied_detail(),
            upstream_message=None if quotes else self._message(),
        )

    def _succeeded(self) -> bool | None:
        value = self._body.get("success")
        return value if value is None else str(value).lower() in ("true", "1")

    def _identifier(self, name: str) -> str | None:
        value = self._body.get(name)
        value = str(value) if type(value) in (str, int) else ""
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", value) or self._masked(value) != value:
            return None
        return value

    def _message(self) -> str | None:
        value = self._body.get("message")
        if not isinstance(value, str) or not value:
            return None
        return self._masked(value)[:_LONGEST_MESSAGE]

    def _access_denied_detail(self) -> dict[str, str] | str | None:
        value = self._body.get("accessdenieddetail")
        if isinstance(value, dict):
            plain = {k: v for k, v in value.items() if isinstance(v, (str, int)) and v != "None"}
            return {self._masked(k): self._masked(str(v)) for k, v in plain.items()}
        return self._masked(value) if isinstance(value, str) and value else None

    def _masked(self, text: str) -> str:
        return self._request.masked_in(text)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = _DECODER.decode(body.decode(json.detect_encoding(body)))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _without_contradictions(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Returns the object; raises ValueError if a key, in whatever case, has two values."""
    seen: dict[str, Any] = {}
    if any(seen.setdefault(key.lower(), value) != value for key, value in pairs):
        raise ValueError("a key has two values")
    return dict(pairs)


_DECODER = json.JSONDecoder(object_pairs_hook=_without_contradictions)
