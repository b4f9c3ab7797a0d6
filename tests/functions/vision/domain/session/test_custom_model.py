"""Every model status of Rekognition has an outcome, for a model to start and for a model to stop."""

import botocore.session
import pytest

from vision.domain.errors import ModelFailed, ModelNotUsable
from vision.domain.session.custom_model import (
    STATUSES,
    StartStep,
    StopStep,
    is_paid_for,
    mismatch,
    step_to_run,
    step_to_stop,
)

SERVICE_MODEL = botocore.session.get_session().get_service_model("rekognition")
KNOWN = SERVICE_MODEL.shape_for("ProjectVersionStatus").enum

TO_RUN = {
    "TRAINING_IN_PROGRESS": "it is still being trained; wait for the end of the training",
    "TRAINING_COMPLETED": StartStep.START,
    "TRAINING_FAILED": ModelFailed,
    "STARTING": StartStep.WAIT,
    "RUNNING": StartStep.USE,
    "FAILED": ModelFailed,
    "STOPPING": StartStep.WAIT,
    "STOPPED": StartStep.START,
    "DELETING": "name another one in ModelVersionArn",
    "COPYING_IN_PROGRESS": "it is still being copied; wait for the end of the copy",
    "COPYING_COMPLETED": StartStep.START,
    "COPYING_FAILED": ModelFailed,
    "DEPRECATED": "train a new one and name it in ModelVersionArn",
    "EXPIRED": "train a new one and name it in ModelVersionArn",
}
TO_STOP = dict.fromkeys(TO_RUN, StopStep.STOPPED) | {
    "RUNNING": StopStep.STOP,
    "STARTING": StopStep.WAIT,
    "STOPPING": StopStep.WAIT,
}


def test_every_status_of_the_service_model_has_an_expected_outcome() -> None:
    assert frozenset(KNOWN) == STATUSES == TO_RUN.keys() == TO_STOP.keys()


@pytest.mark.parametrize("status", TO_RUN)
def test_status_has_its_next_step_or_ends_the_session_with_a_remedy(status: str) -> None:
    outcome = TO_RUN[status]
    if isinstance(outcome, StartStep):
        assert step_to_run(status) == outcome
    elif outcome is ModelFailed:
        with pytest.raises(ModelFailed, match=rf"\({status}\): out of capacity; .* the Rekognition console"):
            step_to_run(status, "out of capacity")
    else:
        with pytest.raises(ModelNotUsable, match=f"^model: {status}, .*{outcome}$"):
            step_to_run(status)


def test_unknown_status_and_failure_without_a_message_end_the_session() -> None:
    with pytest.raises(ModelNotUsable, match="HIBERNATING, this status is not known; look at it"):
        step_to_run("HIBERNATING")
    with pytest.raises(ModelFailed, match=r"it failed to start \(FAILED\); look at it"):
        step_to_run("FAILED")


@pytest.mark.parametrize("status", TO_STOP)
def test_status_has_the_next_step_until_the_model_is_stopped(status: str) -> None:
    assert step_to_stop(status) == TO_STOP[status]
    # A model that costs money never counts as stopped.
    assert is_paid_for(status) == (status == "RUNNING")
    assert not is_paid_for(status) or step_to_stop(status) is StopStep.STOP


def test_version_of_another_project_is_an_error_with_both_names() -> None:
    project = "arn:aws:rekognition:us-east-1:111122223333:project/bottles/1"
    version = "arn:aws:rekognition:us-east-1:111122223333:project/cans/version/v1/2"
    assert mismatch(project, version) == (
        "ProjectArn names the project bottles, ModelVersionArn a version of cans; name the version's own"
    )
    assert mismatch(project.replace("bottles", "cans"), version) == ""
