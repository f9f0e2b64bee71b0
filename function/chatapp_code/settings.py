"""The operator's settings, read from the environment once for an instance."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from phonenumbers import SUPPORTED_REGIONS

from chatapp_code.locales import DOCUMENTED_CODES

#: A host name: labels of letters, digits and inner dashes.
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"

#: Kept back from the function's timeout for what follows the call.
MARGIN_SECONDS = 1.0

#: The longest that one step of the store takes: connecting, and the command.
STORE_SECONDS = 1.0

#: The API allows the account 10 calls a second; one is kept back.
MOST_CALLS_PER_SECOND = 9


class WrongSettings(Exception):
    """Settings that can't be used: one sentence for each, which holds no secret."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))


class Endpoint(NamedTuple):
    """Where the API is."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True)
class Settings:
    """What an operator may set; the README's table says what each one means."""

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

    @property
    def shares_a_store(self) -> bool:
        """Instances share a store, and are paced by it together."""
        return self.store_url != "memory://"

    @property
    def calls_per_slot(self) -> int:
        """How many calls each instance may make in any second, without a store."""
        return self.max_calls_per_second // self.reserved_concurrency

    @property
    def attempt_seconds(self) -> float:
        """The longest that one attempt at the call can take, once its name is looked up.

        Its wait for a turn comes on top.
        """
        store_seconds = STORE_SECONDS if self.shares_a_store else 0.0
        return self.connect_timeout_seconds + self.read_timeout_seconds + store_seconds


def load(environ: Mapping[str, str], function_timeout_seconds: float) -> Settings:
    """Reads the settings, or raises :class:`WrongSettings` that names every wrong one."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, (default, parse) in _SETTINGS.items():
        try:
            values[name.lower()] = parse(environ.get(name, "").strip() or default)
        except ValueError as problem:
            problems.append(f"{name} {problem}.")
    if environ.get("DEBUG", "").strip().lower() == "sdk":
        problems.append("DEBUG is 'sdk', which makes the SDK print the security token: unset it.")
    if not problems:
        if not values["default_method"]:
            methods = values["allowed_methods"]
            values["default_method"] = "sms" if "sms" in methods else methods[0]
        settings = Settings(**values)
        problems.extend(_contradictions(settings, function_timeout_seconds))
    if problems:
        raise WrongSettings(problems)
    return settings


def _contradictions(settings: Settings, function_timeout_seconds: float) -> Iterator[str]:
    slots, most = settings.reserved_concurrency, settings.max_calls_per_second
    if settings.default_method not in settings.allowed_methods:
        yield "DEFAULT_METHOD is not among ALLOWED_METHODS: name one that is."
    if settings.attempt_seconds + MARGIN_SECONDS > function_timeout_seconds:
        yield (
            "CONNECT_TIMEOUT_SECONDS and READ_TIMEOUT_SECONDS don't fit in the function's timeout "
            f"of {function_timeout_seconds:g} s with what comes before and after the call: lower "
            "them, or give the function more time."
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


def _items(text: str) -> list[str]:
    return list(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))


def _cust_space_ids(text: str) -> tuple[str, ...]:
    spaces = tuple(_items(text))
    if not spaces:
        raise ValueError("must list the spaces that may be used, separated by commas, or be *")
    if "*" in spaces and len(spaces) > 1:
        raise ValueError("has * beside names: write * alone for any space, or only the names")
    if not all(re.fullmatch(r"[!-~]{1,128}", space) for space in spaces):
        raise ValueError("holds what is no space: 1 to 128 printable ASCII characters are one")
    return spaces


def _countries(text: str) -> frozenset[str]:
    countries = frozenset(_items(text.upper()))
    unknown = sorted(countries - SUPPORTED_REGIONS - {"*", "001"})
    if unknown or not countries:
        raise ValueError(
            f"{'has ' + ','.join(unknown) + ', but ' if unknown else ''}must list the countries "
            "that may be sent to by their ISO 3166 codes of two letters, such as SG,ID; 001 "
            "stands for numbers of no country, and * for all countries"
        )
    return countries


def _methods(text: str) -> tuple[str, ...]:
    methods = tuple(_items(text.lower()))
    if not methods or not set(methods) <= {"sms", "voice"}:
        raise ValueError("must be sms, voice, or sms,voice")
    return methods


def _method(text: str) -> str:
    if text.lower() not in ("sms", "voice", ""):
        raise ValueError("must be sms or voice")
    return text.lower()


def _locale(text: str) -> str:
    if text.replace("-", "_") not in DOCUMENTED_CODES:
        raise ValueError("must be one of the documented language codes, such as en or zh_CN")
    return text.replace("-", "_")


def _endpoint(text: str) -> Endpoint:
    found = re.fullmatch(rf"(?:(https?)://)?({_HOST}|\[[0-9a-f:]+\])(?::([0-9]{{1,5}}))?/?", text)
    scheme, host, port = found.groups() if found else ("", "", "0")
    scheme = scheme or "https"
    host, number = (host or "").strip("[]"), int(port or (80 if scheme == "http" else 443))
    if not 0 < number < 65536:
        raise ValueError("must be a host, such as cams.ap-southeast-1.aliyuncs.com")
    if scheme == "http" and not _is_loopback(host):
        raise ValueError("may begin with http:// for a loopback address only: leave it out")
    return Endpoint(scheme, host, number)


def _store_url(text: str) -> str:
    try:
        url = urlsplit(text)
        is_store = url.scheme in ("redis", "rediss") and url.hostname and url.port != 0
    except ValueError:
        is_store = False
    if text != "memory://" and not is_store:
        raise ValueError("must be memory://, or redis://host:port/0, or rediss://… for TLS")
    return text


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]+)?", text) or float(text) == 0:
        raise ValueError("must be a number of seconds above 0")
    return float(text)


def _transit_seconds(text: str) -> float:
    if _seconds(text) < 0.125:
        raise ValueError("must be at least 0.125: a call is counted up to so much later than sent")
    return float(text)


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise ValueError("must be a whole number above 0")
    return int(text)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


#: Each variable, its default, and what makes a value of it.
_SETTINGS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "CUST_SPACE_IDS": ("", _cust_space_ids),
    "ALLOWED_COUNTRIES": ("", _countries),
    "ALLOWED_METHODS": ("sms,voice", _methods),
    "DEFAULT_METHOD": ("", _method),
    "DEFAULT_LOCALE": ("en", _locale),
    "CAMS_ENDPOINT": ("cams.ap-southeast-1.aliyuncs.com", _endpoint),
    "CONNECT_TIMEOUT_SECONDS": ("3", _seconds),
    "READ_TIMEOUT_SECONDS": ("10", _seconds),
    "STORE_URL": ("memory://", _store_url),
    "STORE_SECRET": ("", str),
    "RESERVED_CONCURRENCY": ("9", _count),
    "MAX_CALLS_PER_SECOND": ("9", _count),
    "TRANSIT_ALLOWANCE_SECONDS": ("0.125", _transit_seconds),
}
