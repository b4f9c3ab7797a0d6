"""Build the image of `classify_image` without Docker, and deploy its stack to the local AWS."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from local.engine.image_functions import REGISTRY, Image, describe, image_folder
from local.own_model import dockerfile
from local.stack import deployment
from local.stack.deployment import REPOSITORY, DeploymentFailed, Target

CONTEXT = REPOSITORY / "functions"
TEMPLATE = REPOSITORY / "own-model.yaml"
DEFAULT_MODEL = "model"
STACK_NAME = "image-recognition-own-model"

_DOCKERFILE = "classify_image/Dockerfile"
# The sources of the image: the rest of the context does not affect it.
_SOURCES = ("classify_image", "shared")
_PACKAGE_TYPE = re.compile(r"^( +)PackageType: Image$", re.MULTILINE)

Say = Callable[[str], None]


def build(images_dir: Path, say: Say, model: str = DEFAULT_MODEL, context: Path = CONTEXT) -> str:
    """Build the image from the Dockerfile, unless it was built from the same files, and return its URI.

    Parameters
    ----------
    images_dir
        The folder in which the engine looks for images; earlier images are removed.
    model
        The folder below classify_image/ that has the model.
    context
        The folder that the Dockerfile copies from.

    Raises
    ------
    DeploymentFailed
        The message has the failed step and its last lines; the partial image is removed.
    """
    if not (context / "classify_image" / model).is_dir():
        raise DeploymentFailed(f"{model}: there is no such folder in functions/classify_image/; put the model there")
    image_uri = f"{REGISTRY}/classify-image:{_digest(context, model)}"
    folder = image_folder(images_dir, image_uri)
    if folder.exists():
        return image_uri
    began = time.monotonic()
    say("Building the image of classify_image without Docker (its first time fetches ONNX Runtime and the model) ...")
    partial = folder.with_suffix(".part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        text = (context / _DOCKERFILE).read_text(encoding="utf-8")
        stage = dockerfile.walk(text, context, partial, {"MODEL": model})
    except dockerfile.BuildFailed as error:
        shutil.rmtree(partial)
        raise DeploymentFailed(f"the image of classify_image was not built: {error}") from error
    inside = stage.path(".").relative_to(partial)
    describe(partial, Image(str(inside), stage.command))
    for older in images_dir.iterdir():
        if older != partial:
            shutil.rmtree(older)
    partial.rename(folder)
    say(f"Built in {time.monotonic() - began:.0f} s.")
    return image_uri


def deploy(target: Target, image_uri: str, image_bucket: str) -> str:
    """Deploy own-model.yaml with an image, and return the ARN of its function.

    Raises
    ------
    DeploymentFailed
    """
    target.build_dir.mkdir(parents=True, exist_ok=True)
    template = target.build_dir / TEMPLATE.name
    # `sam build` and `sam deploy` write the same into the template once Docker has pushed the image.
    template.write_text(with_image(TEMPLATE.read_text(encoding="utf-8"), image_uri), encoding="utf-8")
    outputs = deployment.deploy_image(target, template, image_uri.rpartition(":")[0], image_bucket)
    return outputs["ClassifyImageFunctionArn"]


def with_image(template: str, image_uri: str) -> str:
    """Return own-model.yaml with the URI of its function's image."""
    text, count = _PACKAGE_TYPE.subn(rf"\1PackageType: Image\n\1ImageUri: {image_uri}", template)
    if count != 1:
        raise DeploymentFailed(f"{TEMPLATE.name}: {count} functions of images, expected one")
    return text


def _digest(context: Path, model: str) -> str:
    digest = hashlib.sha256(json.dumps([model, sys.version_info[:2], deployment.lambda_architecture()]).encode())
    for source in _SOURCES:
        for file in sorted((context / source).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(context)).encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
