"""Reading, writing and listing objects of S3."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import IncompleteReadError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from vision.adapters import storage
from vision.adapters.aws_sdk import client
from vision.domain.errors import AccessDenied, ObjectNotFound, ServiceUnavailable, Throttled
from vision.domain.objects import ObjectVersion

KEY = "private/ann/uploads/a+b 50%.jpg"
BUCKET = "amzn-s3-demo-bucket"
VERSION = ObjectVersion(BUCKET, KEY, "v1", "e1", "", 5)


def _put(bucket: str, content: bytes, key: str = KEY) -> ObjectVersion:
    put = client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    return ObjectVersion(bucket, key, put.get("VersionId", ""), put["ETag"].strip('"'), "", len(content))


def _by_etag(version: ObjectVersion) -> ObjectVersion:
    return replace(version, version_id="")


@pytest.fixture
def s3(stubbed: Callable[[str], Stubber]) -> Stubber:
    return stubbed("s3")


@pytest.mark.parametrize("content", [b"photo", b""])
def test_object_is_read_whole_by_version_or_etag(bucket: str, content: bytes) -> None:
    version = _put(bucket, content)
    assert storage.read(version) == storage.read(_by_etag(version)) == content
    _put(bucket, b"newer")
    assert storage.read(version) == content


READS = (storage.read, lambda it: storage.read_range(it, 0, 2), lambda it: storage.read_part(it, 0, 2))


@pytest.mark.parametrize("read", READS, ids=["read", "range", "part"])
def test_deleted_or_replaced_version_is_not_found(bucket: str, read: Callable[[ObjectVersion], Any]) -> None:
    older, version = _put(bucket, b"older"), _put(bucket, b"photo")
    with pytest.raises(ObjectNotFound, match="replaced since ETag"):
        read(_by_etag(older))
    # Below a delete marker.
    client("s3").delete_object(Bucket=bucket, Key=KEY)
    for pinned in (version, _by_etag(version)):
        with pytest.raises(ObjectNotFound, match="deleted"):
            read(pinned)


def test_deleted_version_is_not_found_with_a_remedy_and_without_its_key(bucket: str) -> None:
    version = _put(bucket, b"photo")
    client("s3").delete_object(Bucket=bucket, Key=KEY, VersionId=version.version_id)
    with pytest.raises(ObjectNotFound, match=rf"{version.version_id}.*deleted .*; upload it again") as refusal:
        storage.read(version)
    assert KEY not in str(refusal.value)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 2, b"ph"), (2, 5, b"oto"), (2, 500, b"oto"), (4, 5, b"o"), (5, 10, b""), (500, 600, b""), (3, 3, b"")],
)
def test_range_is_cut_at_the_end_of_the_object(bucket: str, start: int, end: int, expected: bytes) -> None:
    assert storage.read_range(_put(bucket, b"photo"), start, end) == expected
    assert storage.read_range(_put(bucket, b""), start, end) == b""


def test_empty_range_sends_no_request(s3: Stubber) -> None:
    # A request would find no stubbed response and fail.
    assert storage.read_range(VERSION, 3, 3) == b""


RANGE = {"Bucket": BUCKET, "Key": KEY, "Range": "bytes=0-1"}


def _response(**more: str) -> dict[str, Any]:
    return {"Body": StreamingBody(io.BytesIO(b"ph"), 2), **more}


@pytest.mark.parametrize("version", [VERSION, _by_etag(VERSION)], ids=["by version", "by ETag"])
def test_range_of_the_current_version_is_read_by_etag_with_one_request(s3: Stubber, version: ObjectVersion) -> None:
    s3.add_response("get_object", _response(VersionId="v1"), RANGE | {"IfMatch": '"e1"'})
    assert storage.read_range(version, 0, 2) == b"ph"


def test_range_of_a_replaced_version_is_read_by_its_id(s3: Stubber) -> None:
    s3.add_client_error("get_object", "PreconditionFailed", http_status_code=412)
    s3.add_response("get_object", _response(VersionId="v1"), RANGE | {"VersionId": "v1"})
    assert storage.read_range(VERSION, 0, 2) == b"ph"


def test_part_comes_with_the_version_that_it_is_from(bucket: str) -> None:
    older = _put(bucket, b"photograph")
    for start, end, content in ((2, 5, b"oto"), (8, 50, b"ph")):
        assert storage.read_part(_by_etag(older), start, end) == (content, older.version_id)
    assert storage.read_part(_by_etag(older), 50, 60) == (b"", "")
    # Another version with the same content has the same ETag.
    _put(bucket, b"photograph")
    assert storage.read_part(older, 0, 5) == (b"photo", older.version_id)


def test_part_of_a_bucket_without_versions_has_no_version(aws: None) -> None:
    client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert storage.read_part(_put(BUCKET, b"photo"), 0, 2) == (b"ph", "")


def test_interrupted_download_is_a_transient_error(s3: Stubber) -> None:
    s3.add_response("get_object", {"Body": StreamingBody(io.BytesIO(b"ph"), 5), "VersionId": "v1"})
    with pytest.raises(ServiceUnavailable) as failure:
        storage.read(VERSION)
    assert isinstance(failure.value.__cause__, IncompleteReadError)


def test_lines_of_any_length_are_read_whole(bucket: str) -> None:
    lines = [b"x" * 100_000, b"short", "写真".encode() * 50_000]
    _put(bucket, b"\n".join(lines), "lines")
    assert list(storage.lines(bucket, "lines")) == lines


def test_written_object_exists_with_its_content_type(bucket: str) -> None:
    key = "private/ann/resized/t.jpg"
    assert not storage.exists(bucket, key)
    storage.write(bucket, key, b"small", "image/jpeg")
    assert storage.exists(bucket, key)
    written = client("s3").get_object(Bucket=bucket, Key=key)
    assert (written["Body"].read(), written["ContentType"]) == (b"small", "image/jpeg")


def test_keys_are_listed_over_all_pages_and_up_to_a_limit(bucket: str) -> None:
    for number in range(1, 12):
        _put(bucket, b"", f"in/{number:02}")
    _put(bucket, b"", "out/01")
    assert list(storage.keys(bucket, "in/")) == [f"in/{number:02}" for number in range(1, 12)]
    assert list(storage.keys(bucket, "in/", 1)) == ["in/01"]
    assert list(storage.keys(bucket, "none/")) == []


@pytest.mark.parametrize(
    ("code", "http_status", "kind"),
    [("SlowDown", 503, Throttled), ("AccessDenied", 403, AccessDenied), ("NoSuchBucket", 404, ObjectNotFound)],
)
@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("get_object", lambda: storage.read(VERSION)),
        ("get_object", lambda: next(storage.lines(BUCKET, "key"))),
        ("list_objects_v2", lambda: next(storage.keys(BUCKET, ""))),
        ("put_object", lambda: storage.write(BUCKET, "private/ann/resized/t.jpg", b"small", "image/jpeg")),
    ],
)
def test_s3_error_is_a_named_error(
    s3: Stubber, operation: str, call: Callable[[], Any], code: str, http_status: int, kind: type[Exception]
) -> None:
    s3.add_client_error(operation, code, http_status_code=http_status)
    with pytest.raises(kind) as error:
        call()
    assert "private/" not in str(error.value)
