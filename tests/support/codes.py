"""What each code means to an app and to an operator: the one table of the documents.

What happened stands in the function's own table (``verify_code.result.CODES``) for its own codes,
and here for the API's.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NamedTuple

from verify_code.operations import Operation
from verify_code.result import CODES, Result


class Advice(NamedTuple):
    """What an app does after /, and after the other operations where that differs."""

    send: str
    verify: str = ""
    status: str = ""

    def after(self, operation: Operation) -> str:
        return str(getattr(self, operation.name) or self.send)


class Code(NamedTuple):
    """A code, or several that mean the same; one that ends with * stands for all that begin so."""

    names: tuple[str, ...]
    app: Advice
    operator: str = "Nothing."
    happened: str = ""

    @property
    def title(self) -> str:
        quoted = (f"`{name.replace('*', '…')}`" for name in self.names if name != "*")
        return ", ".join(quoted) or "any other code of the API"


WAIT = Advice("Let the user try again after `retry_after_seconds`.")
BUG = Advice("Correct the app.")
NEUTRAL = Advice("Show a neutral text.")
CORRECT = Advice("Let the user correct the request, by `errors`.")
UNKNOWN = Advice(
    send="Show the field: a code may come. Don't ask again by yourself.",
    verify="Ask for the status. If it isn't `VERIFIED`, let the user enter the code again.",
    status=WAIT.send,
)

_ADD = "If you want it, add it to the [setting](settings.md)."
_PROVIDER = "If it lasts: read the provider's status page."

#: Own codes first, in the order of the function's table.
_WRITTEN = (
    Code(
        ("OK",),
        Advice(
            send="Show the field for the code.",
            verify="Say that the number is registered.",
            status="After `VERIFIED` the number needs no code.",
        ),
        "If no code arrives, try `voice`.",
        "The API took the request.",
    ),
    Code(("InvalidEvent",), BUG, "Of an event: look at the dead letter."),
    Code(("Misconfigured",), NEUTRAL, "Correct what the log names; deploy."),
    Code(("OperationNotEnabled",), BUG, _ADD),
    Code(("InvalidRequest",), CORRECT),
    Code(("CustSpaceNotAllowed",), BUG, _ADD),
    Code(
        ("CountryNotAllowed",),
        CORRECT,
        _ADD,
    ),
    Code(("DeliveryMethodNotAllowed",), CORRECT, _ADD),
    Code(("LineTypeNotAllowed",), CORRECT),
    Code(
        ("CallerUnknown",),
        BUG,
        "Compare the token's claims, and the header names in trigger and settings.",
    ),
    Code(("EventExpired",), Advice("Nothing: the request is too old."), "Find what was slow."),
    Code(("StoreUnavailable",), WAIT, "Check the store, its VPC and security group."),
    Code(("InProgress",), WAIT),
    Code(("TooSoon",), WAIT),
    Code(("TooManyRequests",), WAIT, "Find the caller by the token's `sub`."),
    Code(
        ("TotalLimitReached",),
        WAIT,
        "Look at codes by country. Stop an attack; raise the limit for growth.",
    ),
    Code(("QuotaExhausted",), WAIT, "Often: [share the quota](#the-quota)."),
    Code(("UpstreamUnavailable",), WAIT, "Check the function's way to the internet."),
    Code(("UpstreamTimeout",), UNKNOWN, _PROVIDER),
    Code(("UpstreamDisconnected",), UNKNOWN, _PROVIDER),
    Code(
        ("InvalidUpstreamAnswer",),
        UNKNOWN,
        "Ask the provider, with the `request_id`.",
    ),
    Code(("UnexpectedError",), NEUTRAL, "Report the line `bug` of the log."),
    Code(
        ("Throttling*", "System.LimitControl"),
        WAIT,
        "Find who else calls the API; [share the quota](#the-quota).",
        "The API's flow control refused the call.",
    ),
    Code(
        ("InvalidParameter.*",),
        CORRECT,
        "Open an issue in this repository, so that the function refuses it itself.",
        "The API refused a field.",
    ),
    Code(
        ("Product.Unsubscript",),
        NEUTRAL,
        "Subscribe to Chat App Message Service in its console.",
        "ChatApp isn't subscribed.",
    ),
    Code(
        ("Ram.*", "NoPermission", "Forbidden*", "Authentication.*"),
        NEUTRAL,
        "Run `make deploy`, which gives the role [its actions](access.md#what-callers-may-do). "
        "With ROS, update the stack.",
        "The role may not call the API.",
    ),
    Code(
        (
            *("InvalidAccessKeyId*", "InvalidSecurityToken*", "Signature*", "IncompleteSignature"),
            "InvalidTimeStamp*",
        ),
        NEUTRAL,
        "If it lasts: delete the role `chatapp-verify-code` in the RAM console, and deploy.",
        "The API didn't take the role's credentials.",
    ),
    Code(
        ("Unknown.ResourceOwnerId",),
        NEUTRAL,
        "Correct `CUST_SPACE_IDS`.",
        "The space isn't this account's.",
    ),
    Code(
        ("InternalError", "ServiceUnavailable", "999999", "ERR-COMMON-*"),
        UNKNOWN,
        _PROVIDER,
        "The API's server failed.",
    ),
    Code(
        ("*",),
        NEUTRAL._replace(verify="Let the user enter the code again, or ask for another one."),
        "Of `verify`: most often the user typed a wrong code; do nothing. Else `upstream_message` "
        "says why. A locked number waits for hours.",
        "The API refused: a wrong code, a locked or verified number.",
    ),
)

TABLE = tuple(
    each._replace(happened=each.happened or CODES[each.names[0]].happened) for each in _WRITTEN
)


def of(code: str) -> Code:
    """The first that stands for the code."""
    return next(each for each in TABLE if any(fnmatchcase(code, name) for name in each.names))


def advice(result: Result, operation: Operation) -> str:
    """What an app does with the result of an operation."""
    told = UNKNOWN if result.outcome == "unknown" else of(result.code).app
    return told.after(operation)
