"""What is remembered of requests and of places in the allowances: the interface.

``limits`` and its peers were left: they can't hold a place and give it back, nor admit a request
by its claim and several allowances in one step, and most count by the caller's own clock.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol


class StoreUnavailable(Exception):
    """The store can't be reached, doesn't answer as one, or has lost what it was told."""


class Limit(NamedTuple):
    """At most so many places in any so many seconds."""

    places: int
    seconds: int


class Allowance(NamedTuple):
    """The places that one number, one caller, or all may take."""

    key: str
    limits: tuple[Limit, ...]
    refusal: str


class Claim(NamedTuple):
    """A request's right to be sent once. It is held, then calling, then settled or given back.

    After its deadline a held claim is free, and its places too; a calling one counts as sent.
    """

    key: str
    token: str
    lasts_seconds: float
    deadline_seconds: float
    #: The number's is the first.
    allowances: tuple[Allowance, ...]


class Verdict(NamedTuple):
    """What a store says to a claim.

    ``wait_seconds`` is how long until the number's next place is free; for ``under way`` until
    the claim that is in the way is decided; for ``refused`` until all allowances have a place.
    """

    outcome: Literal["admitted", "settled", "abandoned", "under way", "refused"]
    wait_seconds: float
    #: What was settled, or the code of the refusal.
    text: str = ""


class Store(Protocol):
    """Each method is one atomic step by the store's clock; it may raise StoreUnavailable."""

    def admit(self, claim: Claim) -> Verdict:
        """Looks the request up, and holds the claim and its places if nothing is in the way."""

    def mark(self, claim: Claim, nth: int, age_seconds: float) -> None:
        """Says that the call begins, or that it sent nothing and the claim is held again.

        Marks are numbered from 1: an odd one means calling, an even one held. One that arrives
        after a later one, or after the result, is refused.
        Raises StoreUnavailable too where the claim isn't this one's any more, or is older by
        the store's clock than its holder says: that one was frozen, or has given up waiting.
        """

    def settle(self, claim: Claim, result: str) -> None:
        """Keeps the result for as long as the claim lasts, and its places for good."""

    def give_back(self, claim: Claim) -> None:
        """Forgets the claim and its places."""
