"""How many responses a client may ask for. Those to what is said are not counted."""

from __future__ import annotations

from typing import Any

from duplex.serving.http.limits import TokenBucket
from duplex.streaming.clock import Clock

RESPONSES, RESPONSES_RATE = 20, 1.0
"""At once, and a second for long."""


def response_bucket(clock: Clock) -> TokenBucket:
    return TokenBucket(clock, RESPONSES_RATE, RESPONSES)


def requests_left(bucket: TokenBucket) -> dict[str, Any]:
    """As `rate_limits.updated` has it."""
    return {
        "name": "requests",
        "limit": round(bucket.burst),
        "remaining": int(bucket.level),
        "reset_seconds": round((bucket.burst - bucket.level) / bucket.rate, 3),
    }
