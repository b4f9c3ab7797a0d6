"""One version over time: statuses, refusals, rate and bill, on a clock that passes only when it is told to."""

import pytest

from local.rekognition.custom_labels import controls
from local.rekognition.custom_labels.life_cycle import STATUSES, LifeCycle
from local.rekognition.errors import RekognitionError

ARN = "arn:aws:rekognition:us-east-1:000000000000:project/cats/version/v1/1"


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def model(clock):
    return LifeCycle(ARN, clock)


@pytest.fixture
def running(model, clock):
    model.start(2, None)
    clock.sleep(3)
    return model


def _code(call, *arguments):
    with pytest.raises(RekognitionError) as refused:
        call(*arguments)
    return refused.value.code


def test_a_version_is_trained_at_first(model):
    assert model.status == "TRAINING_COMPLETED"


def test_it_starts_and_then_runs(model, clock):
    statuses = [model.start(1, None)]
    clock.sleep(2.9)
    statuses.append(model.status)
    clock.sleep(0.1)

    assert [*statuses, model.status] == ["STARTING", "STARTING", "RUNNING"]


def test_it_stops_and_then_has_stopped(running, clock):
    statuses = [running.stop()]
    clock.sleep(1.9)
    statuses.append(running.status)
    clock.sleep(0.1)

    assert [*statuses, running.status] == ["STOPPING", "STOPPING", "STOPPED"]


def test_a_stopped_one_starts_again(running, clock):
    running.stop()
    clock.sleep(2)

    assert running.start(1, None) == "STARTING"


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_has_one_answer_to_start(status, model):
    model.put_into(status, "")
    try:
        answer = model.start(1, None)
    except RekognitionError as refused:
        answer = refused.code

    expected = {
        "TRAINING_COMPLETED": "STARTING",
        "STOPPED": "STARTING",
        "FAILED": "STARTING",
        "COPYING_COMPLETED": "STARTING",
        "DEPRECATED": "STARTING",
        "TRAINING_FAILED": "InvalidParameterException",
        "COPYING_FAILED": "InvalidParameterException",
        "EXPIRED": "InvalidParameterException",
    }
    assert answer == expected.get(status, "ResourceInUseException")


@pytest.mark.parametrize("status", [status for status in STATUSES if status != "RUNNING"])
def test_only_a_running_one_can_be_stopped(status, model):
    model.put_into(status, "")

    assert _code(model.stop) == "ResourceInUseException"


@pytest.mark.parametrize("status", [status for status in STATUSES if status != "RUNNING"])
def test_only_a_running_one_looks_at_images(status, model):
    model.put_into(status, "")

    assert _code(model.admit) == "ResourceNotReadyException"


@pytest.mark.parametrize("status", ["RUNNING", "STARTING", "STOPPING", "TRAINING_IN_PROGRESS"])
def test_one_that_is_at_work_can_not_be_deleted(status, model):
    model.put_into(status, "")

    assert _code(model.require_deletable) == "ResourceInUseException"


def test_a_status_that_was_set_stays(model, clock):
    model.start(1, None)
    model.put_into("STARTING", "Waiting for capacity")
    clock.sleep(1000)

    assert (model.status, model.describe()["StatusMessage"]) == ("STARTING", "Waiting for capacity")


def test_the_message_of_a_status_ends_with_it(model):
    model.put_into("FAILED", "Out of memory")
    model.start(1, None)

    assert model.describe()["StatusMessage"] == "The model is STARTING."


def test_the_units_are_told_after_a_start(model):
    model.start(2, 4)

    assert model.describe() == {
        "Status": "STARTING",
        "StatusMessage": "The model is STARTING.",
        "MinInferenceUnits": 2,
        "MaxInferenceUnits": 4,
    }


# --- what it costs ---


def test_starting_is_not_billed(model, clock):
    model.start(2, None)
    clock.sleep(3)

    assert model.billed_seconds(reset=False) == 0


def test_running_is_billed_by_the_unit(running, clock):
    clock.sleep(10)

    assert running.billed_seconds(reset=False) == pytest.approx(20)


def test_running_is_billed_from_its_beginning_whoever_looks_late(model, clock):
    model.start(1, None)
    clock.sleep(63)

    assert model.billed_seconds(reset=False) == pytest.approx(60)


def test_stopping_and_stopped_are_not_billed(running, clock):
    clock.sleep(10)
    running.stop()
    clock.sleep(100)

    assert running.billed_seconds(reset=False) == pytest.approx(20)


def test_the_bill_starts_again_after_a_reset(running, clock):
    clock.sleep(10)
    running.billed_seconds(reset=True)
    clock.sleep(1)

    assert running.billed_seconds(reset=False) == pytest.approx(2)


# --- its rate ---


def test_each_unit_answers_five_calls_a_second(running):
    for _ in range(10):
        running.admit()

    assert _code(running.admit) == "ProvisionedThroughputExceededException"


def test_the_rate_heals_after_a_second(running, clock):
    for _ in range(10):
        running.admit()
    clock.sleep(1)

    running.admit()
    assert running.status == "RUNNING"


# --- behaviour that is set ---


def _set(model, **members):
    controls.apply({"ProjectVersionArn": ARN, **members}, model)


def test_durations_can_be_set(model, clock):
    _set(model, durations={"start_seconds": 600, "stop_seconds": 60})
    model.start(1, None)
    clock.sleep(599)
    late = model.status
    clock.sleep(1)

    assert (late, model.status, model.stop()) == ("STARTING", "RUNNING", "STOPPING")


def test_a_start_can_end_in_failure(model, clock):
    _set(model, starts_into="FAILED")
    model.start(1, None)
    clock.sleep(3)

    assert model.status == "FAILED"


def test_the_capacity_can_be_set(running):
    _set(running, capacity={"calls_per_second_per_unit": 0.5})
    running.admit()

    assert _code(running.admit) == "ProvisionedThroughputExceededException"


@pytest.mark.parametrize(("units", "max_units"), [(3, None), (1, 3)])
def test_more_units_than_the_account_has_are_refused(units, max_units, model):
    _set(model, capacity={"max_inference_units": 2})

    assert _code(model.start, units, max_units) == "LimitExceededException"


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_can_be_set(status, model):
    _set(model, status=status)

    assert model.status == status


def test_one_that_is_set_running_is_billed(model, clock):
    _set(model, status="RUNNING")
    clock.sleep(5)

    assert model.billed_seconds(reset=False) == pytest.approx(5)


def _refusals(model, operation, calls):
    codes = []
    for _ in range(calls):
        try:
            model.refuse(operation)
            codes.append("ok")
        except RekognitionError as refused:
            codes.append(refused.code)
    return codes


def test_a_fault_can_heal(model):
    _set(model, faults={"StopProjectVersion": {"code": "ThrottlingException", "first": 2}})

    assert _refusals(model, "StopProjectVersion", 3) == ["ThrottlingException", "ThrottlingException", "ok"]


def test_a_fault_can_stay(model):
    _set(model, faults={"StopProjectVersion": {"code": "InternalServerError"}})

    assert _refusals(model, "StopProjectVersion", 5) == ["InternalServerError"] * 5


def test_a_fault_hits_its_own_operation(model):
    _set(model, faults={"StopProjectVersion": {"code": "InternalServerError"}})

    assert _refusals(model, "StartProjectVersion", 1) == ["ok"]


@pytest.mark.parametrize(("code", "http_status"), [("InternalServerError", 500), ("LimitExceededException", 400)])
def test_a_fault_has_the_http_status_of_its_kind(code, http_status, model):
    _set(model, faults={"StartProjectVersion": {"code": code}})

    with pytest.raises(RekognitionError) as refused:
        model.refuse("StartProjectVersion")

    assert refused.value.http_status == http_status


def test_what_is_not_named_has_its_default_again(model, clock):
    _set(model, durations={"start_seconds": 600}, faults={"StopProjectVersion": {"code": "InternalServerError"}})
    _set(model)
    model.start(1, None)
    clock.sleep(3)
    model.refuse("StopProjectVersion")

    assert model.status == "RUNNING"


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"duration": {}}, "duration"),
        ({"durations": {"start": 1}}, "start"),
        ({"durations": {"start_seconds": -1}}, "start_seconds"),
        ({"capacity": {"units": 1}}, "units"),
        ({"status": "ASLEEP"}, "ASLEEP"),
        ({"starts_into": "ASLEEP"}, "ASLEEP"),
        ({"faults": {"DetectLabels": {"code": "x"}}}, "DetectLabels"),
        ({"faults": {"StopProjectVersion": {"first": 1}}}, "StopProjectVersion"),
        ({"faults": {"StopProjectVersion": {"code": "x", "every": 1}}}, "every"),
    ],
)
def test_a_misspelt_setting_is_refused_by_name(members, named, model):
    with pytest.raises(RekognitionError, match=named):
        _set(model, **members)


def test_a_refused_setting_changes_nothing(model):
    with pytest.raises(RekognitionError):
        _set(model, status="FAILED", capacity={"units": 1})

    assert model.status == "TRAINING_COMPLETED"
