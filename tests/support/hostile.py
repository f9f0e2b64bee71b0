"""Events that mean no good: recorded ones, and requests for each operation, spoilt by a grammar."""

from __future__ import annotations

import base64
import contextlib
import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import phonenumbers
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from verify_code.validation import NAMES as FIELD_NAMES

ROOT = Path(__file__).parents[2]
RECORDED = {path.stem: path.read_bytes() for path in sorted((ROOT / "tests/events").iterdir())}

#: Stands in any place of an event, and may be shown in none.
MARK = "do-not-show"

#: A valid number of each line in each country, and those of the recorded events.
VALID = sorted(
    {
        phonenumbers.format_number(number, PhoneNumberFormat.E164)
        for region in (*phonenumbers.SUPPORTED_REGIONS, "001")
        for kind in PhoneNumberType.values()
        if (number := phonenumbers.example_number_for_type(region, kind))
    }
    | {"+8613800001234", "+6581234567"}
)

#: Verification codes that are handed in. None may be shown, and none is a piece of a number.
CODES = ("481516", "902837", "065194", "739175")

_HOMOGLYPHS = [
    str.maketrans("0123456789", digits)
    for digits in ("٠١٢٣٤٥٦٧٨٩", "０１２３４５６７８９", "०१२३४५६७८९", "O1234S6789")  # noqa: RUF001
]
_INVISIBLE = ("\u202e", "\u200b", "\u200f", "\ufeff", "\x00", "\t", "\r\nX-Evil: 1", "\ud800")

#: Put in place of a value as they are: no library writes such JSON.
_RAW = (
    *("1e400", "-1e400", "NaN", "1" * 5000, "[" * 50_000, '{"a":' * 50_000, '"\\ud800"', "{"),
    '{"phone_number": "+8613800001234", "phone_number": "+6581234567"}',
    '{"phone_number": "+8613800001234", "PhoneNumber": "+6581234567"}',
    f'{{"phone_number": "+8613800001234", "method": "sms", "method": "{MARK}"}}',
    '{"phone_number": "+8613800001234", "operation": "send", "operation": "status"}',
    '{"phone_number": "+8613800001234", "code": "481516", "VerifyCode": "902837"}',
)


def _spelled(texts: tuple[str, ...] | list[str]) -> st.SearchStrategy[str]:
    """One of the texts, as it is, in other digits, or with something odd in it."""
    text = st.sampled_from(texts)
    odd = st.sampled_from(_INVISIBLE)
    return (
        text
        | st.builds(str.translate, text, st.sampled_from(_HOMOGLYPHS))
        | st.builds(lambda it, at, odd: it[:at] + odd + it[at:], text, st.integers(0, 9), odd)
    )


NUMBERS = _spelled(VALID)
TEXTS = st.sampled_from([MARK, "", "=", "****", "x" * 20_000, *_INVISIBLE]) | st.text(max_size=9)
ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
JSON = st.recursive(
    ATOMS, lambda it: st.lists(it, max_size=3) | st.dictionaries(TEXTS, it, max_size=3)
)
OPERATIONS = ("send", "status", "verify")
ODD_OPERATIONS = (
    _spelled(OPERATIONS)
    | st.sampled_from(["", "Send", "VERIFY", " status", "verify ", "register", "send,verify"])
    | st.lists(st.sampled_from(OPERATIONS), max_size=2)
    | JSON
)
_PATH_PIECES = st.lists(
    st.sampled_from(
        [
            *("/", "//", ".", "/.", "/..", "%2f", "%252F", "%00", "%20", " ", "\\"),
            *(";x=1", "?x", "#", "/status", "/STATUS", "/%76erify", "/codes", "v1", MARK),
            *_INVISIBLE,
        ]
    ),
    max_size=3,
).map("".join)
_PATH_ENDS = st.sampled_from(["/", "//", "/.", " ", ".", ";x=1", "/;x=1", "%20", "%2F"])
ODD_PATHS = (
    st.builds("/{}{}".format, st.sampled_from(OPERATIONS), _PATH_ENDS | _PATH_PIECES)
    | st.builds("{}/{}{}".format, _PATH_PIECES, st.sampled_from(OPERATIONS), _PATH_PIECES)
    | _spelled([f"/{name}" for name in OPERATIONS])
    | _PATH_PIECES
    | JSON
)
_DASHED = [f"{code[:3]}-{code[3:]}" for code in CODES]
ODD_CODES = (
    _spelled([*CODES, *_DASHED, *(" ".join(code) for code in CODES)])
    | st.sampled_from([CODES[0][:5], CODES[1] + "2", CODES[0] + CODES[1], int(CODES[0])])
    | st.lists(st.sampled_from(CODES), max_size=2)
    | JSON
)
GOOD_CODES = st.sampled_from([*CODES, *_DASHED])
NAMES = st.sampled_from(
    [name for names in FIELD_NAMES.values() for name in names] + ["operation", "Operation"]
)
REQUESTS = st.dictionaries(
    NAMES | TEXTS, NUMBERS | JSON | ODD_CODES | st.sampled_from(OPERATIONS), max_size=5
)
GOOD_CLAIMS = {"X-Claim-Sub": "cams-one", "X-Claim-Space": "cams-one"}
CLAIM_NAMES = (*GOOD_CLAIMS, "x-claim-sub", "X-CLAIM-SPACE", "Idempotency-Key")
CLAIMS = st.builds(
    lambda name, value: {**GOOD_CLAIMS, name: value},
    st.sampled_from(CLAIM_NAMES),
    st.sampled_from(["cams-two", "cams-one,cams-two", " ", "", None, ["cams-one"], MARK]) | JSON,
)
RAW = st.integers(0, len(_RAW) - 1).map("\0{}".format)
VALUES = st.one_of(
    *(NUMBERS, REQUESTS, REQUESTS.map(json.dumps), JSON, CLAIMS, RAW),
    *(ODD_CODES, ODD_OPERATIONS, ODD_PATHS),
)


def recorded(name: str) -> Any:
    """The recorded event of this name."""
    return json.loads(RECORDED[name])


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """An event, spoilt in some places: its values, keys, JSON text, base64 or bytes."""
    recorded = st.sampled_from(list(RECORDED.values())).map(json.loads)
    is_recorded, is_spoilt = draw(st.booleans()), draw(st.integers(0, 2)) == 0
    tree = draw(recorded if is_recorded else _requests())
    if isinstance(tree, dict) and "headers" in tree:
        tree["headers"] |= draw(CLAIMS) if is_spoilt else GOOD_CLAIMS
    text = _spoil(draw, tree) if is_recorded or is_spoilt else json.dumps(tree)
    event = text.encode("utf-8", "surrogatepass")
    at = draw(st.integers(0, len(event)))
    return draw(st.sampled_from([event] * 12 + [event[:at] + b"\xff" + event[at:]]))


@st.composite
def _requests(draw: st.DrawFn) -> Any:
    """A request for an operation, by one of the ways; its operation, path or code may be odd."""
    way = draw(st.sampled_from(["http", "http", "http_base64", "api_gateway", "direct", "direct"]))
    way = draw(st.sampled_from([way, way, way, "eventbridge_rule", "mns_topic_json"]))
    name, odd = draw(st.sampled_from(OPERATIONS)), draw(st.sampled_from(_ODD))
    fields: dict[str, Any] = {"phone_number": draw(st.sampled_from(VALID))}
    path = draw(ODD_PATHS) if odd == "path" else draw(st.sampled_from(_PATHS[name]))
    if odd == "operation" or way not in _PATH_KEYS or draw(st.booleans()):
        fields["operation"] = draw(ODD_OPERATIONS) if odd == "operation" else name
    if odd == "code" or name == "verify":
        fields["code"] = draw(ODD_CODES if odd == "code" else GOOD_CODES)
    if draw(st.booleans()):
        fields["idempotency_key"] = draw(st.sampled_from(["1", "2", MARK]))
    if way == "direct":
        return fields
    tree, text = json.loads(RECORDED[way]), json.dumps(fields)
    if way == "eventbridge_rule":
        return {**tree, "data": fields}
    if way == "mns_topic_json":
        return {**tree, "Message": text}
    body = base64.b64encode(text.encode()).decode() if tree["isBase64Encoded"] else text
    return {**tree, _PATH_KEYS[way]: path, "body": body}


#: What is odd in a request from the start, if anything is.
_ODD = ("path", "operation", "code", *["nothing"] * 4)
_PATHS = {"send": ["/", "/send"], "status": ["/status"], "verify": ["/verify", "/v1/verify"]}
#: By the way: where an event has its path.
_PATH_KEYS = {"http": "rawPath", "http_base64": "rawPath", "api_gateway": "path"}


def _spoil(draw: st.DrawFn, tree: Any) -> str:
    """The tree as JSON text, spoilt in some places, those in JSON text within it, too."""
    root = [copy.deepcopy(tree)]
    for _ in range(draw(st.sampled_from((0, 1, 1, 1, 2, 4)))):
        holder, key = draw(st.sampled_from(list(_places(root))))
        value = copy.deepcopy(draw(VALUES))  # it may be spoilt in its turn
        inner, encode = _within(holder[key])
        if encode and draw(st.integers(0, 3)):
            value = encode(_spoil(draw, inner))
        elif isinstance(holder, dict) and draw(st.integers(0, 5)) == 0:
            key = draw(TEXTS | NAMES)
        holder[key] = value
    text = json.dumps(root[0])
    for number, raw in enumerate(_RAW):
        text = text.replace(f'"\\u0000{number}"', raw)
    return text


def _within(text: Any) -> tuple[Any, Callable[[str], str] | None]:
    """The JSON object that is text within an event, and what makes text of one; or None."""
    decodings: list[tuple[Any, Callable[[str], str]]] = [
        (str, str),
        (base64.b64decode, lambda inner: base64.b64encode(inner.encode()).decode()),
    ]
    for decode, encode in decodings:
        with contextlib.suppress(ValueError, TypeError, RecursionError):
            inner = json.loads(decode(text))
            if isinstance(inner, dict):
                return inner, encode
    return None, None


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Each place in a tree of lists and objects: its holder and its key or index."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield tree, key
        if isinstance(value, (dict, list)):
            yield from _places(value)
