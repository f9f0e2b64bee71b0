"""What must hold of every answer, whatever the event was."""

from __future__ import annotations

import contextlib
import io
import json
import re
import time
from collections import Counter
from functools import cache
from typing import Any, NamedTuple

import jsonschema

from tests.sandbox.acs3 import Rejected
from tests.sandbox.numbers import Numbers
from tests.support import reading
from tests.support.asked import ALL_OPERATIONS, ASKED, all_done
from tests.support.function_under_test import FunctionUnderTest
from tests.support.hostile import CODES, MARK, ROOT, VALID

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
    + "|"
    # With a character between two digits, or JSON's escape of one.
    + "|".join(r"(\\u\w{4}|\\?\D)?".join(code) for code in CODES)
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
    #: By operation and phone number: how often it was done.
    done: dict[str, Counter[str]]
    #: The operations of the API that were called.
    called: set[str]
    seconds: float


class Quoting(Numbers):
    """Takes every code that is even. Other refusals quote all that the API was told."""

    def new_code(self, phone_number: str) -> str:
        if phone_number.endswith(("3", "7")):
            raise _quoting(phone_number)
        return "000000"

    def register(self, phone_number: str, code: str) -> None:
        if int(code) % 2:
            raise _quoting(code, phone_number)


def _quoting(*texts: str) -> Rejected:
    """A refusal with each text in the spellings that an API may give it."""
    spelled = [
        f"{text} or {text[:3]}-{text[3:]} or {' '.join(text)} or %2B{text}"
        f" or {_escaped(text, '%{:x}')} or {_escaped(text, '&#{};')}"
        f" or {_escaped(text, chr(92) + 'u{:04x}')}"
        for text in texts
    ]
    return Rejected(400, "ERR-FB-001", " or ".join(spelled))


def _escaped(text: str, form: str) -> str:
    return "".join(form.format(ord(character)) for character in text)


def make_ready(function: FunctionUnderTest, *, operations: str = "send", **claims: str) -> None:
    """Lets the function do all that is asked for, load the SDK and open the connection."""
    function.now = SENT_AT + 60
    function.gateway.calls_per_second = 10**6  # its throttling isn't what is shown here
    function.gateway.numbers = Quoting(time.monotonic)
    settings = {**ALL_OPERATIONS, "OPERATIONS": operations, **claims}
    function.set(ALLOWED_COUNTRIES="*,001", SEND_LIMITS_PER_CALLER="99999/second", **settings)
    function.ask(phone_number="+14155552671")


def judge(
    function: FunctionUnderTest,
    event: bytes,
    *,
    operations: str = "send",
    are_callers_told: bool = False,
) -> Outcome:
    """Delivers an event, checks what must hold for all, and delivers it again if it may come."""
    outcome = _deliver(function, event)
    if not outcome.called:
        return outcome
    if outcome.source in NEVER_RAISED:
        request = reading.read(event, outcome.source)
        assert outcome.called == request.operations, (outcome.called, request)
        assert outcome.called <= set(operations.split(","))
        assert request.has_a_known_path or operations == "send"
        assert not ("send" in outcome.called and request.hands_a_code_in)
        if outcome.source in ANSWERED_BY_HTTP and are_callers_told:
            assert all(_is_sound(request.claims(name)) for name in CLAIMS.values())
        is_known_again = request.is_named
    else:
        assert outcome.called == {"send"}
        is_known_again = True
    if is_known_again:
        assert not any(_deliver(function, event).done.values())
    return outcome


def results_of(answer: Any) -> list[dict[str, Any]]:
    """The results in an answer of any trigger, or in what was raised."""
    if isinstance(answer, list):
        return answer
    if "counts" in answer:
        listed: list[dict[str, Any]] = answer["unsent"]
        return listed
    return [json.loads(answer["body"]) if "statusCode" in answer else answer]


def is_refused(result: dict[str, Any]) -> bool:
    """Whether surely nothing was done, whatever was asked for."""
    said = {result[key] for key in ("sent", "registered") if key in result}
    return not result["success"] and said <= {"no"}


def _deliver(function: FunctionUnderTest, event: bytes) -> Outcome:
    gateway, output = function.gateway, io.StringIO()
    gateway.messages.clear()
    gateway.registrations.clear()
    for times in gateway.calls.values():
        times.clear()
    began = time.perf_counter()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        answer, has_raised = function.deliver(event)
    seconds = time.perf_counter() - began
    logged = [json.loads(line) for line in output.getvalue().splitlines()]
    lines = [line for line in logged if line["event"] == "invocation"]
    (source,) = {line["source"] for line in lines}
    assert seconds < LONGEST_SECONDS
    assert not (has_raised and source in NEVER_RAISED)
    assert ("statusCode" in answer) == (source in ANSWERED_BY_HTTP)
    shown = _OWN.sub("", json.dumps(answer, allow_nan=False) + output.getvalue())
    assert not _SECRET.search(shown), _SECRET.search(shown)
    assert not [secret for secret in vars(function.credentials).values() if secret in shown]
    results = results_of(answer)
    assert source in NEVER_RAISED or {line["operation"] for line in lines} == {"send"}
    (operation,) = {line["operation"] for line in lines}
    for result in results:
        _check(result, operation, output.getvalue())
    done = all_done(gateway)
    for name, numbers in done.items():
        assert {f"+{number}" for number in numbers} <= set(VALID)
        # The log has a line for each time.
        key = ASKED[name].outcome_key
        claimed = sum(line[key] == "yes" and not line["replayed"] for line in lines)
        assert numbers.total() == claimed, output.getvalue()
    assert {each.code for each in gateway.registrations} <= set(CODES)
    called = {name for name, each in ASKED.items() if gateway.calls[each.operation.action]}
    return Outcome(source, results, has_raised, done, called, seconds)


def _check(result: dict[str, Any], operation: str, log: str) -> None:
    """What must hold of each result of an operation."""
    asked = ASKED[operation]
    schema(asked.operation.result.__name__).validate(result)
    assert result["code"] != "UnexpectedError", log
    outcome = asked.outcome(result)
    assert result["success"] == (outcome == "yes") == (result["code"] == "OK")
    assert outcome == "no" or not result["retryable"]


@cache
def schema(name: str = "SendResult") -> Any:
    """Validates what the published schema of a result says; it has all its keys, and no others."""
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    published = document["components"]["schemas"][name]
    closed = {
        "allOf": [{"$ref": f"#/components/schemas/{name}"}],
        "maxProperties": len(published["required"]),
    }
    return jsonschema.Draft202012Validator({**closed, **document})


def _is_sound(claims: list[Any]) -> bool:
    one = claims[0] if claims and all(claim == claims[0] for claim in claims) else None
    return type(one) is str and one.strip() != "" and "," not in one
