"""What is deleted in a bucket, and the addresses that are signed for it."""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from botocore.stub import Stubber

from vision.adapters import storage
from vision.adapters.aws_sdk import client
from vision.domain.errors import AccessDenied, ServiceUnavailable

KEY = "private/ann/uploads/a+b 50%.jpg"
BUCKET = "amzn-s3-demo-bucket"


@pytest.fixture
def s3(bucket: str) -> Any:
    with Stubber(client("s3")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def _put(bucket: str, content: bytes, key: str = KEY) -> None:
    client("s3").put_object(Bucket=bucket, Key=key, Body=content)


# Versions that are deleted


def _left(bucket: str) -> list[str]:
    listed = client("s3").list_object_versions(Bucket=bucket)
    return sorted(one["Key"] for one in listed.get("Versions", []) + listed.get("DeleteMarkers", []))


def test_all_versions_of_a_key_are_deleted_with_its_delete_markers(bucket: str) -> None:
    for content in (b"older", b"newer"):
        _put(bucket, content)
    client("s3").delete_object(Bucket=bucket, Key=KEY)
    storage.delete_versions(bucket, KEY, is_prefix=False)
    assert _left(bucket) == []


@pytest.mark.parametrize(("is_prefix", "left"), [(False, ["a/b", "a/bc", "a/b/c"]), (True, [])])
def test_what_begins_with_a_key_is_deleted_only_below_a_prefix(bucket: str, is_prefix: bool, left: list[str]) -> None:
    for key in ("a/", "a/b", "a/b/c", "a/bc"):
        _put(bucket, b"photo", key)
    storage.delete_versions(bucket, "a/", is_prefix=is_prefix)
    assert _left(bucket) == sorted(left)


def test_deleting_what_is_not_there_is_no_error(bucket: str) -> None:
    storage.delete_versions(bucket, KEY, is_prefix=False)
    assert _left(bucket) == []


def _listed(number: int, **more: Any) -> dict[str, Any]:
    return {
        "Versions": [{"Key": KEY, "VersionId": f"v{number}", "LastModified": datetime(2026, 11, 20 + number)}],
        "IsTruncated": False,
        **more,
    }


def test_versions_of_every_page_are_deleted(s3: Stubber) -> None:
    s3.add_response("list_object_versions", _listed(0, IsTruncated=True, NextKeyMarker=KEY, NextVersionIdMarker="v0"))
    for number in (0, 1):
        if number:
            following = {"Bucket": BUCKET, "Prefix": KEY, "KeyMarker": KEY, "VersionIdMarker": "v0"}
            s3.add_response("list_object_versions", _listed(1), following)
        objects = {"Objects": [{"Key": KEY, "VersionId": f"v{number}"}], "Quiet": True}
        s3.add_response("delete_objects", {}, {"Bucket": BUCKET, "Delete": objects})
    storage.delete_versions(BUCKET, KEY, is_prefix=False)


def test_a_page_of_newer_versions_is_passed_over(s3: Stubber) -> None:
    s3.add_response("list_object_versions", _listed(1))
    storage.delete_versions(BUCKET, KEY, is_prefix=False, until="2026-11-20T23:59:59.999Z")


@pytest.mark.parametrize(("code", "kind"), [("AccessDenied", AccessDenied), ("SlowDown", ServiceUnavailable)])
def test_a_version_that_s3_keeps_has_a_name(s3: Stubber, code: str, kind: type[Exception]) -> None:
    s3.add_response("list_object_versions", _listed(1))
    s3.add_response("delete_objects", {"Errors": [{"Key": KEY, "VersionId": "v1", "Code": code}]})
    with pytest.raises(kind, match=rf"^photo: 1 of its objects could not be deleted \({code}\)$"):
        storage.delete_versions(BUCKET, KEY, is_prefix=False)


# Addresses that are signed


def _form(**changes: Any) -> tuple[str, dict[str, str], dict[str, Any]]:
    terms: dict[str, Any] = {"content_type": "image/png", "size_bytes": 1000, "valid_seconds": 60} | changes
    url, fields = storage.presigned_post(BUCKET, KEY, **terms)
    return url, fields, json.loads(base64.b64decode(fields["policy"]))


def test_a_form_says_each_of_its_conditions_and_no_other(aws: None) -> None:
    _, _, policy = _form()
    signature = {"x-amz-algorithm", "x-amz-credential", "x-amz-date"}
    others = [one for one in policy["conditions"] if isinstance(one, list) or not signature & one.keys()]
    assert others == [
        {"Content-Type": "image/png"},
        ["content-length-range", 1000, 1000],
        {"bucket": BUCKET},
        {"key": KEY},
    ]


def test_a_form_brings_the_fields_that_its_conditions_ask_for(aws: None) -> None:
    _, fields, _ = _form()
    assert (fields["key"], fields["Content-Type"]) == (KEY, "image/png")


def test_a_form_is_signed_with_the_newer_signature_for_the_buckets_own_region(aws: None) -> None:
    url, fields, _ = _form()
    assert (url, fields["x-amz-algorithm"]) == (
        "https://amzn-s3-demo-bucket.s3.eu-west-1.amazonaws.com/",
        "AWS4-HMAC-SHA256",
    )


@pytest.mark.parametrize("seconds", [1, 60, 900])
def test_a_form_ends_when_it_should(aws: None, seconds: int) -> None:
    before = datetime.now(UTC)
    ends_at = datetime.fromisoformat(_form(valid_seconds=seconds)[2]["expiration"])
    assert abs((ends_at - before).total_seconds() - seconds) < 5


def test_an_address_pins_the_version_that_it_shows(aws: None) -> None:
    url = storage.presigned_url(BUCKET, KEY, content_type="image/jpeg", version_id="v1", valid_seconds=60)
    query = parse_qs(urlsplit(url).query)
    assert (query["versionId"], query["X-Amz-Expires"]) == (["v1"], ["60"])


def test_address_says_how_s3_answers(aws: None) -> None:
    url = storage.presigned_url(BUCKET, KEY, content_type="image/png", disposition="attachment", valid_seconds=60)
    query = parse_qs(urlsplit(url).query)
    assert query["response-content-type"] == ["image/png"]
    assert query["response-content-disposition"] == ["attachment"]


@pytest.mark.parametrize("key", [KEY, "a?b#c", "写真.jpg", "a//b/../c"])
def test_an_address_leads_to_its_key_whatever_that_is_called(aws: None, key: str) -> None:
    url = storage.presigned_url(BUCKET, key, content_type="image/jpeg", valid_seconds=60)
    assert unquote(urlsplit(url).path) == f"/{key}"


def test_the_origin_of_a_bucket_is_that_of_its_addresses(aws: None) -> None:
    assert storage.origin(BUCKET) == "https://amzn-s3-demo-bucket.s3.eu-west-1.amazonaws.com"
