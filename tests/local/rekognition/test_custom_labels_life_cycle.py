"""One model version over time: its status, refusals, rate and bill."""

import pytest

from local.rekognition.custom_labels import controls
from local.rekognition.custom_labels.life_cycle import STATUSES, LifeCycle
from local.rekognition.errors import RekognitionError
from tests.local.rekognition.conftest import error_code, outcomes

ARN = "arn:aws:rekognition:us-east-1:000000000000:project/cats/version/v1/1"
THROTTLED = "ProvisionedThroughputExceededException"
STARTABLE = ("TRAINING_COMPLETED", "STOPPED", "FAILED", "COPYING_COMPLETED", "DEPRECATED")
UNUSABLE = ("TRAINING_FAILED", "COPYING_FAILED", "EXPIRED")


@pytest.fixture
def model(clock):
    return LifeCycle(ARN, clock)


def configure(model, **members):
    controls.apply({"ProjectVersionArn": ARN, **members}, model)


def test_version_starts_runs_stops_and_starts_again(model, clock):
    assert model.status == "TRAINING_COMPLETED"
    for seconds, change, changing, changed in (
        (3, lambda: model.start(1, None), "STARTING", "RUNNING"),
        (2, model.stop, "STOPPING", "STOPPED"),
    ):
        assert change() == changing
        clock.sleep(seconds - 0.1)
        assert model.status == changing
        clock.sleep(0.1)
        assert model.status == changed
    assert model.start(1, None) == "STARTING"


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_can_be_set_and_has_one_answer_to_each_call(status, model):
    configure(model, status=status)
    assert model.status == status
    if status != "RUNNING":
        assert error_code(model.stop) == "ResourceInUseException"
        assert error_code(model.admit) == "ResourceNotReadyException"
    if status in ("RUNNING", "STARTING", "STOPPING", "TRAINING_IN_PROGRESS"):
        assert error_code(model.require_deletable) == "ResourceInUseException"
    if status in STARTABLE:
        assert model.start(1, None) == "STARTING"
    else:
        expected = "InvalidParameterException" if status in UNUSABLE else "ResourceInUseException"
        assert error_code(model.start, 1, None) == expected


def test_status_that_was_set_stays_with_its_message_until_a_start(model, clock):
    model.start(1, None)
    model.put_into("STARTING", "Waiting for capacity")
    clock.sleep(1000)
    assert model.status == "STARTING"
    assert model.describe()["StatusMessage"] == "Waiting for capacity"
    model.put_into("FAILED", "Out of memory")
    model.start(2, 4)
    started = {"Status": "STARTING", "StatusMessage": "The model is STARTING."}
    assert model.describe() == {**started, "MinInferenceUnits": 2, "MaxInferenceUnits": 4}


def test_only_running_seconds_are_billed_for_each_unit_until_a_reset(model, clock):
    model.start(2, None)
    clock.sleep(3)
    assert model.billed_seconds(reset=False) == 0
    # The bill counts from the start, however late it is read.
    clock.sleep(60)
    assert model.billed_seconds(reset=True) == pytest.approx(120)
    clock.sleep(10)
    assert model.billed_seconds(reset=False) == pytest.approx(20)
    model.stop()
    clock.sleep(100)
    assert model.billed_seconds(reset=False) == pytest.approx(20)
    set_running = LifeCycle(ARN, clock)
    configure(set_running, status="RUNNING")
    clock.sleep(5)
    assert set_running.billed_seconds(reset=False) == pytest.approx(5)


def test_each_unit_takes_five_calls_a_second_or_the_rate_that_is_set(model, clock):
    model.start(2, None)
    clock.sleep(3)
    assert outcomes(model.admit, 11) == ["ok"] * 10 + [THROTTLED]
    clock.sleep(1)
    model.admit()
    configure(model, capacity={"calls_per_second_per_unit": 0.5})
    clock.sleep(1)
    assert outcomes(model.admit, 2) == ["ok", THROTTLED]


def test_durations_and_the_end_of_a_start_can_be_set(model, clock):
    configure(model, durations={"start_seconds": 600, "stop_seconds": 60})
    model.start(1, None)
    clock.sleep(599)
    assert model.status == "STARTING"
    clock.sleep(1)
    assert model.status == "RUNNING"
    assert model.stop() == "STOPPING"
    clock.sleep(60)
    configure(model, starts_into="FAILED")
    model.start(1, None)
    clock.sleep(3)
    assert model.status == "FAILED"


def test_more_units_than_the_account_has_are_refused(model):
    configure(model, capacity={"max_inference_units": 2})
    assert error_code(model.start, 3, None) == error_code(model.start, 1, 3) == "LimitExceededException"


@pytest.mark.parametrize(
    ("code", "times", "http_status"),
    [("ThrottlingException", 2, 400), ("InternalServerError", 3, 500), ("LimitExceededException", 3, 400)],
)
def test_fault_hits_its_operation_only_with_the_http_status_of_its_code(code, times, http_status, model):
    fault = {"code": code, "first": times} if times < 3 else {"code": code}
    configure(model, faults={"StopProjectVersion": fault})
    with pytest.raises(RekognitionError) as refused:
        model.refuse("StopProjectVersion")
    assert refused.value.http_status == http_status
    expected = [code] * (times - 1) + ["ok"] * (3 - times)
    assert outcomes(model.refuse, 2, "StopProjectVersion") == expected
    assert outcomes(model.refuse, 1, "StartProjectVersion") == ["ok"]


def test_setting_that_is_left_out_returns_to_its_default(model, clock):
    configure(model, durations={"start_seconds": 600}, faults={"StopProjectVersion": {"code": "InternalServerError"}})
    configure(model)
    model.start(1, None)
    clock.sleep(3)
    assert model.status == "RUNNING"
    assert outcomes(model.refuse, 1, "StopProjectVersion") == ["ok"]


def test_misspelt_setting_is_refused_by_name_and_changes_nothing(model):
    for members, named in [
        ({"duration": {}}, "duration"),
        ({"durations": {"start": 1}}, "start"),
        ({"durations": {"start_seconds": -1}}, "start_seconds"),
        ({"status": "FAILED", "capacity": {"units": 1}}, "units"),
        *(({name: "ASLEEP"}, "ASLEEP") for name in ("status", "starts_into")),
        ({"faults": {"DetectLabels": {"code": "x"}}}, "DetectLabels"),
        ({"faults": {"StopProjectVersion": {"first": 1}}}, "StopProjectVersion"),
        ({"faults": {"StopProjectVersion": {"code": "x", "every": 1}}}, "every"),
    ]:
        with pytest.raises(RekognitionError, match=named):
            configure(model, **members)
        assert model.status == "TRAINING_COMPLETED"
