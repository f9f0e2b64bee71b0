"""Examples of the answers to each operation, and what an app does with them, by HTTP status."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from verify_code.operations import SEND, STATUS, VERIFY, Operation
from verify_code.permit import REFUSALS
from verify_code.result import FieldError, Result
from verify_code.store.base import StoreUnavailable

_NUMBER = {"phone_number": "+86*******34"}
_SHOWN: dict[Operation, dict[str, Any]] = {
    SEND: {**_NUMBER, "method": "sms", "locale": "zh_CN"},
    STATUS: _NUMBER,
    VERIFY: _NUMBER,
}
_REQUEST_ID = "90E63D28-E31D-1EB2-8939-A9486641****"

_A_BUG_IN_THE_APP = "A bug in the app: nothing the user can do."
_NEUTRAL = "Nothing the user can do: show a neutral text; the operator's log says why."
_AFTER_A_WHILE = "Let the user try again after `retry_after_seconds`."


#: Statuses of answers to what isn't read, or isn't a good request.
_BEFORE_THE_REQUEST = (400, 403, 404, 405, 413, 415, 422, 500)


class Status(NamedTuple):
    """What an HTTP status means, and what the app does."""

    meaning: str
    to_do: str


_COMMON = {
    400: Status("No request in it", _A_BUG_IN_THE_APP),
    403: Status("Not allowed here", "Tell the user that this number can't be registered here."),
    404: Status("An operation that isn't enabled", _A_BUG_IN_THE_APP),
    405: Status("Not POST", _A_BUG_IN_THE_APP),
    409: Status(
        "The same request is under way, or another that would use up the number's rate limit",
        _AFTER_A_WHILE,
    ),
    410: Status("Too old: only where requests are queued", "Nothing: nobody waits any more."),
    413: Status("Too large", _A_BUG_IN_THE_APP),
    415: Status("Not JSON", _A_BUG_IN_THE_APP),
    422: Status(
        "A field is wrong, for this package or for the API",
        "Let the user correct the fields in `errors`; it is empty where the API refused.",
    ),
    424: Status("The API refused", _NEUTRAL),
    429: Status("Not now; nothing was done", _AFTER_A_WHILE),
    500: Status("The function is misconfigured, or has a bug", _NEUTRAL),
    503: Status("The API or the store can't be reached; nothing was done", _AFTER_A_WHILE),
}

_OF_OPERATION = {
    SEND: {
        200: Status("Sent", "Show the field for the code."),
        202: Status(
            "Unknown: a code may be on its way",
            "Do as after OK: a code may come. Don't ask again by yourself.",
        ),
    },
    STATUS: {
        200: Status(
            "The status is known",
            "After `NOT_VERIFIED` and `EXPIRED` ask for a code; `VERIFIED` needs none.",
        ),
        503: Status("No answer from the API, or the store can't be reached", _AFTER_A_WHILE),
    },
    VERIFY: {
        200: Status("The number is registered", "Say so."),
        202: Status(
            "Unknown: the number may be registered",
            "Ask for the status: `VERIFIED` means that the code was taken.",
        ),
        424: Status(
            "The API refused: the code may be wrong or too old",
            "Let the user enter the code again, or ask for another one.",
        ),
    },
}


def statuses(operation: Operation) -> dict[int, Status]:
    """The HTTP statuses of an operation's answers, in order."""
    found = {**_COMMON, **_OF_OPERATION[operation]}
    if not operation.changes_something:
        del found[409]  # nothing is in its way
    return {status: found[status] for status in sorted(found)}


def examples(operation: Operation) -> list[Result]:
    """An answer of the operation for each code that an app may get."""
    return [
        operation.result.showing(result, invocation_id="1-67aee50c", **_shown(operation, result))
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


def _refused(code: str) -> Result:
    return Result(
        success=False,
        outcome="no",
        code=code,
        message="The API refused the request.",
        retryable=False,
        http_status=424,
        request_id=_REQUEST_ID,
    )


def _common() -> Iterator[Result]:
    example = 'Send one JSON object in UTF-8, with each key once, such as {"phone_number": "+86…"}.'
    no_json = "Send the request as Content-Type: application/json, in UTF-8."
    country = "phone_number is of a country that may not be sent to."
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
    under_way = "This request, or another one for the number, is under way."
    yield _later("InProgress", 12.5, under_way)
    yield Result.of("EventExpired", "The event is older than 600 seconds.")
    yield Result.of("InvalidEvent", "A request may hold 16 KiB at most.", http_status=413)
    yield Result.of("InvalidEvent", no_json, http_status=415)
    yield _wrong("InvalidRequest", "phone_number", "missing", "phone_number is required.")
    yield _refused("Product.Unsubscript")
    for code, message in REFUSALS.items():
        yield _later(code, 42.5, message)
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
    yield _refused("ERR-FB-001")


_BY_OPERATION = {SEND: _of_send, STATUS: _of_status, VERIFY: _of_verify}
