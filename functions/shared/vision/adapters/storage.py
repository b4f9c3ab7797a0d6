"""Objects in S3. Every read pins the version, or where there is none the ETag.

What its key does not show any more because of a delete marker is deleted, although S3 still serves its version.
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

# Object metadata by which a copy says of which version it is, and which of two is the newer one.
_SOURCE_VERSION = "source-version"
_SOURCE_SEQUENCER = "source-sequencer"

# An answer to a HEAD has no body, and so no name of its error.
_PRECONDITION_FAILED = ("PreconditionFailed", "412")


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


def read_part(version: ObjectVersion, start: int, end: int) -> tuple[bytes, str]:
    """Return a range as :func:`read_range` does, and the version id that S3 read, ``""`` where there is none.

    Whoever knows only the ETag learns by it what to pin.

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
    """Put an object; writing the same content twice leaves the same object.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    with domain_errors(f"s3://{bucket}/ (result)"):
        client("s3").put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type)


def exists(bucket: str, key: str) -> bool:
    """Tell whether there is an object of this key.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    return bool(_head(bucket, key))


def move(version: ObjectVersion, bucket: str, key: str, *, content_type: str, is_newest: Callable[[], bool]) -> None:
    """Copy an object version, see that the copy of the newest version is in front, and delete the version.

    Moving again goes on from where it stopped. Versions of one image may move to one key at the same time: the one
    that writes last finds out whether a newer one was there, and puts that in front. No condition of a write can order
    them, since S3 compares ETags, which two versions may share.

    Parameters
    ----------
    content_type
        What the content is; whoever uploaded it may have called it something else, such as a page.
    is_newest
        Tells whether no newer version of the image is known; a newer one must be known before it is moved.

    Raises
    ------
    ObjectNotFound
        The version is deleted and its copy is not in front.
    AccessDenied, Throttled, ServiceUnavailable
    """
    copy(version, bucket, key, content_type=content_type)
    if not is_newest():
        _put_newest_in_front(bucket, key)
    delete(version)


def copy(version: ObjectVersion, bucket: str, key: str, *, content_type: str) -> None:
    """Copy an object version, and make sure that the copy is whole.

    The copy remembers the version that it is of: copying again is a no-op, and when the version is already gone, the
    copy that an earlier attempt left is enough.

    Raises
    ------
    ObjectNotFound
        The version is deleted and its copy is not in front.
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
    # Another version of the same key may have been copied over it meanwhile: that one is not what is checked.
    if not _is_of(version, _head(bucket, key, copied.get("VersionId"))):
        raise ServiceUnavailable("image: its copy is not whole; it is copied again with the next delivery")


def delete(version: ObjectVersion) -> None:
    """Delete exactly this version; a newer upload of the same key stays.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    pin = {"VersionId": version.version_id} if version.version_id else {"IfMatch": version.etag}
    with domain_errors("image"):
        client("s3").delete_object(Bucket=version.bucket, Key=version.key, **pin)


def delete_versions(bucket: str, key: str, *, is_prefix: bool, until: str = "") -> None:
    """Delete every version of an object and its delete markers, or of all objects below a prefix.

    Parameters
    ----------
    until
        A timestamp: what is newer stays; ``""`` deletes all.

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
    """Return address and fields of a form that uploads one object: of this key, type and size."""
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
    """Return an address that shows one object to whoever has it, for a while.

    Parameters
    ----------
    content_type, disposition
        What S3 answers as Content-Type and Content-Disposition, whatever the object was uploaded with; without a
        disposition the latter stays as it is.
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    asked = {"Bucket": bucket, "Key": key, "ResponseContentType": content_type}
    asked |= {"VersionId": version_id} if version_id else {}
    asked |= {"ResponseContentDisposition": disposition} if disposition else {}
    with domain_errors("image"):
        return str(client("s3").generate_presigned_url("get_object", Params=asked, ExpiresIn=valid_seconds))


def origin(bucket: str) -> str:
    """Return the origin of a bucket's presigned addresses, for a browser that may load nothing else."""
    scheme, rest = presigned_url(bucket, "-", content_type="image/jpeg", valid_seconds=1).split("://", 1)
    return f"{scheme}://{rest.split('/', 1)[0]}"


def _head(bucket: str, key: str, version_id: str | None = None) -> dict[str, Any]:
    """Return what S3 says of an object, nothing when there is none."""
    pin = {"VersionId": version_id} if version_id else {}
    try:
        with domain_errors("copy"):
            return dict(client("s3").head_object(Bucket=bucket, Key=key, **pin))
    except ObjectNotFound:
        return {}


def _put_newest_in_front(bucket: str, key: str) -> None:
    """Copy the copy of the newest version onto its key, until it is the one in front."""
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
    """Return the Region of a bucket, also of one that may not be listed; ``""`` where S3 does not tell.

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
        There is no such bucket.
    AccessDenied, Throttled, ServiceUnavailable
    """
    pages = client("s3").get_paginator("list_objects_v2")
    with domain_errors(f"s3://{bucket}/ (listing)"):
        for page in pages.paginate(Bucket=bucket, Prefix=prefix, PaginationConfig={"MaxItems": limit}):
            for listed in page.get("Contents", []):
                yield listed["Key"]


def lines(bucket: str, key: str) -> Iterator[bytes]:
    """Yield the lines of a file, however large.

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
    """Ask S3 for an object version, and take one below a delete marker as deleted.

    Only a request for the key itself meets the marker, so it is the first; it is the only one unless a newer upload
    has replaced the version.
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
