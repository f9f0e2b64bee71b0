"""The store that the settings choose, and what an operator should know about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify_code import logs
from verify_code.clock import Clock
from verify_code.settings import Settings
from verify_code.store.base import StoreUnavailable
from verify_code.store.memory import MemoryStore

if TYPE_CHECKING:
    from verify_code.store.redis import RedisStore


def choose(settings: Settings, clock: Clock) -> MemoryStore | RedisStore:
    """The store that ``STORE_URL`` names. It isn't connected yet."""
    if not settings.has_shared_store:
        return MemoryStore(clock.monotonic)
    from verify_code.store.redis import RedisStore  # noqa: PLC0415 - only where it is used

    return RedisStore(settings.store_url, clock.monotonic)


def check(settings: Settings, store: MemoryStore | RedisStore) -> None:
    """Connects, and writes to the log what is wrong with the choice, or with the store."""
    if isinstance(store, MemoryStore):
        if settings.reserved_concurrency > 1:
            text = _MEMORY.format(settings.reserved_concurrency)
            logs.write("WARNING", "memory", message=text)
        return
    try:
        eviction_policy = store.open()
    except StoreUnavailable as failure:
        logs.write("WARNING", "unreachable", what="store", failure=failure.reason)
    else:
        if eviction_policy != "noeviction":
            text = _EVICTION.format(eviction_policy or "not known")
            logs.write("ERROR", "eviction", message=text)


_MEMORY = (
    "STORE_URL is memory://: each of up to {} instances remembers alone what it has sent, until it "
    "is recycled. The calls a second stay within the bound; but a request that comes again to "
    "another instance is sent again, and each instance counts its own limits. Name a store "
    "that all instances share, or set RESERVED_CONCURRENCY to 1."
)

_EVICTION = (
    "The store's maxmemory-policy is {}: when its memory is full it drops records, and codes are "
    "sent twice. Set it to noeviction."
)
