"""The operator's settings, read from the environment once for an instance."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from phonenumbers import SUPPORTED_REGIONS

from chatapp_code.locales import DOCUMENTED_CODES

#: Kept back from the function's timeout for what follows the call.
MARGIN_SECONDS = 1.0

_T = TypeVar("_T")


class WrongSettings(Exception):
    """Settings that can't be used: one sentence for each, which holds no secret."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))


@dataclass(frozen=True)
class Settings:
    """What an operator may set; the README's table says what each one means."""

    cust_space_ids: tuple[str, ...]
    allowed_countries: frozenset[str]
    allowed_methods: tuple[str, ...]
    default_method: str
    default_locale: str
    cams_scheme: str
    cams_host: str
    cams_port: int
    connect_timeout_seconds: float
    read_timeout_seconds: float

    @property
    def attempt_seconds(self) -> float:
        """The longest that one attempt at the call can take."""
        return self.connect_timeout_seconds + self.read_timeout_seconds


def load(environ: Mapping[str, str], function_timeout_seconds: float) -> Settings:
    """Reads the settings, or raises :class:`WrongSettings` that names every wrong one."""
    problems: list[str] = []

    def read(name: str, default: str | None, parse: Callable[[str], _T], unset: _T) -> _T:
        text = environ.get(name, "").strip() or default
        if text is None:
            problems.append(f"{name} is not set: {_REQUIRED[name]}.")
            return unset
        try:
            return parse(text)
        except ValueError as problem:
            problems.append(f"{name} {problem}.")
            return unset

    none: tuple[str, ...] = ()
    methods = read("ALLOWED_METHODS", "sms,voice", _methods, none)
    scheme, host, port = read(
        "CAMS_ENDPOINT", "cams.ap-southeast-1.aliyuncs.com", _endpoint, ("https", "", 443)
    )
    settings = Settings(
        cust_space_ids=read("CUST_SPACE_IDS", None, _cust_space_ids, none),
        allowed_countries=read("ALLOWED_COUNTRIES", None, _countries, frozenset()),
        allowed_methods=methods,
        default_method=read("DEFAULT_METHOD", "sms", _method, ""),
        default_locale=read("DEFAULT_LOCALE", "en", _locale, ""),
        cams_scheme=scheme,
        cams_host=host,
        cams_port=port,
        connect_timeout_seconds=read("CONNECT_TIMEOUT_SECONDS", "3", _positive_number, 0.0),
        read_timeout_seconds=read("READ_TIMEOUT_SECONDS", "10", _positive_number, 0.0),
    )
    if methods and settings.default_method not in (*methods, ""):
        problems.append("DEFAULT_METHOD is not among ALLOWED_METHODS: name one that is.")
    if settings.attempt_seconds + MARGIN_SECONDS > function_timeout_seconds:
        problems.append(
            "CONNECT_TIMEOUT_SECONDS and READ_TIMEOUT_SECONDS don't fit in the function's timeout "
            f"of {function_timeout_seconds:g} s with the {MARGIN_SECONDS:g} s that follow the "
            "call: lower them, or give the function more time."
        )
    if environ.get("DEBUG", "").strip().lower() == "sdk":
        problems.append("DEBUG is 'sdk', which makes the SDK print the security token: unset it.")
    if problems:
        raise WrongSettings(problems)
    return settings


_REQUIRED = {
    "CUST_SPACE_IDS": "list the spaces that may be used, separated by commas, or * for any",
    "ALLOWED_COUNTRIES": "list the ISO 3166 codes of the countries that may be sent to, "
    "separated by commas, or * for all",
}


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _cust_space_ids(text: str) -> tuple[str, ...]:
    spaces = tuple(dict.fromkeys(_items(text)))
    if not spaces:
        raise ValueError("names no space: list them, separated by commas, or write * for any")
    if "*" in spaces and len(spaces) > 1:
        raise ValueError("has * beside names: write * alone for any space, or only the names")
    if any(not re.fullmatch(r"[!-~]{1,128}", space) for space in spaces):
        raise ValueError(
            "holds a name that isn't one: a space is 1 to 128 printable ASCII characters"
        )
    return spaces


def _countries(text: str) -> frozenset[str]:
    countries = frozenset(item.upper() for item in _items(text))
    if not countries:
        raise ValueError("names no country: list ISO 3166 codes, such as SG,ID, or write *")
    unknown = sorted(countries - SUPPORTED_REGIONS - {"*", "001"})
    if unknown:
        raise ValueError(
            f"holds {len(unknown)} that no country has: write ISO 3166 codes of two letters, "
            "such as SG,ID, or 001 for numbers of no country, or * for all"
        )
    return countries


def _method(text: str) -> str:
    if text.lower() not in ("sms", "voice"):
        raise ValueError("must be sms or voice")
    return text.lower()


def _methods(text: str) -> tuple[str, ...]:
    methods = tuple(dict.fromkeys(item.lower() for item in _items(text)))
    if not methods or not set(methods) <= {"sms", "voice"}:
        raise ValueError("must be sms, voice, or sms,voice")
    return methods


def _locale(text: str) -> str:
    if text.replace("-", "_") not in DOCUMENTED_CODES:
        raise ValueError("must be one of the documented language codes, such as en or zh_CN")
    return text.replace("-", "_")


def _positive_number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ValueError("must be a number of seconds above 0")
    return number


def _endpoint(text: str) -> tuple[str, str, int]:
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        scheme, host, port = url.scheme, url.hostname or "", url.port
    except ValueError:
        scheme, host, port, url = "", "", None, urlsplit("")
    extras = url.username or url.query or url.fragment or url.path not in ("", "/")
    if scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9.:-]+", host) or extras:
        raise ValueError("must be a host, such as cams.ap-southeast-1.aliyuncs.com")
    if scheme == "http" and not _is_loopback(host):
        raise ValueError("may begin with http:// for a loopback address only: leave it out")
    return scheme, host, port or (443 if scheme == "https" else 80)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
