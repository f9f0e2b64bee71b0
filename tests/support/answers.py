"""Examples of the answers to each operation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from verify_code import phone_number
from verify_code.cams.responses import interpret
from verify_code.cams.transport import Exchange
from verify_code.operations import SEND, STATUS, VERIFY, Operation
from verify_code.request import StatusRequest
from verify_code.result import CODES, FieldError, Result
from verify_code.store.base import StoreUnavailable

_NUMBER = {"phone_number": "+86*******34"}
_SHOWN: dict[Operation, dict[str, Any]] = {
    SEND: {**_NUMBER, "method": "sms", "locale": "zh_CN"},
    STATUS: _NUMBER,
    VERIFY: _NUMBER,
}
_REQUEST = StatusRequest.model_construct(
    phone_number=phone_number.parse("+8613800001234"), cust_space_id="cams-one"
)
#: A status and a code of the API: one for each row of its codes.
_OF_THE_API = (
    (400, "Throttling.User"),
    (400, "InvalidParameter.PhoneNumber"),
    (403, "Product.Unsubscript"),
    (403, "Ram.PermissionDeny"),
    (403, "InvalidSecurityToken.Expired"),
    (400, "Unknown.ResourceOwnerId"),
    (503, "ServiceUnavailable"),
    (400, "ERR-FB-001"),
)
_REQUEST_ID = "90E63D28-E31D-1EB2-8939-A9486641****"

#: Statuses of answers to what isn't read, or isn't a good request.
_BEFORE_THE_REQUEST = (400, 403, 404, 405, 413, 415, 422, 500)


def examples(operation: Operation) -> list[Result]:
    """An answer of the operation for each code that an app may get."""
    return [
        operation.result.of_operation(
            result, invocation_id="1-67aee50c", **_shown(operation, result)
        )
        for result in (*_common(), *_BY_OPERATION[operation]())
        if operation.changes_something or not _is_about_a_change(result)
    ]


def _is_about_a_change(result: Result) -> bool:
    """What changes nothing is never under way, has no limit per number, and did nothing."""
    did_something = result.code == "UnexpectedError" and result.outcome == "unknown"
    return did_something or result.code in ("InProgress", "TooSoon")


def _shown(operation: Operation, result: Result) -> dict[str, Any]:
    return {} if result.http_status in _BEFORE_THE_REQUEST else _SHOWN[operation]


def _wrong(code: str, field: str, what: Any, message: str) -> Result:
    error = FieldError(field=field, code=what, message=message)
    return Result.of(code, message, errors=(error,))


def _later(code: str, seconds: float, message: str) -> Result:
    return Result.of(code, message, retry_after_seconds=seconds)


def _of_the_api(status: int, code: str) -> Result:
    """What the function makes of such an answer."""
    body = json.dumps({"Code": code, "Message": "…", "RequestId": _REQUEST_ID}).encode()
    exchange = Exchange(0, 0, entered=True, written=True, status=status, body=body)
    return interpret(exchange, _REQUEST).with_(upstream_message=None)


def _common() -> Iterator[Result]:
    example = 'Send one JSON object in UTF-8, with each key once, such as {"phone_number": "+86…"}.'
    no_json = "Send the request as Content-Type: application/json, in UTF-8."
    country = "phone_number is of a country that isn't allowed here."
    premium = "phone_number is a premium-rate or shared-cost line: name another."
    space = "cust_space_id may not be used here."
    no_answer = "No whole answer came from the API; nobody knows whether it was done."
    unclear = "The API's answer doesn't say whether it was done."
    unknown: Any = {"retry_after_seconds": 56.1, "request_id": None}
    yield Result.of("UpstreamTimeout", no_answer, **unknown)
    yield Result.of("UpstreamDisconnected", no_answer, **unknown)
    yield Result.of("InvalidUpstreamAnswer", unclear, **{**unknown, "request_id": _REQUEST_ID})
    yield Result.unexpected(may_be_done=True).with_(**unknown)
    yield Result.of("InvalidEvent", example)
    yield _wrong("CustSpaceNotAllowed", "cust_space_id", "not_allowed", space)
    yield _wrong("CountryNotAllowed", "phone_number", "not_allowed", country)
    yield _wrong("LineTypeNotAllowed", "phone_number", "not_allowed", premium)
    yield Result.of("CallerUnknown", "The trigger doesn't say who asks.")
    yield Result.of("OperationNotEnabled", "This operation is not enabled here; enabled: send.")
    yield Result.of("InvalidEvent", "Ask by POST.", http_status=405)
    yield _later("InProgress", 12.5, CODES["InProgress"].happened)
    yield Result.of("EventExpired", "The event is older than 600 seconds.")
    yield Result.of("InvalidEvent", "A request may hold 16 KiB at most.", http_status=413)
    yield Result.of("InvalidEvent", no_json, http_status=415)
    yield _wrong("InvalidRequest", "phone_number", "missing", "phone_number is required.")
    for status, code in _OF_THE_API:
        yield _of_the_api(status, code)
    for code in ("TooSoon", "TooManyRequests", "TotalLimitReached"):
        yield _later(code, 42.5, CODES[code].happened)
    yield _later("QuotaExhausted", 2.5, "The API's quota has no place within the time left.")
    yield Result.of("Misconfigured", "")
    yield Result.unexpected(may_be_done=False)
    yield _later("UpstreamUnavailable", 5.0, "The API can't be reached.")
    yield StoreUnavailable().result


def _of_send() -> Iterator[Result]:
    yield Result.accepted(request_id=_REQUEST_ID, retry_after_seconds=59.4)
    method, fixed_line = "method must be sms here.", "A fixed line can't take sms: ask for voice."
    yield _wrong("DeliveryMethodNotAllowed", "method", "not_allowed", method)
    yield _wrong("LineTypeNotAllowed", "method", "not_allowed", fixed_line)


def _of_status() -> Iterator[Result]:
    yield Result.accepted(request_id=_REQUEST_ID, verification_status="NOT_VERIFIED")


def _of_verify() -> Iterator[Result]:
    yield Result.accepted(request_id=_REQUEST_ID, retry_after_seconds=0.0)


_BY_OPERATION = {SEND: _of_send, STATUS: _of_status, VERIFY: _of_verify}
