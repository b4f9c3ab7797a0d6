"""Wait until ECR has looked through the published image, and refuse holes: ``python -m local.delivery.image_scan``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import WaiterError

from local.delivery.publish import OWN_MODEL

# As in the workflows of GitHub: what is less does not stop a release.
REFUSED = ("CRITICAL", "HIGH")
_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<repository>[\w./-]+):(?P<tag>[\w.-]+)"
)
_POLLS, _POLL_SECONDS = 60, 5


def holes(image: str, ecr: Any = None, poll_seconds: float = _POLL_SECONDS) -> list[str]:
    """Return the holes of an image that are too bad to ship, each as a line for a log.

    Parameters
    ----------
    image
        The URI of the image, with its tag.
    ecr
        The client; by default that of the image's Region.

    Raises
    ------
    ValueError
        When this names no image of ECR.
    botocore.exceptions.WaiterError
        When the scan does not end within five minutes, or fails; a base that ECR cannot read is such a failure.
    """
    match = _IMAGE.fullmatch(image)
    if match is None:
        raise ValueError(f"{image} is no image of ECR with a tag")
    ecr = ecr or boto3.client("ecr", region_name=match["region"])
    wanted = {"repositoryName": match["repository"], "imageId": {"imageTag": match["tag"]}}
    ecr.get_waiter("image_scan_complete").wait(**wanted, WaiterConfig={"Delay": poll_seconds, "MaxAttempts": _POLLS})
    pages = ecr.get_paginator("describe_image_scan_findings").paginate(**wanted)
    # The second kind is Amazon Inspector's, where the registry has enhanced scanning.
    kinds = ("findings", "enhancedFindings")
    found = [one for page in pages for kind in kinds for one in page["imageScanFindings"].get(kind, [])]
    return [f"{one['severity']}: {one.get('name') or one.get('title')}" for one in found if one["severity"] in REFUSED]


def published(template: Path = OWN_MODEL.release / "template.yaml") -> str:
    """Return the image that the published template names.

    Raises
    ------
    FileNotFoundError
        When nothing was published.
    """
    if not template.exists():
        raise FileNotFoundError(f"{template} is missing; run `make publish-image` first")
    images: list[str] = re.findall(r"ImageUri: (\S+)", template.read_text(encoding="utf-8"))
    return images[0]


def main() -> int:
    """Print what is found, and fail if it is too bad."""
    try:
        found = holes(published())
    except (FileNotFoundError, ValueError, WaiterError) as failure:
        print(failure)
        return 1
    for hole in found:
        print(hole)
    print(f"{len(found)} holes are critical or high")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
