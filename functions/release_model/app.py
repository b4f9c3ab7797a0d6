"""Stop a Custom Labels model that the stack does not name any more, as CloudFormation's request to delete it."""

import time

from vision import entry
from vision.adapters import cloudformation
from vision.adapters.custom_model import Model
from vision.domain.errors import ModelNotReady, ModelNotUsable, Permanent
from vision.domain.session import custom_model
from vision.settings import ReleaseModelSettings

settings = ReleaseModelSettings.read()


@entry.task
def handler(event: entry.Event) -> None:
    """Identify the resource by the model's ARN, so that another ARN, or no stack, means a request to delete this one.

    What waiting can heal is not answered but raised: Lambda then invokes twice more, and CloudFormation waits. What
    nothing heals is answered and raised: CloudFormation passes over a deletion that fails in an update, so the alarm on
    Lambda's dead letters has to say that the model runs on.
    """
    properties = event["ResourceProperties"]
    if event["RequestType"] != "Delete":
        reason = custom_model.mismatch(properties["ProjectArn"], properties["ModelVersionArn"])
        cloudformation.respond(event, reason, properties["ModelVersionArn"])
        return
    try:
        _release(Model(properties["ProjectArn"], properties["ModelVersionArn"]))
    except Permanent as error:
        cloudformation.respond(event, f"{type(error).__name__}: {error}")
        raise
    cloudformation.respond(event, "")


def _release(model: Model) -> None:
    try:
        _stop(model)
    except ModelNotUsable:
        model.stop()  # The project does not know it. It is told all the same, since stopping needs no project.


def _stop(model: Model) -> None:
    deadline = time.monotonic() + settings.patience_seconds
    while (status := model.describe().status) in ("STARTING", "RUNNING"):
        if custom_model.step_to_stop(status) is custom_model.Rest.STOP:
            model.stop()
        elif time.monotonic() > deadline:
            raise ModelNotReady(f"model: {status}, it cannot be stopped yet; it is tried again")
        time.sleep(settings.poll_seconds)
