"""What must hold of every answer, whatever the event was."""

from __future__ import annotations

import contextlib
import io
import json
import re
import time
from functools import cache
from typing import Any, NamedTuple

import jsonschema

from tests.support.function_under_test import FunctionUnderTest
from tests.support.hostile import MARK, ROOT, VALID

SENT_AT = 1795502348.145  # when the recorded events were sent

CLAIMS = {"CALLER_HEADER": "X-Claim-Sub", "CUST_SPACE_HEADER": "X-Claim-Space"}

#: By what the log calls them; any other source delivers again what was raised.
ANSWERED_BY_HTTP = ("http", "api_gateway")
NEVER_RAISED = (*ANSWERED_BY_HTTP, "direct", "no_request")

#: For a machine that does other things too; what it takes is a hundredth of it.
LONGEST_SECONDS = 5.0

_SECRET = re.compile(
    rf"{MARK}|Traceback|13800001234|81234567|"
    + "|".join(re.escape(number[-7:]) for number in VALID if len(number) > 10)
)
#: What is the function's own, and may have any digits.
_OWN = re.compile(
    r'"(invocation_id|request_id|upstream_ms|connecting_ms|waited_ms)": ("[^"]*"|\d+)'
)


class Outcome(NamedTuple):
    """What came of one event."""

    source: str
    results: list[dict[str, Any]]
    has_raised: bool
    codes: int
    seconds: float


def make_ready(function: FunctionUnderTest, **claims: str) -> None:
    """Lets the function send anywhere, load the SDK and open the connection."""
    function.now = SENT_AT + 60
    function.gateway.calls_per_second = 10**6  # its throttling isn't what is shown here
    function.set(ALLOWED_COUNTRIES="*,001", SEND_LIMITS_PER_CALLER="99999/second", **claims)
    function.ask(phone_number="+14155552671")


def judge(function: FunctionUnderTest, event: bytes, *, are_callers_told: bool = False) -> Outcome:
    """Delivers an event, checks what must hold for all, and delivers it again if it may come."""
    outcome = _deliver(function, event)
    if outcome.codes and outcome.source not in NEVER_RAISED:
        assert _deliver(function, event).codes == 0
    if outcome.codes and outcome.source in ANSWERED_BY_HTTP and are_callers_told:
        assert all(_is_sound(_claims(event, name.lower())) for name in CLAIMS.values())
    return outcome


def results_of(answer: Any) -> list[dict[str, Any]]:
    """The results in an answer of any trigger, or in what was raised."""
    if isinstance(answer, list):
        return answer
    if "counts" in answer:
        listed: list[dict[str, Any]] = answer["unsent"]
        return listed
    return [json.loads(answer["body"]) if "statusCode" in answer else answer]


def _deliver(function: FunctionUnderTest, event: bytes) -> Outcome:
    function.gateway.call_times.clear()
    before, output, began = len(function.gateway.messages), io.StringIO(), time.perf_counter()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        answer, has_raised = function.deliver(event)
    seconds = time.perf_counter() - began
    logged = [json.loads(line) for line in output.getvalue().splitlines()]
    (source,) = {line["source"] for line in logged if line["event"] == "invocation"}
    assert seconds < LONGEST_SECONDS
    assert not (has_raised and source in NEVER_RAISED)
    assert ("statusCode" in answer) == (source in ANSWERED_BY_HTTP)
    shown = _OWN.sub("", json.dumps(answer, allow_nan=False) + output.getvalue())
    assert not _SECRET.search(shown), _SECRET.search(shown)
    assert not [secret for secret in vars(function.credentials).values() if secret in shown]
    results = results_of(answer)
    for result in results:
        schema().validate(result)
        assert result["code"] != "UnexpectedError", output.getvalue()
        assert result["success"] == (result["sent"] == "yes") == (result["code"] == "OK")
    sent = [message.phone_number for message in function.gateway.messages[before:]]
    assert {f"+{number}" for number in sent} <= set(VALID)
    codes = sum(line.get("sent") == "yes" and not line["replayed"] for line in logged)
    assert len(sent) == codes, output.getvalue()
    return Outcome(source, results, has_raised, codes, seconds)


@cache
def schema() -> Any:
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    schema = {"$ref": "#/components/schemas/SendResult", **document}
    return jsonschema.Draft202012Validator(schema)


def _claims(event: bytes, name: str) -> list[Any]:
    """All that the event's headers say under a name, however it is spelled there."""
    content = dict(json.loads(event.decode("utf-8-sig"), object_pairs_hook=_Pairs, parse_int=str))
    return [value for key, value in content["headers"] if key.lower() == name]


class _Pairs(list[Any]):
    """A JSON object, with the keys that come twice."""


def _is_sound(claims: list[Any]) -> bool:
    one = claims[0] if claims and all(claim == claims[0] for claim in claims) else None
    return type(one) is str and one.strip() != "" and "," not in one
