"""Custom Labels model: what a session does at each status of a project version."""

from __future__ import annotations

from enum import StrEnum

from vision.domain.errors import ModelFailed, ModelNotUsable


class StartStep(StrEnum):
    """The next step to get a model running."""

    START = "START"
    WAIT = "WAIT"
    USE = "USE"


class StopStep(StrEnum):
    """The next step to get a model stopped."""

    STOP = "STOP"
    WAIT = "WAIT"
    STOPPED = "STOPPED"


# Every status of ProjectVersionDescription.
# https://docs.aws.amazon.com/rekognition/latest/APIReference/API_ProjectVersionDescription.html
_TO_RUN = {
    "TRAINING_COMPLETED": StartStep.START,
    "COPYING_COMPLETED": StartStep.START,
    "STOPPED": StartStep.START,
    "STOPPING": StartStep.WAIT,
    "STARTING": StartStep.WAIT,
    "RUNNING": StartStep.USE,
}
_UNUSABLE = {
    "TRAINING_IN_PROGRESS": "it is still being trained; wait for the end of the training",
    "COPYING_IN_PROGRESS": "it is still being copied; wait for the end of the copy",
    "DELETING": "it is being deleted; name another one in ModelVersionArn",
    "DEPRECATED": "its version is deprecated; train a new one and name it in ModelVersionArn",
    "EXPIRED": "it has expired; train a new one and name it in ModelVersionArn",
}
_FAILED = {
    "TRAINING_FAILED": "its training failed",
    "COPYING_FAILED": "its copy failed",
    "FAILED": "it failed to start",
}
STATUSES = frozenset({*_TO_RUN, *_UNUSABLE, *_FAILED})


def step_to_run(status: str, message: str = "") -> StartStep:
    """Return the next step of a session for a model in this status.

    Parameters
    ----------
    message
        The status message from Rekognition.

    Raises
    ------
    ModelFailed
        Rekognition could not train, copy or start the model.
    ModelNotUsable
        The model cannot be started now; the message has the remedy.
    """
    if status in _FAILED:
        detail = f": {message}" if message else ""
        raise ModelFailed(f"model: {_FAILED[status]} ({status}){detail}; look at it in the Rekognition console")
    if status not in _TO_RUN:
        remedy = _UNUSABLE.get(status, "this status is not known; look at it in the Rekognition console")
        raise ModelNotUsable(f"model: {status}, {remedy}")
    return _TO_RUN[status]


def step_to_stop(status: str) -> StopStep:
    """Return the next step until a model in this status costs nothing.

    A model cannot be stopped while it is starting; stop it when it runs.
    """
    if status == "RUNNING":
        return StopStep.STOP
    return StopStep.WAIT if status in ("STARTING", "STOPPING") else StopStep.STOPPED


def mismatch(project_arn: str, version_arn: str) -> str:
    """Return the error if the version belongs to another project, otherwise ``""``.

    The ARNs end in ``project/NAME/created`` and ``project/NAME/version/VERSION/created``.
    """
    project, version = project_arn.split("/")[1], version_arn.split("/")[1]
    if project == version:
        return ""
    return f"ProjectArn names the project {project}, ModelVersionArn a version of {version}; name the version's own"


def is_paid_for(status: str) -> bool:
    """Return whether AWS charges for a model in this status, by the minute and inference unit."""
    return status == "RUNNING"
