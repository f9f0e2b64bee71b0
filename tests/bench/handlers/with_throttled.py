"""The plain handler behind `throttled-py`: its token bucket of 10 per second, shared by a store."""

from __future__ import annotations

import os
from typing import Any

import plain  # type: ignore[import-not-found]
from throttled import RateLimiterType, Throttled, per_sec
from throttled.store import RedisStore

_THROTTLE = Throttled(
    key="cams",
    using=RateLimiterType.TOKEN_BUCKET.value,
    quota=per_sec(10),
    store=RedisStore(server=os.environ["LIMITER_URL"]),
    timeout=6,
)


def handler(event: bytes, context: Any) -> dict[str, Any]:
    if _THROTTLE.limit().limited:
        return {"code": "RateLimited"}
    answer: dict[str, Any] = plain.handler(event, context)
    return answer
