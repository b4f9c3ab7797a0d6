"""The simulation of a bulk run: small inputs with known results, and goal P13."""

import pytest

from benchmarks.bulk.aws import Behaviour
from benchmarks.bulk.goals import OF_BOUND_GOAL, contention
from benchmarks.bulk.limits import PAYLOAD_LIMIT, payload_bytes
from benchmarks.bulk.simulation import Load, simulate
from vision.adapters.rate_limiter import SHARE_OF_QUOTA
from vision.domain.bulk import bulk_run

pytestmark = pytest.mark.thorough

CPU_SECONDS = 0.05
# A fifth of the goal's million, which `python -m benchmarks` simulates: start and end weigh more.
MEASURED = Load(200_000, 50, CPU_SECONDS)


def test_every_image_is_paid_once_within_the_time_of_the_quota_and_the_goal():
    outcome = simulate(MEASURED)
    assert (outcome.paid, outcome.failed, outcome.throttled) == (200_000, 0, 0)
    assert outcome.seconds == pytest.approx(200_000 / 50 / SHARE_OF_QUOTA, rel=0.02)
    assert outcome.of_bound <= OF_BOUND_GOAL == 1.03


def test_images_that_fill_no_last_batch_are_processed():
    assert simulate(Load(1_234, 50, CPU_SECONDS)).paid == 1_234


def test_workers_and_batches_are_those_of_the_product():
    outcome = simulate(Load(1_000, 120, CPU_SECONDS))
    assert (outcome.workers, outcome.batch_size) == (bulk_run.workers(120), bulk_run.batch_size(120))


def test_slow_workers_determine_the_time():
    outcome = simulate(Load(2_000, 50, cpu_seconds=1.0))
    assert outcome.seconds >= 2_000 / outcome.workers


def test_single_image_takes_its_own_time():
    exact = Behaviour(detect_seconds=0.4, s3_seconds=0, s3_bytes_per_second=1e12, table_seconds=0)
    assert simulate(Load(1, 50, cpu_seconds=2.0), exact).worker_seconds == pytest.approx(2.0, abs=0.01)


def test_same_seed_gives_the_same_run():
    load = Load(500, 50, CPU_SECONDS)
    assert simulate(load, seed=3) == simulate(load, seed=3)


def test_hour_at_twice_the_quota_costs_throttles_and_no_image():
    load = contention(MEASURED)
    assert (load.other_calls_per_second, load.other_until - load.other_from) == (50, 3_600)
    outcome = simulate(load)
    assert outcome.throttled > 0
    assert (outcome.paid, outcome.failed) == (200_000, 0)


def test_batch_of_the_longest_keys_fits_into_its_payload():
    assert payload_bytes("k" * 1_024, bulk_run.BATCH_LIMIT) < PAYLOAD_LIMIT
