"""What an instance is made of: each part is made when it is first needed, and kept."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from verify_code import logs
from verify_code.admission import Admission
from verify_code.invocation import Time
from verify_code.settings import Settings
from verify_code.store.base import StoreUnavailable
from verify_code.store.memory import MemoryStore

if TYPE_CHECKING:
    from verify_code.sending import Sender
    from verify_code.store.redis import RedisStore


class Parts:
    """The store, the admission and the sender of one instance."""

    def __init__(self, settings: Settings, time: Time) -> None:
        self.settings = settings
        self._time = time

    @cached_property
    def shared_store(self) -> RedisStore | None:
        """The store that instances share; None if each has its own memory."""
        if not self.settings.shares_a_store:
            return None
        from verify_code.store.redis import RedisStore  # noqa: PLC0415 - loaded where it is used

        return RedisStore(self.settings.store_url, self._time.clock)

    @cached_property
    def admission(self) -> Admission:
        """Decides what may be sent."""
        store = self.shared_store or MemoryStore(self._time.clock)
        return Admission(self.settings, store, self._time)

    @cached_property
    def sender(self) -> Sender:
        """Sends what may be sent."""
        # The SDK is heavy: a request that is refused before the call doesn't pay for it.
        from verify_code.sending import Sender  # noqa: PLC0415

        return Sender(self.settings, self.shared_store, self._time)

    def check_store(self) -> None:
        """Writes what an operator should know of the store that was chosen."""
        instances = self.settings.reserved_concurrency
        if self.shared_store is None:
            if instances > 1:
                logs.write("WARNING", "memory", message=_MEMORY.format(instances))
            return
        try:
            policy = self.shared_store.open()
        except StoreUnavailable as failure:
            logs.write("WARNING", "unreachable", what="store", failure=str(failure))
        else:
            if policy != "noeviction":
                logs.write("ERROR", "eviction", message=_EVICTION.format(policy or "not known"))

    def close(self) -> None:
        """Closes the connections."""
        for part in ("shared_store", "sender"):
            if vars(self).get(part):
                vars(self)[part].close()


_MEMORY = (
    "STORE_URL is memory://: each of up to {} instances remembers alone, until it is recycled, "
    "what it has sent. The calls a second stay within the bound; but a request that comes again "
    "to another instance is sent again, and each instance grants the SEND_LIMITS anew. "
    "Name a store that all share, or let RESERVED_CONCURRENCY be 1."
)

_EVICTION = (
    "The store's maxmemory-policy is {}: when its memory is full it drops claims, and codes are "
    "sent twice. Set it to noeviction."
)
