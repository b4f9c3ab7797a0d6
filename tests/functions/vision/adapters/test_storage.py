import io
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


def _put(bucket: str, content: bytes, key: str = KEY) -> ObjectVersion:
    put = client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    return ObjectVersion(bucket, key, put.get("VersionId", ""), put["ETag"].strip('"'), "", len(content))


def _by_etag(version: ObjectVersion) -> ObjectVersion:
    return ObjectVersion(version.bucket, version.key, "", version.etag, "", version.size_bytes)


@pytest.fixture
def s3(bucket: str) -> Any:
    with Stubber(client("s3")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


VERSION = ObjectVersion("amzn-s3-demo-bucket", KEY, "v1", "e1", "", 5)


def test_a_version_is_read_whole(bucket: str) -> None:
    assert storage.read(_put(bucket, b"photo")) == b"photo"


def test_an_empty_object_is_read_as_nothing(bucket: str) -> None:
    assert storage.read(_put(bucket, b"")) == b""


def test_a_version_is_read_although_a_newer_one_has_replaced_it(bucket: str) -> None:
    older = _put(bucket, b"older")
    _put(bucket, b"newer")
    assert storage.read(older) == b"older"


@pytest.mark.parametrize("is_pinned", [True, False], ids=["by version", "by ETag"])
def test_a_version_below_a_delete_marker_is_not_found(bucket: str, is_pinned: bool) -> None:
    version = _put(bucket, b"photo")
    client("s3").delete_object(Bucket=bucket, Key=KEY)
    for read in (storage.read, lambda it: storage.read_range(it, 0, 2), lambda it: storage.read_part(it, 0, 2)):
        with pytest.raises(ObjectNotFound, match="deleted"):
            read(version if is_pinned else _by_etag(version))


def test_a_version_of_the_same_content_is_not_taken_for_another(bucket: str) -> None:
    older = _put(bucket, b"photo")
    _put(bucket, b"photo")
    assert storage.read_part(older, 0, 5) == (b"photo", older.version_id)


def test_a_version_that_is_gone_is_not_found(bucket: str) -> None:
    version = _put(bucket, b"photo")
    client("s3").delete_object(Bucket=bucket, Key=KEY, VersionId=version.version_id)
    with pytest.raises(ObjectNotFound, match="deleted from the bucket; upload it again"):
        storage.read(version)


def test_what_is_not_found_is_named_by_its_version_and_not_by_its_key(bucket: str) -> None:
    with pytest.raises(ObjectNotFound, match="v1") as refusal:
        storage.read(VERSION)
    assert KEY not in str(refusal.value)


def test_without_a_version_id_the_etag_pins_the_content(bucket: str) -> None:
    assert storage.read(_by_etag(_put(bucket, b"photo"))) == b"photo"


def test_content_replaced_since_its_etag_is_not_found(bucket: str) -> None:
    older = _by_etag(_put(bucket, b"older"))
    _put(bucket, b"newer")
    with pytest.raises(ObjectNotFound, match="replaced since ETag"):
        storage.read(older)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 2, b"ph"), (2, 5, b"oto"), (2, 500, b"oto"), (4, 5, b"o"), (5, 10, b""), (500, 600, b""), (3, 3, b"")],
)
def test_a_range_is_what_the_object_has_of_it(bucket: str, start: int, end: int, expected: bytes) -> None:
    assert storage.read_range(_put(bucket, b"photo"), start, end) == expected


def test_a_range_of_an_empty_object_is_nothing(bucket: str) -> None:
    assert storage.read_range(_put(bucket, b""), 0, 100) == b""


def test_an_empty_range_asks_nobody(s3: Stubber) -> None:
    # A request would find no stubbed answer and fail.
    assert storage.read_range(VERSION, 3, 3) == b""


ASKED = {"Bucket": VERSION.bucket, "Key": KEY, "Range": "bytes=0-1"}


def _answer(**more: str) -> dict[str, Any]:
    return {"Body": StreamingBody(io.BytesIO(b"ph"), 2), **more}


def test_a_version_that_its_key_shows_is_read_with_one_request(s3: Stubber) -> None:
    s3.add_response("get_object", _answer(VersionId="v1"), ASKED | {"IfMatch": '"e1"'})
    assert storage.read_range(VERSION, 0, 2) == b"ph"


def test_a_version_that_was_replaced_is_read_by_its_id(s3: Stubber) -> None:
    s3.add_client_error("get_object", "PreconditionFailed", http_status_code=412)
    s3.add_response("get_object", _answer(VersionId="v1"), ASKED | {"VersionId": "v1"})
    assert storage.read_range(VERSION, 0, 2) == b"ph"


def test_a_range_without_a_version_id_is_pinned_by_its_etag(s3: Stubber) -> None:
    s3.add_response("get_object", _answer(), ASKED | {"IfMatch": '"e1"'})
    assert storage.read_range(_by_etag(VERSION), 0, 2) == b"ph"


@pytest.mark.parametrize(
    ("code", "http_status", "kind"),
    [
        ("SlowDown", 503, Throttled),
        ("InternalError", 500, ServiceUnavailable),
        ("AccessDenied", 403, AccessDenied),
        ("NoSuchBucket", 404, ObjectNotFound),
    ],
)
def test_what_s3_refuses_has_a_name(s3: Stubber, code: str, http_status: int, kind: type[Exception]) -> None:
    s3.add_client_error("get_object", code, http_status_code=http_status)
    with pytest.raises(kind):
        storage.read(VERSION)


def test_a_download_that_breaks_off_is_worth_another_try(s3: Stubber) -> None:
    s3.add_response("get_object", {"Body": StreamingBody(io.BytesIO(b"ph"), 5), "VersionId": "v1"})
    with pytest.raises(ServiceUnavailable) as failure:
        storage.read(VERSION)
    assert isinstance(failure.value.__cause__, IncompleteReadError)


def test_an_object_is_written_with_its_content_type(bucket: str) -> None:
    storage.write(bucket, "private/ann/resized/t.jpg", b"small", "image/jpeg")
    written = client("s3").get_object(Bucket=bucket, Key="private/ann/resized/t.jpg")
    assert (written["Body"].read(), written["ContentType"]) == (b"small", "image/jpeg")


def test_object_exists_once_it_is_written(bucket: str) -> None:
    place = {"bucket": bucket, "key": "results/rose.jpg/v1.json"}
    before = storage.exists(**place)
    storage.write(**place, content=b"{}", content_type="application/json")
    assert (before, storage.exists(**place)) == (False, True)


def test_a_write_that_is_denied_has_a_name(s3: Stubber) -> None:
    s3.add_client_error("put_object", "AccessDenied", http_status_code=403)
    with pytest.raises(AccessDenied, match=r"^s3://amzn-s3-demo-bucket/ \(result\): "):
        storage.write("amzn-s3-demo-bucket", "private/ann/resized/t.jpg", b"small", "image/jpeg")
