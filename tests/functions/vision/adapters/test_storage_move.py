"""An image moves by copy, check and delete; whatever falls between is healed by moving it again."""

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


def _copies() -> list[str]:
    listed = client("s3").list_object_versions(Bucket=RESULTS).get("Versions", [])
    return [version["Key"] for version in listed]


def _kept(bucket: str) -> list[str]:
    """The versions that are left in the image bucket; S3 adds no delete marker when a version is deleted."""
    listed = client("s3").list_object_versions(Bucket=bucket)
    assert "DeleteMarkers" not in listed
    return [version["VersionId"] for version in listed.get("Versions", [])]


def test_a_copy_has_the_content_of_its_version(bucket: str, results: str) -> None:
    older = _put(bucket, b"older")
    _put(bucket, b"newer")
    _copy(older, results, TARGET)
    assert client("s3").get_object(Bucket=results, Key=TARGET)["Body"].read() == b"older"


def test_a_copy_keeps_what_the_user_noted(bucket: str, results: str) -> None:
    version = _put(bucket, b"photo", Metadata={"line": "7", "shift": "night"})
    _copy(version, results, TARGET)
    copied = client("s3").head_object(Bucket=results, Key=TARGET)
    noted = {name: value for name, value in copied["Metadata"].items() if name in ("line", "shift")}
    assert noted == {"line": "7", "shift": "night"}


def test_copy_has_the_type_of_its_content_and_no_header_of_the_uploader(bucket: str, results: str) -> None:
    told = {"ContentType": "text/html", "ContentDisposition": "inline", "ContentEncoding": "gzip"}
    _copy(_put(bucket, b"photo", **told), results, TARGET)
    copied = client("s3").head_object(Bucket=results, Key=TARGET)
    assert {name: copied.get(name) for name in told} == {
        "ContentType": "image/jpeg",
        "ContentDisposition": None,
        "ContentEncoding": None,
    }


def test_a_copy_keeps_the_tags_of_the_image(bucket: str, results: str) -> None:
    version = _put(bucket, b"photo", Tagging="line=7")
    _copy(version, results, TARGET)
    tags = client("s3").get_object_tagging(Bucket=results, Key=TARGET)["TagSet"]
    assert tags == [{"Key": "line", "Value": "7"}]


def test_copying_again_copies_nothing(bucket: str, results: str) -> None:
    version = _put(bucket, b"photo")
    for _ in range(3):
        _copy(version, results, TARGET)
    assert _copies() == [TARGET]


def test_a_crash_between_copy_and_delete_is_healed_by_moving_again(bucket: str, results: str) -> None:
    version = _put(bucket, b"photo")
    _copy(version, results, TARGET)
    _copy(version, results, TARGET)
    storage.delete(version)
    assert (_copies(), _kept(bucket)) == ([TARGET], [])


def test_a_crash_after_the_delete_is_healed_by_moving_again(bucket: str, results: str) -> None:
    version = _put(bucket, b"photo")
    for _ in range(2):
        _copy(version, results, TARGET)
        storage.delete(version)
    assert (_copies(), _kept(bucket)) == ([TARGET], [])


def test_a_version_below_a_delete_marker_is_not_copied(bucket: str, results: str) -> None:
    version = _put(bucket, b"photo")
    client("s3").delete_object(Bucket=bucket, Key=KEY)
    with pytest.raises(ObjectNotFound, match="deleted"):
        storage.copy(version, results, TARGET, content_type="image/jpeg")
    assert _copies() == []


def test_a_version_that_is_gone_without_a_copy_is_not_found(bucket: str, results: str) -> None:
    version = _put(bucket, b"photo")
    storage.delete(version)
    with pytest.raises(ObjectNotFound, match="image"):
        _copy(version, results, TARGET)


def test_the_copy_of_another_version_does_not_count(bucket: str, results: str) -> None:
    older, newer = _put(bucket, b"older"), _put(bucket, b"newer")
    _copy(older, results, TARGET)
    _copy(newer, results, TARGET)
    assert client("s3").get_object(Bucket=results, Key=TARGET)["Body"].read() == b"newer"


def test_a_truncated_copy_is_copied_again(bucket: str, results: str) -> None:
    version = _put(bucket, b"photo")
    _copy(version, results, TARGET)
    noted = client("s3").head_object(Bucket=results, Key=TARGET)["Metadata"]
    client("s3").put_object(Bucket=results, Key=TARGET, Body=b"pho", Metadata=noted)
    _copy(version, results, TARGET)
    assert client("s3").get_object(Bucket=results, Key=TARGET)["Body"].read() == b"photo"


def test_a_copy_that_is_not_whole_is_worth_another_delivery(bucket: str, results: str) -> None:
    version = replace(_put(bucket, b"photo"), size_bytes=7)
    with pytest.raises(ServiceUnavailable, match="its copy is not whole; it is copied again with the next delivery"):
        _copy(version, results, TARGET)


def test_a_newer_upload_of_the_same_key_stays(bucket: str, results: str) -> None:
    older, newer = _put(bucket, b"older"), _put(bucket, b"newer")
    _copy(older, results, TARGET)
    storage.delete(older)
    assert _kept(bucket) == [newer.version_id]


def test_an_older_version_stays_when_the_newer_one_moves(bucket: str, results: str) -> None:
    older, newer = _put(bucket, b"older"), _put(bucket, b"newer")
    _copy(newer, results, TARGET)
    storage.delete(newer)
    assert _kept(bucket) == [older.version_id]


def test_an_upload_in_parts_is_whole_although_its_copy_has_another_etag(bucket: str, results: str) -> None:
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


@pytest.mark.parametrize(
    ("code", "http_status", "kind"),
    [
        ("SlowDown", 503, Throttled),
        ("InternalError", 500, ServiceUnavailable),
        ("403", 403, AccessDenied),
        ("AccessDenied", 403, AccessDenied),
    ],
)
@pytest.mark.parametrize("operation", ["head_object", "delete_object"])
def test_what_s3_refuses_to_move_has_a_name(
    bucket: str, operation: str, code: str, http_status: int, kind: type[Exception]
) -> None:
    calls = {
        "head_object": lambda: _copy(VERSION, RESULTS, TARGET),
        "delete_object": lambda: storage.delete(VERSION),
    }
    with Stubber(client("s3")) as stub:
        stub.add_client_error(operation, code, http_status_code=http_status)
        with pytest.raises(kind):
            calls[operation]()


def test_exactly_the_version_is_asked_to_be_deleted(bucket: str) -> None:
    with Stubber(client("s3")) as stub:
        stub.add_response("delete_object", {}, {"Bucket": VERSION.bucket, "Key": KEY, "VersionId": "v1"})
        storage.delete(VERSION)
        stub.assert_no_pending_responses()


@pytest.fixture
def in_order(bucket: str) -> list[ObjectVersion]:
    """Three versions of one image, oldest first."""
    return [replace(_put(bucket, content), sequencer=content.hex()) for content in (b"first", b"second", b"third")]


def _move(version: ObjectVersion, known: list[ObjectVersion]) -> None:
    storage.move(version, RESULTS, TARGET, content_type="image/jpeg", is_newest=lambda: version == known[-1])


def _in_front() -> bytes:
    return bytes(client("s3").get_object(Bucket=RESULTS, Key=TARGET)["Body"].read())


def test_copy_of_the_newest_version_is_in_front_in_whatever_order_they_come(
    in_order: list[ObjectVersion], results: str
) -> None:
    first, second, third = in_order
    for version in (second, third, first):
        _move(version, in_order)
    assert _in_front() == b"third"


@pytest.mark.parametrize("are_there_before", [0, 1])
def test_newer_version_that_is_copied_at_the_same_moment_stays_in_front(
    in_order: list[ObjectVersion], results: str, are_there_before: int
) -> None:
    first, second, third = in_order
    known, newer = [second], [third]
    for version in [first][:are_there_before]:
        _move(version, [first])

    def meanwhile(**_: Any) -> None:
        if newer:
            known.append(newer.pop())
            _move(known[-1], known)

    events = client("s3").meta.events
    events.register("before-call.s3.CopyObject", meanwhile)
    _move(second, known)
    events.unregister("before-call.s3.CopyObject", meanwhile)
    assert _in_front() == b"third"


def test_tags_are_kept_when_the_newest_copy_is_put_in_front_again(bucket: str, results: str) -> None:
    older = replace(_put(bucket, b"older"), sequencer="A")
    newer = replace(_put(bucket, b"newer", Tagging="line=7"), sequencer="B")
    for version in (newer, older):
        _move(version, [newer])
    tags = client("s3").get_object_tagging(Bucket=results, Key=TARGET)["TagSet"]
    assert (_in_front(), tags) == (b"newer", [{"Key": "line", "Value": "7"}])
