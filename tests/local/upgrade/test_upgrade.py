"""A stack of the last release works on after the update: records, cursors, executions and events of before."""

import json
from urllib.parse import quote

import boto3
import pytest
from boto3.dynamodb.conditions import Key

from local.stack import index_steps
from local.stack.deployment import REPOSITORY, STACK_NAME
from tests import last_release
from tests.browser.people import make_person, tokens_of
from tests.local.app.conftest import HOST, Client, port_of
from tests.local.engine import web_app
from tests.local.stack.pipeline import created, wait_for
from tests.local.upgrade.conftest import LONG_AGO, indexes
from tests.template.cloudformation import load
from vision.domain import keys, table_keys
from vision.domain.envelopes import Envelope

pytestmark = pytest.mark.local


@pytest.fixture(scope="session")
def pipeline(upgrade):
    return upgrade.pipeline


@pytest.fixture(scope="session")
def earlier(upgrade):
    return upgrade.earlier


@pytest.fixture
def ann(pipeline, earlier):
    return Client(pipeline, tokens_of(pipeline, earlier.ann)["access_token"])


@pytest.fixture(scope="session")
def operator(pipeline):
    return Client(pipeline, tokens_of(pipeline, make_person(pipeline, is_operator=True))["access_token"])


def names(template: str) -> set[str]:
    return set(index_steps.indexes_of(load(template)))


def test_table_has_the_indexes_of_the_template(pipeline):
    assert indexes(pipeline) == names((REPOSITORY / "template.yaml").read_text(encoding="utf-8"))


# The update that failed before


def test_failed_update_leaves_the_earlier_stack_and_its_table(upgrade, pipeline):
    # It may have a new index already, which the update of the deployed template gave it.
    assert upgrade.indexes_after_the_failure >= names(last_release.template("template.yaml"))
    events = pipeline.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=STACK_NAME)
    states = {
        one["ResourceStatus"]
        for page in events
        for one in page["StackEvents"]
        if one["LogicalResourceId"] == STACK_NAME
    }
    assert {"UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE"} <= states


def test_failed_update_leaves_a_stack_that_processes_uploads(upgrade):
    assert upgrade.after_the_failure["status"] == "SUCCEEDED"
    assert upgrade.after_the_failure["labels"] is not None


# Records


def test_each_photo_is_read_with_its_labels_and_facts(ann, earlier):
    for photo_id, before in earlier.photos.items():
        now = ann.get(f"/api/photos/{photo_id}").json()
        changing = {"thumbnail", "image_url", "execution_url"}
        assert {name: now[name] for name in before if name not in changing} == {
            name: value for name, value in before.items() if name not in changing
        }


def test_photos_are_listed_and_the_photo_of_another_person_is_not(ann, earlier):
    listed = [photo["photo_id"] for photo in ann.get("/api/photos?limit=100").json()["photos"]]
    assert [photo_id for photo_id in listed if photo_id in earlier.photos] == earlier.listed
    assert earlier.deleted not in listed
    assert ann.get(f"/api/photos/{earlier.of_bob}").status == 404


def test_cursor_of_the_last_release_goes_on_where_it_was(ann, earlier):
    page = ann.get(f"/api/photos?cursor={quote(earlier.cursor)}").json()
    assert [photo["photo_id"] for photo in page["photos"] if photo["photo_id"] in earlier.photos] == earlier.rest


def test_album_and_its_photos_are_there(ann, earlier):
    [album] = ann.get("/api/albums").json()["albums"]
    assert album["album_id"] == earlier.album["album_id"]
    [photo] = ann.get(f"/api/photos?album_id={album['album_id']}").json()["photos"]
    assert photo["photo_id"] in earlier.photos


def test_photos_are_found_by_their_labels(ann, earlier):
    for label, photos in earlier.labelled.items():
        found = ann.get(f"/api/photos?limit=100&label={quote(label)}").json()["photos"]
        assert {photo["photo_id"] for photo in found} & earlier.photos.keys() == photos, label


def test_bookmarks_lead_to_the_page(pipeline):
    # What follows # stays in the browser: a bookmark is this address.
    for path in ("/", "/config.json"):
        assert web_app.send(port_of(pipeline), "GET", path, None, HOST).status == 200


def test_records_of_inspections_and_runs_are_listed(operator, earlier):
    day = earlier.inspected["inspected_at"][:10]
    inspections = operator.get(f"/api/inspections?verdict=FAILURE&from={day}&to={day}").json()["inspections"]
    assert earlier.inspected["photo_id"] in {inspection["photo_id"] for inspection in inspections}
    runs = operator.get("/api/bulk-runs").json()["runs"]
    assert earlier.run["run_id"] in {run["run_id"] for run in runs}


def test_records_of_sessions_are_listed(pipeline):
    # The API lists them only where the stack has a model.
    arguments = pipeline.stack.client_arguments()
    table = boto3.resource("dynamodb", **arguments).Table(pipeline.table)
    listed = table.query(IndexName="listing", KeyConditionExpression=Key("listing_pk").eq(table_keys.SESSION_LISTING))
    [session] = [pipeline.item(item["pk"], item["sk"]) for item in listed["Items"]]
    assert (session["started_at"], session["images"]) == (LONG_AGO, 12)


# Executions and events


def settled(pipeline, versions) -> list[dict]:
    """Return the final records, after those that met a function between its old code and its new layer have run again.

    Lambda changes the code and the layers of a function in two calls, and the definition of the last release does not
    retry what fails between them.
    """
    for version, record in zip(versions, pipeline.all_finished(versions), strict=True):
        if record.get("error", {}).get("name") == "Runtime.ImportModuleError":
            pipeline.closed(pipeline.start(version, attempt=2))
    return pipeline.all_finished(versions)


def test_executions_that_ran_during_the_update_end_with_labels(pipeline, earlier):
    for record in settled(pipeline, earlier.running):
        assert record["status"] == "SUCCEEDED", record
        assert "labels" in record
        assert "thumbnail" in record


def test_no_upload_during_the_update_is_lost(pipeline, upgrade):
    assert upgrade.burst
    unfinished = [record for record in settled(pipeline, upgrade.burst) if record["status"] != "SUCCEEDED"]
    assert unfinished == []
    pipeline.wait_until_drained()
    assert pipeline.take_dead_letters() == []


def test_duplicate_of_an_event_from_before_starts_nothing(pipeline, earlier):
    [version] = earlier.running[:1]
    pipeline.finished(version)
    before = len(pipeline.executions())
    pipeline.send(created(version))
    pipeline.wait_until_drained()
    assert len(pipeline.executions()) == before


def test_refused_photo_is_processed_again_by_a_second_attempt(pipeline, earlier):
    refused = pipeline.record(earlier.refused)
    assert refused["status"] == "FAILED"
    ended = pipeline.closed(pipeline.start(earlier.refused, attempt=2))
    assert ended["status"] == "FAILED"
    again = pipeline.finished(earlier.refused)
    assert again["error"]["name"] == refused["error"]["name"]
    assert again["execution_arn"] != refused["execution_arn"]


def test_redrive_of_an_execution_from_before_is_recorded(pipeline, earlier):
    arn = pipeline.execution_arn(earlier.refused)
    detail = {
        "executionArn": arn,
        "stateMachineArn": pipeline.machine_arn,
        "name": keys.execution_name(earlier.refused),
        "status": "RUNNING",
        "input": json.dumps(Envelope.of(earlier.refused).as_dict()),
        "startDate": 4_000_000_000_000,
        "redriveCount": 1,
        "redriveDate": 4_000_000_000_000,
    }
    pipeline.invoke(
        "TrackExecutionFunction", {"detail-type": "Step Functions Execution Status Change", "detail": detail}
    )
    record = pipeline.record(earlier.refused)
    assert (record["status"], record["execution_arn"]) == ("RUNNING", arn)


def test_what_was_open_for_long_is_found_and_closed(pipeline, earlier):
    pipeline.invoke("TrackExecutionFunction", {})
    assert pipeline.finished(earlier.aborted)["status"] == "ABORTED"
    photo = keys.photo_id(earlier.deleting.bucket, earlier.deleting.key)
    assert "gone_at" in wait_for(lambda: pipeline.item(**table_keys.photo_key(photo)))
    versions = pipeline.client("s3").list_object_versions(Bucket=earlier.deleting.bucket, Prefix=earlier.deleting.key)
    assert not versions.get("Versions")


# Last, since it takes the photos away


def test_photos_from_before_are_deleted(pipeline, ann, earlier):
    for photo_id in earlier.photos:
        assert ann("DELETE", f"/api/photos/{photo_id}").status == 204
        assert ann.get(f"/api/photos/{photo_id}").status == 404
    left = ann.get("/api/photos?limit=100").json()["photos"]
    assert {photo["photo_id"] for photo in left} & earlier.photos.keys() == set()
    for label in earlier.labelled:
        found = ann.get(f"/api/photos?limit=100&label={quote(label)}").json()["photos"]
        assert {photo["photo_id"] for photo in found} & earlier.photos.keys() == set()
