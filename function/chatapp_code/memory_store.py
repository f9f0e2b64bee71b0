"""The store that is exact within one instance, for as long as that lives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from chatapp_code.store import Allowance, Claim, Store, StoreUnavailable, Verdict

#: As many requests are remembered; the oldest is forgotten first.
MOST_CLAIMS = 10_000


@dataclass
class _Entry:
    """A claim, or its place in an allowance. Moments are seconds of the clock."""

    token: str
    made_at: float
    deadline: float
    forgotten_at: float
    state: str = "held"
    result: str = ""


class MemoryStore(Store):
    """Claims by their keys, and the places of each allowance in the order they were taken."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._claims: dict[str, _Entry] = {}
        self._places: defaultdict[str, dict[str, _Entry]] = defaultdict(dict)

    def admit(self, claim: Claim) -> Verdict:
        now = self._clock()
        self._sweep(now)
        for allowance in claim.allowances:
            self._tidy(allowance.key, now)
        number = claim.allowances[0]
        found = self._claims.get(claim.key)
        if found and found.forgotten_at > now:
            if found.state == "settled":
                return Verdict("settled", self._wait(number, now), found.result)
            if found.deadline > now:
                return Verdict("under way", found.deadline - now)
            return Verdict("abandoned", self._wait(number, now))
        waits = [self._wait(allowance, now) for allowance in claim.allowances]
        if waits[0] and (undecided := self._undecided(number, now)):
            return Verdict("under way", min(undecided) - now)
        for allowance, wait in zip(claim.allowances, waits, strict=True):
            if wait:
                return Verdict("refused", max(waits), allowance.refusal)
        self._hold(claim, now)
        return Verdict("admitted", self._wait(number, now))

    def mark(self, claim: Claim, is_calling: bool, age_seconds: float) -> None:  # noqa: ARG002
        now = self._clock()
        found = self._claims.get(claim.key)
        if not found or found.token != claim.token or found.deadline <= now:
            raise StoreUnavailable("the claim is gone")
        found.forgotten_at = now + claim.lasts_seconds if is_calling else found.deadline
        for entry in (found, *self._places_of(claim)):
            entry.state = "calling" if is_calling else "held"

    def settle(self, claim: Claim, result: str) -> None:
        found = self._claims.get(claim.key)
        if found and found.token == claim.token:
            found.result = result
            found.forgotten_at = self._clock() + claim.lasts_seconds
            for entry in (found, *self._places_of(claim)):
                entry.state = "settled"

    def give_back(self, claim: Claim) -> None:
        found = self._claims.get(claim.key)
        if found and found.token == claim.token:
            del self._claims[claim.key]
        for allowance in claim.allowances:
            self._places.get(allowance.key, {}).pop(claim.token, None)

    def _hold(self, claim: Claim, now: float) -> None:
        deadline = now + claim.deadline_seconds
        self._claims.pop(claim.key, None)
        self._claims[claim.key] = _Entry(claim.token, now, deadline, forgotten_at=deadline)
        if len(self._claims) > MOST_CLAIMS:
            del self._claims[next(iter(self._claims))]
        for allowance in claim.allowances:
            place = _Entry(claim.token, now, deadline, now + allowance.longest_seconds)
            self._places[allowance.key][claim.token] = place

    def _places_of(self, claim: Claim) -> list[_Entry]:
        places = (self._places.get(each.key, {}).get(claim.token) for each in claim.allowances)
        return [place for place in places if place]

    def _tidy(self, key: str, now: float) -> None:
        """Drops the places that are too old to count, and those that the dead have held."""
        kept = {
            token: place
            for token, place in self._places.pop(key, {}).items()
            if place.forgotten_at > now and (place.state != "held" or place.deadline > now)
        }
        if kept:
            self._places[key] = kept

    def _sweep(self, now: float) -> None:
        """Looks at two allowances in turn, so that none is kept for long when it is empty."""
        for key in list(islice(self._places, 2)):
            places = self._places.pop(key)
            if any(place.forgotten_at > now for place in places.values()):
                self._places[key] = places

    def _wait(self, allowance: Allowance, now: float) -> float:
        """The seconds until there is a place in each of the windows."""
        made = [place.made_at for place in self._places.get(allowance.key, {}).values()]
        waits = (
            min(made[-limit.places] + limit.seconds - now, limit.seconds)
            for limit in allowance.limits
            if len(made) >= limit.places
        )
        return max(0.0, *waits, 0.0)

    def _undecided(self, allowance: Allowance, now: float) -> list[float]:
        """The deadlines of places that would let a request pass, were they given back."""
        places = list(self._places[allowance.key].values())
        undecided: list[float] = []
        for limit in allowance.limits:
            latest = places[-limit.places :]
            if len(latest) == limit.places and latest[0].made_at + limit.seconds > now:
                open_ = [p.deadline for p in latest if p.state != "settled" and p.deadline > now]
                if not open_:
                    return []
                undecided += open_
        return undecided
