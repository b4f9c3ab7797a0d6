"""Lambda functions of container images, run without Docker.

An image is a folder here, which `local.own_model.dockerfile` built from the steps of a Dockerfile. A function of the
image runs like a function of a deployment package: under awslambdaric, from the folder that is `/var/task` on AWS.
"""

from __future__ import annotations

import io
import json
import shlex
import threading
import zipfile
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ministack.services import lambda_svc

from local.account import ACCOUNT_ID, REGION

# Each takes some 300 MB with its model, and ONNX Runtime uses every core for one.
IMAGE_FUNCTIONS_AT_ONCE = 2

# An invocation that waits for its own caller's place must not wait forever.
PLACE_TIMEOUT_SECONDS = 120.0

# Where images come from: the host of the account's registry.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
REGISTRY = f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com"

_DESCRIPTION = "image.json"


@dataclass(frozen=True)
class Image:
    """How to run an image.

    Attributes
    ----------
    task_root
        The folder with the handler and its packages, inside the image's folder.
    command
        The Dockerfile's CMD: the handler.
    """

    task_root: str
    command: list[str]


def image_folder(images_dir: Path, image_uri: str) -> Path:
    """Return the folder of an image by its URI, whether it exists or not."""
    return images_dir / image_uri.rpartition("/")[2].replace(":", "_")


def describe(folder: Path, image: Image) -> None:
    """Store how to run an image, beside its content."""
    (folder / _DESCRIPTION).write_text(json.dumps(asdict(image), indent=2) + "\n")


def is_image(config: dict[str, Any]) -> bool:
    """Return whether a function configuration names a container image."""
    return config.get("PackageType") == "Image"


def install(runtime_python: Path, images_dir: Path) -> None:
    """Run functions of container images on `runtime_python`, without Docker.

    They have places of their own: their caller holds a place already, and would otherwise wait for itself.
    """
    places = threading.BoundedSemaphore(IMAGE_FUNCTIONS_AT_ONCE)
    by_docker = lambda_svc._execute_function_docker

    def execute_function(func: dict[str, Any], event: object, request_id: str) -> dict[str, Any]:
        config = func.get("config") or func
        if not is_image(config):
            answer: dict[str, Any] = by_docker(func, event, request_id)
            return answer
        folder = image_folder(images_dir, str(config.get("ImageUri")))
        if not (folder / _DESCRIPTION).exists():
            return _never_starts(str(config.get("ImageUri")))
        has_place = places.acquire(timeout=PLACE_TIMEOUT_SECONDS)
        try:
            runnable = {**func, "code_zip": _entry_point(folder, runtime_python)}
            result: dict[str, Any] = lambda_svc._execute_function_provided_warm(runnable, event, request_id)
            return result
        finally:
            if has_place:
                places.release()

    lambda_svc._execute_function_docker = execute_function


@cache
def _entry_point(folder: Path, runtime_python: Path) -> bytes:
    """Return an archive with a program that starts an image's handler, like the entry point of the AWS base images."""
    image = Image(**json.loads((folder / _DESCRIPTION).read_text()))
    root, command = shlex.quote(str(folder / image.task_root)), shlex.join(image.command)
    script = f"""#!/bin/sh
cd {root}
export LAMBDA_TASK_ROOT={root}
exec {shlex.quote(str(runtime_python))} -m awslambdaric {command}
"""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        # With a fixed timestamp, so that the same image is unpacked once.
        file.writestr(zipfile.ZipInfo("bootstrap"), script)
    return archive.getvalue()


def _never_starts(image_uri: str) -> dict[str, Any]:
    # https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-images.html
    message = f"there is no image {image_uri} on this machine; `make demo DETECTOR=own-model` builds it"
    return {"body": {"errorType": "Runtime.InvalidEntrypoint", "errorMessage": message}, "error": True, "log": ""}
