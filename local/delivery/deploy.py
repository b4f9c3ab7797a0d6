"""Deploy the build to a stage of `samconfig.toml`: ``python -m local.delivery.deploy test``.

With `--own-model`, deploy the function of the own model beside the stack of that stage, with the published image.

`sam deploy` alone does the same without a release, and without the steps of `index_steps`. A parameter on its command
line replaces all parameters of the file, so this command passes all of them together with the release.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import boto3

from local.delivery import command, images, stages
from local.delivery.publish import OWN_MODEL, STACK, published_image
from local.stack import index_steps
from local.stack.deployment import REPOSITORY, SAM


def release() -> str:
    """Return a new name for a deployment: the time and, in a checkout, the commit.

    Examples
    --------
    20261121T083501Z-1a2b3c4
    """
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    ).stdout.strip()
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}{'-' + commit if commit else ''}"


def arguments(stage: stages.Stage, template: Path, parameters: Mapping[str, str], role_arn: str | None) -> list[str]:
    """Return the arguments of `sam deploy`.

    Parameters
    ----------
    stage
        The stage.
    template
        The built template, or that of a step.
    parameters
        Those that have a value; all others keep theirs.
    role_arn
        The role with which CloudFormation deploys the stack; None for the caller's own permissions.
    """
    # The SAM CLI looks for the configuration beside the template.
    call = ["deploy", "--config-file", str(stages.CONFIGURATION), "--config-env", stage.name]
    call += ["--template-file", str(template), "--no-confirm-changeset", "--no-progressbar"]
    return [*call, *(["--role-arn", role_arn] if role_arn else []), "--parameter-overrides", *_quoted(parameters)]


def own_model_arguments(stage: stages.Stage, name: str, bucket_arn: str, image: str, role_arn: str | None) -> list[str]:
    """Return the arguments of `sam deploy` for the own model.

    Parameters
    ----------
    stage
        The stage.
    name
        The release.
    bucket_arn
        The bucket whose images the model may read: the image bucket of the stage.
    image
        URI of the published image; SAM requires its repository, and pushes nothing to it.
    role_arn
        As for `arguments`.
    """
    call = ["deploy", "--config-env", stage.name, "--no-confirm-changeset", "--no-progressbar"]
    call += ["--template-file", str(OWN_MODEL.release / "template.yaml"), "--stack-name", f"{stage.stack_name}-model"]
    call += ["--image-repository", images.read(image).repository, *(["--role-arn", role_arn] if role_arn else [])]
    parameters = stage.own_model_parameters() | {"ImageBucketArns": bucket_arn, "Release": name}
    return [*call, "--parameter-overrides", *_quoted(parameters)]


def _quoted(parameters: Mapping[str, str]) -> list[str]:
    """Quote parameters for the SAM CLI: a value may contain spaces and quotes."""
    return [f"{name}={json.dumps(value)}" for name, value in parameters.items()]


def image_bucket_arn(stage: stages.Stage) -> str:
    """Return the ARN of the image bucket of a deployed stage."""
    (stack,) = boto3.client("cloudformation").describe_stacks(StackName=stage.stack_name)["Stacks"]
    outputs = {one["OutputKey"]: str(one["OutputValue"]) for one in stack["Outputs"]}
    partition = stack["StackId"].split(":")[1]
    return f"arn:{partition}:s3:::{outputs['ImageBucketName']}"


def deploy(stage: stages.Stage, template: Path, role_arn: str | None) -> None:
    """Deploy a built template, in as many updates as the indexes of its table need.

    Raises
    ------
    FileNotFoundError, ValueError, RuntimeError
        See `index_steps.deploy`.
    subprocess.CalledProcessError
        `sam deploy` failed, and has printed the reason.
    """
    # One name for all updates: those that change only the table shift no traffic again.
    release_parameters = stage.parameters | {"Release": index_steps.release_of(index_steps.read(template), release())}

    def update(template: Path, parameters: Mapping[str, str] | None) -> None:
        _sam(arguments(stage, template, release_parameters if parameters is None else parameters, role_arn))

    index_steps.deploy(template, stage.stack_name, boto3.client, update)


def _sam(call: list[str]) -> None:
    subprocess.run([str(SAM), *call], cwd=REPOSITORY, check=True)


def main(argv: list[str] | None = None) -> int:
    """Run `sam deploy`, and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", help="a section of samconfig.toml")
    parser.add_argument("--own-model", action="store_true", help="deploy the own model, with the published image")
    options = parser.parse_args(argv)

    def work() -> str:
        stage = stages.read(options.stage)
        role_arn = os.environ.get("AWS_STACK_ROLE_ARN")
        if options.own_model:
            image = published_image()
            _sam(own_model_arguments(stage, release(), image_bucket_arn(stage), image, role_arn))
        else:
            deploy(stage, STACK.folder / "template.yaml", role_arn)
        return f"{stage.stack_name}{'-model' if options.own_model else ''} is deployed."

    return command.status(work)


if __name__ == "__main__":
    sys.exit(main())
