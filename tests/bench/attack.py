"""An SMS pumping attack for a day, with the clock turned: how many codes go out?"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import phonenumbers
import pytest

from tests.bench import page
from tests.sandbox.cams_gateway import CamsGateway
from tests.support.function_under_test import WITHOUT_LIMITS, FunctionUnderTest
from verify_code import logs

REQUESTS = 10_000
USERS = 100
DAY_SECONDS = 86400.0

#: Where the bill for pumped messages is highest, and the countries of the business's own users.
ATTACKED = (  # noqa: SIM905 - 40 literals would fill a page
    "AF AZ BD BY CM CU DZ EG ET GE GH HT IQ IR JM KE KG KH KZ LA LK LY MA MG ML MM MZ NG NP OM "
    "PK PS RW SD SN SY TJ TN UZ ZW"
).split()
OWN = ("SG", "ID", "MY")


class Defence(NamedTuple):
    """How the function is set up."""

    name: str
    instances: int = 1
    countries: str = "*"
    limits: bool = True
    tells_callers_apart: bool = False
    callers: int = 300


DEFENCES = (
    Defence("no rate limits", limits=False),
    Defence("nine instances, each with its memory", instances=9),
    Defence("one store, or one instance"),
    Defence("the same, callers told apart", tells_callers_apart=True),
    Defence("the same, one caller attacks", tells_callers_apart=True, callers=1),
    Defence(
        "300 callers again, own countries only", countries=",".join(OWN), tells_callers_apart=True
    ),
)


@dataclass
class Damage:
    """What came of the attack, and of the users' own requests meanwhile."""

    sent_to_strangers: int
    busiest_country: int
    users_served: int
    users: int


def attack(defence: Defence, requests: int = REQUESTS, users: int = USERS) -> Damage:
    """Lets strangers ask for random numbers in 40 countries, and users for their own."""
    turned = random.Random(7)
    events = [(turned.uniform(0, DAY_SECONDS), True) for _ in range(requests)]
    events += [(turned.uniform(0, DAY_SECONDS), False) for _ in range(users)]
    strangers: Counter[str] = Counter()
    users_served = 0
    with CamsGateway() as gateway, pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "write", lambda *_, **__: None)
        gateway.calls_per_second = 10**6  # a day passes in a minute
        instances = [FunctionUnderTest(gateway, patch) for _ in range(defence.instances)]
        gateway.accept(*(instance.credentials for instance in instances))
        for name in () if not defence.limits else WITHOUT_LIMITS:
            patch.delenv(name)
        callers = {"CALLER_HEADER": "X-Caller"} if defence.tells_callers_apart else {}
        for instance in instances:
            instance.set(ALLOWED_COUNTRIES=defence.countries, **callers)
            started_at = instance.clock()
        for at, is_attack in sorted(events):
            instance = turned.choice(instances)
            instance.turned_seconds += started_at + at - instance.clock()
            country = turned.choice(ATTACKED if is_attack else OWN)
            caller = f"{is_attack} {turned.randrange(defence.callers if is_attack else 10**9)}"
            reply = instance.post(
                {"phone_number": _number(country, turned)},
                headers={"Content-Type": "application/json", "X-Caller": caller},
            )
            if reply.result["sent"] == "yes":
                strangers[country] += is_attack
                users_served += not is_attack
        for instance in instances:
            instance.close()
    return Damage(strangers.total(), max(strangers.values(), default=0), users_served, users)


def _number(country: str, turned: random.Random) -> str:
    """A mobile number of the country that may exist."""
    mobile = phonenumbers.PhoneNumberType.MOBILE
    example = phonenumbers.example_number_for_type(country, mobile)
    assert example
    digits = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    for _ in range(100):
        other = digits[:-5] + f"{turned.randrange(10**5):05}"
        if phonenumbers.is_valid_number(phonenumbers.parse(other)):
            return other
    return digits


def main() -> None:
    rows = []
    for defence in DEFENCES:
        damage = attack(defence)
        rows.append(
            (
                defence.name,
                f"{damage.sent_to_strangers:,}",
                f"{damage.busiest_country:,}",
                f"{damage.users_served} of {damage.users}",
            )
        )
        print(*rows[-1], sep=" | ", flush=True)
    header = ("", "codes to strangers", "most in one country", "own users served meanwhile")
    page.write("reliability.md", "attack", header, rows, shown=(header[1], header[3]))


if __name__ == "__main__":
    main()
