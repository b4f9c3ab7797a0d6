"""An image moves by copy, check and delete; an interrupted move is completed by moving the image again."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import Stubber

from vision.adapters import storage
from vision.adapters.aws_sdk import client
from vision.domain.errors import AccessDenied, ObjectNotFound, ServiceUnavailable, Throttled
from vision.domain.objects import ObjectVersion

RESULTS = "amzn-s3-demo-results"
KEY = "images/garden/rose (1) 50%+.jpg"
TARGET = "analyzed/success/garden/rose (1) 50%+.jpg"
MiB = 1024 * 1024


@pytest.fixture
def results(bucket: str) -> str:
    region = {"LocationConstraint": "eu-west-1"}
    client("s3").create_bucket(Bucket=RESULTS, CreateBucketConfiguration=region)
    client("s3").put_bucket_versioning(Bucket=RESULTS, VersioningConfiguration={"Status": "Enabled"})
    return RESULTS


def _put(bucket: str, content: bytes, **options: Any) -> ObjectVersion:
    put = client("s3").put_object(Bucket=bucket, Key=KEY, Body=content, **options)
    return ObjectVersion(bucket, KEY, put["VersionId"], put["ETag"].strip('"'), "", len(content))


def _copy(version: ObjectVersion, bucket: str, key: str) -> None:
    storage.copy(version, bucket, key, content_type="image/jpeg")


def _copied() -> bytes:
    return bytes(client("s3").get_object(Bucket=RESULTS, Key=TARGET)["Body"].read())


def _copies() -> list[str]:
    listed = client("s3").list_object_versions(Bucket=RESULTS).get("Versions", [])
    return [version["Key"] for version in listed]


def _left(bucket: str) -> list[str]:
    """The versions that are left in the image bucket; S3 adds no delete marker when a version is deleted."""
    listed = client("s3").list_object_versions(Bucket=bucket)
    assert "DeleteMarkers" not in listed
    return [version["VersionId"] for version in listed.get("Versions", [])]


HEADERS = {"ContentType": "text/html", "ContentDisposition": "inline", "ContentEncoding": "gzip"}


def test_copy_keeps_content_metadata_and_tags_and_no_header_of_the_uploader(bucket: str, results: str) -> None:
    older = _put(bucket, b"older", Metadata={"line": "7", "shift": "night"}, Tagging="line=7", **HEADERS)
    _put(bucket, b"newer")
    _copy(older, results, TARGET)
    assert _copied() == b"older"
    copied = client("s3").head_object(Bucket=results, Key=TARGET)
    assert copied["Metadata"].items() >= {"line": "7", "shift": "night"}.items()
    assert [copied.get(name) for name in HEADERS] == ["image/jpeg", None, None]
    tags = client("s3").get_object_tagging(Bucket=results, Key=TARGET)["TagSet"]
    assert tags == [{"Key": "line", "Value": "7"}]


@pytest.mark.parametrize(
    "steps",
    [["copy", "copy", "copy", "delete"], ["copy", "delete", "copy", "delete"]],
    ids=["crash before the delete", "crash after the delete"],
)
def test_interrupted_move_is_completed_with_one_copy(bucket: str, results: str, steps: list[str]) -> None:
    version = _put(bucket, b"photo")
    moves = {"copy": lambda: _copy(version, results, TARGET), "delete": lambda: storage.delete(version)}
    for step in steps:
        moves[step]()
    assert _copies() == [TARGET]
    assert _left(bucket) == []


def test_deleted_version_without_a_copy_is_not_found(bucket: str, results: str) -> None:
    version = _put(bucket, b"photo")
    client("s3").delete_object(Bucket=bucket, Key=KEY)
    # Below a delete marker, and then without itself.
    for words in ("deleted", "image"):
        with pytest.raises(ObjectNotFound, match=words):
            _copy(version, results, TARGET)
        storage.delete(version)
    assert _copies() == []


def test_copy_of_another_version_or_a_truncated_copy_does_not_count(bucket: str, results: str) -> None:
    older, newer = _put(bucket, b"older"), _put(bucket, b"newer")
    _copy(older, results, TARGET)
    _copy(newer, results, TARGET)
    assert _copied() == b"newer"
    metadata = client("s3").head_object(Bucket=results, Key=TARGET)["Metadata"]
    client("s3").put_object(Bucket=results, Key=TARGET, Body=b"ne", Metadata=metadata)
    _copy(newer, results, TARGET)
    assert _copied() == b"newer"
    with pytest.raises(ServiceUnavailable, match="its copy is not whole"):
        _copy(replace(_put(bucket, b"photo"), size_bytes=7), results, TARGET)


@pytest.mark.parametrize("moved", [0, 1])
def test_other_version_of_the_same_key_stays(bucket: str, results: str, moved: int) -> None:
    versions = [_put(bucket, b"older"), _put(bucket, b"newer")]
    _copy(versions[moved], results, TARGET)
    storage.delete(versions[moved])
    assert _left(bucket) == [versions[1 - moved].version_id]


def test_multipart_upload_is_complete_although_its_copy_has_another_etag(bucket: str, results: str) -> None:
    s3 = client("s3")
    upload = s3.create_multipart_upload(Bucket=bucket, Key=KEY)["UploadId"]
    parts = []
    for number, content in enumerate((b"a" * 5 * MiB, b"tail"), 1):
        part = s3.upload_part(Bucket=bucket, Key=KEY, UploadId=upload, PartNumber=number, Body=content)
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    done = s3.complete_multipart_upload(Bucket=bucket, Key=KEY, UploadId=upload, MultipartUpload={"Parts": parts})
    version = ObjectVersion(bucket, KEY, done["VersionId"], done["ETag"].strip('"'), "", 5 * MiB + 4)
    _copy(version, results, TARGET)
    _copy(version, results, TARGET)
    copied = s3.head_object(Bucket=results, Key=TARGET)
    assert "-2" in version.etag
    assert (copied["ContentLength"], _copies()) == (version.size_bytes, [TARGET])


VERSION = ObjectVersion("amzn-s3-demo-bucket", KEY, "v1", "e1", "", 5)


# HEAD has no body, and its error is only the HTTP status.
@pytest.mark.parametrize("error", [("SlowDown", 503, Throttled), ("403", 403, AccessDenied)])
@pytest.mark.parametrize(
    ("operation", "call"),
    [("head_object", lambda: _copy(VERSION, RESULTS, TARGET)), ("delete_object", lambda: storage.delete(VERSION))],
)
def test_s3_error_is_a_named_error(
    stubbed: Callable[[str], Stubber], operation: str, call: Callable[[], None], error: tuple[str, int, type[Exception]]
) -> None:
    code, http_status, kind = error
    stubbed("s3").add_client_error(operation, code, http_status_code=http_status)
    with pytest.raises(kind):
        call()


@pytest.fixture
def in_order(bucket: str) -> list[ObjectVersion]:
    """Three versions of one image, oldest first."""
    return [replace(_put(bucket, content), sequencer=content.hex()) for content in (b"first", b"second", b"third")]


def _move(version: ObjectVersion, known: list[ObjectVersion]) -> None:
    storage.move(version, RESULTS, TARGET, content_type="image/jpeg", is_newest=lambda: version == known[-1])


def test_copy_of_the_newest_is_current_in_any_order_of_moves(in_order: list[ObjectVersion], results: str) -> None:
    first, second, third = in_order
    for version in (second, third, first):
        _move(version, in_order)
    assert _copied() == b"third"


@pytest.mark.parametrize("existing", [0, 1])
def test_newer_version_that_is_copied_at_the_same_moment_stays_current(
    in_order: list[ObjectVersion], results: str, existing: int
) -> None:
    first, second, third = in_order
    known, newer = [second], [third]
    for version in [first][:existing]:
        _move(version, [first])

    def meanwhile(**_: Any) -> None:
        if newer:
            known.append(newer.pop())
            _move(known[-1], known)

    events = client("s3").meta.events
    events.register("before-call.s3.CopyObject", meanwhile)
    _move(second, known)
    events.unregister("before-call.s3.CopyObject", meanwhile)
    assert _copied() == b"third"


def test_tags_are_kept_when_the_newest_copy_is_made_current_again(bucket: str, results: str) -> None:
    older = replace(_put(bucket, b"older"), sequencer="A")
    newer = replace(_put(bucket, b"newer", Tagging="line=7"), sequencer="B")
    for version in (newer, older):
        _move(version, [newer])
    assert _copied() == b"newer"
    tags = client("s3").get_object_tagging(Bucket=results, Key=TARGET)["TagSet"]
    assert tags == [{"Key": "line", "Value": "7"}]
