"""Smoke tests of a deployed stack: images take every path, as its users send them."""

import json
import os
from dataclasses import replace

import pytest

from tests.cloud.deployed import Visit, form, photo, send, wait_for
from vision.domain.objects import ObjectVersion

pytestmark = pytest.mark.cloud


def test_upload_becomes_a_record_with_a_thumbnail(stack, visit):
    version = visit.upload(f"private/{visit.name}/uploads/photo.jpg", photo())
    record = stack.finished(version)
    assert (record["status"], record["width"], record["height"]) == ("SUCCEEDED", 640, 480)
    thumbnail = record["thumbnail"]
    assert stack.client("s3").head_object(Bucket=thumbnail["bucket"], Key=thumbnail["key"])["ContentLength"] > 0


def test_inspected_image_gets_a_verdict_and_moves(stack, visit):
    if not stack.inspects_at_once:
        pytest.skip("this stack inspects in the sessions of a Custom Labels model, and each is on the bill")
    version = visit.upload(f"images/{visit.name}/photo.jpg", photo())
    record = stack.finished(version)
    assert record["verdict"] in ("SUCCESS", "FAILURE")
    wait_for(lambda: not list(stack.versions(stack.bucket, version.key)), "the end of the original")
    moved = record["moved_to"]
    assert stack.client("s3").head_object(Bucket=moved["bucket"], Key=moved["key"])["ContentLength"] > 0


def test_bulk_run_records_every_image_below_a_prefix(stack, visit, learnt):
    versions = [visit.upload(f"{visit.name}/{number}.jpg", photo()) for number in range(3)]
    ended = stack.closed(visit.start_run(bucket=stack.bucket, prefix=f"{visit.name}/"))
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"])["labelled"] == 3
    # A listing has no versions: a run identifies objects by their ETag.
    seen = [replace(version, version_id="") for version in versions]
    assert [stack.record(version).get("status") for version in seen] == ["SUCCEEDED"] * 3
    [file] = _result_files(stack, json.loads(ended["output"])["results"]["prefix"])
    row = json.loads(stack.read(stack.results, file).splitlines()[0])
    learnt(f"A line of the result file {file.rpartition('/')[2]} is {type(row).__name__}, for an output of an object")


def test_bulk_run_over_an_empty_prefix_says_so(stack, visit):
    ended = stack.closed(visit.start_run(bucket=stack.bucket, prefix=f"{visit.name}/"))
    assert ended["status"] == "SUCCEEDED", ended
    assert "prefix" in json.loads(ended["output"])["note"]


def test_user_creates_an_album_uploads_a_photo_views_it_and_deletes_both(stack, visit):
    token, body = visit.sign_in(), photo()
    made = stack.request("POST", "/api/albums", {"name": "Smoke"}, token)
    assert made.status == 201, made.body
    album_id = made.json()["album_id"]

    wanted = {"name": "photo.jpg", "content_type": "image/jpeg", "size_bytes": len(body), "album_id": album_id}
    answer = stack.request("POST", "/api/photos", wanted, token)
    assert answer.status == 201, answer.body
    ticket = answer.json()
    fields = ticket["upload"]["fields"]
    # The response to a form has no version.
    visit.versions.append(ObjectVersion(stack.bucket, fields["key"], "", "", "", 0))
    content, content_type = form(fields, body)
    assert send("POST", ticket["upload"]["url"], content, {"Content-Type": content_type}).status == 204

    def shown():
        [found] = stack.request("GET", f"/api/photos?album_id={album_id}", token=token).json()["photos"]
        return found if found["status"] not in ("PENDING", "RUNNING") else None

    found = wait_for(shown, "the photo in its album")
    assert (found["photo_id"], found["status"]) == (ticket["photo"]["photo_id"], "SUCCEEDED")
    assert send("GET", found["thumbnail"]["url"]).status == 200

    assert stack.request("DELETE", f"/api/photos/{found['photo_id']}", token=token).status == 204
    assert stack.request("GET", f"/api/photos/{found['photo_id']}", token=token).status == 404
    assert stack.request("DELETE", f"/api/albums/{album_id}", token=token).status == 204
    assert list(stack.versions(stack.bucket, fields["key"])) == []


@pytest.mark.skipif("AWS_SAM_STACK_NAME" in os.environ, reason="others use a deployed stack at the same time")
def test_visit_that_ends_early_leaves_nothing(stack):
    before = _everything(stack)
    visit = Visit(stack)
    visit.sign_in()
    visit.upload(f"private/{visit.name}/uploads/photo.jpg", photo())
    visit.upload(f"images/{visit.name}/photo.jpg", photo())
    visit.upload(f"{visit.name}/photo.jpg", photo())
    visit.start_run(bucket=stack.bucket, prefix=f"{visit.name}/")
    visit.end()
    assert _everything(stack) == before


def _everything(stack):
    """Return every object version, item and user of the stack, except the state of the rate limiter."""
    objects = [one["VersionId"] for bucket in (stack.bucket, stack.results) for one in stack.versions(bucket, "")]
    table = stack.client("dynamodb").get_paginator("scan").paginate(TableName=stack.table, ConsistentRead=True)
    items = [item["pk"]["S"] for page in table for item in page["Items"]]
    people = stack.client("cognito-idp").list_users(UserPoolId=stack.outputs["UserPoolId"])["Users"]
    return objects, [pk for pk in items if not pk.startswith("PACE#")], [one["Username"] for one in people]


def _result_files(stack, prefix: str) -> list[str]:
    """Return the files in the manifest of the Map of a run."""
    [manifest] = {one["Key"] for one in stack.versions(stack.results, prefix) if one["Key"].endswith("/manifest.json")}
    files = json.loads(stack.read(stack.results, manifest))["ResultFiles"]
    return [file["Key"] for kind in ("SUCCEEDED", "FAILED") for file in files[kind]]
