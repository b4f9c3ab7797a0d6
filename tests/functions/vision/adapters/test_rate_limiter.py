import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.stub import Stubber

from vision.adapters.rate_limiter import SHARE_OF_QUOTA, RateLimiter
from vision.domain.errors import Throttled

Limiter = Callable[[float], RateLimiter]


@pytest.fixture
def limiter(table_name: str) -> Limiter:
    """A rate limiter of another worker for the same operation, each time it is called."""
    return lambda rate: RateLimiter(table_name, "DetectLabels", rate)


def _gaps(moments: list[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(sorted(moments))]


def test_calls_are_spaced_slightly_below_the_quota_within_and_between_blocks(limiter: Limiter) -> None:
    first, second = limiter(2).reserve(3), limiter(2).reserve(3)
    assert first + second == sorted(first + second)
    assert _gaps(first + second) == pytest.approx([1 / (2 * SHARE_OF_QUOTA)] * 5, abs=2e-6)


@pytest.mark.parametrize("rate", [1, 50, 1_000, 2_000, 5_000])
def test_blocks_of_calls_take_two_writes_each_and_at_most_200_a_second(limiter: Limiter, rate: int) -> None:
    calls = limiter(rate).calls_at_once
    assert calls >= 10
    assert 2 * rate / calls <= 200


def test_no_reserved_moment_is_in_the_past(limiter: Limiter) -> None:
    one = limiter(50)
    one.reserve(1)
    time.sleep(0.2)
    before = time.time()
    assert one.reserve(5)[0] >= before - 1e-5


def test_concurrent_workers_never_get_the_same_moment(limiter: Limiter, one_call_at_a_time: None) -> None:
    # More calls than pass during the requests, so that every block comes after the one before.
    workers = [limiter(5) for _ in range(8)]

    def reserve(worker: RateLimiter) -> list[float]:
        return [moment for calls in (10, 1, 3) for moment in worker.reserve(calls)]

    with ThreadPoolExecutor(8) as pool:
        moments = [moment for reserved in pool.map(reserve, workers) for moment in reserved]
    assert len(moments) == 8 * 14
    assert min(_gaps(moments)) >= 1 / (5 * SHARE_OF_QUOTA) - 2e-6


def test_throttled_reservation_is_a_named_error(stubbed: Callable[[str], Stubber]) -> None:
    stubbed("dynamodb").add_client_error("update_item", "ThrottlingException")
    with pytest.raises(Throttled):
        RateLimiter("image-table", "DetectLabels", 5).reserve(1)
