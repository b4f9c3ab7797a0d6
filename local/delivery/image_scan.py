"""Wait until ECR has looked through the published image, and refuse holes: ``python -m local.delivery.image_scan``."""

from __future__ import annotations

import sys
import time
from typing import Any

from botocore.exceptions import ClientError

from local.delivery import command, images
from local.delivery.publish import published_image

# As in the workflows of GitHub: what is less does not stop a release.
REFUSED = ("CRITICAL", "HIGH")
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanStatus.html
# With enhanced scanning an image that was looked through stays ACTIVE, since Amazon Inspector goes on looking.
LOOKED_THROUGH = ("COMPLETE", "ACTIVE")
UNDER_WAY = ("PENDING", "IN_PROGRESS")
_POLLS, _POLL_SECONDS = 120, 5


def holes(uri: str, ecr: Any = None, poll_seconds: float = _POLL_SECONDS, polls: int = _POLLS) -> list[str]:
    """Return the holes of an image that are too bad to ship, each as a line for a log.

    Parameters
    ----------
    uri
        The image.
    ecr
        The client; by default that of the image's Region.
    poll_seconds, polls
        How long it waits between two looks, and how often it looks.

    Raises
    ------
    ValueError
        When this names no image of ECR.
    RuntimeError
        When the scan fails, cannot read the image, or does not end in time.
    """
    image = images.read(uri)
    ecr = ecr or image.client()
    for _ in range(polls):
        status, said = _status(ecr, image)
        if status in LOOKED_THROUGH:
            return _found(ecr, image)
        if status not in UNDER_WAY:
            raise RuntimeError(f"The scan of {uri} is {status} and says nothing of its holes. {said}".rstrip())
        time.sleep(poll_seconds)
    raise RuntimeError(
        f"The scan of {uri} is not done; run `make scan-image` again, or look at it in the console of ECR"
    )


def _status(ecr: Any, image: images.Image) -> tuple[str, str]:
    """Return the status of the scan, and what ECR says of it."""
    try:
        answer = ecr.describe_image_scan_findings(**image.wanted(), maxResults=1)
    except ClientError as error:
        # A scan begins a while after the push.
        if error.response["Error"]["Code"] != "ScanNotFoundException":
            raise
        return "PENDING", ""
    return answer["imageScanStatus"]["status"], answer["imageScanStatus"].get("description", "")


def _found(ecr: Any, image: images.Image) -> list[str]:
    pages = ecr.get_paginator("describe_image_scan_findings").paginate(**image.wanted())
    # The second kind is Amazon Inspector's, where the registry has enhanced scanning.
    kinds = ("findings", "enhancedFindings")
    found = [one for page in pages for kind in kinds for one in page.get("imageScanFindings", {}).get(kind, [])]
    return [f"{one['severity']}: {one.get('name') or one.get('title')}" for one in found if one["severity"] in REFUSED]


def main() -> int:
    """Print what is found, and fail if it is too bad."""

    def look() -> str:
        found = holes(published_image())
        if found:
            raise RuntimeError("\n".join([*found, f"{len(found)} holes are critical or high"]))
        return "No hole is critical or high."

    return command.status(look)


if __name__ == "__main__":
    sys.exit(main())
