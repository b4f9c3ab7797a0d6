"""Faults on demand: when a call is refused, with which error, and what is counted. No model is needed."""

import pytest

from local.rekognition.errors import RekognitionError
from local.rekognition.faults import Faults
from tests.local.rekognition.conftest import outcomes

PHOTO = ("DetectLabels", "photo.jpg")


@pytest.fixture
def faults(clock) -> Faults:
    return Faults(clock=clock, sleep=clock.sleep)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({}, ["ok"] * 3),
        ({"throttle": {"first": 2}}, ["ThrottlingException", "ThrottlingException", "ok"]),
        ({"throttle": {"every": 3}}, ["ok", "ok", "ThrottlingException"] * 2),
        ({"error": "AccessDeniedException"}, ["AccessDeniedException"] * 2),
        ({"error": {"code": "InternalServerError", "first": 1}}, ["InternalServerError", "ok"]),
    ],
    ids=["none", "first calls", "every third call", "every call", "first call"],
)
def test_calls_are_refused_as_set(faults, setting, expected):
    faults.set(setting)
    assert outcomes(faults.before, len(expected), *PHOTO) == expected


def test_call_above_the_quota_is_refused_until_a_second_has_passed(faults, clock):
    faults.set({"throttle": {"calls_per_second": 2}})
    assert outcomes(faults.before, 3, *PHOTO) == ["ok", "ok", "ProvisionedThroughputExceededException"]
    clock.sleep(1)
    assert outcomes(faults.before, 1, *PHOTO) == ["ok"]


def test_error_can_hit_one_photo_among_others_until_new_faults_are_set(faults):
    faults.set({"error": {"code": "InternalServerError", "key_contains": "poison"}})
    assert outcomes(faults.before, 1, *PHOTO) == ["ok"]
    assert outcomes(faults.before, 1, "DetectLabels", "poison.jpg") == ["InternalServerError"]
    faults.set({})
    assert outcomes(faults.before, 1, "DetectLabels", "poison.jpg") == ["ok"]


def test_latency_delays_answered_calls_but_not_throttled_ones(faults, clock):
    faults.set({"latency_seconds": 0.4, "throttle": {"first": 1}})
    before = clock.now
    outcomes(faults.before, 1, *PHOTO)
    assert clock.now == before
    outcomes(faults.before, 2, *PHOTO)
    assert clock.now - before == pytest.approx(0.8)


@pytest.mark.parametrize(("code", "status"), [("InternalServerError", 500), ("AccessDeniedException", 400)])
def test_error_has_the_http_status_of_its_code(faults, code, status):
    faults.set({"error": code})
    with pytest.raises(RekognitionError) as refused:
        faults.before("DetectLabels", None)
    assert refused.value.http_status == status


@pytest.mark.parametrize(
    "setting",
    [{"throtle": {"first": 1}}, {"throttle": {"firsts": 1}}, {"error": {"cod": "x"}}, {"error": {"first": 1}}],
)
def test_misspelt_fault_is_refused(faults, setting):
    with pytest.raises(RekognitionError, match="fault") as refused:
        faults.set(setting)
    assert refused.value.code == "InvalidParameterException"


def test_counters_start_again_after_a_reset(faults):
    outcomes(faults.before, 2, *PHOTO)
    faults.answered()
    before = faults.counters(reset=True)
    assert (before["calls"], before["paid"]) == ({"DetectLabels": 2}, 1)
    assert faults.counters() == {"calls": {}, "paid": 0, "throttled": 0, "errors": {}}
