"""Events that mean no good: recorded ones, spoilt by a grammar."""

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
)

NUMBERS = (
    st.sampled_from(VALID)
    | st.builds(str.translate, st.sampled_from(VALID), st.sampled_from(_HOMOGLYPHS))
    | st.builds(
        lambda number, odd, at: number[:at] + odd + number[at:],
        st.sampled_from(VALID),
        st.sampled_from(_INVISIBLE),
        st.integers(0, 9),
    )
)
TEXTS = st.sampled_from([MARK, "", "=", "****", "x" * 20_000, *_INVISIBLE]) | st.text(max_size=9)
ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
JSON = st.recursive(
    ATOMS, lambda it: st.lists(it, max_size=3) | st.dictionaries(TEXTS, it, max_size=3)
)
NAMES = st.sampled_from([name for names in FIELD_NAMES.values() for name in names])
REQUESTS = st.dictionaries(NAMES | TEXTS, NUMBERS | JSON, max_size=5)
GOOD_CLAIMS = {"X-Claim-Sub": "cams-one", "X-Claim-Space": "cams-one"}
CLAIM_NAMES = (*GOOD_CLAIMS, "x-claim-sub", "X-CLAIM-SPACE", "Idempotency-Key")
CLAIMS = st.builds(
    lambda name, value: {**GOOD_CLAIMS, name: value},
    st.sampled_from(CLAIM_NAMES),
    st.sampled_from(["cams-two", "cams-one,cams-two", " ", "", None, ["cams-one"], MARK]) | JSON,
)
RAW = st.integers(0, len(_RAW) - 1).map("\0{}".format)
VALUES = st.one_of(NUMBERS, REQUESTS, REQUESTS.map(json.dumps), JSON, CLAIMS, RAW)


def recorded(name: str) -> Any:
    """The recorded event of this name."""
    return json.loads(RECORDED[name])


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A recorded event, spoilt in some places: its values, keys, JSON text, base64 or bytes."""
    tree = json.loads(draw(st.sampled_from(list(RECORDED.values()))))
    if isinstance(tree, dict) and "headers" in tree:
        tree["headers"] |= draw(st.just(GOOD_CLAIMS) | CLAIMS)
    event = _spoil(draw, tree).encode("utf-8", "surrogatepass")
    at = draw(st.integers(0, len(event)))
    return draw(st.sampled_from([event] * 12 + [event[:at] + b"\xff" + event[at:]]))


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
