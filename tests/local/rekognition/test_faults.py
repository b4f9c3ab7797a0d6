"""Faults on demand: when a call is refused, with which error, and what is counted. No model is needed."""

import pytest

from local.rekognition.errors import RekognitionError
from local.rekognition.faults import Faults


@pytest.fixture
def faults(clock) -> Faults:
    return Faults(clock=clock, sleep=clock.sleep)


def outcomes(faults: Faults, calls: int, key: str = "photo.jpg") -> list[str]:
    found = []
    for _ in range(calls):
        try:
            faults.before("DetectLabels", key)
            found.append("ok")
        except RekognitionError as error:
            found.append(error.code)
    return found


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
    assert outcomes(faults, len(expected)) == expected


def test_call_above_the_quota_is_refused_until_a_second_has_passed(faults, clock):
    faults.set({"throttle": {"calls_per_second": 2}})
    assert outcomes(faults, 3) == ["ok", "ok", "ProvisionedThroughputExceededException"]
    clock.sleep(1)
    assert outcomes(faults, 1) == ["ok"]


def test_error_can_hit_one_photo_among_others(faults):
    faults.set({"error": {"code": "InternalServerError", "key_contains": "poison"}})
    assert outcomes(faults, 1) == ["ok"]
    assert outcomes(faults, 1, key="poison.jpg") == ["InternalServerError"]


def test_latency_delays_answered_calls_but_not_throttled_ones(faults, clock):
    faults.set({"latency_seconds": 0.4, "throttle": {"first": 1}})
    before = clock.now
    outcomes(faults, 1)
    assert clock.now == before
    outcomes(faults, 2)
    assert clock.now - before == pytest.approx(0.8)


@pytest.mark.parametrize(("code", "status"), [("InternalServerError", 500), ("AccessDeniedException", 400)])
def test_error_has_the_http_status_of_its_code(faults, code, status):
    faults.set({"error": code})
    with pytest.raises(RekognitionError) as refused:
        faults.before("DetectLabels", None)
    assert refused.value.http_status == status


def test_new_faults_replace_earlier_ones(faults):
    faults.set({"error": "InternalServerError"})
    faults.set({})
    assert outcomes(faults, 1) == ["ok"]


@pytest.mark.parametrize(
    "setting",
    [{"throtle": {"first": 1}}, {"throttle": {"firsts": 1}}, {"error": {"cod": "x"}}, {"error": {"first": 1}}],
)
def test_misspelt_fault_is_refused(faults, setting):
    with pytest.raises(RekognitionError, match="fault") as refused:
        faults.set(setting)
    assert refused.value.code == "InvalidParameterException"


def test_counters_start_again_after_a_reset(faults):
    outcomes(faults, 2)
    faults.answered()
    before = faults.counters(reset=True)
    assert before["calls"] == {"DetectLabels": 2}
    assert before["paid"] == 1
    assert faults.counters() == {"calls": {}, "paid": 0, "throttled": 0, "errors": {}}
