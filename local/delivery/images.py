"""Images in ECR, and their digests: the image that was scanned and tested in one stage runs in the next."""

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
        Where the repository is, and its name there.
    tag, digest
        The tag or the digest; the other one is None.
    """

    repository: str
    account: str
    region: str
    name: str
    tag: str | None
    digest: str | None

    def client(self) -> Any:
        """Return a client for the Region of the image."""
        return boto3.client("ecr", region_name=self.region)

    def wanted(self) -> dict[str, Any]:
        """Return the parameters that identify it in the operations of ECR."""
        one = {"imageDigest": self.digest} if self.digest else {"imageTag": self.tag}
        return {"registryId": self.account, "repositoryName": self.name, "imageId": one}


def read(uri: str) -> Image:
    """Return the image of a URI.

    Raises
    ------
    ValueError
        The URI is not that of an image in ECR.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise ValueError(f"{uri} is no image of ECR with a tag or a digest")
    account, region, name = match["account"], match["region"], match["name"]
    return Image(match["repository"], account, region, name, match["tag"], match["digest"])


def pinned(uri: str, ecr: Any = None) -> str:
    """Return the URI of the same image with its digest, which no later push changes."""
    image = read(uri)
    wanted = image.wanted()
    one = {"imageIds": [wanted.pop("imageId")]}
    (details,) = (ecr or image.client()).describe_images(**wanted, **one)["imageDetails"]
    return f"{image.repository}@{details['imageDigest']}"
