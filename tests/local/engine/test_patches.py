"""Patches of the engine against races and wrong arithmetic, in this process."""

import doctest
import json
import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import pytest
from ministack import app
from ministack.core import iam_evaluator, lambda_runtime
from ministack.core.responses import get_account_id
from ministack.services import iam as iam_service
from ministack.services import stepfunctions as sf

from local.engine import http_api, http_api_functions, http_api_throttling, iam, persistence, sign_in_pages
from local.engine.lambda_workers import end_idle_environments
from local.engine.step_functions import branches
from local.engine.step_functions.distributed_map import batches
from local.engine.step_functions.retries import retry_delay_seconds

RETRIER = {"IntervalSeconds": 2, "BackoffRate": 3}


@pytest.mark.parametrize(
    ("retrier", "delays"),
    [(RETRIER, [2, 6, 18]), ({**RETRIER, "MaxDelaySeconds": 5}, [2, 5, 5]), ({}, [1, 2, 4])],
    ids=["backoff", "longest delay", "defaults"],
)
def test_retry_delay_grows_by_the_backoff_rate_up_to_the_longest_delay(retrier, delays):
    assert [retry_delay_seconds(retrier, retries_done) for retries_done in range(3)] == delays
    jittered = [retry_delay_seconds({**retrier, "JitterStrategy": "FULL"}, 1) for _ in range(200)]
    assert 0 <= min(jittered) < delays[1] / 3
    assert delays[1] * 2 / 3 < max(jittered) <= delays[1]


@pytest.mark.parametrize(
    ("in_use", "idle_seconds", "is_ended"),
    [(False, 1e6, True), (True, 1e6, False), (False, 1, False)],
    ids=["long idle", "long in use", "just idle"],
)
def test_environment_ends_after_it_was_idle_for_long(monkeypatch, in_use, idle_seconds, is_ended):
    # As in the pool of the engine.
    first = Mock(in_use=in_use, last_used=time.time() - idle_seconds, _proc=None)
    pool = {"function": [first]}
    monkeypatch.setattr(lambda_runtime, "_workers", pool)
    assert end_idle_environments() == is_ended
    assert first._discard_tmpdir.called is is_ended
    assert pool["function"] == ([] if is_ended else [first])


def test_batch_ends_before_an_item_that_would_make_it_too_large():
    made = batches(["a" * 40, "b" * 40, "c" * 40], {"MaxInputBytesPerBatch": 110})
    assert [len(batch["Items"]) for batch in made] == [2, 1]


def test_events_written_at_the_same_time_have_unique_ids(monkeypatch):
    monkeypatch.setattr(sf, "_add_event", sf._add_event)
    branches.number_events_once()
    # The engine reads the length, then the clock, then appends; a slow clock lets other threads in between.
    monkeypatch.setattr(sf, "now_iso", lambda: time.sleep(0.01))
    execution: dict = {"events": []}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: sf._add_event(execution, "PassStateEntered"), range(8)))
    assert [event["id"] for event in execution["events"]] == list(range(1, 9))


def test_service_that_changes_while_it_is_saved_is_read_again(monkeypatch):
    read = Mock(side_effect=[RuntimeError("dictionary changed size during iteration"), {"queues": {}}])
    monkeypatch.setattr(app, "_build_persistence_save_dict", lambda: {"sqs": read})
    persistence.save_services_while_they_change()
    assert app._build_persistence_save_dict()["sqs"]() == {"queues": {}}


@pytest.mark.parametrize("module", [http_api, http_api_functions, http_api_throttling, sign_in_pages])
def test_examples_of_the_module_pass(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_policy_is_parsed_once_and_a_changed_one_decides_the_next_request(monkeypatch):
    parse = Mock(wraps=iam_evaluator.parse_policy_document)
    monkeypatch.setattr(iam_evaluator, "parse_policy_document", parse)
    iam.parse_each_policy_once()
    policies = {}
    monkeypatch.setitem(iam_service._roles, "reader", {"InlinePolicies": policies, "AttachedPolicies": []})

    def is_allowed():
        role = f"arn:aws:iam::{get_account_id()}:role/reader"
        return iam.is_allowed_by_role(role, "s3:GetObject", "arn:aws:s3:::photos/a.jpg")

    for effect, expected in (("Allow", True), ("Deny", False), ("Allow", True)):
        statement = {"Effect": effect, "Action": "s3:GetObject", "Resource": "*"}
        policies["read"] = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        assert [is_allowed() for _ in range(3)] == [expected] * 3
    del policies["read"]
    assert not is_allowed()
    assert parse.call_count == 2
