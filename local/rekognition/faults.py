"""Faults on demand, for tests of a service that misbehaves, and counters of its calls.

Set by ``LocalRekognition.SetFaults``; everything that the request does not name is switched off::

    {"throttle": {"first": 2} | {"every": 3} | {"calls_per_second": 50},
     "latency_seconds": 0.4,
     "error": {"code": "InternalServerError", "first": 1 | "every": 2, "key_contains": "poison"}}

``error`` without ``first`` and ``every`` applies to every call, as does its short form, the code alone.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.rekognition import errors
from local.rekognition.errors import RekognitionError

_KNOWN_FAULTS = {"throttle", "latency_seconds", "error"}
_KNOWN_THROTTLES = {"first", "every", "calls_per_second"}
_KNOWN_ERROR_KEYS = {"code", "first", "every", "key_contains"}
_SERVER_SIDE = {"InternalServerError", "ServiceUnavailableException"}


@dataclass
class Counters:
    """Calls per operation, answered and paid images, refusals. ``paid`` counts the images that AWS would bill."""

    calls: Counter[str] = field(default_factory=Counter)
    paid: int = 0
    throttled: int = 0
    errors: Counter[str] = field(default_factory=Counter)


class Faults:
    """The current faults, and the counters. Safe for any number of threads."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._counters = Counters()
        self._set({})

    def set(self, request: dict[str, Any]) -> None:
        """Replace all faults.

        Raises
        ------
        RekognitionError
            ``InvalidParameterException`` that names the unknown fault.
        """
        error = request.get("error", {})
        error = {"code": error} if isinstance(error, str) else error
        throttle = request.get("throttle", {})
        for given, known in (
            (request, _KNOWN_FAULTS),
            (throttle, _KNOWN_THROTTLES),
            (error, _KNOWN_ERROR_KEYS),
        ):
            unknown = sorted(set(given) - known)
            if unknown:
                raise errors.invalid_parameters(f"Unknown fault {unknown[0]!r}; known are {sorted(known)}")
        if error and not error.get("code"):
            raise errors.invalid_parameters("A fault 'error' needs a 'code', for example InternalServerError")
        with self._lock:
            self._set({"throttle": throttle, "error": error, "latency": request.get("latency_seconds", 0)})

    def _set(self, faults: dict[str, Any]) -> None:
        self._throttle: dict[str, Any] = faults.get("throttle", {})
        self._error: dict[str, Any] = faults.get("error", {})
        self._latency_seconds = float(faults.get("latency", 0))
        self._throttle_seen = 0
        self._error_seen = 0
        self._admitted: deque[float] = deque()

    def before(self, operation: str, object_key: str | None) -> None:
        """Count a call, wait for the set latency, and refuse the call if a fault applies."""
        with self._lock:
            self._counters.calls[operation] += 1
            latency_seconds = self._latency_seconds
            refusal = self._throttling() or self._failure(object_key or "")
        # A throttled call returns at once, as on AWS.
        if latency_seconds and not (refusal and _is_throttling(refusal)):
            self._sleep(latency_seconds)
        if refusal:
            raise refusal

    def _throttling(self) -> RekognitionError | None:
        if "calls_per_second" in self._throttle:
            now = self._clock()
            while self._admitted and self._admitted[0] <= now - 1:
                self._admitted.popleft()
            if len(self._admitted) >= self._throttle["calls_per_second"]:
                return errors.rate_exceeded()
            self._admitted.append(now)
        elif self._throttle:
            self._throttle_seen += 1
            if _is_hit(self._throttle, self._throttle_seen):
                return errors.slow_down()
        return None

    def _failure(self, object_key: str) -> RekognitionError | None:
        if not self._error or self._error.get("key_contains", "") not in object_key:
            return None
        self._error_seen += 1
        if not _is_hit(self._error, self._error_seen):
            return None
        code = self._error["code"]
        return RekognitionError(
            code, f"{code} switched on by SetFaults", http_status=500 if code in _SERVER_SIDE else 400
        )

    def refused(self, error: RekognitionError) -> None:
        """Count a refused call, by a fault or by the service."""
        with self._lock:
            self._counters.errors[error.code] += 1
            self._counters.throttled += _is_throttling(error)

    def answered(self) -> None:
        """Count an image that was analysed."""
        with self._lock:
            self._counters.paid += 1

    def counters(self, reset: bool = False) -> dict[str, Any]:
        """Return the counters; with ``reset``, count from zero afterwards."""
        with self._lock:
            counters = self._counters
            if reset:
                self._counters = Counters()
            return {
                "calls": dict(counters.calls),
                "paid": counters.paid,
                "throttled": counters.throttled,
                "errors": dict(counters.errors),
            }


def _is_hit(fault: dict[str, Any], seen: int) -> bool:
    if "first" in fault:
        return seen <= int(fault["first"])
    if "every" in fault:
        return seen % int(fault["every"]) == 0
    return True


def _is_throttling(error: RekognitionError) -> bool:
    return error.code in {"ThrottlingException", "ProvisionedThroughputExceededException"}
