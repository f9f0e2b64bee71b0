"""The plain handler behind `limits`: a moving window of 10 per second, shared by a store."""

from __future__ import annotations

import os
import time
from typing import Any

import plain  # type: ignore[import-not-found]
from limits import parse
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

_LIMITER = MovingWindowRateLimiter(
    storage_from_string(os.environ["LIMITER_URL"].replace("redis://", "valkey://"))
)
_TEN_PER_SECOND = parse("10/second")


def handler(event: bytes, context: Any) -> dict[str, Any]:
    deadline = time.monotonic() + 6
    while not _LIMITER.hit(_TEN_PER_SECOND, "cams"):
        if time.monotonic() > deadline:
            return {"code": "RateLimited"}
        time.sleep(0.02)
    answer: dict[str, Any] = plain.handler(event, context)
    return answer
