"""Patches of races and of arithmetic, in this process."""

import doctest
import threading
import time
from dataclasses import dataclass

import pytest
from ministack import app
from ministack.core import lambda_runtime
from ministack.services import stepfunctions as sf

from local.engine import http_api, http_api_functions, http_api_throttling, persistence, sign_in_pages
from local.engine.lambda_workers import end_idle_environments
from local.engine.step_functions import branches
from local.engine.step_functions.distributed_map import batches
from local.engine.step_functions.retries import retry_delay_seconds

RETRIER = {"IntervalSeconds": 2, "BackoffRate": 3}


@pytest.mark.parametrize(("retries_done", "seconds"), [(0, 2), (1, 6), (2, 18)])
def test_a_retry_waits_longer_each_time(retries_done, seconds):
    assert retry_delay_seconds(RETRIER, retries_done) == seconds


def test_a_retry_waits_at_most_its_longest_delay():
    assert retry_delay_seconds({**RETRIER, "MaxDelaySeconds": 5}, 4) == 5


def test_a_retry_with_full_jitter_waits_anything_up_to_its_delay():
    delays = [retry_delay_seconds({**RETRIER, "JitterStrategy": "FULL"}, 1) for _ in range(200)]
    assert 0 <= min(delays) < 2
    assert 4 < max(delays) <= 6


def test_a_retry_without_fields_waits_one_second_and_doubles():
    assert [retry_delay_seconds({}, done) for done in range(3)] == [1, 2, 4]


@dataclass
class Environment:
    """An execution environment as the engine's pool knows it."""

    in_use: bool
    last_used: float
    is_ended: bool = False
    _proc: None = None

    def _discard_tmpdir(self):
        self.is_ended = True


@pytest.mark.parametrize(
    ("in_use", "idle_seconds", "is_ended"),
    [(False, 1e6, True), (True, 1e6, False), (False, 1, False)],
    ids=["idle for long", "at work for long", "idle for a moment"],
)
def test_an_environment_ends_when_it_was_idle_for_long(monkeypatch, in_use, idle_seconds, is_ended):
    first = Environment(in_use, time.time() - idle_seconds)
    pool = {"function": [first]}
    monkeypatch.setattr(lambda_runtime, "_workers", pool)
    assert end_idle_environments() == is_ended
    assert (first.is_ended, pool["function"]) == (is_ended, [] if is_ended else [first])


def test_a_batch_is_closed_when_the_next_item_would_make_it_too_large():
    made = batches(["a" * 40, "b" * 40, "c" * 40], {"MaxInputBytesPerBatch": 110})
    assert [len(batch["Items"]) for batch in made] == [2, 1]


def test_events_written_at_the_same_time_have_ids_of_their_own(monkeypatch):
    monkeypatch.setattr(sf, "_add_event", sf._add_event)
    branches.number_events_once()
    # The engine reads the length, then the clock, then appends: a slow clock lets the others in between.
    monkeypatch.setattr(sf, "now_iso", lambda: time.sleep(0.01))
    execution: dict = {"events": []}
    threads = [threading.Thread(target=sf._add_event, args=(execution, "PassStateEntered")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event["id"] for event in execution["events"]] == list(range(1, 9))


def test_a_service_that_changes_while_it_is_saved_is_read_again(monkeypatch):
    answers = iter([RuntimeError("dictionary changed size during iteration"), {"queues": {}}])

    def read() -> object:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(app, "_build_persistence_save_dict", lambda: {"sqs": read})
    persistence.save_services_while_they_change()
    assert app._build_persistence_save_dict()["sqs"]() == {"queues": {}}


@pytest.mark.parametrize("module", [http_api, http_api_functions, http_api_throttling, sign_in_pages])
def test_the_examples_of_a_module_hold(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
