"""The operations: what a caller may ask for, and which operation of the API each one calls."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from verify_code.request import Request, SendRequest, StatusRequest, VerifyRequest
from verify_code.result import FieldError, Rejected, Result, SendResult, StatusResult, VerifyResult
from verify_code.validation import invalid_request, plain


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of this package.

    Each has its own action in the API, a role's permission for it (``cams:<action>``), and a quota
    of 10 calls a second.
    """

    #: In the setting ``OPERATIONS``, in the path and in the field ``operation``.
    name: str
    #: The operation of CAMS, version 2020-06-06.
    action: str
    request: type[Request]
    result: type[Result]
    #: So each request is done once, and has an idempotency record.
    changes_something: bool = True


SEND = Operation("send", "GetChatappVerifyCode", SendRequest, SendResult)
STATUS = Operation(
    "status",
    "GetPhoneNumberVerificationStatus",
    StatusRequest,
    StatusResult,
    changes_something=False,
)
VERIFY = Operation("verify", "ChatappVerifyAndRegister", VerifyRequest, VerifyResult)

#: The field's name, and what callers write by mistake, in small letters without separators.
_NAMES = ("operation", "operations", "operaton", "operatoin", "opertion")

OPERATIONS = {each.name: each for each in (SEND, STATUS, VERIFY)}


def of_path(segment: str, enabled: Sequence[str]) -> Operation:
    """The operation that the last segment of a path names; Rejected if it isn't enabled.

    Where only codes are sent, every path but those of the other operations asks for a code.
    """
    if tuple(enabled) == (SEND.name,) and segment not in OPERATIONS:
        return SEND
    return _enabled(segment or SEND.name, enabled)


def of_fields(
    fields: dict[str, Any], enabled: Sequence[str], by_path: Operation | None
) -> Operation:
    """The operation that a request asks for; Rejected if that isn't enabled, or isn't clear."""
    named = [_enabled(value, enabled) for value in _named(fields)]
    operation = by_path or (named[0] if named else _enabled(SEND.name, enabled))
    if any(each is not operation for each in named):
        text = f"operation is not that of the path, or is given twice: it must be {operation.name}."
        raise invalid_request(FieldError(field="operation", code="conflicting", message=text))
    return operation


def asks_for_another(fields: dict[str, Any]) -> bool:
    """Whether a request asks for something else than a code."""
    return any(value != SEND.name for value in _named(fields))


def names_another(carrier: dict[str, Any]) -> bool:
    """Whether what carries a request names an operation that isn't for events."""
    others = (STATUS.name, VERIFY.name)
    return any(str(value).strip().lower() in others for value in _named(carrier))


def _named(fields: dict[str, Any]) -> Iterator[Any]:
    return (value for name, value in fields.items() if plain(name) in _NAMES and value is not None)


def _enabled(name: Any, enabled: Sequence[str]) -> Operation:
    if name not in enabled:
        text = f"This operation is not enabled here; enabled: {', '.join(enabled)}."
        raise Rejected("OperationNotEnabled", text)
    return OPERATIONS[name]
