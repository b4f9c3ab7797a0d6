"""HTTP APIs of API Gateway: throttling by stage and route."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any


@dataclass
class Bucket:
    """A token bucket: each request takes one token; `rate` tokens are added each second, up to `burst`.

    Examples
    --------
    >>> bucket = Bucket(tokens=2, updated_at=0)
    >>> [bucket.take(rate=1, burst=2, now=now) for now in (0, 0.1, 0.2, 1.3)]
    [True, True, False, True]
    """

    tokens: float
    updated_at: float

    def take(self, rate: float, burst: float, now: float) -> bool:
        """Take a token if there is one."""
        self.tokens = min(burst, self.tokens + (now - self.updated_at) * rate)
        self.updated_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


_buckets: dict[tuple[str, str, str], Bucket] = {}


def is_throttled(api_id: str, stage: dict[str, Any], route_key: str) -> bool:
    """Return whether a request exceeds the limit of its route; the limits of a stage apply to each of its routes.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html
    """
    settings = {
        **_limits(stage.get("defaultRouteSettings") or {}),
        **_limits((stage.get("routeSettings") or {}).get(route_key) or {}),
    }
    if settings.keys() != {"throttlingRateLimit", "throttlingBurstLimit"}:
        return False
    rate, burst = settings["throttlingRateLimit"], settings["throttlingBurstLimit"]
    now = time.monotonic()
    bucket = _buckets.setdefault((api_id, stage["stageName"], route_key), Bucket(burst, now))
    return not bucket.take(rate, burst, now)


def _limits(settings: dict[str, Any]) -> dict[str, float]:
    """Return the limits as numbers by the API's names; templates capitalize the names, and parameters are strings."""
    names = {name[:1].lower() + name[1:]: value for name, value in settings.items()}
    return {name: float(value) for name, value in names.items() if name.startswith("throttling")}
