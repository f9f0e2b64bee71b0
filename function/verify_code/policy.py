"""May this caller ask this? The caller, the event's age, the space, the country and the line."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from verify_code.phone_number import NO_COUNTRY
from verify_code.request import Request, SendRequest
from verify_code.result import CODES, FieldError, Rejected
from verify_code.settings import Settings


class Caller(NamedTuple):
    """Who asks over HTTP, and the only space that this caller may use.

    A value is None where the settings name no header for it, or the request didn't come over HTTP.
    """

    id: str | None = None
    cust_space_id: str | None = None
    #: A header that the trigger fills is missing, or isn't one clear value.
    is_unknown: bool = False


def identify(headers: Mapping[str, Any] | None, settings: Settings) -> Caller:
    """The caller, by the headers into which the trigger puts the claims of the verified JWT.

    The names of the headers are in small letters; None means that the request didn't come over
    HTTP.
    """
    if headers is None:
        return Caller()
    caller, space = (
        _claim(headers.get(name)) if name else None
        for name in (settings.caller_header, settings.cust_space_header)
    )
    return Caller(caller, space, is_unknown="" in (caller, space))


def _claim(value: Any) -> str:
    # A comma joins two headers of one name, and a client may have sent one of them.
    return value.strip() if isinstance(value, str) and "," not in value else ""


def defaults(settings: Settings, caller: Caller) -> dict[str, Any]:
    """The values of the fields that a request may leave out."""
    first_space = settings.cust_space_ids[0]
    values = {"method": settings.default_method, "locale": settings.default_locale}
    # An unknown caller isn't told that a space is required: it is refused anyway.
    if caller.cust_space_id or first_space != "*" or caller.is_unknown:
        values["cust_space_id"] = caller.cust_space_id or first_space
    return values


def refusal(
    request: Request,
    sent_at: float | None,
    now: float,
    settings: Settings,
    caller: Caller,
) -> Rejected | None:
    """Why the request may not be done: the settings, the line, the caller or the event's age.

    Both moments are seconds since the epoch. An event that doesn't say when it was sent is never
    too old.
    """
    if found := _not_allowed(request, settings, caller):
        code = min((code for code, _, _ in found), key=list(CODES).index)
        errors = tuple(
            FieldError(field=field, code="not_allowed", message=text) for _, field, text in found
        )
        return Rejected(code, " ".join(error.message for error in errors), errors=errors)
    if caller.is_unknown:
        return Rejected("CallerUnknown", "The trigger doesn't say who asks.")
    if sent_at is not None and now - sent_at > settings.max_event_age_seconds:
        age = f"{settings.max_event_age_seconds:g}"
        return Rejected("EventExpired", f"The event is older than {age} seconds.")
    return None


def _not_allowed(
    request: Request, settings: Settings, caller: Caller
) -> list[tuple[str, str, str]]:
    """The code, the field and the sentence for everything that isn't allowed."""
    number = request.phone_number
    space, spaces = request.cust_space_id, settings.cust_space_ids
    countries = settings.allowed_countries
    found: list[tuple[str, str, str]] = []
    # Where any space may be used, * stands for none; an unknown caller is refused anyway.
    is_listed = space != "*" or caller.is_unknown if spaces == ("*",) else space in spaces
    if caller.cust_space_id not in (None, "", space) or not is_listed:
        text = "cust_space_id may not be used here."
        found.append(("CustSpaceNotAllowed", "cust_space_id", text))
    has_listed_country = number.country in countries
    if not has_listed_country and ("*" not in countries or number.country == NO_COUNTRY):
        text = "phone_number is of a country that isn't allowed here."
        found.append(("CountryNotAllowed", "phone_number", text))
    elif number.is_premium_or_shared_cost:
        text = "phone_number is a premium-rate or shared-cost line: name another."
        found.append(("LineTypeNotAllowed", "phone_number", text))
    if isinstance(request, SendRequest):
        found += _method_not_allowed(request, settings.allowed_methods)
    return found


def _method_not_allowed(
    request: SendRequest, methods: tuple[str, ...]
) -> Iterator[tuple[str, str, str]]:
    if request.method not in methods:
        text = f"method must be {methods[0]} here."
        yield "DeliveryMethodNotAllowed", "method", text
    elif request.method == "sms" and request.phone_number.is_fixed_line:
        other = "ask for voice" if "voice" in methods else "name another number"
        text = f"A fixed line can't take sms: {other}."
        yield "LineTypeNotAllowed", "method", text
