"""The idempotency records and rate limits that a store keeps: the interface.

``limits`` and similar libraries were not taken: they can't reserve a count and release it, nor
admit a request by its record and several rate limits in one step, and most of them count by the
caller's own clock.
"""

from typing import Annotated, Literal, NamedTuple, Protocol

from pydantic import Field

from verify_code.result import Rejected

#: When to ask again after the store could not be reached.
RETRY_SECONDS = 5.0

MINUTE, HOUR, DAY = 60, 3600, 86400


class StoreUnavailable(Rejected):
    """The store can't be reached, doesn't answer as one, or has lost what it was told."""

    def __init__(self, reason: str = "") -> None:
        text = "The store can't be reached."
        super().__init__("StoreUnavailable", text, retry_after_seconds=RETRY_SECONDS)
        self.reason = reason


class Limit(NamedTuple):
    """At most so many requests in any so many seconds."""

    requests: Annotated[int, Field(ge=1, le=99_999)]
    seconds: int


class RateLimit(NamedTuple):
    """The limits of one number, of one caller, or in all; ``code`` is that of its refusal."""

    key: str
    limits: tuple[Limit, ...]
    code: str


class Record(NamedTuple):
    """An idempotency record: the right of one attempt to make one call.

    It is *reserved* when it is admitted, *sending* from just before the first byte is written, then
    *completed*; or it is released. What the next delivery gets if the process dies:

    - before sending began: ``InProgress`` for ``deadline_seconds`` after the record was made, then
      the record is free and doesn't count;
    - after sending began: ``InProgress`` for as long, then ``unknown``, since it may have
      taken effect (*orphaned*). It counts in the rate limits;
    - after the result was stored: the stored result.

    The death of a memory store's process takes its records along. A completed record is kept for
    ``kept_seconds`` after each time it was used, and ``most_seconds`` in all; a sending one for all
    of ``most_seconds``.
    """

    key: str
    #: Tells this attempt from all others.
    token: str
    deadline_seconds: float
    kept_seconds: float
    most_seconds: float
    #: Of the number, of the caller (without limits where there is none), and in all.
    rate_limits: tuple[RateLimit, RateLimit, RateLimit]

    @property
    def number(self) -> RateLimit:
        """The rate limit of the number."""
        return self.rate_limits[0]


class Verdict(NamedTuple):
    """What a store says to a record.

    ``wait_seconds`` is, for ``in progress``, the time until the other record's deadline; for
    ``limited``, until all rate limits have room; else until the number's has room again.
    """

    outcome: Literal["admitted", "completed", "orphaned", "in progress", "limited", "absent"]
    wait_seconds: float
    #: The stored result, or the code of the refusal.
    text: str = ""


class Store(Protocol):
    """Each method is one atomic step by the store's clock. It may raise StoreUnavailable."""

    def find(self, record: Record) -> Verdict:
        """Looks the record's key up and reserves nothing: ``absent`` where it is free."""

    def admit(self, record: Record, replaces: str = "") -> Verdict:
        """Reserves the record and its counts if the key is free and no rate limit is full.

        ``replaces`` is the token of an earlier attempt at the same request, which did nothing:
        its record and counts are dropped in the same step, if they are still its own.
        """

    def count(self, record: Record) -> Verdict:
        """Counts a request that needs no record, unless a rate limit is full."""

    def begin_sending(self, record: Record, age_seconds: float) -> None:
        """Marks the record as sending.

        Raises StoreUnavailable also if the record isn't the token's any more, or if the store says
        that it is older than ``age_seconds``: then the instance was frozen, or stopped waiting.
        """

    def complete(self, record: Record, result: str) -> None:
        """Keeps the result. If the record is gone, it is written again."""

    def release(self, record: Record) -> None:
        """Drops the record and its counts, if they are still the token's."""
