"""The operator's settings, read from the environment once for an instance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from verify_code import setting_kinds as kinds
from verify_code.store.base import Limit

#: Kept back from the function's timeout for what follows the call.
MARGIN_SECONDS = 1.0

#: The API allows the account 10 calls a second; one is kept back.
MOST_CALLS_PER_SECOND = 9


class WrongSettings(Exception):
    """Settings that can't be used: one sentence for each, which holds no secret."""


@dataclass(frozen=True)
class Settings:
    """What an operator may set, by the same names in capitals; docs/settings.md explains them."""

    cust_space_ids: tuple[str, ...] = kinds.SPACES.setting()
    allowed_countries: frozenset[str] = kinds.COUNTRIES.setting()
    allowed_methods: tuple[str, ...] = kinds.METHODS.setting("sms,voice")
    default_method: str = kinds.METHOD.setting()
    default_locale: str = kinds.LOCALE.setting("en")
    cams_endpoint: kinds.Endpoint = kinds.ENDPOINT.setting(  # noqa: RUF009 - a field, as the others
        "cams.ap-southeast-1.aliyuncs.com"
    )
    connect_timeout_seconds: float = kinds.SECONDS.setting("3")
    read_timeout_seconds: float = kinds.SECONDS.setting("10")
    store_url: str = kinds.STORE.setting("memory://")
    store_secret: str = kinds.SECRET.setting()
    reserved_concurrency: int = kinds.COUNT.setting("9")
    max_calls_per_second: int = kinds.COUNT.setting("9")
    max_transit_seconds: float = kinds.TRANSIT.setting("0.125")
    max_event_age_seconds: float = kinds.SECONDS.setting("600")
    send_limits_per_number: tuple[Limit, ...] = kinds.LIMITS.setting("1/minute;5/hour;10/day")
    send_limits_per_caller: tuple[Limit, ...] = kinds.LIMITS.setting("20/hour")
    send_limits_total: tuple[Limit, ...] = kinds.LIMITS.setting("200/hour;1000/day")
    caller_header: str = kinds.HEADER.setting()
    cust_space_header: str = kinds.HEADER.setting()
    test_numbers: frozenset[str] = kinds.TEST_NUMBERS.setting()

    @property
    def shares_a_store(self) -> bool:
        """Instances share a store, and are paced by it together."""
        return self.store_url != "memory://"

    @property
    def calls_per_slot(self) -> int:
        """How many calls each instance may make in any second, without a store."""
        return self.max_calls_per_second // self.reserved_concurrency

    @property
    def turn_seconds(self) -> float:
        """How far from each other two calls of one instance are at the least."""
        if self.shares_a_store:
            return (1 + self.max_transit_seconds) / self.max_calls_per_second
        return self.max_transit_seconds + 1 / max(1, self.calls_per_slot)

    @property
    def store_seconds(self) -> float:
        """The longest that one step of the store takes: connecting, and the command."""
        return 1.0 if self.shares_a_store else 0.0

    @property
    def attempt_seconds(self) -> float:
        """The longest that an attempt takes, its wait and the look-up of the name apart."""
        return self.connect_timeout_seconds + self.read_timeout_seconds + self.store_seconds


def load(environ: Mapping[str, str], function_timeout_seconds: float) -> Settings:
    """Reads the settings, or raises :class:`WrongSettings` that names every wrong one."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for each in fields(Settings):
        name = each.name.upper()
        text = environ.get(name, "").strip() or each.metadata["default"]
        try:
            values[each.name] = each.metadata["kind"].value(text)
        except ValueError as problem:
            problems.append(f"{name} {problem}.")
    if environ.get("DEBUG", "").strip().lower() == "sdk":
        problems.append("DEBUG is 'sdk', which makes the SDK print the security token: unset it.")
    if not problems:
        # Where only one method is allowed, it is the default.
        values["default_method"] = values["default_method"] or min(values["allowed_methods"])
        settings = Settings(**values)
        problems.extend(_contradictions(settings, function_timeout_seconds))
    if problems:
        raise WrongSettings(" ".join(problems))
    return settings


def _contradictions(settings: Settings, function_timeout_seconds: float) -> Iterator[str]:
    slots, most = settings.reserved_concurrency, settings.max_calls_per_second
    if settings.default_method not in settings.allowed_methods:
        yield "DEFAULT_METHOD is not among ALLOWED_METHODS: name one that is."
    needed = settings.attempt_seconds + settings.turn_seconds + MARGIN_SECONDS
    if needed > function_timeout_seconds:
        yield (
            "CONNECT_TIMEOUT_SECONDS and READ_TIMEOUT_SECONDS don't fit in the function's timeout "
            f"of {function_timeout_seconds:g} s with what comes before and after the call, "
            f"{needed:.1f} s in all: lower them, or give the function more time."
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
