"""Tag the image that production runs, so that ECR keeps it: ``python -m local.delivery.keep_image``.

ECR deletes images by their number and does not know which are in use. It keeps images with one of these tags, since
an image that matches the tags of a rule is not deleted by a later rule:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.delivery import command, images
from local.delivery.publish import OWN_MODEL, published_image

# The image that production runs, and the previous one for a rollback. ECR's rule keeps tags with their common prefix.
RUNS, RAN_BEFORE = "production", "production-before"
# The two formats that Lambda supports: https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
_KINDS = ["application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json"]


def keep(uri: str, ecr: Any = None) -> None:
    """Tag an image as the one that production runs, and the image that had this tag as the previous one.

    Parameters
    ----------
    uri
        The image that production runs. Call this after the deployment succeeded: until then it can roll back.
    ecr
        The client; by default that of the image's Region.

    Raises
    ------
    ValueError
        The URI is not that of an image in ECR.
    RuntimeError
        The image is no longer in its repository.
    """
    image = images.read(uri)
    ecr = ecr or image.client()
    runs = _found(ecr, image, image.wanted()["imageId"])
    if runs is None:
        remedy = "`make image image-sbom`, `make publish-image`, `make scan-image` and `make deploy-image`"
        raise RuntimeError(f"{uri} is not in its repository any more; build and deploy it again with {remedy}")
    before = _found(ecr, image, {"imageTag": RUNS})
    # The same image is deployed again, with other settings: the previous image stays the same.
    if before is not None and before["imageId"]["imageDigest"] == runs["imageId"]["imageDigest"]:
        return
    if before is not None:
        _tag(ecr, before, RAN_BEFORE)
    _tag(ecr, runs, RUNS)


def _found(ecr: Any, image: images.Image, one: dict[str, str]) -> dict[str, Any] | None:
    """Return an image of the same repository with its manifest, or None."""
    wanted = image.wanted() | {"imageIds": [one], "acceptedMediaTypes": _KINDS}
    del wanted["imageId"]
    found: list[dict[str, Any]] = ecr.batch_get_image(**wanted)["images"]
    return found[0] if found else None


def _tag(ecr: Any, found: dict[str, Any], tag: str) -> None:
    """Add a tag to an image, which removes it from the image that had it."""
    try:
        ecr.put_image(
            registryId=found["registryId"],
            repositoryName=found["repositoryName"],
            imageManifest=found["imageManifest"],
            imageManifestMediaType=found["imageManifestMediaType"],
            imageDigest=found["imageId"]["imageDigest"],
            imageTag=tag,
        )
    except ClientError as error:
        # An interrupted run has added it.
        if error.response["Error"]["Code"] != "ImageAlreadyExistsException":
            raise


def main(argv: list[str] | None = None) -> int:
    """Keep the published image, and print its URI."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--template",
        type=Path,
        default=OWN_MODEL.release / "template.yaml",
        help="the published template that names it",
    )
    options = parser.parse_args(argv)

    def work() -> str:
        uri = published_image(options.template)
        keep(uri)
        return f"{uri} is kept as what production runs."

    return command.status(work)


if __name__ == "__main__":
    sys.exit(main())
