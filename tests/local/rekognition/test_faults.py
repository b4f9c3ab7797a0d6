"""Faults on demand: when a call is refused, as what, and what the counters say. No model is needed."""

import pytest

from local.rekognition.errors import RekognitionError
from local.rekognition.faults import Faults


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def faults(clock: Clock) -> Faults:
    return Faults(clock=clock, sleep=clock.sleep)


def _outcomes(faults: Faults, calls: int, key: str = "photo.jpg") -> list[str]:
    outcomes = []
    for _ in range(calls):
        try:
            faults.before("DetectLabels", key)
            outcomes.append("ok")
        except RekognitionError as error:
            outcomes.append(error.code)
    return outcomes


def test_nothing_fails_at_first(faults):
    assert _outcomes(faults, 3) == ["ok"] * 3


def test_the_first_calls_are_throttled(faults):
    faults.set({"throttle": {"first": 2}})

    assert _outcomes(faults, 3) == ["ThrottlingException", "ThrottlingException", "ok"]


def test_every_third_call_is_throttled(faults):
    faults.set({"throttle": {"every": 3}})

    assert _outcomes(faults, 6) == ["ok", "ok", "ThrottlingException"] * 2


def test_a_quota_refuses_what_exceeds_it_and_heals_after_a_second(faults, clock):
    faults.set({"throttle": {"calls_per_second": 2}})

    burst = _outcomes(faults, 3)
    clock.sleep(1)

    assert burst + _outcomes(faults, 1) == ["ok", "ok", "ProvisionedThroughputExceededException", "ok"]


def test_latency_is_slept(faults, clock):
    faults.set({"latency_seconds": 0.4})

    _outcomes(faults, 2)

    assert clock.now == pytest.approx(100.8)


def test_a_throttled_call_comes_back_at_once(faults, clock):
    faults.set({"latency_seconds": 0.4, "throttle": {"first": 1}})

    _outcomes(faults, 1)

    assert clock.now == 100


def test_an_error_hits_every_call_when_it_is_given_by_its_code(faults):
    faults.set({"error": "AccessDeniedException"})

    assert _outcomes(faults, 2) == ["AccessDeniedException"] * 2


def test_an_error_can_hit_one_photo_among_others(faults):
    faults.set({"error": {"code": "InternalServerError", "key_contains": "poison"}})

    assert _outcomes(faults, 1) + _outcomes(faults, 1, key="poison.jpg") == ["ok", "InternalServerError"]


def test_an_error_can_heal(faults):
    faults.set({"error": {"code": "InternalServerError", "first": 1}})

    assert _outcomes(faults, 2) == ["InternalServerError", "ok"]


@pytest.mark.parametrize(("code", "status"), [("InternalServerError", 500), ("AccessDeniedException", 400)])
def test_an_error_has_the_http_status_of_its_kind(faults, code, status):
    faults.set({"error": code})

    with pytest.raises(RekognitionError) as refused:
        faults.before("DetectLabels", None)

    assert refused.value.http_status == status


def test_setting_faults_replaces_the_ones_before(faults):
    faults.set({"error": "InternalServerError"})
    faults.set({})

    assert _outcomes(faults, 1) == ["ok"]


@pytest.mark.parametrize(
    "request_body",
    [{"throtle": {"first": 1}}, {"throttle": {"firsts": 1}}, {"error": {"cod": "x"}}, {"error": {"first": 1}}],
)
def test_a_misspelt_fault_is_refused_by_name(faults, request_body):
    with pytest.raises(RekognitionError, match="fault"):
        faults.set(request_body)


def test_counters_start_again_after_a_reset(faults):
    _outcomes(faults, 2)
    faults.answered()

    before = faults.counters(reset=True)

    assert (before["calls"], before["paid"]) == ({"DetectLabels": 2}, 1)
    assert faults.counters() == {"calls": {}, "paid": 0, "throttled": 0, "errors": {}}
