"""Wait for ECR's scan of the published image, and refuse serious findings: ``python -m local.delivery.image_scan``."""

from __future__ import annotations

import sys
import time
from typing import Any

from botocore.exceptions import ClientError

from local.delivery import command, images
from local.delivery.publish import published_image

# As in the GitHub workflows: findings of a lower severity do not stop a release.
REFUSED = ("CRITICAL", "HIGH")
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanStatus.html
# With enhanced scanning, a scanned image stays ACTIVE, since Amazon Inspector continues to scan it.
LOOKED_THROUGH = ("COMPLETE", "ACTIVE")
UNDER_WAY = ("PENDING", "IN_PROGRESS")
_POLLS, _POLL_SECONDS = 120, 5


def holes(uri: str, ecr: Any = None, poll_seconds: float = _POLL_SECONDS, polls: int = _POLLS) -> list[str]:
    """Return the critical and high vulnerabilities of an image, each as a line for a log.

    Parameters
    ----------
    uri
        The image.
    ecr
        The client; by default that of the image's Region.
    poll_seconds, polls
        The time between two requests for the status, and their number.

    Raises
    ------
    ValueError
        The URI is not that of an image in ECR.
    RuntimeError
        The scan fails, cannot read the image, or does not end in time.
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
    """Return the status of the scan, and ECR's description of it."""
    try:
        answer = ecr.describe_image_scan_findings(**image.wanted(), maxResults=1)
    except ClientError as error:
        # A scan starts some time after the push.
        if error.response["Error"]["Code"] != "ScanNotFoundException":
            raise
        return "PENDING", ""
    return answer["imageScanStatus"]["status"], answer["imageScanStatus"].get("description", "")


def _found(ecr: Any, image: images.Image) -> list[str]:
    pages = ecr.get_paginator("describe_image_scan_findings").paginate(**image.wanted())
    # The second list is Amazon Inspector's, for registries with enhanced scanning.
    kinds = ("findings", "enhancedFindings")
    found = [one for page in pages for kind in kinds for one in page.get("imageScanFindings", {}).get(kind, [])]
    return [f"{one['severity']}: {one.get('name') or one.get('title')}" for one in found if one["severity"] in REFUSED]


def main() -> int:
    """Print the serious findings, and fail if there are any."""

    def look() -> str:
        found = holes(published_image())
        if found:
            raise RuntimeError("\n".join([*found, f"{len(found)} vulnerabilities are critical or high"]))
        return "No vulnerability is critical or high."

    return command.status(look)


if __name__ == "__main__":
    sys.exit(main())
