"""One model version over time: its status, refusals, rate and bill."""

import pytest

from local.rekognition.custom_labels import controls
from local.rekognition.custom_labels.life_cycle import STATUSES, LifeCycle
from local.rekognition.errors import RekognitionError
from tests.local.rekognition.conftest import error_code

ARN = "arn:aws:rekognition:us-east-1:000000000000:project/cats/version/v1/1"
NOT_RUNNING = [status for status in STATUSES if status != "RUNNING"]
STARTABLE = ("TRAINING_COMPLETED", "STOPPED", "FAILED", "COPYING_COMPLETED", "DEPRECATED")
UNUSABLE = ("TRAINING_FAILED", "COPYING_FAILED", "EXPIRED")


@pytest.fixture
def model(clock):
    return LifeCycle(ARN, clock)


@pytest.fixture
def running(model, clock):
    """A version that runs with two inference units."""
    model.start(2, None)
    clock.sleep(3)
    return model


def configure(model, **members):
    controls.apply({"ProjectVersionArn": ARN, **members}, model)


def refusals(model, operation, calls):
    codes = []
    for _ in range(calls):
        try:
            model.refuse(operation)
            codes.append("ok")
        except RekognitionError as refused:
            codes.append(refused.code)
    return codes


def test_version_starts_runs_stops_and_starts_again(model, clock):
    assert model.status == "TRAINING_COMPLETED"
    assert model.start(1, None) == "STARTING"
    clock.sleep(2.9)
    assert model.status == "STARTING"
    clock.sleep(0.1)
    assert model.status == "RUNNING"
    assert model.stop() == "STOPPING"
    clock.sleep(1.9)
    assert model.status == "STOPPING"
    clock.sleep(0.1)
    assert model.status == "STOPPED"
    assert model.start(1, None) == "STARTING"


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_can_be_set_and_has_one_answer_to_start(status, model):
    configure(model, status=status)
    assert model.status == status
    if status in STARTABLE:
        assert model.start(1, None) == "STARTING"
    else:
        expected = "InvalidParameterException" if status in UNUSABLE else "ResourceInUseException"
        assert error_code(model.start, 1, None) == expected


@pytest.mark.parametrize("status", NOT_RUNNING)
def test_version_that_is_not_running_refuses_stop_and_images(status, model):
    model.put_into(status, "")
    assert error_code(model.stop) == "ResourceInUseException"
    assert error_code(model.admit) == "ResourceNotReadyException"


@pytest.mark.parametrize("status", ["RUNNING", "STARTING", "STOPPING", "TRAINING_IN_PROGRESS"])
def test_version_in_use_cannot_be_deleted(status, model):
    model.put_into(status, "")
    assert error_code(model.require_deletable) == "ResourceInUseException"


def test_status_that_was_set_stays_with_its_message(model, clock):
    model.start(1, None)
    model.put_into("STARTING", "Waiting for capacity")
    clock.sleep(1000)
    assert model.status == "STARTING"
    assert model.describe()["StatusMessage"] == "Waiting for capacity"


def test_start_replaces_the_message_and_describes_the_units(model):
    model.put_into("FAILED", "Out of memory")
    model.start(2, 4)
    assert model.describe() == {
        "Status": "STARTING",
        "StatusMessage": "The model is STARTING.",
        "MinInferenceUnits": 2,
        "MaxInferenceUnits": 4,
    }


# --- cost ---


def test_only_running_seconds_are_billed_for_each_unit(model, clock):
    model.start(2, None)
    clock.sleep(3)
    assert model.billed_seconds(reset=False) == 0
    clock.sleep(10)
    assert model.billed_seconds(reset=False) == pytest.approx(20)
    model.stop()
    clock.sleep(100)
    assert model.billed_seconds(reset=False) == pytest.approx(20)


def test_bill_counts_from_the_start_however_late_it_is_read(model, clock):
    model.start(1, None)
    clock.sleep(63)
    assert model.billed_seconds(reset=False) == pytest.approx(60)


def test_bill_starts_again_after_a_reset(running, clock):
    clock.sleep(10)
    running.billed_seconds(reset=True)
    clock.sleep(1)
    assert running.billed_seconds(reset=False) == pytest.approx(2)


def test_version_that_is_set_running_is_billed(model, clock):
    configure(model, status="RUNNING")
    clock.sleep(5)
    assert model.billed_seconds(reset=False) == pytest.approx(5)


# --- rate ---


def test_each_unit_takes_five_calls_a_second(running, clock):
    for _ in range(10):
        running.admit()
    assert error_code(running.admit) == "ProvisionedThroughputExceededException"
    clock.sleep(1)
    running.admit()


def test_rate_can_be_set(running):
    configure(running, capacity={"calls_per_second_per_unit": 0.5})
    running.admit()
    assert error_code(running.admit) == "ProvisionedThroughputExceededException"


# --- settings and faults ---


def test_durations_can_be_set(model, clock):
    configure(model, durations={"start_seconds": 600, "stop_seconds": 60})
    model.start(1, None)
    clock.sleep(599)
    assert model.status == "STARTING"
    clock.sleep(1)
    assert model.status == "RUNNING"
    assert model.stop() == "STOPPING"


def test_start_can_be_set_to_fail(model, clock):
    configure(model, starts_into="FAILED")
    model.start(1, None)
    clock.sleep(3)
    assert model.status == "FAILED"


@pytest.mark.parametrize(("units", "max_units"), [(3, None), (1, 3)])
def test_more_units_than_the_account_has_are_refused(units, max_units, model):
    configure(model, capacity={"max_inference_units": 2})
    assert error_code(model.start, units, max_units) == "LimitExceededException"


@pytest.mark.parametrize(
    ("fault", "outcomes"),
    [
        ({"code": "ThrottlingException", "first": 2}, ["ThrottlingException", "ThrottlingException", "ok"]),
        ({"code": "InternalServerError"}, ["InternalServerError"] * 3),
    ],
    ids=["first calls", "every call"],
)
def test_fault_hits_its_operation_only(fault, outcomes, model):
    configure(model, faults={"StopProjectVersion": fault})
    assert refusals(model, "StopProjectVersion", 3) == outcomes
    assert refusals(model, "StartProjectVersion", 1) == ["ok"]


@pytest.mark.parametrize(("code", "http_status"), [("InternalServerError", 500), ("LimitExceededException", 400)])
def test_fault_has_the_http_status_of_its_code(code, http_status, model):
    configure(model, faults={"StartProjectVersion": {"code": code}})
    with pytest.raises(RekognitionError) as refused:
        model.refuse("StartProjectVersion")
    assert refused.value.http_status == http_status


def test_setting_that_is_left_out_returns_to_its_default(model, clock):
    configure(model, durations={"start_seconds": 600}, faults={"StopProjectVersion": {"code": "InternalServerError"}})
    configure(model)
    model.start(1, None)
    clock.sleep(3)
    assert model.status == "RUNNING"
    assert refusals(model, "StopProjectVersion", 1) == ["ok"]


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"duration": {}}, "duration"),
        ({"durations": {"start": 1}}, "start"),
        ({"durations": {"start_seconds": -1}}, "start_seconds"),
        ({"status": "FAILED", "capacity": {"units": 1}}, "units"),
        ({"status": "ASLEEP"}, "ASLEEP"),
        ({"starts_into": "ASLEEP"}, "ASLEEP"),
        ({"faults": {"DetectLabels": {"code": "x"}}}, "DetectLabels"),
        ({"faults": {"StopProjectVersion": {"first": 1}}}, "StopProjectVersion"),
        ({"faults": {"StopProjectVersion": {"code": "x", "every": 1}}}, "every"),
    ],
)
def test_misspelt_setting_is_refused_by_name_and_changes_nothing(members, named, model):
    with pytest.raises(RekognitionError, match=named):
        configure(model, **members)
    assert model.status == "TRAINING_COMPLETED"
