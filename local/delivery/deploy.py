"""Deploy what was built, as `samconfig.toml` says: ``python -m local.delivery.deploy test``.

With `--own-model REPOSITORY` it is the function of the own model that is deployed, beside the stack of that stage.

`sam deploy` alone does that too, without a release: what is named on the command line replaces all the parameters
of the file, so they are named here with it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import boto3

from local.delivery import stages
from local.delivery.publish import OWN_MODEL
from local.deployment import REPOSITORY, SAM


def release() -> str:
    """Return a name that no deployment had before: the time and, in a checkout, the commit.

    Examples
    --------
    20261121T083501Z-1a2b3c4
    """
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    ).stdout.strip()
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}{'-' + commit if commit else ''}"


def arguments(stage: stages.Stage, name: str, role_arn: str | None) -> list[str]:
    """Return what `sam deploy` is called with.

    Parameters
    ----------
    stage
        Where to.
    name
        The release.
    role_arn
        The role that CloudFormation makes the stack with; None takes the caller's own permissions.
    """
    # Quoted as the SAM CLI reads it, since a value may hold spaces and quotes.
    parameters = [f"{key}={json.dumps(value)}" for key, value in (stage.parameters | {"Release": name}).items()]
    call = ["deploy", "--config-env", stage.name, "--no-confirm-changeset", "--no-progressbar"]
    return [*call, *(["--role-arn", role_arn] if role_arn else []), "--parameter-overrides", *parameters]


def own_model_arguments(stage: stages.Stage, bucket_arn: str, repository: str, role_arn: str | None) -> list[str]:
    """Return what `sam deploy` is called with for the own model.

    Parameters
    ----------
    stage
        Where to.
    bucket_arn
        Whose images the model may read: the image bucket of the stage.
    repository
        URI of the ECR repository that receives the image.
    role_arn
        As of `arguments`.
    """
    call = ["deploy", "--config-env", stage.name, "--no-confirm-changeset", "--no-progressbar"]
    call += ["--template-file", str(OWN_MODEL.folder / "template.yaml"), "--stack-name", f"{stage.stack_name}-model"]
    call += ["--image-repository", repository, *(["--role-arn", role_arn] if role_arn else [])]
    return [*call, "--parameter-overrides", f'ImageBucketArns="{bucket_arn}"']


def image_bucket_arn(stage: stages.Stage) -> str:
    """Return the ARN of the image bucket of a deployed stage."""
    (stack,) = boto3.client("cloudformation").describe_stacks(StackName=stage.stack_name)["Stacks"]
    outputs = {one["OutputKey"]: str(one["OutputValue"]) for one in stack["Outputs"]}
    partition = stack["StackId"].split(":")[1]
    return f"arn:{partition}:s3:::{outputs['ImageBucketName']}"


def main(argv: list[str] | None = None) -> int:
    """Run `sam deploy`, and return its status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", help="a section of samconfig.toml")
    parser.add_argument("--own-model", metavar="REPOSITORY", help="deploy the own model, its image in this repository")
    options = parser.parse_args(argv)
    try:
        stage = stages.read(options.stage)
    except KeyError as missing:
        print(missing.args[0])
        return 1
    role_arn = os.environ.get("AWS_STACK_ROLE_ARN")
    if options.own_model:
        call = own_model_arguments(stage, image_bucket_arn(stage), options.own_model, role_arn)
    else:
        call = arguments(stage, release(), role_arn)
    return subprocess.run([str(SAM), *call], cwd=REPOSITORY, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
