"""The local stack with a team's own model as its detector: two stacks, as on AWS."""

from __future__ import annotations

from pathlib import Path

from local.own_model import image
from local.own_model.image import CONTEXT, DEFAULT_MODEL, Say
from local.stack import deployment, local_stack
from local.stack.local_stack import Stack, StackFiles

DETECTOR = "own-model"


def up(
    say: Say,
    files: StackFiles | None = None,
    parameters: dict[str, str] | None = None,
    *,
    model: str = DEFAULT_MODEL,
    context: Path = CONTEXT,
    port: int | None = None,
    wait_scale: float = 1.0,
) -> Stack:
    """Start the stack with the own model for photos, for inspection and for bulk runs.

    The first time, the stack is deployed twice: the model's stack needs the name of the bucket, and the main stack
    needs the ARN of the model's function.

    Parameters
    ----------
    parameters
        Template parameters besides those of the detector.
    model
        The folder below functions/classify_image/.
    context
        The folder used as functions/.

    Raises
    ------
    EngineNotHealthyError, DeploymentFailed
    """
    files, parameters = files or StackFiles(), parameters or {}
    _, function_arn = up_beside(say, files, parameters, model=model, context=context, port=port, wait_scale=wait_scale)
    own = {"PhotoDetector": DETECTOR, "InspectionDetector": DETECTOR, "OwnModelFunctionArn": function_arn}
    return local_stack.up(say, files, parameters | own)


def up_beside(
    say: Say,
    files: StackFiles | None = None,
    parameters: dict[str, str] | None = None,
    *,
    model: str = DEFAULT_MODEL,
    context: Path = CONTEXT,
    port: int | None = None,
    wait_scale: float = 1.0,
) -> tuple[Stack, str]:
    """Start the stack with its current detector, and deploy the own model's function beside it.

    Returns
    -------
    tuple
        The stack, and the ARN of the function.

    Raises
    ------
    EngineNotHealthyError, DeploymentFailed
    """
    files = files or StackFiles()
    image_uri = image.build(files.images, say, model, context)
    deployed = local_stack.start(say, files, port, wait_scale)
    if not deployed.outputs:
        deployed = local_stack.up(say, files, parameters)
    return deployed, _deployed(say, files, deployed, image_uri)


def _deployed(say: Say, files: StackFiles, main: Stack, image_uri: str) -> str:
    """Deploy own-model.yaml with an image, unless that image is already deployed, and return its function's ARN."""
    target = files.target({}, main.client_arguments(), image.STACK_NAME)
    wanted = deployment.fingerprint_of(image.TEMPLATE, image_uri, main.outputs["ImageBucketName"])
    known = local_stack.note(files, DETECTOR)
    if known.get("deployed") == wanted:
        return str(known["function_arn"])
    say("Deploying own-model.yaml to the local AWS (sam deploy) ...")
    function_arn = image.deploy(target, image_uri, main.outputs["ImageBucketName"])
    local_stack.note(files, DETECTOR, {"deployed": wanted, "function_arn": function_arn})
    return function_arn
