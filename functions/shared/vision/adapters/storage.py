"""Objects in S3. Every read pins the version, or where there is none the ETag."""

from __future__ import annotations

from typing import Any

from vision.adapters.session import client, domain_errors
from vision.domain.errors import ObjectNotFound
from vision.domain.objects import ObjectVersion


def read(version: ObjectVersion) -> bytes:
    """Return the whole content.

    Raises
    ------
    ObjectNotFound, AccessDenied, Throttled, ServiceUnavailable
    """
    return _get(version, {})


def read_range(version: ObjectVersion, start: int, end: int) -> bytes:
    """Return the bytes from ``start`` up to but not including ``end``; fewer where the object ends before.

    Raises
    ------
    ObjectNotFound, AccessDenied, Throttled, ServiceUnavailable
    """
    return _get(version, {"Range": f"bytes={start}-{end - 1}"}) if start < end else b""


def write(bucket: str, key: str, content: bytes, content_type: str) -> None:
    """Put an object; writing the same content twice leaves the same object.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    with domain_errors(f"s3://{bucket}/ (thumbnail)"):
        client("s3").put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type)


def _get(version: ObjectVersion, options: dict[str, Any]) -> bytes:
    pin = {"VersionId": version.version_id} if version.version_id else {"IfMatch": version.etag}
    s3 = client("s3")
    try:
        with domain_errors("image"):
            response = s3.get_object(Bucket=version.bucket, Key=version.key, **pin, **options)
            return bytes(response["Body"].read())
    except ObjectNotFound as error:
        raise ObjectNotFound(f"image: version {version.identity} is gone from the bucket; upload it again") from error
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("PreconditionFailed", "412"):
            raise ObjectNotFound(
                f"image: replaced since ETag {version.etag}; the newer upload has its own record"
            ) from error
        if error.response["Error"]["Code"] in ("InvalidRange", "416"):
            return b""
        raise
