"""What instances share: the interface of a store."""

from __future__ import annotations

from typing import Protocol


class StoreUnavailable(Exception):
    """The store can't be reached, or doesn't answer as one."""


class Store(Protocol):
    """Each method is one atomic step by the store's clock; it may raise StoreUnavailable."""

    def take_turn(self, spacing_seconds: float, longest_wait_seconds: float) -> float:
        """The seconds until the next free turn, which is taken unless they are too many."""

    def hold_turns(self, seconds: float) -> None:
        """Hands out no turn for so long, whoever asks; turns already taken are kept."""

    def close(self) -> None:
        """Closes its connections."""
