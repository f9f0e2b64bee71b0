"""What a setting's text may be, what is made of it, and the sentence about a wrong one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field
from typing import Any, NamedTuple

from phonenumbers import SUPPORTED_REGIONS

from verify_code import phone_number
from verify_code.locales import DOCUMENTED_CODES
from verify_code.store.base import Limit


class Kind(NamedTuple):
    """A kind of setting: the pattern of its text, what makes the value, and what is right."""

    pattern: str
    make: Callable[[str], Any]
    right: str
    #: What of a wrong text may be shown.
    shown: Callable[[str], str] = lambda text: text[:100]

    def setting(self, default: str = "") -> Any:
        """The field of a dataclass."""
        return field(metadata={"kind": self, "default": default})

    def value(self, text: str) -> Any:
        """The value; ValueError, with the rest of a sentence that begins with the name."""
        try:
            if re.fullmatch(self.pattern, text, re.ASCII | re.IGNORECASE):
                return self.make(text)
            problem = f"must {self.right}"
        except ValueError as wrong:
            problem = str(wrong)
        shown = self.shown(text)
        what = f"is {shown!r}" if shown else "is wrong" if text else "is not set"
        raise ValueError(f"{what}: it {problem}")


class Endpoint(NamedTuple):
    """Where the API is."""

    scheme: str
    host: str
    port: int


def _nothing(_: str) -> str:
    return ""


def _scheme_and_host(text: str) -> str:
    """What surely is the scheme and the host: all else may be a part of the password."""
    scheme = re.match(r"(rediss?|memory|https?)://", text, re.IGNORECASE)
    host = scheme and re.match(_ADDRESS, text[scheme.end() :], re.ASCII)
    return f"{scheme[0] if scheme else ''}{host[1] if host else ''}"


def _items(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))


def _countries(text: str) -> frozenset[str]:
    countries = frozenset(_items(text.upper()))
    known = SUPPORTED_REGIONS | _WITHOUT_NUMBERS | {"*", phone_number.NO_COUNTRY}
    if unknown := sorted(countries - known):
        raise ValueError(f"must {COUNTRIES.right}; no such code: {','.join(unknown)}")
    return countries


def _limits(text: str) -> tuple[Limit, ...]:
    pairs = (item.strip().split("/") for item in text.lower().split(";"))
    return tuple(Limit(int(count), _WINDOW_SECONDS[window.strip()]) for count, window in pairs)


def _test_numbers(text: str) -> frozenset[str]:
    try:
        return frozenset(map(phone_number.possible_digits, _items(text)))
    except ValueError:
        raise ValueError(f"must {TEST_NUMBERS.right}") from None


def _locale(text: str) -> str:
    if text.replace("-", "_") not in DOCUMENTED_CODES:
        raise ValueError(f"must {LOCALE.right}")
    return text.replace("-", "_")


def _endpoint(text: str) -> Endpoint:
    scheme, _, authority = text.lower().rstrip("/").rpartition("://")
    scheme = scheme or "https"
    has_port = re.search(r":\d+$", authority)
    host, _, port = authority.rpartition(":") if has_port else (authority, "", "")
    is_loopback = host == "localhost" or re.fullmatch(r"127\.[0-9.]+|\[::1\]", host)
    if scheme == "http" and not is_loopback:
        raise ValueError("may begin with http:// for a loopback address only: leave it out")
    return Endpoint(scheme, host.strip("[]"), int(port or {"http": 80, "https": 443}[scheme]))


def _transit(text: str) -> float:
    if float(text) < 0.125:
        raise ValueError("must be at least 0.125: a call is counted up to so much later than sent")
    return float(text)


#: What of ISO 3166 has no telephone numbers of its own; harmless in a list of all countries.
_WITHOUT_NUMBERS = frozenset(("AQ", "BV", "GS", "HM", "PN", "TF", "UM"))
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = rf"{_LABEL}(\.{_LABEL})*|\[::1\]"
_PORT = r"[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]"
_NAME = r"[\w-]{1,63}"
_USER = r"(?:(?![/@#?\[\]])[!-~])*"  # and the password
_ADDRESS = rf"(?:{_USER}@)?({_NAME}(?:\.{_NAME})*)(?=(?::\d|/|$)[^@]*$)"
_WINDOW_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_LIMIT = r"\s*[1-9]\d{0,4}\s*/\s*(second|minute|hour|day)\s*"

SPACES = Kind(
    r"\*|(?:[!-)+\--~]{1,128}(\s*,\s*|$))+",
    _items,
    "list the spaces that may be used, separated by commas, or be * for any",
)
COUNTRIES = Kind(
    r"[^,]+(,[^,]+)*",
    _countries,
    "list the countries that may be sent to by their ISO 3166 codes of two letters, such as SG,ID; "
    "001 stands for numbers of no country, and * for all countries",
)
METHODS = Kind(
    r"(sms|voice)(\s*,\s*(sms|voice))*",
    lambda text: _items(text.lower()),
    "be sms, voice, or sms,voice",
)
METHOD = Kind(r"(sms|voice)?", str.lower, "be sms or voice")
LOCALE = Kind(r"(?s:.*)", _locale, "be one of the documented language codes, such as en or zh_CN")
ENDPOINT = Kind(
    rf"(https?://)?({_HOST})(:({_PORT}))?/?",
    _endpoint,
    "be a host, such as cams.ap-southeast-1.aliyuncs.com",
    shown=_scheme_and_host,
)
STORE = Kind(
    rf"(?-i:memory://|rediss?://({_USER}@)?{_NAME}(\.{_NAME})*(:({_PORT}))?(/\d*)?)",
    str,
    "be memory://, or redis://user:password@host:port/0, or rediss://… for TLS; in the "
    "password write / @ # ? [ ] as %2F %40 %23 %3F %5B %5D",
    shown=_scheme_and_host,
)
SECRET = Kind(r"[!-~]*", str, "be printable characters without a space", shown=_nothing)
LIMITS = Kind(
    rf"{_LIMIT}(;{_LIMIT})*",
    _limits,
    "list one limit or more, separated by semicolons, such as 1/minute;5/hour;10/day",
)
#: What any client sends, or may send, says nothing of who it is.
HEADER = Kind(
    r"(?!(x-forwarded-.*|x-fc-.*|.*-ip|remote-.*|forwarded|via|host|origin|referer|user-agent"
    r"|authorization|cookie|idempotency-key|accept.*|content-.*)$)[a-z0-9-]{0,64}",
    str.lower,
    "be the name of a header that the trigger fills from the verified JWT, and no client knows",
)
TEST_NUMBERS = Kind(
    r"(?s:.*)",
    _test_numbers,
    "list numbers that are possible, with their country codes, separated by commas",
    shown=_nothing,
)
SECONDS = Kind(r"(?!0+(\.0*)?$)\d{1,7}(\.\d+)?", float, "be a number of seconds above 0")
TRANSIT = SECONDS._replace(make=_transit)
COUNT = Kind(r"[1-9]\d{0,5}", int, "be a whole number above 0")
