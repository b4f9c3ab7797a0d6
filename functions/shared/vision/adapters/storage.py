"""Objects in S3. Every read pins the version, or the ETag if there is no version id.

An object version below a delete marker counts as deleted, although S3 still serves it by its version id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from vision.adapters.aws_sdk import client, domain_errors
from vision.domain.errors import AccessDenied, ObjectNotFound, ServiceUnavailable
from vision.domain.keys import photo_id, version_digest
from vision.domain.objects import ObjectVersion
from vision.domain.records import timestamp

# Object metadata of a copy: the version that was copied, and its sequencer, which orders two copies.
_SOURCE_VERSION = "source-version"
_SOURCE_SEQUENCER = "source-sequencer"

# A HEAD response has no body, and so no error name.
_PRECONDITION_FAILED = ("PreconditionFailed", "412")


def read(version: ObjectVersion) -> bytes:
    """Return the whole content of an object version.

    Raises
    ------
    ObjectNotFound, AccessDenied, Throttled, ServiceUnavailable
    """
    return _get(version, {})


def read_range(version: ObjectVersion, start: int, end: int) -> bytes:
    """Return the bytes from ``start`` up to but not including ``end``, fewer if the object ends earlier.

    Raises
    ------
    ObjectNotFound, AccessDenied, Throttled, ServiceUnavailable
    """
    return _get(version, {"Range": f"bytes={start}-{end - 1}"}) if start < end else b""


def read_part(version: ObjectVersion, start: int, end: int) -> tuple[bytes, str]:
    """Return a range as :func:`read_range` does, and the version id that S3 read, or ``""``.

    A caller that has only the ETag can then pin this version id.

    Raises
    ------
    ObjectNotFound, AccessDenied, Throttled, ServiceUnavailable
    """
    response = _open(version, {"Range": f"bytes={start}-{end - 1}"})
    if response is None:
        return b"", ""
    version_id = response.get("VersionId", "")
    return _content(response), "" if version_id == "null" else version_id


def write(bucket: str, key: str, content: bytes, content_type: str) -> None:
    """Put an object; writing the same content again leaves the same object.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    with domain_errors(f"s3://{bucket}/ (result)"):
        client("s3").put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type)


def exists(bucket: str, key: str) -> bool:
    """Return whether an object with this key exists.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    return bool(_head(bucket, key))


def move(version: ObjectVersion, bucket: str, key: str, *, content_type: str, is_newest: Callable[[], bool]) -> None:
    """Copy an object version, make the copy of the newest version the current one, and delete the source version.

    A repeated move continues where it stopped. Several versions of one image can move to the same key at the same
    time. The last writer checks for the copy of a newer version, and makes that the current version. A conditional
    write cannot order them, because S3 compares ETags, which two versions can share.

    Parameters
    ----------
    content_type
        The true type of the content. The upload may have declared another type, such as a web page.
    is_newest
        Returns whether no newer version of the image is registered. A newer version must be registered before it is
        moved.

    Raises
    ------
    ObjectNotFound
        The version is deleted, and its copy is not the current version.
    AccessDenied, Throttled, ServiceUnavailable
    """
    copy(version, bucket, key, content_type=content_type)
    if not is_newest():
        _make_newest_current(bucket, key)
    delete(version)


def copy(version: ObjectVersion, bucket: str, key: str, *, content_type: str) -> None:
    """Copy an object version, and verify that the copy is complete.

    The metadata of the copy names its source version. Copying again is therefore a no-op, and if the source version is
    already deleted, the copy from an earlier attempt is enough.

    Raises
    ------
    ObjectNotFound
        The version is deleted, and its copy is not the current version.
    AccessDenied, Throttled, ServiceUnavailable
    """
    if _is_of(version, _head(bucket, key)):
        return
    s3 = client("s3")
    own = _pinned(version, s3.head_object)
    pin = {"VersionId": version.version_id} if version.version_id else {}
    with domain_errors("image"):
        copied = s3.copy_object(
            Bucket=bucket,
            Key=key,
            CopySource={"Bucket": version.bucket, "Key": version.key} | pin,
            CopySourceIfMatch=own["ETag"],
            MetadataDirective="REPLACE",
            ContentType=content_type,
            Metadata=own["Metadata"] | {_SOURCE_VERSION: _source_name(version), _SOURCE_SEQUENCER: version.sequencer},
        )
    # Check this copy by its version id: another version may have been copied to the same key meanwhile.
    if not _is_of(version, _head(bucket, key, copied.get("VersionId"))):
        raise ServiceUnavailable("image: its copy is not whole; it is copied again with the next delivery")


def delete(version: ObjectVersion) -> None:
    """Delete exactly this version, and keep a newer upload of the same key.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    pin = {"VersionId": version.version_id} if version.version_id else {"IfMatch": version.etag}
    with domain_errors("image"):
        client("s3").delete_object(Bucket=version.bucket, Key=version.key, **pin)


def delete_versions(bucket: str, key: str, *, is_prefix: bool, until: str = "") -> None:
    """Delete all versions and delete markers of an object, or of all objects below a prefix.

    Parameters
    ----------
    until
        A timestamp; newer versions stay. ``""`` deletes all.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    s3 = client("s3")
    with domain_errors("photo"):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
            listed = [
                {"Key": one["Key"], "VersionId": one["VersionId"]}
                for one in page.get("Versions", []) + page.get("DeleteMarkers", [])
                if (is_prefix or one["Key"] == key) and (not until or timestamp(one["LastModified"]) <= until)
            ]
            if not listed:
                continue
            refused = s3.delete_objects(Bucket=bucket, Delete={"Objects": listed, "Quiet": True}).get("Errors", [])
            if refused:
                kind = AccessDenied if refused[0].get("Code") == "AccessDenied" else ServiceUnavailable
                raise kind(f"photo: {len(refused)} of its objects could not be deleted ({refused[0].get('Code')})")


def presigned_post(
    bucket: str, key: str, *, content_type: str, size_bytes: int, valid_seconds: int
) -> tuple[str, dict[str, str]]:
    """Return the URL and the fields of a form that uploads one object with exactly this key, type and size."""
    with domain_errors("upload"):
        signed = client("s3").generate_presigned_post(
            Bucket=bucket,
            Key=key,
            Fields={"Content-Type": content_type},
            Conditions=[{"Content-Type": content_type}, ["content-length-range", size_bytes, size_bytes]],
            ExpiresIn=valid_seconds,
        )
    return signed["url"], signed["fields"]


def presigned_url(
    bucket: str, key: str, *, content_type: str, disposition: str = "", version_id: str = "", valid_seconds: int
) -> str:
    """Return a URL that gives temporary access to one object.

    Parameters
    ----------
    content_type, disposition
        The Content-Type and Content-Disposition headers of the response, independent of those of the upload. Without a
        disposition, S3 returns the stored one.
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    asked = {"Bucket": bucket, "Key": key, "ResponseContentType": content_type}
    asked |= {"VersionId": version_id} if version_id else {}
    asked |= {"ResponseContentDisposition": disposition} if disposition else {}
    with domain_errors("image"):
        return str(client("s3").generate_presigned_url("get_object", Params=asked, ExpiresIn=valid_seconds))


def origin(bucket: str) -> str:
    """Return the origin of a bucket's presigned URLs, for a browser that may load from no other origin."""
    scheme, rest = presigned_url(bucket, "-", content_type="image/jpeg", valid_seconds=1).split("://", 1)
    return f"{scheme}://{rest.split('/', 1)[0]}"


def _head(bucket: str, key: str, version_id: str | None = None) -> dict[str, Any]:
    """Return the HEAD response of an object, or an empty dictionary if it does not exist."""
    pin = {"VersionId": version_id} if version_id else {}
    try:
        with domain_errors("copy"):
            return dict(client("s3").head_object(Bucket=bucket, Key=key, **pin))
    except ObjectNotFound:
        return {}


def _make_newest_current(bucket: str, key: str) -> None:
    """Copy the copy of the newest version onto its key, until it is the current version."""
    s3 = client("s3")
    while True:
        with domain_errors("copies"):
            pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key)
            copies = [one["VersionId"] for page in pages for one in page.get("Versions", []) if one["Key"] == key]
        newest = max(copies, key=lambda copy: _head(bucket, key, copy).get("Metadata", {}).get(_SOURCE_SEQUENCER, ""))
        if newest == copies[0]:
            return
        with domain_errors("copy"):
            s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": key, "VersionId": newest})


def _is_of(version: ObjectVersion, copy: dict[str, Any]) -> bool:
    return bool(
        copy
        and copy["Metadata"].get(_SOURCE_VERSION) == _source_name(version)
        and copy["ContentLength"] == version.size_bytes
    )


def _source_name(version: ObjectVersion) -> str:
    return f"{photo_id(version.bucket, version.key)}-{version_digest(version)}"


def region(bucket: str) -> str:
    """Return the Region of a bucket, even without permission to list it; ``""`` if S3 does not return one.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html

    Raises
    ------
    ServiceUnavailable
    """
    s3 = client("s3")
    with domain_errors(f"s3://{bucket}/ (Region)"):
        try:
            response = s3.head_bucket(Bucket=bucket)
        except s3.exceptions.ClientError as error:
            response = error.response
    return str(response["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", ""))


def keys(bucket: str, prefix: str, limit: int | None = None) -> Iterator[str]:
    """Yield the keys under a prefix, in order.

    Raises
    ------
    ObjectNotFound
        The bucket does not exist.
    AccessDenied, Throttled, ServiceUnavailable
    """
    pages = client("s3").get_paginator("list_objects_v2")
    with domain_errors(f"s3://{bucket}/ (listing)"):
        for page in pages.paginate(Bucket=bucket, Prefix=prefix, PaginationConfig={"MaxItems": limit}):
            for listed in page.get("Contents", []):
                yield listed["Key"]


def lines(bucket: str, key: str) -> Iterator[bytes]:
    """Yield the lines of an object of any size.

    Raises
    ------
    ObjectNotFound, AccessDenied, Throttled, ServiceUnavailable
    """
    with domain_errors(f"s3://{bucket}/ (results)"):
        yield from client("s3").get_object(Bucket=bucket, Key=key)["Body"].iter_lines(chunk_size=65_536)


def _get(version: ObjectVersion, options: dict[str, Any]) -> bytes:
    response = _open(version, options)
    return _content(response) if response else b""


def _content(response: dict[str, Any]) -> bytes:
    with domain_errors("image"):
        return bytes(response["Body"].read())


def _open(version: ObjectVersion, options: dict[str, Any]) -> dict[str, Any] | None:
    s3 = client("s3")
    try:
        return _pinned(version, lambda **pinned: s3.get_object(**pinned, **options))
    except ClientError as error:
        if error.response["Error"]["Code"] in ("InvalidRange", "416"):
            return None
        raise


def _pinned(version: ObjectVersion, ask: Callable[..., Any]) -> dict[str, Any]:
    """Request an object version from S3; a version below a delete marker counts as deleted.

    Only a request without version id detects the marker, so it is made first. A second request is needed only if a
    newer upload has replaced the version.
    """
    by_etag = {"IfMatch": f'"{version.etag}"'} if version.etag else None
    by_id = {"VersionId": version.version_id} if version.version_id else None
    for pin in filter(None, (by_etag, by_id)):
        try:
            with domain_errors("image"):
                found: dict[str, Any] = dict(ask(Bucket=version.bucket, Key=version.key, **pin))
        except ObjectNotFound as error:
            raise ObjectNotFound(
                f"image: version {version.identity} is deleted from the bucket; upload it again"
            ) from error
        except ClientError as error:
            if error.response["Error"]["Code"] not in _PRECONDITION_FAILED:
                raise
        else:
            if version.version_id in ("", found.get("VersionId")):
                return found
    raise ObjectNotFound(f"image: replaced since ETag {version.etag}; the newer upload has its own record")
