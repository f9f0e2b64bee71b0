"""The store that is exact within one instance, for as long as that lives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from verify_code.store.base import Allowance, Claim, Store, StoreUnavailable, Verdict

#: As many requests are remembered; the oldest is forgotten first.
MOST_CLAIMS = 10_000


@dataclass(eq=False, slots=True)
class _Entry:
    """A claim, and its place in each of its allowances. Moments are seconds of the clock."""

    token: str
    made_at: float
    deadline: float
    claim_ends_at: float
    place_ends_at: float
    state: str = "held"
    result: str = ""


class MemoryStore(Store):
    """Claims by their keys, and the places of each allowance in the order they were taken."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._claims: dict[str, _Entry] = {}
        self._places: defaultdict[str, list[_Entry]] = defaultdict(list)

    def admit(self, claim: Claim) -> Verdict:
        now = self._clock()
        # And the two that were tidied longest ago: what is kept moves to the end.
        for key in {*(each.key for each in claim.allowances), *islice(self._places, 2)}:
            self._tidy(key, now)
        found = self._claims.get(claim.key)
        waits = [self._wait(allowance, now) for allowance in claim.allowances]
        if found and found.claim_ends_at > now:
            if found.state == "settled":
                return Verdict("settled", waits[0], found.result)
            if found.deadline > now:
                return Verdict("under way", found.deadline - now)
            return Verdict("abandoned", waits[0])
        number = self._places.get(claim.allowances[0].key, [])
        undecided = [e.deadline for e in number if e.state != "settled" and e.deadline > now]
        if waits[0] and undecided:
            return Verdict("under way", min(undecided) - now)
        for allowance, wait in zip(claim.allowances, waits, strict=True):
            if wait:
                return Verdict("refused", max(waits), allowance.refusal)
        self._hold(claim, now)
        return Verdict("admitted", self._wait(claim.allowances[0], now))

    def mark(self, claim: Claim, nth: int, age_seconds: float) -> None:  # noqa: ARG002
        now = self._clock()
        entry = self._held(claim)
        if not entry or entry.state == "settled" or entry.deadline <= now:
            raise StoreUnavailable("the claim is gone")
        is_calling = nth % 2 == 1
        entry.state = "calling" if is_calling else "held"
        entry.claim_ends_at = now + claim.lasts_seconds if is_calling else entry.deadline

    def settle(self, claim: Claim, result: str) -> None:
        if entry := self._held(claim):
            entry.state, entry.result = "settled", result
            entry.claim_ends_at = self._clock() + claim.lasts_seconds

    def give_back(self, claim: Claim) -> None:
        if self._held(claim):
            del self._claims[claim.key]
        for key in (allowance.key for allowance in claim.allowances):
            self._places[key] = [e for e in self._places[key] if e.token != claim.token]

    def _held(self, claim: Claim) -> _Entry | None:
        entry = self._claims.get(claim.key)
        return entry if entry and entry.token == claim.token else None

    def _tidy(self, key: str, now: float) -> None:
        """Drops the places that are too old to count, and those that the dead have held."""
        kept = [
            place
            for place in self._places.pop(key, [])
            if place.place_ends_at > now and (place.state != "held" or place.deadline > now)
        ]
        if kept:
            self._places[key] = kept

    def _hold(self, claim: Claim, now: float) -> None:
        deadline = now + claim.deadline_seconds
        longest = max(limit.seconds for each in claim.allowances for limit in each.limits)
        self._claims.pop(claim.key, None)
        entry = _Entry(claim.token, now, deadline, deadline, now + longest)
        self._claims[claim.key] = entry
        if len(self._claims) > MOST_CLAIMS:
            del self._claims[next(iter(self._claims))]
        for allowance in claim.allowances:
            self._places[allowance.key].append(entry)

    def _wait(self, allowance: Allowance, now: float) -> float:
        """The seconds until there is a place in each of the windows."""
        places = self._places.get(allowance.key, [])
        waits = (
            min(places[-limit.places].made_at + limit.seconds - now, limit.seconds)
            for limit in allowance.limits
            if len(places) >= limit.places
        )
        return max(0.0, *waits, 0.0)
