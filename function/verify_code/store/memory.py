"""The store that is exact within one instance, for as long as the instance lives."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from verify_code.store.base import RateLimit, Record, Store, StoreUnavailable, Verdict

#: The most records that are kept; the oldest is dropped first.
MAX_RECORDS = 10_000


@dataclass(eq=False, slots=True)
class _Entry:
    """A record, and what counts in its rate limits. Moments are seconds of the clock."""

    token: str
    made_at: float
    deadline: float
    ends_at: float
    counts_until: float
    state: Literal["reserved", "sending", "completed"] = "reserved"
    result: str = ""


class MemoryStore(Store):
    """Entries by the keys of their records, and by those of their rate limits in order of time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._records: dict[str, _Entry] = {}
        self._counted: defaultdict[str, list[_Entry]] = defaultdict(list)

    def find(self, record: Record) -> Verdict:
        now = self._clock()
        self._tidy(record, now)
        return self._found(record, now) or Verdict("absent", self._wait(record.number, now))

    def admit(self, record: Record, replaces: str = "") -> Verdict:
        now = self._clock()
        if replaces:
            self._drop(record, replaces)
        self._tidy(record, now)
        if found := self._found(record, now):
            return found
        waits = [self._wait(limit, now) for limit in record.rate_limits]
        of_number = self._counted.get(record.number.key, [])
        undecided = [e.deadline for e in of_number if e.state != "completed" and e.deadline > now]
        if waits[0] and undecided:
            return Verdict("in progress", min(undecided) - now)
        if limited := _limited(record, waits):
            return limited
        self._reserve(record, now)
        return Verdict("admitted", self._wait(record.number, now))

    def count(self, record: Record) -> Verdict:
        now = self._clock()
        self._tidy(record, now)
        waits = [self._wait(limit, now) for limit in record.rate_limits]
        if limited := _limited(record, waits):
            return limited
        entry = self._counted_entry(record, now)
        entry.state = "completed"
        return Verdict("admitted", 0.0)

    def begin_sending(self, record: Record, age_seconds: float) -> None:  # noqa: ARG002 - one clock
        now = self._clock()
        entry = self._own(record)
        if not entry or entry.state == "completed" or entry.deadline <= now:
            raise StoreUnavailable("the record is gone")
        entry.state = "sending"
        entry.ends_at = _end(record, entry, now)

    def complete(self, record: Record, result: str) -> None:
        now = self._clock()
        found = self._records.get(record.key)
        if found is None or found.ends_at <= now:
            self._reserve(record, now)  # it was dropped to make room, or its deadline has passed
        if entry := self._own(record):
            entry.state, entry.result = "completed", result
            entry.ends_at = _end(record, entry, now)

    def release(self, record: Record) -> None:
        self._drop(record, record.token)

    def close(self) -> None:
        """There is nothing to close."""

    @property
    def size(self) -> int:
        """How many entries are kept."""
        return len({*self._records.values(), *(e for all_ in self._counted.values() for e in all_)})

    def _own(self, record: Record) -> _Entry | None:
        entry = self._records.get(record.key)
        return entry if entry and entry.token == record.token else None

    def _found(self, record: Record, now: float) -> Verdict | None:
        """What a record that is in the way says; None if there is none."""
        entry = self._records.get(record.key)
        if not entry or entry.ends_at <= now:
            return None
        if entry.state != "completed" and entry.deadline > now:
            return Verdict("in progress", entry.deadline - now)
        entry.ends_at = _end(record, entry, now)
        outcome: Literal["completed", "orphaned"] = (
            "completed" if entry.state == "completed" else "orphaned"
        )
        return Verdict(outcome, self._wait(record.number, now), entry.result)

    def _reserve(self, record: Record, now: float) -> None:
        self._records.pop(record.key, None)  # the newest stand last
        self._records[record.key] = self._counted_entry(record, now)
        if len(self._records) > MAX_RECORDS:
            del self._records[next(iter(self._records))]

    def _counted_entry(self, record: Record, now: float) -> _Entry:
        """A new entry, which counts in the rate limits."""
        deadline = now + record.deadline_seconds
        longest = max(limit.seconds for each in record.rate_limits for limit in each.limits)
        entry = _Entry(record.token, now, deadline, deadline, now + longest)
        for rate_limit in record.rate_limits:
            if rate_limit.limits:
                self._counted[rate_limit.key].append(entry)
        return entry

    def _drop(self, record: Record, token: str) -> None:
        entry = self._records.get(record.key)
        if entry and entry.token == token:
            if entry.state == "completed":
                return
            del self._records[record.key]
        for limit in record.rate_limits:
            self._counted[limit.key] = [e for e in self._counted[limit.key] if e.token != token]

    def _tidy(self, record: Record, now: float) -> None:
        """Drops entries that don't count any more, of this record's keys and of two others."""
        for key in {*(each.key for each in record.rate_limits), *islice(self._counted, 2)}:
            kept = [
                entry
                for entry in self._counted.pop(key, [])
                if entry.counts_until > now and (entry.state != "reserved" or entry.deadline > now)
            ]
            if kept:
                self._counted[key] = kept

    def _wait(self, rate_limit: RateLimit, now: float) -> float:
        """The seconds until each window of a rate limit has room."""
        entries = self._counted.get(rate_limit.key, [])
        waits = (
            min(entries[-limit.requests].made_at + limit.seconds - now, limit.seconds)
            for limit in rate_limit.limits
            if len(entries) >= limit.requests
        )
        return max(0.0, *waits, 0.0)


def _limited(record: Record, waits: list[float]) -> Verdict | None:
    """What the first full rate limit says; None if there is none."""
    full = [each for each, wait in zip(record.rate_limits, waits, strict=True) if wait]
    return Verdict("limited", max(waits), full[0].code) if full else None


def _end(record: Record, entry: _Entry, now: float) -> float:
    longest = entry.made_at + record.most_seconds
    # The call of a sending record may have taken effect.
    return longest if entry.state == "sending" else min(now + record.kept_seconds, longest)
