"""The operator's settings, read from the environment once for an instance."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from phonenumbers import SUPPORTED_REGIONS

from chatapp_code import phone_number
from chatapp_code.locales import DOCUMENTED_CODES
from chatapp_code.store import Limit

#: Kept back from the function's timeout for what follows the call.
MARGIN_SECONDS = 1.0

#: The longest that one step of the store takes: connecting, and the command.
STORE_SECONDS = 1.0

#: The API allows the account 10 calls a second; one is kept back.
MOST_CALLS_PER_SECOND = 9


class WrongSettings(Exception):
    """Settings that can't be used: one sentence for each, which holds no secret."""


class Endpoint(NamedTuple):
    """Where the API is."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True)
class Settings:
    """What an operator may set; docs/settings.md says what each one means."""

    cust_space_ids: tuple[str, ...]
    allowed_countries: frozenset[str]
    allowed_methods: tuple[str, ...]
    default_method: str
    default_locale: str
    cams_endpoint: Endpoint
    connect_timeout_seconds: float
    read_timeout_seconds: float
    store_url: str
    store_secret: str
    reserved_concurrency: int
    max_calls_per_second: int
    transit_allowance_seconds: float
    max_event_age_seconds: float
    send_limits_per_number: tuple[Limit, ...]
    send_limits_per_caller: tuple[Limit, ...]
    send_limits_in_all: tuple[Limit, ...]
    caller_header: str
    cust_space_header: str
    test_numbers: frozenset[str]

    @property
    def shares_a_store(self) -> bool:
        """Instances share a store, and are paced by it together."""
        return self.store_url != "memory://"

    @property
    def calls_per_slot(self) -> int:
        """How many calls each instance may make in any second, without a store."""
        return self.max_calls_per_second // self.reserved_concurrency

    @property
    def turn_seconds(self) -> float:
        """How far from each other two calls of one instance are at the least."""
        if self.shares_a_store:
            return (1 + self.transit_allowance_seconds) / self.max_calls_per_second
        return self.transit_allowance_seconds + 1 / max(1, self.calls_per_slot)

    @property
    def attempt_seconds(self) -> float:
        """The longest that an attempt takes, its wait and the look-up of the name apart."""
        store_seconds = STORE_SECONDS if self.shares_a_store else 0.0
        return self.connect_timeout_seconds + self.read_timeout_seconds + store_seconds


def load(environ: Mapping[str, str], function_timeout_seconds: float) -> Settings:
    """Reads the settings, or raises :class:`WrongSettings` that names every wrong one."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, setting in _SETTINGS.items():
        text = environ.get(name, "").strip() or setting.default
        try:
            values[name.lower()] = setting.value(text)
        except ValueError as problem:
            problems.append(f"{name} {problem}.")
    if environ.get("DEBUG", "").strip().lower() == "sdk":
        problems.append("DEBUG is 'sdk', which makes the SDK print the security token: unset it.")
    if not problems:
        # Where only one method is allowed, it is the default.
        values["default_method"] = values["default_method"] or min(values["allowed_methods"])
        settings = Settings(**values)
        problems.extend(_contradictions(settings, function_timeout_seconds))
    if problems:
        raise WrongSettings(" ".join(problems))
    return settings


def _contradictions(settings: Settings, function_timeout_seconds: float) -> Iterator[str]:
    slots, most = settings.reserved_concurrency, settings.max_calls_per_second
    if settings.default_method not in settings.allowed_methods:
        yield "DEFAULT_METHOD is not among ALLOWED_METHODS: name one that is."
    needed = settings.attempt_seconds + settings.turn_seconds + MARGIN_SECONDS
    if needed > function_timeout_seconds:
        yield (
            "CONNECT_TIMEOUT_SECONDS and READ_TIMEOUT_SECONDS don't fit in the function's timeout "
            f"of {function_timeout_seconds:g} s with what comes before and after the call, "
            f"{needed:.1f} s in all: lower them, or give the function more time."
        )
    if settings.shares_a_store and len(settings.store_secret) < 32:
        yield "STORE_SECRET must be 32 or more random characters, since STORE_URL names a store."
    if settings.calls_per_slot == 0 and not settings.shares_a_store:
        yield (
            f"RESERVED_CONCURRENCY is {slots}, more than MAX_CALLS_PER_SECOND, which is {most}: an "
            "instance may call once a second, so together they would call too often. Lower it, "
            "or let the instances share a store (STORE_URL)."
        )
    # Another host is a stand-in for tests, with limits of its own.
    if most > MOST_CALLS_PER_SECOND and settings.cams_endpoint.host.endswith(".aliyuncs.com"):
        yield (
            f"MAX_CALLS_PER_SECOND is {most}, but the API takes 10 calls a second for the whole "
            f"account, so that a burst would be refused: {MOST_CALLS_PER_SECOND} is the most."
        )


def _items(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))


def _countries(text: str) -> frozenset[str]:
    countries = frozenset(_items(text.upper()))
    if unknown := sorted(countries - SUPPORTED_REGIONS - {"*", "001"}):
        raise ValueError(f"has {','.join(unknown)}, but must {_COUNTRIES}")
    return countries


def _limits(text: str) -> tuple[Limit, ...]:
    pairs = (item.strip().split("/") for item in text.lower().split(";"))
    return tuple(Limit(int(count), _WINDOW_SECONDS[window.strip()]) for count, window in pairs)


def _test_numbers(text: str) -> frozenset[str]:
    try:
        return frozenset(map(phone_number.possible_digits, _items(text)))
    except ValueError:
        raise ValueError(
            "must list numbers that are possible, with their country codes, separated by commas"
        ) from None


def _locale(text: str) -> str:
    if text.replace("-", "_") not in DOCUMENTED_CODES:
        raise ValueError("must be one of the documented language codes, such as en or zh_CN")
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


class _Setting(NamedTuple):
    default: str
    pattern: str
    make: Callable[[str], Any]
    right: str

    def value(self, text: str) -> Any:
        if not re.fullmatch(self.pattern, text, re.ASCII | re.IGNORECASE):
            raise ValueError(f"must {self.right}")
        return self.make(text)


_SPACES = "list the spaces that may be used, separated by commas, or be * for any"
_COUNTRIES = (
    "list the countries that may be sent to by their ISO 3166 codes of two letters, such as SG,ID; "
    "001 stands for numbers of no country, and * for all countries"
)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = rf"{_LABEL}(\.{_LABEL})*|\[::1\]"
_PORT = r"[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]"
_NAME = r"[\w-]{1,63}"
_STORE = rf"(?-i:memory://|rediss?://([^\s/@#?\[\]]*@)?{_NAME}(\.{_NAME})*(:({_PORT}))?(/\d*)?)"
_WINDOW_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_LIMIT = r"\s*[1-9]\d{0,4}\s*/\s*(second|minute|hour|day)\s*"
_LIMITS = _Setting(
    "1/minute;5/hour;10/day",
    rf"{_LIMIT}(;{_LIMIT})*",
    _limits,
    "list one limit or more, separated by semicolons, such as 1/minute;5/hour;10/day",
)
#: What any client sends, or may send, says nothing of who it is.
_HEADER = _Setting(
    "",
    r"(?!(x-forwarded-.*|x-real-ip|.*client-ip|cf-connecting-ip|forwarded|via|host|origin|referer"
    r"|user-agent|authorization|cookie|idempotency-key"
    r"|accept.*|content-.*)$)[a-z0-9-]{0,64}",
    str.lower,
    "be the name of a header that the trigger fills from the verified JWT, and no client knows",
)
_SECONDS = _Setting("3", r"(?!0+(\.0*)?$)\d{1,7}(\.\d+)?", float, "be a number of seconds above 0")
_COUNT = _Setting("9", r"[1-9]\d{0,5}", int, "be a whole number above 0")

_SETTINGS = {
    "CUST_SPACE_IDS": _Setting("", r"\*|(?:[!-)+\--~]{1,128}(\s*,\s*|$))+", _items, _SPACES),
    "ALLOWED_COUNTRIES": _Setting("", r"[^,]+(,[^,]+)*", _countries, _COUNTRIES),
    "ALLOWED_METHODS": _Setting(
        "sms,voice",
        r"(sms|voice)(\s*,\s*(sms|voice))*",
        lambda text: _items(text.lower()),
        "be sms, voice, or sms,voice",
    ),
    "DEFAULT_METHOD": _Setting("", r"(sms|voice)?", str.lower, "be sms or voice"),
    "DEFAULT_LOCALE": _Setting("en", r"(?s:.*)", _locale, ""),
    "CAMS_ENDPOINT": _Setting(
        "cams.ap-southeast-1.aliyuncs.com",
        rf"(https?://)?({_HOST})(:({_PORT}))?/?",
        _endpoint,
        "be a host, such as cams.ap-southeast-1.aliyuncs.com",
    ),
    "CONNECT_TIMEOUT_SECONDS": _SECONDS,
    "READ_TIMEOUT_SECONDS": _SECONDS._replace(default="10"),
    "STORE_URL": _Setting(
        "memory://",
        _STORE,
        str,
        "be memory://, or redis://user:password@host:port/0, or rediss://… for TLS; in the "
        "password write / @ # ? [ ] as %2F %40 %23 %3F %5B %5D",
    ),
    "STORE_SECRET": _Setting("", r"[!-~]*", str, "be printable characters without a space"),
    "RESERVED_CONCURRENCY": _COUNT,
    "MAX_CALLS_PER_SECOND": _COUNT,
    "MAX_EVENT_AGE_SECONDS": _SECONDS._replace(default="600"),
    "SEND_LIMITS_PER_NUMBER": _LIMITS,
    "SEND_LIMITS_PER_CALLER": _LIMITS._replace(default="20/hour"),
    "SEND_LIMITS_IN_ALL": _LIMITS._replace(default="200/hour;1000/day"),
    "CALLER_HEADER": _HEADER,
    "CUST_SPACE_HEADER": _HEADER,
    "TEST_NUMBERS": _Setting("", r"(?s:.*)", _test_numbers, ""),
    "TRANSIT_ALLOWANCE_SECONDS": _SECONDS._replace(default="0.125", make=_transit),
}
