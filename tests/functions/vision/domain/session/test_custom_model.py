"""Every status that Rekognition knows has an outcome of its own, for a model that is to run and for one to stop."""

import botocore.session
import pytest

from vision.domain.errors import ModelFailed, ModelNotUsable
from vision.domain.session.custom_model import STATUSES, Rest, Step, is_paid_for, mismatch, step_to_run, step_to_stop

SERVICE_MODEL = botocore.session.get_session().get_service_model("rekognition")
KNOWN = SERVICE_MODEL.shape_for("ProjectVersionStatus").enum

TO_RUN = {
    "TRAINING_IN_PROGRESS": "it is still being trained; wait for the end of the training",
    "TRAINING_COMPLETED": Step.START,
    "TRAINING_FAILED": ModelFailed,
    "STARTING": Step.WAIT,
    "RUNNING": Step.USE,
    "FAILED": ModelFailed,
    "STOPPING": Step.WAIT,
    "STOPPED": Step.START,
    "DELETING": "name another one in ModelVersionArn",
    "COPYING_IN_PROGRESS": "it is still being copied; wait for the end of the copy",
    "COPYING_COMPLETED": Step.START,
    "COPYING_FAILED": ModelFailed,
    "DEPRECATED": "train a new one and name it in ModelVersionArn",
    "EXPIRED": "train a new one and name it in ModelVersionArn",
}
TO_STOP = dict.fromkeys(TO_RUN, Rest.STOPPED) | {
    "RUNNING": Rest.STOP,
    "STARTING": Rest.WAIT,
    "STOPPING": Rest.WAIT,
}


def test_each_status_of_the_service_is_known() -> None:
    assert frozenset(KNOWN) == STATUSES


def test_each_status_of_the_service_is_expected_to_mean_something() -> None:
    assert (sorted(TO_RUN), sorted(TO_STOP)) == (sorted(KNOWN), sorted(KNOWN))


@pytest.mark.parametrize("status", [status for status, outcome in TO_RUN.items() if isinstance(outcome, Step)])
def test_a_usable_status_has_its_next_step(status: str) -> None:
    assert step_to_run(status) == TO_RUN[status]


@pytest.mark.parametrize("status", [status for status, outcome in TO_RUN.items() if outcome is ModelFailed])
def test_a_failed_model_ends_the_session_with_rekognitions_own_words(status: str) -> None:
    with pytest.raises(ModelFailed, match=rf"\({status}\): out of capacity; look at it in the Rekognition console"):
        step_to_run(status, "out of capacity")


def test_a_failed_model_without_words_is_still_named() -> None:
    with pytest.raises(ModelFailed, match=r"it failed to start \(FAILED\); look at it"):
        step_to_run("FAILED")


UNUSABLE = {status: remedy for status, remedy in TO_RUN.items() if type(remedy) is str}


@pytest.mark.parametrize("status", UNUSABLE)
def test_an_unusable_model_ends_the_session_with_what_to_do(status: str) -> None:
    with pytest.raises(ModelNotUsable, match=f"^model: {status}, .*{UNUSABLE[status]}$"):
        step_to_run(status)


def test_a_status_of_the_future_ends_the_session_and_starts_nothing() -> None:
    with pytest.raises(ModelNotUsable, match="HIBERNATING, this status is not known; look at it"):
        step_to_run("HIBERNATING")


@pytest.mark.parametrize("status", TO_STOP)
def test_each_status_says_what_is_left_until_the_model_rests(status: str) -> None:
    assert step_to_stop(status) == TO_STOP[status]


@pytest.mark.parametrize("status", KNOWN)
def test_no_model_that_is_paid_for_counts_as_stopped(status: str) -> None:
    assert is_paid_for(status) == (status == "RUNNING")
    assert not is_paid_for(status) or step_to_stop(status) is Rest.STOP


def test_a_version_of_another_project_is_told_by_both_names() -> None:
    project = "arn:aws:rekognition:us-east-1:111122223333:project/bottles/1"
    version = "arn:aws:rekognition:us-east-1:111122223333:project/cans/version/v1/2"
    assert mismatch(project, version) == (
        "ProjectArn names the project bottles, ModelVersionArn a version of cans; name the version's own"
    )
    assert mismatch(project.replace("bottles", "cans"), version) == ""
