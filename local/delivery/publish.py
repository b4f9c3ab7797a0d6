"""Upload the build for CloudFormation: ``python -m local.delivery.publish BUCKET``.

The code goes to the bucket; with ``--image-repository URI`` the own model's image goes to its repository.
The template that names them, the settings of each stage and the bill of materials are written to one folder, which the
pipeline passes from stage to stage.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.delivery import command, images, stages
from local.stack.deployment import REPOSITORY, SAM

# The prefix below which the pipeline keeps packages for as long as a rollback may need them.
PREFIX = "deployed"
STAGES = ("test", "prod")


@dataclass(frozen=True)
class Build:
    """The output of `sam build` for a template, and the folder of its release."""

    folder: Path
    bill: Path
    release: Path
    # Whether it is the own model, whose template has different parameters.
    is_own_model: bool = False


_OUTPUT = REPOSITORY / ".aws-sam"
STACK = Build(_OUTPUT / "build", _OUTPUT / "sbom.cdx.json", _OUTPUT / "release")
OWN_MODEL = Build(
    _OUTPUT / "own-model", _OUTPUT / "own-model.cdx.json", _OUTPUT / "own-model-release", is_own_model=True
)
_IMAGE_URI = re.compile(r"(?<=ImageUri: )\S+")


def publish(build: Build, bucket: str | None, repository: str | None = None) -> None:
    """Upload the build and write the folder of the release.

    Parameters
    ----------
    build
        The output of `sam build`.
    bucket
        The bucket for functions and layers, below `deployed/`; None if there is only an image.
    repository
        URI of the ECR repository for the image; None if there is no image.

    Raises
    ------
    FileNotFoundError
        Nothing was built, or the bill of materials is missing.
    subprocess.CalledProcessError
        `sam package` failed, and has printed the reason.
    """
    for made, by in ((build.folder / "template.yaml", "build"), (build.bill, "bill of materials")):
        if not made.exists():
            raise FileNotFoundError(
                f"{made} is missing; make the {by} first (make package sbom, or make image image-sbom)"
            )
    shutil.rmtree(build.release, ignore_errors=True)
    build.release.mkdir(parents=True)
    call = [str(SAM), "package", "--template-file", str(build.folder / "template.yaml"), "--no-progressbar"]
    call += ["--output-template-file", str(build.release / "template.yaml")]
    if bucket:
        call += ["--s3-bucket", bucket, "--s3-prefix", PREFIX]
    if repository:
        call += ["--image-repository", repository]
    subprocess.run(call, cwd=REPOSITORY, check=True)
    for name in STAGES:
        stage = stages.read(name)
        parameters = stage.own_model_parameters() if build.is_own_model else stage.parameters
        settings = {"Parameters": parameters, "Tags": stage.tags}
        (build.release / f"{name}.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    shutil.copy(build.bill, build.release / "sbom.cdx.json")


def published_image(template: Path = OWN_MODEL.release / "template.yaml") -> str:
    """Return the image of the published template.

    Raises
    ------
    FileNotFoundError
        Nothing was published.
    ValueError
        The template is not that of an own model.
    """
    if not template.exists():
        raise FileNotFoundError(f"{template} is missing; run `make publish-image` first")
    uris: list[str] = _IMAGE_URI.findall(template.read_text(encoding="utf-8"))
    if not uris:
        raise ValueError(f"{template} names no image; take the one that `make publish-image` has written")
    return uris[0]


def pin_image(template: Path, ecr: Any = None) -> None:
    """Name the image in a published template by its digest, so that each stage runs the scanned image."""
    uri = images.pinned(published_image(template), ecr)
    template.write_text(_IMAGE_URI.sub(uri, template.read_text(encoding="utf-8")), encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    """Publish the stack or, with a repository, the own model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bucket", nargs="?", help="receives functions and layers")
    parser.add_argument("--image-repository", metavar="URI", help="publish the own model's image, into this repository")
    options = parser.parse_args(argv)
    if not options.bucket and not options.image_repository:
        parser.error("name the bucket that receives functions and layers")
    build = OWN_MODEL if options.image_repository else STACK

    def work() -> str:
        publish(build, options.bucket, options.image_repository)
        if build.is_own_model:
            pin_image(build.release / "template.yaml")
        return f"The release is in {build.release.relative_to(REPOSITORY)}."

    return command.status(work)


if __name__ == "__main__":
    sys.exit(main())
