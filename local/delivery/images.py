"""Images in ECR, and their digests: what was scanned and tried in one stage is what runs in the next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import boto3

_URI = re.compile(
    r"(?P<repository>(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<name>[\w./-]+))"
    r"(?::(?P<tag>[\w.-]+)|@(?P<digest>sha256:[0-9a-f]{64}))"
)


@dataclass(frozen=True)
class Image:
    """An image of ECR.

    Attributes
    ----------
    repository
        URI of its repository.
    account, region, name
        Where the repository is, and what it is called there.
    tag, digest
        Which one; one of both is None.
    """

    repository: str
    account: str
    region: str
    name: str
    tag: str | None
    digest: str | None

    def client(self) -> Any:
        """Return a client of the Region that the image is in."""
        return boto3.client("ecr", region_name=self.region)

    def wanted(self) -> dict[str, Any]:
        """Return how the operations of ECR name it."""
        one = {"imageDigest": self.digest} if self.digest else {"imageTag": self.tag}
        return {"registryId": self.account, "repositoryName": self.name, "imageId": one}


def read(uri: str) -> Image:
    """Return the image that a URI names.

    Raises
    ------
    ValueError
        When this names no image of ECR.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise ValueError(f"{uri} is no image of ECR with a tag or a digest")
    account, region, name = match["account"], match["region"], match["name"]
    return Image(match["repository"], account, region, name, match["tag"], match["digest"])


def pinned(uri: str, ecr: Any = None) -> str:
    """Return the URI of the same image by its digest, which no later push changes."""
    image = read(uri)
    wanted = image.wanted()
    one = {"imageIds": [wanted.pop("imageId")]}
    (details,) = (ecr or image.client()).describe_images(**wanted, **one)["imageDetails"]
    return f"{image.repository}@{details['imageDigest']}"
