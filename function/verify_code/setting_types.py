"""The types of the settings: how the text of an environment variable becomes a value."""

import re
from typing import Annotated, Any, Literal, NamedTuple

from phonenumbers import SUPPORTED_REGIONS
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PositiveInt,
    SecretStr,
    StringConstraints,
)
from pydantic_core import Url

from verify_code.locales import DOCUMENTED_CODES
from verify_code.phone_number import NO_COUNTRY, possible_digits
from verify_code.store.base import DAY, HOUR, MINUTE, Limit
from verify_code.wording import wrong

_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_HOST = rf"{_LABEL}(\.{_LABEL})*|\[::1\]"
_STORE_HOST = r"[\w-]{1,63}(\.[\w-]{1,63})*"
_LOOPBACK = r"localhost|127\.[0-9.]+|\[::1\]"

#: Countries without telephone numbers of their own; a list of all countries may hold them.
_WITHOUT_NUMBERS = {"AQ", "BV", "GS", "HM", "PN", "TF", "UM"}
_COUNTRIES = {*SUPPORTED_REGIONS, *_WITHOUT_NUMBERS, "*", NO_COUNTRY}

#: Headers that every client can send say nothing about who it is.
_COMMON_HEADERS = (
    r"(x-forwarded|x-fc|x-ca|x-acs|x-client|x-b3|x-amzn|x-cloud|x-original|x-envoy|sec|if|proxy"
    r"|access-control|accept|content|remote|cf|fastly|eagleeye|ali)(-.*)?"
    r"|.*-ip|forwarded|via|host|origin|referer|user-agent|authorization|cookie2?|idempotency-key"
    r"|connection|keep-alive|cache-control|pragma|date|expect|te|trailer|transfer-encoding"
    r"|upgrade(-.*)?|range|from|dnt|priority|max-forwards|save-data|warning|b3|baggage|purpose"
    r"|traceparent|tracestate|early-data|x-request-id|x-correlation-id|x-requested-with"
    r"|x-csrf-token|x-xsrf-token|x-api-key|x-http-method-override|x-method-override|x-trace-id"
)


class Endpoint(NamedTuple):
    """Where the API is. The host of an IPv6 address has no brackets."""

    scheme: str
    host: str
    port: int


def _items(text: Any, separator: str = ",") -> Any:
    """The items of a list, each once, without empty ones."""
    if not isinstance(text, str):
        return text
    return tuple(dict.fromkeys(item.strip() for item in text.split(separator) if item.strip()))


def _lower(text: Any) -> Any:
    return text.lower() if isinstance(text, str) else text


def _spaces(spaces: tuple[str, ...]) -> tuple[str, ...]:
    if "*" in spaces and len(spaces) > 1:
        wrong("setting", "holds * and other spaces: write either.")
    return spaces


def _countries(codes: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := sorted(set(codes) - _COUNTRIES):
        wrong("setting", f"is wrong: there is no such ISO 3166 code: {','.join(unknown)[:100]}.")
    return codes


def _locale(text: str) -> str:
    code = text.replace("-", "_")
    if code not in DOCUMENTED_CODES:
        raise ValueError("not a documented code")
    return code


def _endpoint(text: str) -> Endpoint:
    url = Url(text if "://" in text else f"https://{text}")
    address = text.lower().rpartition("://")[2].rstrip("/")
    host = url.host or ""
    if (
        url.scheme not in ("http", "https")
        or not re.fullmatch(rf"({_HOST})(:[1-9]\d*)?", address, re.ASCII)
        or (url.path or "/") != "/"
    ):
        raise ValueError(text)
    if url.scheme == "http" and not re.fullmatch(_LOOPBACK, host):
        wrong("setting", "may begin with http:// for a loopback address only: leave it out.")
    return Endpoint(url.scheme, host.strip("[]"), url.port or 0)


def _store_url(text: str) -> str:
    if text == "memory://":
        return text
    url = Url(text)
    if (
        not text.startswith(("redis://", "rediss://"))
        or not re.fullmatch(r"[!-Z\\^-~]+", text)
        or not re.fullmatch(_STORE_HOST, url.host or "", re.ASCII)
        or text.count("@") > 1
        or url.port == 0
        or url.query is not None
        or url.fragment is not None
        or not re.fullmatch(r"(/\d*)?", url.path or "", re.ASCII)
    ):
        raise ValueError("not the address of a store")
    return text


def _secret(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]*", secret.get_secret_value()):
        raise ValueError("not printable")
    return secret


def _limits(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    seconds = {"second": 1, "minute": MINUTE, "hour": HOUR, "day": DAY}
    # pydantic would read 1_0 as 10.
    pairs = (item.partition("/") for item in _items(text.lower().replace("_", "?"), ";"))
    return tuple((count.strip(), seconds.get(window.strip())) for count, _, window in pairs)


def _header(name: str) -> str:
    if re.fullmatch(_COMMON_HEADERS, name):
        wrong(
            "setting",
            f"is {name!r}, which any client may send: use a name that clients can't guess.",
        )
    return name


def _test_numbers(texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(possible_digits, texts))


def _without_underscores(text: Any) -> Any:
    # pydantic would read 1_0 as 10.
    return "" if isinstance(text, str) and "_" in text else text


Spaces = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^[!-+\--~]{1,128}$")], ...],
    BeforeValidator(_items),
    AfterValidator(_spaces),
    Field(
        min_length=1,
        description="list the spaces that may be used, separated by commas, or be * for any",
    ),
]
Countries = Annotated[
    tuple[Annotated[str, StringConstraints(to_upper=True, pattern=r"^[A-Za-z0-9*]*$")], ...],
    BeforeValidator(_items),
    AfterValidator(_countries),
    Field(
        min_length=1,
        description="list the countries that may be sent to by their ISO 3166 codes of two "
        "letters, such as SG,ID; 001 stands for numbers of no country, and * for all countries",
    ),
]
Method = Annotated[
    Literal["sms", "voice"], BeforeValidator(_lower), Field(description="be sms or voice")
]
DefaultMethod = Annotated[Method | None, Field(description="be sms or voice")]
Methods = Annotated[
    tuple[Method, ...],
    BeforeValidator(_items),
    Field(min_length=1, description="be sms, voice, or sms,voice"),
]
Operations = Annotated[
    tuple[Literal["send", "status", "verify"], ...],
    BeforeValidator(lambda text: _items(_lower(text))),
    Field(
        min_length=1,
        description="list what may be asked for: send, status, verify, separated by commas",
    ),
]
Locale = Annotated[
    str,
    AfterValidator(_locale),
    Field(description="be one of the documented language codes, such as en or zh_CN"),
]
EndpointSetting = Annotated[
    Endpoint,
    BeforeValidator(_endpoint),
    Field(description="be a host, such as cams.ap-southeast-1.aliyuncs.com"),
]
StoreUrl = Annotated[
    str,
    AfterValidator(_store_url),
    Field(
        description="be memory://, or redis://user:password@host:port/0, or rediss://… for TLS; "
        "in the password write / @ # ? [ ] as %2F %40 %23 %3F %5B %5D"
    ),
]
StoreSecret = Annotated[
    SecretStr, AfterValidator(_secret), Field(description="be printable characters without a space")
]
Seconds = Annotated[
    float,
    BeforeValidator(_without_underscores),
    Field(
        ge=0.001,
        lt=10**7,
        allow_inf_nan=False,
        description="be a number of seconds, 0.001 or more",
    ),
]
TransitSeconds = Annotated[
    Seconds,
    Field(
        ge=0.125,
        description="be at least 0.125: a call is counted up to so much later than it was sent",
    ),
]
Count = Annotated[
    PositiveInt,
    BeforeValidator(_without_underscores),
    Field(lt=10**6, description="be a whole number above 0"),
]
Limits = Annotated[
    tuple[Limit, ...],
    BeforeValidator(_limits),
    Field(
        min_length=1,
        description="list one limit or more, separated by semicolons, such as "
        "1/minute;5/hour;10/day",
    ),
]
Header = Annotated[
    str,
    StringConstraints(to_lower=True, pattern=r"^[A-Za-z0-9-]{0,64}$"),
    AfterValidator(_header),
    Field(description="be the name of a header that the trigger fills from the verified JWT"),
]
TestNumbers = Annotated[
    frozenset[str],
    BeforeValidator(lambda text: _test_numbers(_items(text))),
    Field(
        description="list numbers that are possible, with their country codes, separated by commas"
    ),
]
