"""The life of a Custom Labels model: what each status of a project version means for a session."""

from __future__ import annotations

from enum import StrEnum

from vision.domain.errors import ModelFailed, ModelNotUsable


class Step(StrEnum):
    """What to do with a model that is to run."""

    START = "START"
    WAIT = "WAIT"
    USE = "USE"


class Rest(StrEnum):
    """What to do with a model that is to be stopped."""

    STOP = "STOP"
    WAIT = "WAIT"
    STOPPED = "STOPPED"


# Every status of ProjectVersionDescription.
# https://docs.aws.amazon.com/rekognition/latest/APIReference/API_ProjectVersionDescription.html
_TO_RUN = {
    "TRAINING_COMPLETED": Step.START,
    "COPYING_COMPLETED": Step.START,
    "STOPPED": Step.START,
    "STOPPING": Step.WAIT,
    "STARTING": Step.WAIT,
    "RUNNING": Step.USE,
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


def step_to_run(status: str, message: str = "") -> Step:
    """Return what a session does next with a model of this status.

    Parameters
    ----------
    message
        Rekognition's own words about the status.

    Raises
    ------
    ModelFailed
        Rekognition could not train, copy or start it.
    ModelNotUsable
        Nothing can start it now; the message says what to do.
    """
    if status in _FAILED:
        detail = f": {message}" if message else ""
        raise ModelFailed(f"model: {_FAILED[status]} ({status}){detail}; look at it in the Rekognition console")
    if status not in _TO_RUN:
        remedy = _UNUSABLE.get(status, "this status is not known; look at it in the Rekognition console")
        raise ModelNotUsable(f"model: {status}, {remedy}")
    return _TO_RUN[status]


def step_to_stop(status: str) -> Rest:
    """Return what is left to do until a model of this status costs nothing.

    A model that is starting cannot be stopped; it is stopped when it runs.
    """
    if status == "RUNNING":
        return Rest.STOP
    return Rest.WAIT if status in ("STARTING", "STOPPING") else Rest.STOPPED


def mismatch(project_arn: str, version_arn: str) -> str:
    """Return what is wrong when a version is of another project, ``""`` when it is not.

    Their ARNs end in ``project/NAME/created`` and ``project/NAME/version/VERSION/created``.
    """
    project, version = project_arn.split("/")[1], version_arn.split("/")[1]
    if project == version:
        return ""
    return f"ProjectArn names the project {project}, ModelVersionArn a version of {version}; name the version's own"


def is_paid_for(status: str) -> bool:
    """Tell whether a model of this status is on the bill, by the minute and inference unit."""
    return status == "RUNNING"
