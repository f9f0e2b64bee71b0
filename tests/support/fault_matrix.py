"""One request, and one fault of the gateway at one of its tries: was it answered rightly?"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.sandbox.cams_gateway import Behaviour, CamsGateway, Handshake
from tests.sandbox.faults import TAKEN
from tests.sandbox.numbers import VERIFIED_SECONDS, Numbers
from tests.support.asked import (
    ASKED,
    ASKING_FOR_STATUS,
    VERIFYING,
    Asked,
    all_done,
    cloud_event,
)
from tests.support.fault_scenarios import (
    FLOW_CONTROL,
    OPERATOR,
    THROTTLED,
    WRONG_CODE,
    Scenario,
)
from tests.support.function_under_test import FunctionUnderTest, read_reply
from tests.support.valkey import Valkey
from verify_code.events.event_source import CodeNotSentError
from verify_code.sending import MAX_ATTEMPTS

MOST_DELIVERIES = 4
STATUSES = ("NOT_VERIFIED", "VERIFIED", "EXPIRED")

#: After these faults the request may be called again.
CALLED_AGAIN = ("TLS handshake fails", FLOW_CONTROL, OPERATOR)

#: By the kind of fault: the HTTP status of an answer to a question for the status.
REFUSED = {"refused": ("424", "422"), OPERATOR: ("424",)}


@dataclass
class Heard:
    """What the deliveries of one request, or one batch, came to."""

    first: list[dict[str, Any]] = field(default_factory=list)
    last: list[dict[str, Any]] = field(default_factory=list)
    #: The last one asked for another.
    is_given_up: bool = False


class Gateway(CamsGateway):
    """After some calls, the handshake may turn bad."""

    later_handshake: Handshake = "normal"
    calls_before = 0

    def next_behaviour(self) -> Behaviour | None:
        behaviour = super().next_behaviour()
        if self.requests_seen == self.calls_before:
            self.handshake = self.later_handshake
        return behaviour


class Matrix:
    """Runs scenarios, and counts by the kind of fault what came of them."""

    def __init__(self, function: FunctionUnderTest, gateway: Gateway, valkey: Valkey) -> None:
        self.function = function
        self.gateway = gateway
        self.valkey = valkey
        self.counts: dict[str, Counter[str]] = {}
        self.names = 0
        self.codes: dict[str, str] = {}
        self.now = 0.0  # for the numbers of the WABA
        self.status = ""

    def run(self, scenario: Scenario) -> None:
        asked, gateway = scenario.asked, self.gateway
        counts = self.counts.setdefault(scenario.fault.kind, Counter())
        self._make_ready(scenario)
        counts["asked"] += len(scenario.numbers)
        heard = self._deliver(scenario, counts)
        if asked is ASKING_FOR_STATUS:
            self._judge_status(scenario, heard, counts)
        else:
            self._judge_change(scenario, heard, counts)
        others = [each.operation.action for each in ASKED.values() if each is not asked]
        counts["wrong"] += sum(len(gateway.calls[action]) for action in others)

    def _make_ready(self, scenario: Scenario) -> None:
        fault, gateway = scenario.fault, self.gateway
        self.function.set(STORE_URL=self.valkey.url if scenario.store == "Valkey" else "memory://")
        self.valkey.empty()
        self.names += 1
        for each in (gateway.messages, gateway.registrations, gateway.behaviours):
            each.clear()
        for times in gateway.calls.values():
            times.clear()
        gateway.requests_seen = 0
        gateway.handshake = "normal" if scenario.tries_before else fault.handshake
        around = [TAKEN] * (scenario.way == "batch")
        gateway.later_handshake = fault.handshake
        gateway.calls_before = scenario.tries_before + len(around)
        gateway.will(*around, *[THROTTLED] * scenario.tries_before, fault.behaviour, *around)
        self._prepare(scenario)

    def _prepare(self, scenario: Scenario) -> None:
        """Brings the numbers into the state in which it is asked."""
        self.now, numbers = 0.0, Numbers(lambda: self.now)
        self.gateway.numbers, self.codes = numbers, {}
        (number, *_) = scenario.numbers
        if scenario.asked is VERIFYING:
            code = numbers.new_code(number)
            wrong = f"{(int(code) + 1) % 10**6:06}"
            self.codes = {number: wrong if scenario.fault is WRONG_CODE else code}
        if scenario.asked is ASKING_FOR_STATUS:
            self.status = STATUSES[self.names % len(STATUSES)]
            if self.status != "NOT_VERIFIED":
                numbers.register(number, numbers.new_code(number))
            self.now = VERIFIED_SECONDS + 1.0 if self.status == "EXPIRED" else 1.0

    def _deliver(self, scenario: Scenario, counts: Counter[str]) -> Heard:
        """Delivers for as long as the source does."""
        heard = Heard()
        for delivery in range(MOST_DELIVERIES):
            counts["again"] += delivery > 0
            heard.last, has_raised = self._deliver_once(scenario.asked, scenario)
            heard.first = heard.first or heard.last
            self.gateway.handshake = self.gateway.later_handshake = "normal"
            heard.is_given_up = has_raised or heard.last[0]["retryable"]
            if not heard.is_given_up:
                break
            self.function.turned_seconds += 60
        return heard

    def _deliver_once(self, asked: Asked, scenario: Scenario) -> tuple[list[dict[str, Any]], bool]:
        """The results, and were they raised."""
        named = {number: f"{self.names}-{number}" for number in scenario.numbers}
        if scenario.way == "batch":
            items = [cloud_event(name, {"phone_number": f"+{n}"}) for n, name in named.items()]
            event = json.dumps(items).encode()
        else:
            ((number, name),) = named.items()
            event = asked.event(scenario.way, name, number, self.codes.get(number, ""))
        try:
            answer = self.function.handle(event)
        except CodeNotSentError as raised:
            content = json.loads(str(raised))
            return content.get("unsent", [content]), True
        if scenario.way == "HTTP":
            reply = read_reply(answer)
            return [{**reply.result, "status": str(reply.status)}], False
        return answer if scenario.way == "batch" else [answer], False

    def _judge_change(self, scenario: Scenario, heard: Heard, counts: Counter[str]) -> None:
        """Of what changes something: it is done once, and the answer says whether."""
        asked, is_app = scenario.asked, scenario.way in ("HTTP", "direct")
        said = self._said(asked, heard.last)
        done = Counter(asked.done(self.gateway))
        for number in scenario.numbers:
            outcome, times = said.get(number, "nothing"), done[number]
            counts["dead" if heard.is_given_up and not is_app else outcome] += 1
            counts["done"] += times
            counts["twice"] += times > 1
            counts["wrong"] += (outcome == "yes" and not times) or (outcome == "no" and times > 0)
            # A source takes what is returned for handled, and an app what isn't to be asked again.
            is_handled = outcome in ("yes", "unknown") or heard.is_given_up
            counts["lost"] += heard.is_given_up if is_app else not is_handled
        counts["wrong"] += sum(
            each["retryable"] for each in heard.last if each[asked.outcome_key] != "no"
        )
        is_called_again = scenario.fault.kind in CALLED_AGAIN
        if not is_called_again or "no" not in said.values():
            self._ask_once_more(scenario, said, counts)
        if not is_called_again:
            most = scenario.tries_before + len(scenario.numbers)
            counts["twice"] += self.gateway.requests_seen > most
        if asked is VERIFYING and "unknown" in said.values():
            (told,), _ = self._deliver_once(ASKING_FOR_STATUS, scenario)
            expected = "VERIFIED" if done else "NOT_VERIFIED"
            counts["wrong"] += told["verification_status"] != expected
            self.gateway.calls[ASKING_FOR_STATUS.operation.action].clear()

    def _ask_once_more(
        self, scenario: Scenario, said: dict[str, str], counts: Counter[str]
    ) -> None:
        """The same request gets the same answer, without a call."""
        seen = self.gateway.requests_seen
        results, _ = self._deliver_once(scenario.asked, scenario)
        is_same = self._said(scenario.asked, results) == said
        is_replayed = all(each["replayed"] for each in results)
        counts["wrong"] += not is_same or not is_replayed
        counts["twice"] += self.gateway.requests_seen > seen

    @staticmethod
    def _said(asked: Asked, results: list[dict[str, Any]]) -> dict[str, str]:
        """What the results say of each number."""
        return {f"86138000000{each['phone_number'][-2:]}": asked.outcome(each) for each in results}

    def _judge_status(self, scenario: Scenario, heard: Heard, counts: Counter[str]) -> None:
        """Of a question for the status: it changes nothing, and what is told is the number's."""
        (first,), (last,), (number,) = heard.first, heard.last, scenario.numbers
        status = _http_status(first)
        counts["424" if status == "422" else status] += 1
        counts["answered"] += last["success"]
        counts["lost"] += heard.is_given_up
        is_last_try = scenario.tries_before == MAX_ATTEMPTS - 1
        flow_control = ("429",) if is_last_try else ("200",)
        expected = {FLOW_CONTROL: flow_control, **REFUSED}.get(scenario.fault.kind, ("503",))
        counts["wrong"] += not (
            status in expected
            and first["retryable"] == (status in ("429", "503"))
            and all(
                each["verification_status"] == (self.status if each["success"] else None)
                for each in (first, last)
            )
        )
        has_changed = self.gateway.numbers.status(number) != self.status
        counts["changed"] += has_changed or any(all_done(self.gateway).values())


def _http_status(result: dict[str, Any]) -> str:
    """The HTTP status of a result, or what it would be over HTTP."""
    code = result["code"]
    if result["success"]:
        status = "200"
    elif result["retryable"]:
        status = "429" if code.startswith(("Throttling", "System.LimitControl")) else "503"
    else:
        status = "422" if code.startswith("InvalidParameter.") else "424"
    told: str = result.get("status", status)
    return told
