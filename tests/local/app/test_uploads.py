"""Uploads through the API: announcement, presigned form, processing, search and deletion."""

import re
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.local.app.conftest import Client, post_form
from tests.local.stack.pipeline import wait_for
from vision.domain import records, table_keys
from vision.domain.gallery import daily_counts

pytestmark = pytest.mark.local

LIMIT_BYTES = 15 * 1024 * 1024


@pytest.fixture
def ann(new_client):
    """A person without photos."""
    return new_client()


@pytest.fixture
def announced(ann, picture):
    form = {"name": "photo.jpg", "content_type": "image/jpeg", "size_bytes": len(picture)}
    return dict(ann("POST", "/api/photos", form).json())


@pytest.fixture
def send(pipeline, announced):
    """Send the form with changed fields; None leaves a field out."""

    def post(file: bytes, **changes: str | None) -> int:
        upload = announced["upload"]
        fields = upload["fields"] | {name.replace("_", "-"): value for name, value in changes.items()}
        kept = {name: value for name, value in fields.items() if value is not None}
        return post_form(pipeline, upload["url"], kept, file)

    return post


@pytest.fixture
def stored(pipeline):
    """Keys of all versions of objects below a prefix."""

    def look(prefix: str) -> list[str]:
        found = pipeline.client("s3").list_object_versions(Bucket=pipeline.bucket, Prefix=prefix)
        return [one["Key"] for one in (*found.get("Versions", []), *found.get("DeleteMarkers", []))]

    return look


def processed(person: Client, photo_id: str) -> dict[str, Any]:
    """Wait until a photo was processed, and return it."""

    def photo() -> Any:
        found = person.get(f"/api/photos/{photo_id}").json()
        return found if found["status"] not in ("PENDING", "RUNNING") else None

    return dict(wait_for(photo))


def search(person: Client, label: str) -> list[str]:
    found = person.get(f"/api/photos?label={label.replace(' ', '%20')}").json()["photos"]
    return [photo["photo_id"] for photo in found]


def test_photo_is_uploaded_processed_found_and_deleted(ann, bob, picture, announced, send, stored):
    photo_id, key = announced["photo"]["photo_id"], announced["upload"]["fields"]["key"]
    mine = f"private/{ann.get('/api/me').json()['owner']}/"
    assert send(picture) == 204

    photo = processed(ann, photo_id)
    assert photo["status"] == "SUCCEEDED"
    assert photo["size_bytes"] == len(picture)
    label = photo["labels"][0]["name"]
    # An index of DynamoDB is eventually consistent.
    assert wait_for(lambda: search(ann, label)) == [photo_id]
    assert search(bob, label) == []
    assert bob.get(f"/api/photos/{photo_id}").status == 404
    assert len(stored(mine)) == 2
    assert ann("DELETE", f"/api/photos/{photo_id}").status == 204
    assert stored(mine) == stored(key) == []
    assert search(ann, label) == []
    assert ann.get(f"/api/photos/{photo_id}").status == 404


def test_debug_log_has_no_key_token_or_signature(pipeline, ann, picture, announced, send):
    photo_id = announced["photo"]["photo_id"]
    assert send(picture) == 204
    assert processed(ann, photo_id)["status"] == "SUCCEEDED"
    assert ann("DELETE", f"/api/photos/{photo_id}").status == 204
    pages = pipeline.client("logs").get_paginator("filter_log_events")

    def logged() -> str:
        found = pages.paginate(logGroupName=pipeline.resource_name("FunctionLogs"))
        return "".join(event["message"] for page in found for event in page["events"])

    # Log events arrive after the function's answer.
    wait_for(lambda: "ImagesSucceeded" in logged())
    written = logged()
    private = ["/uploads/", "photo.jpg", str(ann.token), "X-Amz-Security-Token", "Signature", "Authorization"]
    assert [one for one in private if one in written] == []


def test_changed_form_or_file_of_another_size_stores_nothing(send, stored, announced, picture):
    before = stored("private/")
    for changes in (
        *({"Content_Type": value} for value in ("image/png", "text/html", None)),
        *({"key": value} for value in ("private/bob/uploads/photo.jpg", "private/${filename}", None)),
        *({"policy": value} for value in ("e30=", None)),
        {"x_amz_signature": "0" * 64},
        {"acl": "public-read"},
        {"success_action_redirect": "http://elsewhere.localhost/"},
        {"x_amz_meta_note": "more"},
    ):
        assert send(picture, **changes) in (400, 403), changes
    for file in (b"", picture[:-1], picture + b"x", picture + b"x" * LIMIT_BYTES):
        assert send(file) == 400
    assert stored("private/") == before
    assert stored(announced["upload"]["fields"]["key"]) == []


def test_expired_form_stores_nothing(pipeline, announced, stored, picture):
    upload, bucket = announced["upload"], pipeline.bucket
    fields = {"Content-Type": upload["fields"]["Content-Type"]}
    conditions = [fields, ["content-length-range", len(picture), len(picture)]]
    statuses = []
    # As the API signs it, except for the expiry.
    for seconds in (-1, 60):
        form = pipeline.client("s3").generate_presigned_post(
            bucket, upload["fields"]["key"], fields, conditions, ExpiresIn=seconds
        )["fields"]
        statuses.append((post_form(pipeline, upload["url"], form, picture), len(stored(form["key"]))))
    assert statuses == [(403, 0), (204, 1)]


def test_form_sent_24_times_stores_one_version_and_starts_once(pipeline, ann, announced, send, stored, picture):
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: send(picture), range(24))) == {204}
    key = announced["upload"]["fields"]["key"]
    wait_for(lambda: len(stored(key)) == 1)
    processed(ann, announced["photo"]["photo_id"])
    states = pipeline.client("stepfunctions").list_executions(stateMachineArn=pipeline.machine_arn)["executions"]
    assert sum(one["name"].startswith(announced["photo"]["photo_id"]) for one in states) == 1
    [version] = pipeline.client("s3").list_object_versions(Bucket=pipeline.bucket, Prefix=key)["Versions"]
    photo = pipeline.item(f"PHOTO#{announced['photo']['photo_id']}", "CURRENT")
    assert photo["object"]["version_id"] == version["VersionId"]


def test_simultaneous_announcements_do_not_exceed_the_allowance(pipeline, ann):
    owner = ann.get("/api/me").json()["owner"]
    key = table_keys.allowance_key(owner, daily_counts.day_of(records.now()))
    day = {name: {"S": value} for name, value in key.items()} | {"uploads": {"N": "490"}}
    pipeline.client("dynamodb").put_item(TableName=pipeline.table, Item=day)
    form = {"name": "photo.jpg", "content_type": "image/jpeg", "size_bytes": 7}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ann("POST", "/api/photos", form), range(30)))
    assert sorted(answer.status for answer in answers) == [201] * 10 + [429] * 20
    refused = next(answer for answer in answers if answer.status == 429)
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    assert "500 photos" in refused.problem()["detail"]


def test_presigned_address_reads_its_image_and_nothing_else(pipeline, ann, announced, send, picture):
    send(picture)
    url = wait_for(lambda: ann.get(f"/api/photos/{announced['photo']['photo_id']}").json()["image_url"])
    answered = urllib.request.urlopen(url)
    assert answered.read() == picture
    asked = parse_qs(urlsplit(url).query)
    assert [answered.headers["Content-Type"]] == asked["response-content-type"]
    assert [answered.headers["Content-Disposition"]] == asked["response-content-disposition"]
    as_a_page = re.sub("response-content-type=[^&]*", "response-content-type=text%2Fhtml", url)
    for forged in (url.replace("/uploads/", "/resized/"), as_a_page):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(forged)
        assert refused.value.code == 403
