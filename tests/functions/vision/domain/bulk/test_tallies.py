import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import strategies
from vision.domain import prices
from vision.domain.bulk.bulk_run import BATCH_LIMIT
from vision.domain.bulk.summaries import estimated_cost
from vision.domain.bulk.tallies import Tally, is_too_many, leading_reasons
from vision.domain.failures import CAUSE_LIMIT, Failure

STATE_LIMIT_BYTES = 256 * 1024

ends = st.lists(
    st.one_of(
        st.none(),
        st.tuples(
            strategies.keys,
            st.sampled_from(("SUCCEEDED", "PARTIAL", "FAILED")),
            st.sampled_from(("AccessDenied", "CorruptImage", "Throttled")),
        ),
    ),
    max_size=12,
)


def _tally(ended: list[Any]) -> Tally:
    tally = Tally(batches=1, worker_seconds=0.5)
    for one in ended:
        if one is None:
            tally.skip()
            continue
        key, status, name = one
        tally.end(key, status, None if status == "SUCCEEDED" else Failure(name, "cause"))
    return tally


@given(ends)
def test_every_object_has_one_outcome(ended: list[Any]) -> None:
    tally = _tally(ended)
    assert tally.seen == len(ended) == tally.skipped + tally.labelled + tally.partial + tally.failed
    assert tally.reasons.total() == tally.partial + tally.failed


@given(st.lists(ends, max_size=4), st.randoms(use_true_random=False))
def test_batches_add_up_in_any_order(batches: list[list[Any]], random: Any) -> None:
    rows: list[dict[str, Any]] = []
    for ended in batches:
        row = json.loads(json.dumps(_tally(ended).as_dict()))
        rows.append({"Error": "BatchFailed", "Cause": json.dumps({**row, "failures": []})} if len(ended) % 2 else row)
    sums = []
    for _ in range(2):
        total = Tally()
        for row in rows:
            total.add(row)
        sums.append(total.as_dict())
        random.shuffle(rows)
    assert sums[0] == sums[1]
    assert (sums[0]["seen"], sums[0]["batches"]) == (sum(map(len, batches)), len(batches))


CAUSES = [None, "", "null", "[]", "text", "{}", '{"errorMessage": "no", "errorType": "E"}', '"text"', "{", "5"]


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("items", [0, 3])
def test_lost_batch_counts_all_of_its_images_as_failed(cause: str | None, items: int) -> None:
    tally = Tally()
    batch = json.dumps({"BatchInput": {}, "Items": [{}] * items})
    tally.add({"Input": batch, "Error": "Sandbox.Timedout", **({"Cause": cause} if cause is not None else {})})
    assert (tally.batches, tally.seen, tally.failed) == (1, items, items)
    assert dict(tally.reasons) == {"Sandbox.Timedout": items}


@pytest.mark.parametrize("given", [{}, {"Input": "cut {"}, {"Input": "{}"}, {"Input": None}, {"Input": "[]"}])
def test_unreadable_row_counts_as_a_batch(given: dict[str, Any]) -> None:
    tally = Tally()
    tally.add({"Error": "States.Timeout", **given})
    assert (tally.batches, tally.seen) == (1, 0)


@pytest.mark.parametrize("character", ["x", "é", "写", "😀", '"', "\n", "\x00"])
@pytest.mark.parametrize("cause", ["c", "😀", '"'])
def test_batch_of_the_longest_keys_fits_a_state(character: str, cause: str) -> None:
    # The output has one entry for each failed image; Step Functions counts bytes of UTF-8.
    # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    key = character * (1024 // len(character.encode()))
    tally = Tally()
    for _ in range(BATCH_LIMIT):
        tally.end(key, "FAILED", Failure("AccessDenied", cause * CAUSE_LIMIT))
    shown = json.dumps(tally.as_dict() | {"in_vain": tally.is_system_failure})
    assert len(shown) < STATE_LIMIT_BYTES
    assert tally.failed == BATCH_LIMIT
    assert 0 < len(tally.failures) <= BATCH_LIMIT


def test_all_failures_of_usual_keys_are_listed_and_the_most_frequent_reasons_come_first() -> None:
    tally = _tally([(f"archive/2026/11/photo-{number:05}.jpg", "FAILED", "AccessDenied") for number in range(100)])
    assert len(tally.failures) == 100
    assert leading_reasons({"Throttled": 2, "AccessDenied": 1200}) == "AccessDenied 1,200, Throttled 2"


@pytest.mark.parametrize(
    ("ended", "in_vain"),
    [
        ([], False),
        ([None], False),
        ([("a", "FAILED", "AccessDenied")], True),
        ([("a", "FAILED", "AccessDenied"), ("b", "FAILED", "Throttled")], True),
        ([("a", "FAILED", "AccessDenied"), ("b", "FAILED", "CorruptImage")], False),
        ([("a", "FAILED", "AccessDenied"), ("b", "SUCCEEDED", "")], False),
        ([("a", "FAILED", "AccessDenied"), ("b", "PARTIAL", "Throttled")], False),
        ([("a", "FAILED", "CorruptImage")], False),
        ([None, ("a", "FAILED", "AccessDenied"), ("b", "FAILED", "AccessDenied")], True),
        # A repeated run, in which all images but an unreadable one are done, may go on.
        ([None, None, None, ("a", "FAILED", "AccessDenied")], False),
    ],
)
def test_batch_is_in_vain_if_the_system_failed_every_image(ended: Any, in_vain: bool) -> None:
    assert _tally(ended).is_system_failure is in_vain


@pytest.mark.parametrize(
    ("failed", "seen", "tolerated", "too_many"),
    [(0, 0, 0, False), (0, 10, 0, False), (1, 10, 0, True), (1, 20, 5, False), (2, 20, 5, True), (20, 20, 100, False)],
)
def test_more_failures_than_tolerated_are_too_many(failed: int, seen: int, tolerated: float, too_many: bool) -> None:
    assert is_too_many(Tally(seen=seen, failed=failed), tolerated) is too_many


def test_time_of_the_own_model_adds_up_and_is_in_the_estimate() -> None:
    total = Tally()
    for seconds in (1.25, 2.5, 0.0):
        total.add(Tally(batches=1, model_gb_seconds=seconds).as_dict())
    assert total.model_gb_seconds == 3.75
    assert "model_gb_seconds" not in Tally(batches=1).as_dict()
    with_model, without = Tally(batches=1, model_gb_seconds=1000.0), Tally(batches=1)
    more = estimated_cost(with_model)["everything_else"] - estimated_cost(without)["everything_else"]
    assert more == pytest.approx(1000 * prices.LAMBDA_GB_SECOND_ARM, abs=2e-6)


@pytest.mark.parametrize(
    ("detector", "calls"),
    [({"name": "rekognition"}, 1), ({"name": "own-model"}, 0), ({"name": "bedrock"}, 0), ({}, 0), (None, 0)],
)
def test_recovered_image_counts_a_call_of_a_billed_detector(detector: dict[str, str] | None, calls: int) -> None:
    tally = Tally()
    tally.recover("a.jpg", {"status": "SUCCEEDED", **({} if detector is None else {"detector": detector})})
    assert (tally.calls, tally.labelled) == (calls, 1)
