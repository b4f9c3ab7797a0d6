"""Stop a Custom Labels model that the stack no longer names, as the Delete request of a custom resource."""

import time

from vision import entry
from vision.adapters import aws_sdk, cloudformation
from vision.adapters.custom_model import Model
from vision.domain.errors import ModelNotReady, ModelNotUsable, Permanent
from vision.domain.session import custom_model
from vision.settings import ReleaseModelSettings

settings = ReleaseModelSettings.read()
aws_sdk.make_clients("rekognition")


@entry.task
def handler(event: entry.Event) -> None:
    """Stop the model on a Delete request.

    The id of the resource is the ARN of the model, so a new ARN, or the deletion of the stack, causes such a request.

    Transient errors are raised without a response: Lambda then retries twice, and CloudFormation waits. Permanent
    errors are reported to CloudFormation and raised as well: CloudFormation ignores a failed deletion during an update,
    so the alarm on Lambda's dead letters must report that the model is still running.
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
        model.stop()  # The project does not have this version, but StopProjectVersion needs no project.


def _stop(model: Model) -> None:
    deadline = time.monotonic() + settings.patience_seconds
    while (status := model.describe().status) in ("STARTING", "RUNNING"):
        if custom_model.step_to_stop(status) is custom_model.StopStep.STOP:
            model.stop()
        elif time.monotonic() > deadline:
            raise ModelNotReady(f"model: {status}, it cannot be stopped yet; it is tried again")
        time.sleep(settings.poll_seconds)
