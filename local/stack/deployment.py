"""Run `sam build` and `sam deploy` against the local engine: each local deployment uses the same commands as AWS."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import boto3

from local.stack import index_steps

REPOSITORY = Path(__file__).resolve().parents[2]
SAM = REPOSITORY / ".local" / "sam" / "bin" / "sam"
STACK_NAME = "image-recognition-local"

# The sources of the deployed stack; if none of them has changed, there is nothing to deploy.
_SOURCES = ("template.yaml", "functions", "statemachines")


class DeploymentFailed(RuntimeError):
    """`sam build` or `sam deploy` failed; the message has the last lines of its output."""


@dataclass(frozen=True)
class Target:
    """A stack on an engine.

    Attributes
    ----------
    client_arguments
        Arguments with which ``boto3.client`` reaches the engine.
    log_path
        File that receives the output of the SAM CLI.
    build_dir
        Folder for the built template, functions and layers.
    parameters
        Template parameters besides the runtime and the architecture of this machine.
    stack_name
        Its name in CloudFormation.
    """

    client_arguments: dict[str, str]
    log_path: Path
    build_dir: Path
    parameters: dict[str, str]
    stack_name: str = STACK_NAME

    def environment(self) -> dict[str, str]:
        """Return the environment in which the SAM CLI builds for this machine and talks to the engine."""
        arguments = self.client_arguments
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return own | {
            "AWS_ENDPOINT_URL": arguments["endpoint_url"],
            "AWS_DEFAULT_REGION": arguments["region_name"],
            "AWS_ACCESS_KEY_ID": arguments["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": arguments["aws_secret_access_key"],
            "LAMBDA_RUNTIME": lambda_runtime(),
            "LAMBDA_ARCHITECTURE": lambda_architecture(),
            "PYTHON": sys.executable,
            "SAM_CLI_TELEMETRY": "0",
            # How often it polls CloudFormation, in seconds; the engine has new events at once.
            "SAM_CLI_POLL_DELAY": "0.5",
        }

    def overrides(self) -> list[str]:
        """Return the template's parameters for this machine, as the SAM CLI expects them."""
        # Quoted for the SAM CLI, since a value may contain spaces and quotes.
        own = [f"{name}={json.dumps(value)}" for name, value in self.parameters.items()]
        return machine_overrides() + own


def machine_overrides() -> list[str]:
    """Return the parameters that build functions for this machine."""
    return [f"LambdaRuntime={lambda_runtime()}", f"LambdaArchitecture={lambda_architecture()}"]


def lambda_runtime() -> str:
    """Return the Lambda runtime of the current interpreter: functions run on the Python of this machine."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def lambda_architecture() -> str:
    """Return the architecture of this machine, as Lambda names it."""
    return "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


def fingerprint(target: Target) -> str:
    """Return a digest of all sources and parameters of the stack."""
    digest = hashlib.sha256(" ".join(target.overrides()).encode())
    for source in _SOURCES:
        path = REPOSITORY / source
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(REPOSITORY)).encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()


def fingerprint_of(file: Path, *words: str) -> str:
    """Return a digest of a file and of the words that also determine the deployment."""
    return hashlib.sha256("\n".join([file.read_text(encoding="utf-8"), *words]).encode()).hexdigest()


def build(target: Target) -> None:
    """Run ``sam build``.

    Raises
    ------
    DeploymentFailed
    """
    _sam(
        target,
        *("build", "--build-dir", str(target.build_dir)),
        *("--parameter-overrides", *target.overrides()),
    )


def deploy(target: Target) -> dict[str, str]:
    """Run ``sam deploy``, in as many updates as the indexes of the table need, and return the stack's outputs.

    Raises
    ------
    DeploymentFailed
    ValueError, RuntimeError
        See `index_steps.deploy`.
    """
    template = target.build_dir / "template.yaml"
    # Another value each time would deploy again what has not changed.
    release = index_steps.default_release(index_steps.read(template))
    overrides = target.overrides() + ([f"Release={release}"] if release else [])

    def update(template: Path, parameters: Mapping[str, str] | None) -> None:
        chosen = overrides if parameters is None else [f"{name}={json.dumps(one)}" for name, one in parameters.items()]
        _deploy(target, template, chosen)

    index_steps.deploy(template, target.stack_name, partial(boto3.client, **target.client_arguments), update)
    return _outputs(target)


def deploy_image(target: Target, template: Path, repository: str, image_bucket: str) -> dict[str, str]:
    """Run ``sam deploy`` for a template whose function has an image, and return the stack's outputs.

    Parameters
    ----------
    repository
        The repository of the image: the SAM CLI requires it, even if there is nothing to push.
    image_bucket
        The bucket whose objects the function reads.

    Raises
    ------
    DeploymentFailed
    """
    overrides = [f"LambdaArchitecture={lambda_architecture()}", f"ImageBucketArns=arn:aws:s3:::{image_bucket}"]
    _deploy(target, template, overrides, "--image-repository", repository)
    return _outputs(target)


def _deploy(target: Target, template: Path, overrides: list[str], *more: str) -> None:
    _sam(
        target,
        *("deploy", "--template-file", str(template), *more),
        *("--stack-name", target.stack_name, "--resolve-s3", "--no-confirm-changeset", "--no-fail-on-empty-changeset"),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
        *("--parameter-overrides", *overrides),
    )


def _outputs(target: Target) -> dict[str, str]:
    stacks = boto3.client("cloudformation", **target.client_arguments).describe_stacks(StackName=target.stack_name)
    return {output["OutputKey"]: output["OutputValue"] for output in stacks["Stacks"][0]["Outputs"]}


def _sam(target: Target, *arguments: str) -> None:
    if not SAM.exists():
        raise DeploymentFailed(f"the SAM CLI is missing at {SAM.relative_to(REPOSITORY)}; run `make setup`")
    target.log_path.parent.mkdir(parents=True, exist_ok=True)
    run = subprocess.run(
        [str(SAM), *arguments],
        cwd=REPOSITORY,
        env=target.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with target.log_path.open("a") as log:
        log.write(run.stdout)
    if run.returncode and "No matching distribution found" in run.stdout:
        raise DeploymentFailed(
            "the packages of the layers could not be fetched; building them needs PyPI, so connect to the network "
            f"(details in {target.log_path})"
        )
    if run.returncode:
        tail = "\n".join(run.stdout.splitlines()[-15:])
        raise DeploymentFailed(f"`sam {arguments[0]}` failed; all of it is in {target.log_path}:\n{tail}")
