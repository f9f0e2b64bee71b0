"""The queries of docs/monitoring.json, over log lines that the function itself has written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deploying.monitoring import source
from tests.sandbox.cams_gateway import Behaviour
from tests.support import log_service
from tests.support.function_under_test import FunctionUnderTest, log_lines
from tests.support.valkey import Valkey

ALARMS = {each["name"]: each for each in source()["alarms"]}
CHARTS = {each["name"]: each for each in source()["charts"]}
ALL = "send,status,verify"
NOW = 1_795_502_400
DISCONNECTED = Behaviour(fault="close")

Lines = Callable[[], list[tuple[int, dict[str, Any]]]]


@pytest.fixture
def every(function: FunctionUnderTest) -> FunctionUnderTest:
    """The function with every operation, and without limits that a test would meet."""
    function.gateway.calls_per_second = 9999  # time is turned for the function, not for the API
    function.set(
        OPERATIONS=ALL, VERIFY_LIMITS_PER_NUMBER="99999/day", VERIFY_LIMITS_TOTAL="99999/day"
    )
    return function


@pytest.fixture
def lines(every: FunctionUnderTest, capsys: pytest.CaptureFixture[str]) -> Lines:
    """What has been logged since the last time, all in one second."""
    capsys.readouterr()
    return lambda: [(NOW, line) for line in log_lines(capsys)]


def number(last: int) -> str:
    return f"+658123{last:04}"


def ask(function: FunctionUnderTest, times: int, operation: str = "send", first: int = 0) -> None:
    """Asks for as many numbers over HTTP."""
    fields = {"code": "123456"} if operation == "verify" else {}
    path = "/" if operation == "send" else f"/{operation}"
    for at in range(first, first + times):
        function.post({"phone_number": number(at), **fields}, path=path)


def fire(lines: list[tuple[int, dict[str, Any]]], now: int = NOW) -> dict[str, list[Any]]:
    """The alarms that fire, with the rows for which they do."""
    rows = {name: log_service.fires(alarm, lines, now) for name, alarm in ALARMS.items()}
    return {name: found for name, found in rows.items() if found}


def a_usual_day(function: FunctionUnderTest) -> None:
    """Registrations, a code that is refused, and callers who make mistakes."""
    for at in range(10):
        function.post({"phone_number": number(at)}, headers={"Idempotency-Key": f"tap-{at}"})
        code = function.gateway.messages[-1].code
        function.post({"phone_number": number(at)}, headers={"Idempotency-Key": f"tap-{at}"})
        function.post({"phone_number": number(at)}, path="/status")
        if at == 3:
            wrong = "111111" if code != "111111" else "222222"
            function.post({"phone_number": number(at), "code": wrong}, path="/verify")
        function.post({"phone_number": number(at), "code": code}, path="/verify")
    function.post({"phone_number": "+12025550123", "method": "pigeon"})
    function.post({"phone_number": "+4915123456789"})  # of a country that isn't allowed
    function.post(b"no JSON")
    function.gateway.will(DISCONNECTED)
    function.post({"phone_number": number(99)})
    function.deliver({"specversion": "1.0", "id": "1", "source": "x", "data": {}})


def test_nothing_fires_on_a_usual_day(every: FunctionUnderTest, lines: Lines) -> None:
    """Who makes mistakes, and one call without an answer, wake nobody."""
    a_usual_day(every)
    written = lines()
    assert len(written) > 40
    assert fire(written) == {}


def test_a_wrong_setting_fires(every: FunctionUnderTest, lines: Lines) -> None:
    """At the start of an instance, and at each request."""
    every.set(ALLOWED_COUNTRIES="Singapore")
    ask(every, 1)
    written = lines()
    assert [line["event"] for _, line in written] == ["misconfigured", "invocation"]
    for each in written:
        assert fire([each]).keys() == {"misconfigured"}


@pytest.mark.parametrize(
    "code",
    [
        *("Ram.PermissionDeny", "NoPermission", "Forbidden.RAM", "AuthenticationFailed"),
        *("Product.Unsubscript", "Unknown.ResourceOwnerId", "InvalidAccessKeyId.NotFound"),
        *("InvalidSecurityToken.Expired", "SignatureDoesNotMatch", "IncompleteSignature"),
        "InvalidTimeStamp.Expired",
    ],
)
@pytest.mark.parametrize("operation", ["send", "status", "verify"])
def test_a_refused_role_fires(
    every: FunctionUnderTest, lines: Lines, operation: str, code: str
) -> None:
    """For each code of an operator's problem, with the operation that it concerns."""
    every.gateway.will(Behaviour.says(403, Code=code))
    ask(every, 1, operation)
    assert fire(lines()) == {"refused": [{"operation": operation, "code": code, "requests": 1}]}


@pytest.mark.parametrize("code", ["InvalidParameter.PhoneNumberError", "ERR-FB-001"])
def test_a_refused_number_does_not_fire(every: FunctionUnderTest, lines: Lines, code: str) -> None:
    """What the API refuses of one number is no alarm."""
    every.gateway.will(Behaviour.says(400, Code=code))
    ask(every, 1)
    assert fire(lines()) == {}


@pytest.mark.parametrize(("requests", "fired"), [(5, {"store"}), (4, set())])
def test_a_lost_store(
    every: FunctionUnderTest, valkey: Valkey, lines: Lines, requests: int, fired: set[str]
) -> None:
    """Five requests without the store fire, and four don't."""
    every.set(**valkey.settings)
    every.initialize()
    valkey.stop()
    ask(every, requests)
    valkey.start()
    assert fire(lines()).keys() == fired


@pytest.mark.parametrize(
    ("policy", "fired"), [("allkeys-lru", {"eviction"}), ("noeviction", set())]
)
def test_a_store_that_drops_records(
    every: FunctionUnderTest, valkey: Valkey, lines: Lines, policy: str, fired: set[str]
) -> None:
    """A store whose maxmemory-policy drops records fires when an instance begins."""
    with valkey.client() as client:
        client.config_set("maxmemory-policy", policy)
        every.set(**valkey.settings)
        every.initialize()
        client.config_set("maxmemory-policy", "noeviction")
    assert fire(lines()).keys() == fired


def test_a_bug_fires(every: FunctionUnderTest, lines: Lines) -> None:
    """A bug fires with the name of its exception."""

    def broken(*_: object) -> None:
        raise RuntimeError

    every.monkeypatch.setattr("phonenumbers.parse", broken)
    ask(every, 1)
    assert fire(lines()) == {"bug": [{"exception": "RuntimeError", "entries": 1}]}


@pytest.mark.parametrize("operation", ["send", "status", "verify"])
@pytest.mark.parametrize(
    ("calls", "lost", "fires"), [(20, 2, True), (20, 1, False), (19, 19, False)]
)
def test_calls_without_an_answer(
    every: FunctionUnderTest, lines: Lines, operation: str, calls: int, lost: int, fires: bool
) -> None:
    """More than 5 % of at least 20 calls of one operation fire; of another they don't count."""
    every.gateway.will(*[DISCONNECTED] * lost)
    ask(every, lost, operation)
    ask(every, calls - lost, operation, first=lost)
    ask(every, 30, "status" if operation == "send" else "send", first=100)
    fired = fire(lines()).get("unanswered", [])
    percent = round(100 * lost / calls, 1)
    row = {"operation": operation, "calls": calls, "unanswered_percent": percent}
    assert fired == ([row] if fires else [])


def test_an_api_that_can_not_be_reached_fires(every: FunctionUnderTest, lines: Lines) -> None:
    """Nothing was written, so nothing is unknown; but nobody gets a code."""
    every.gateway.stop()
    ask(every, 20)
    every.gateway.start()
    (row,) = fire(lines())["unanswered"]
    assert (row["operation"], row["unanswered_percent"]) == ("send", 100.0)


def test_the_limit_in_all_fires(every: FunctionUnderTest, lines: Lines) -> None:
    """One caller's limit, or one number's, doesn't fire; that of all together does."""
    every.set(SEND_LIMITS_PER_NUMBER="1/hour", SEND_LIMITS_TOTAL="2/hour")
    ask(every, 1)
    ask(every, 1)
    assert fire(lines()) == {}
    ask(every, 2, first=1)
    assert fire(lines()) == {"total-limit": [{"operation": "send", "requests": 1}]}


@pytest.mark.parametrize(("requests", "fired"), [(10, {"quota"}), (9, set())])
def test_too_few_turns(
    every: FunctionUnderTest,
    valkey: Valkey,
    redis_store: Any,
    lines: Lines,
    requests: int,
    fired: set[str],
) -> None:
    """Ten requests of one operation that find no turn fire, and nine don't."""
    every.set(**valkey.settings)
    redis_store.pause_turns("send", 60)
    ask(every, requests)
    assert fire(lines()).keys() == fired
    ask(every, requests)
    assert fire(lines()).keys() == fired


@pytest.mark.parametrize("code", ["Throttling.User", "Throttling", "System.LimitControl"])
def test_the_apis_own_flow_control_fires(every: FunctionUnderTest, lines: Lines, code: str) -> None:
    """One refusal is enough: with this package alone there is none."""
    every.gateway.will(*[Behaviour.says(400, Code=code)] * 3)
    ask(every, 1)
    row = {"operation": "send", "exhausted": 0, "refused": 1}
    assert fire(lines()) == {"quota": [row]}


@pytest.mark.parametrize(("codes", "fires"), [(51, True), (50, False)])
def test_codes_for_one_country(
    every: FunctionUnderTest, lines: Lines, codes: int, fires: bool
) -> None:
    """More than 50 codes for a country fire; test numbers and replays don't count."""
    tests = ",".join(number(at) for at in range(100, 160))
    every.set(OPERATIONS="send", TEST_NUMBERS=tests)
    ask(every, codes)
    ask(every, 60, first=100)
    fired = fire(lines())
    assert fired == ({"country": [{"country": "SG", "codes": codes}]} if fires else {})


@pytest.mark.parametrize(("guesses", "fires"), [(21, True), (20, False)])
def test_codes_that_are_guessed(
    every: FunctionUnderTest, lines: Lines, guesses: int, fires: bool
) -> None:
    """More than 20 refused codes fire; codes that didn't reach the API don't count."""
    ask(every, guesses, "verify")
    every.set(VERIFY_LIMITS_PER_NUMBER="1/hour", TEST_NUMBERS=number(500))
    ask(every, 1, "verify", first=500)
    ask(every, 1, "verify", first=500)
    written = lines()
    assert [line["code"] for _, line in written[-2:]] == ["OK", "TooSoon"]
    assert fire(written) == ({"wrong-codes": [{"refused": guesses}]} if fires else {})


def test_an_alarm_looks_back_over_its_minutes_only(every: FunctionUnderTest, lines: Lines) -> None:
    """What is older than the window doesn't fire again."""
    every.set(ALLOWED_COUNTRIES="Singapore")
    ask(every, 1)
    written = lines()
    assert fire(written, NOW + 300).keys() == {"misconfigured"}
    assert fire(written, NOW + 301) == {}


def test_each_alarm_is_tried() -> None:
    """No alarm is without a test, its name is one that the API takes, and it can be acted on."""
    tried = {
        *("misconfigured", "refused", "store", "eviction", "bug", "unanswered"),
        *("total-limit", "quota", "country", "wrong-codes"),
    }
    assert tried == ALARMS.keys()


# --- the charts --------------------------------------------------------------------------------


@pytest.fixture
def day(every: FunctionUnderTest, lines: Lines) -> list[tuple[int, dict[str, Any]]]:
    """A usual day's lines, half of them ten minutes earlier."""
    a_usual_day(every)
    written = [line for _, line in lines()]
    half = len(written) // 2
    return [(NOW - 600 * (at < half), line) for at, line in enumerate(written)]


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_has_what_it_draws(day: list[tuple[int, dict[str, Any]]], name: str) -> None:
    """Its query gives rows, with the columns of its axes."""
    rows = log_service.run(CHARTS[name]["query"], day)
    assert rows
    drawn = {CHARTS[name]["x"], *CHARTS[name]["y"]} if "x" in CHARTS[name] else set()
    assert drawn <= rows[0].keys()


def test_what_the_charts_show(day: list[tuple[int, dict[str, Any]]]) -> None:
    """Replays, test numbers and early refusals are no codes; the operations are told apart."""

    def rows(name: str) -> list[dict[str, Any]]:
        return log_service.run(CHARTS[name]["query"], day)

    assert rows("codes-by-outcome") == [
        {"outcome": "yes", "codes": 10},
        {"outcome": "unknown", "codes": 1},
    ]
    assert rows("registrations-by-outcome") == [
        {"outcome": "yes", "registrations": 10},
        {"outcome": "no", "registrations": 1},
    ]
    assert rows("codes-by-country") == [{"country": "SG", "codes": 10}]
    refusals = {
        (row["operation"], row["code"]): row["requests"] for row in rows("refusals-by-code")
    }
    assert refusals == {
        ("send", "InvalidRequest"): 1,
        ("send", "CountryNotAllowed"): 1,
        ("send", "InvalidEvent"): 2,
        ("send", "UpstreamDisconnected"): 1,
        ("verify", "ERR-FB-001"): 1,
    }
    first, second = rows("calls-a-second")
    assert (first["line"], first["calls"] >= 5, second["calls"] >= 5) == (10, True, True)
    assert sum(row["deliveries"] for row in rows("failed-deliveries")) == 1


def test_percentiles_are_of_what_was_waited(every: FunctionUnderTest, lines: Lines) -> None:
    """The 50th and the 95th percentile, for the turn and for the API apart."""
    every.set(MAX_CALLS_PER_SECOND="1")
    ask(every, 20)
    written = lines()
    waits = sorted(line["waited_ms"] for _, line in written if line["event"] == "invocation")
    (turn,) = log_service.run(CHARTS["wait-for-a-turn"]["query"], written)
    assert (turn["p50"], turn["p95"]) == (waits[10], waits[19])
    (api,) = log_service.run(CHARTS["wait-for-the-api"]["query"], written)
    assert api["p95"] < turn["p50"]


# --- the stand-in ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("search", "is_found"),
    [
        ("message.code: OK", True),
        ("message.code: ok", True),
        ("message.code: O*", True),
        ("message.code: K*", False),
        ("message.code: O", False),
        ("message.sent: yes AND message.attempts > 0", True),
        ("message.sent: yes AND message.attempts >= 2", False),
        ("message.sent: no OR message.code: OK AND message.replayed: false", True),
        ("(message.sent: no OR message.code: OK) AND message.replayed: true", False),
        ("message.event: invocation NOT message.source: http", False),
        ("message.event: invocation NOT message.source: direct NOT message.code: x", True),
        ('message.message: "WhatsApp"', True),
        ("message.country: SG", False),
    ],
)
def test_a_search(search: str, is_found: bool) -> None:
    """A search finds words without case, prefixes and numbers; AND binds more than OR."""
    line = {"event": "invocation", "code": "OK", "sent": "yes", "attempts": 1, "replayed": False}
    line |= {"source": "http", "country": None, "message": "Sent by WhatsApp, perhaps"}
    assert log_service.matches(search, line) is is_found


@pytest.mark.parametrize(
    "query",
    [
        "message.unindexed: x | SELECT count(*) AS lines",
        "message.code > 1 | SELECT count(*) AS lines",
        "message.attempts: 1 | SELECT count(*) AS lines",
        '* | SELECT "message.unindexed" AS x',
        "(message.code: x | SELECT count(*) AS lines",
    ],
)
def test_a_query_that_the_service_would_refuse(query: str) -> None:
    """A field that isn't indexed, a comparison that its type lacks, and a bracket left open."""
    with pytest.raises((AssertionError, IndexError, ValueError)):
        log_service.run(query, [(NOW, {"code": "x", "attempts": 1})])
