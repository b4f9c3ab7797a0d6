"""Retry and Catch: the maximum delay, jitter, and the errors that a wildcard does not match."""

from __future__ import annotations

import random
from typing import Any

from ministack.services import stepfunctions as sf

# Neither States.ALL nor States.TaskFailed matches these.
TERMINAL_ERRORS = ("States.DataLimitExceeded", "States.Runtime")


def install() -> None:
    """Patch the engine's Retry and Catch."""
    keep_terminal_errors_from_wildcards()
    delay_a_retry_as_told()


def keep_terminal_errors_from_wildcards() -> None:
    """Let `States.ALL` catch neither `States.DataLimitExceeded` nor `States.Runtime`.

    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    matches = sf._error_matches

    def error_matches(error_equals: list[str], error: str) -> bool:
        if error in TERMINAL_ERRORS:
            return error in error_equals
        return bool(matches(error_equals, error))

    sf._error_matches = error_matches


def delay_a_retry_as_told() -> None:
    """Wait `IntervalSeconds × BackoffRate^n`, at most `MaxDelaySeconds`, with `FULL` jitter less.

    The engine ignores `MaxDelaySeconds` and `JitterStrategy`.
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html#error-handling-retrying-after-an-error
    """
    find = sf._find_matching_retrier

    def find_matching_retrier(
        retriers: list[dict[str, Any]], error: str, retry_counts: dict[int, int]
    ) -> tuple[dict[str, Any] | None, int]:
        retrier, index = find(retriers, error, retry_counts)
        if retrier is None:
            return None, index
        delay = retry_delay_seconds(retrier, retry_counts.get(index, 0))
        # The engine computes IntervalSeconds × BackoffRate^n itself: this field makes that the result.
        return {**retrier, "IntervalSeconds": delay, "BackoffRate": 1}, index

    sf._find_matching_retrier = find_matching_retrier


def retry_delay_seconds(retrier: dict[str, Any], retries_done: int) -> float:
    """Return the wait before the next attempt, in seconds."""
    delay = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** retries_done
    delay = min(delay, retrier.get("MaxDelaySeconds", delay))
    return random.uniform(0, delay) if retrier.get("JitterStrategy") == "FULL" else delay
