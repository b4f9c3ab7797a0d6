"""Deleting all versions of objects, and presigned forms and URLs."""

import base64
import json
from collections.abc import Callable
from datetime import datetime
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
def s3(stubbed: Callable[[str], Stubber]) -> Stubber:
    return stubbed("s3")


def _put(bucket: str, content: bytes, key: str = KEY) -> None:
    client("s3").put_object(Bucket=bucket, Key=key, Body=content)


def _left(bucket: str) -> list[str]:
    listed = client("s3").list_object_versions(Bucket=bucket)
    return sorted(one["Key"] for one in listed.get("Versions", []) + listed.get("DeleteMarkers", []))


def test_all_versions_and_delete_markers_of_a_key_are_deleted(bucket: str) -> None:
    for content in (b"older", b"newer"):
        _put(bucket, content)
    client("s3").delete_object(Bucket=bucket, Key=KEY)
    # The second time there is nothing to delete, which is no error.
    for _ in range(2):
        storage.delete_versions(bucket, KEY, is_prefix=False)
        assert _left(bucket) == []


@pytest.mark.parametrize(("is_prefix", "left"), [(False, ["a/b", "a/b/c", "a/bc"]), (True, [])])
def test_keys_that_begin_alike_are_deleted_only_below_a_prefix(bucket: str, is_prefix: bool, left: list[str]) -> None:
    for key in ("a/", "a/b", "a/b/c", "a/bc"):
        _put(bucket, b"photo", key)
    storage.delete_versions(bucket, "a/", is_prefix=is_prefix)
    assert _left(bucket) == left


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


def test_versions_newer_than_a_moment_are_kept(s3: Stubber) -> None:
    s3.add_response("list_object_versions", _listed(1))
    storage.delete_versions(BUCKET, KEY, is_prefix=False, until="2026-11-20T23:59:59.999Z")


@pytest.mark.parametrize(("code", "kind"), [("AccessDenied", AccessDenied), ("SlowDown", ServiceUnavailable)])
def test_version_that_s3_keeps_is_a_named_error(s3: Stubber, code: str, kind: type[Exception]) -> None:
    s3.add_response("list_object_versions", _listed(1))
    s3.add_response("delete_objects", {"Errors": [{"Key": KEY, "VersionId": "v1", "Code": code}]})
    with pytest.raises(kind, match=rf"^photo: 1 of its objects could not be deleted \({code}\)$"):
        storage.delete_versions(BUCKET, KEY, is_prefix=False)


def _form(**changes: Any) -> tuple[str, dict[str, str], dict[str, Any]]:
    terms: dict[str, Any] = {"content_type": "image/png", "size_bytes": 1000, "valid_seconds": 60} | changes
    url, fields = storage.presigned_post(BUCKET, KEY, **terms)
    return url, fields, json.loads(base64.b64decode(fields["policy"]))


def test_form_allows_one_key_one_type_and_one_size_only(aws: None) -> None:
    url, fields, policy = _form()
    signature = {"x-amz-algorithm", "x-amz-credential", "x-amz-date"}
    others = [one for one in policy["conditions"] if isinstance(one, list) or not signature & one.keys()]
    assert others == [
        {"Content-Type": "image/png"},
        ["content-length-range", 1000, 1000],
        {"bucket": BUCKET},
        {"key": KEY},
    ]
    assert (fields["key"], fields["Content-Type"]) == (KEY, "image/png")
    assert fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    assert url == "https://amzn-s3-demo-bucket.s3.eu-west-1.amazonaws.com/"
    assert storage.origin(BUCKET) == url.removesuffix("/")


def _query(**terms: Any) -> dict[str, list[str]]:
    return parse_qs(urlsplit(storage.presigned_url(BUCKET, KEY, valid_seconds=60, **terms)).query)


def test_url_pins_a_version_and_the_headers_of_the_response(aws: None) -> None:
    query = _query(content_type="image/jpeg", version_id="v1")
    assert (query["versionId"], query["X-Amz-Expires"]) == (["v1"], ["60"])
    query = _query(content_type="image/png", disposition="attachment")
    assert query["response-content-type"] == ["image/png"]
    assert query["response-content-disposition"] == ["attachment"]


@pytest.mark.parametrize("key", [KEY, "a?b#c", "写真.jpg", "a//b/../c"])
def test_url_leads_to_its_key(aws: None, key: str) -> None:
    url = storage.presigned_url(BUCKET, key, content_type="image/jpeg", valid_seconds=60)
    assert unquote(urlsplit(url).path) == f"/{key}"
