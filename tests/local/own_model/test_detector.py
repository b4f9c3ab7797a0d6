"""The own model in place of Rekognition, in the deployed stack: photos, inspections, bulk runs, a comparison."""

import json
import time
import urllib.request
from datetime import UTC, datetime

import pytest

from local.demo import people
from local.own_model import comparison
from local.own_model.opinions import Outcome
from tests.local.bulk.bulk_runs import Bulk
from tests.local.own_model.conftest import BLUE, GREY, RED, own_model_arn, photo
from tests.local.stack.inspections import Inspections
from tests.own_models import colour_model, write_model

pytestmark = pytest.mark.local


def first(record):
    return record["labels"][0]["name"]


def test_photo_gets_the_labels_of_the_own_model_and_the_usual_record(pipeline):
    red, grey = (
        pipeline.finished(pipeline.upload(f"private/ann/uploads/{name}.jpg", content))
        for name, content in {"red": RED, "grey": GREY}.items()
    )
    assert red["status"] == "SUCCEEDED"
    assert first(red) == "Red"
    assert red["labels"][0].keys() == {"name", "confidence", "parents", "instances"}
    assert red["labels"][0]["parents"] == red["labels"][0]["instances"] == []
    assert red["detector"]["name"] == "own-model"
    assert red["detector"]["version"].startswith("colours 7 ")
    assert (red["format"], red["width"], red["height"]) == ("JPEG", 160, 120)
    assert {"thumbnail", "execution_arn"} <= red.keys()
    # Its confidence is too low for a class.
    assert [label["name"] for label in grey["labels"]] == ["unknown"]
    assert pipeline.counters()["calls"] == {}


def test_corrupt_photo_among_many_fails_alone(pipeline):
    versions = [pipeline.upload(f"private/ann/uploads/many/{shade}.jpg", photo(shade, 250, 10)) for shade in range(24)]
    cut = pipeline.upload("private/ann/uploads/cut.jpg", RED[:-40])
    assert {first(record) for record in pipeline.all_finished(versions)} == {"Green"}
    record = pipeline.finished(cut)
    assert (record["status"], record["error"]["name"]) == ("FAILED", "CorruptImage")
    assert "labels" not in record


def test_function_without_the_permission_to_invoke_records_no_labels(pipeline, without):
    without("DetectLabelsFunction", "AskTheOwnModel")
    record = pipeline.finished(pipeline.upload("private/ann/uploads/forbidden.jpg", RED))
    assert (record["status"], record["error"]["name"]) == ("PARTIAL", "AccessDenied")
    assert "labels" not in record


@pytest.mark.parametrize(("content", "verdict"), [(BLUE, "SUCCESS"), (RED, "FAILURE"), (GREY, "FAILURE")])
def test_inspection_uses_the_labels_of_the_own_model(pipeline, content, verdict):
    inspections = Inspections(pipeline)
    record = inspections.moved(pipeline.upload(f"images/{verdict}-{len(content)}.jpg", content))
    assert (record["verdict"], record["detector"]["name"]) == (verdict, "own-model")
    assert inspections.result(record)["detector"] == record["detector"]


def test_bulk_run_uses_the_own_model_and_a_corrupt_image_fails_alone(pipeline):
    bulk = Bulk.of(pipeline)
    bulk.put({"a.jpg": RED, "b.jpg": GREY, "c.jpg": RED[:-40], "d.jpg": BLUE})
    summary = bulk.run(tolerated_failure_percentage=50)
    assert (summary["labelled"], summary["failed"]) == (3, 1)
    # The estimate has the time of the model, and nothing for Rekognition.
    assert summary["estimated_cost_usd"]["rekognition"] == 0
    assert summary["model_gb_seconds"] > 0
    records = bulk.image_records()
    labels = {one["object"]["key"][-5:]: first(one) for one in records if "labels" in one}
    assert labels == {"a.jpg": "Red", "b.jpg": "unknown", "d.jpg": "Blue"}
    assert {one["detector"]["name"] for one in records if "detector" in one} == {"own-model"}
    assert pipeline.counters()["calls"] == {}


def test_classes_are_counted_by_the_day(pipeline, tmp_path):
    person = people.demo_person(pipeline.stack, tmp_path / "person.json")
    versions = [
        pipeline.upload(f"private/{person.owner}/uploads/{name}.jpg", content)
        for name, content in {"a": RED, "b": RED, "c": GREY, "d": BLUE}.items()
    ]
    pipeline.all_finished(versions)
    code, _ = people.code(person, time.time())
    token = people.token(pipeline.stack, person.email, person.password, code)
    headers = {"Host": pipeline.stack.outputs["AppUrl"].removeprefix("http://"), "Authorization": f"Bearer {token}"}
    call = urllib.request.Request(f"{pipeline.stack.endpoint_url}/api/counts", headers=headers)
    with urllib.request.urlopen(call, timeout=30) as response:
        counts = json.loads(response.read())["counts"]
    today = datetime.now(UTC).date().isoformat()
    counted = {one["class"]: one["count"] for one in counts if one["day"] == today}
    assert counted == {"Red": 2, "unknown": 1, "Blue": 1}


def test_comparison_uses_both_detectors_and_leaves_no_objects(pipeline, tmp_path):
    for name, content in {"a.jpg": RED, "b.jpg": GREY, "c.jpg": RED[:-40]}.items():
        (tmp_path / name).write_bytes(content)
    arn = own_model_arn(pipeline)
    compared = comparison.compare(pipeline.stack, pipeline.bucket, arn, comparison.pictures(tmp_path))
    assert compared.left.startswith("rekognition local-")
    assert compared.right.startswith("own-model colours 7 ")
    assert [one.right.first for one in compared.images] == ["Red", "unknown", ""]
    assert compared.images[2].outcome is Outcome.REFUSED
    left = pipeline.client("s3").list_object_versions(Bucket=pipeline.bucket, Prefix="compare/")
    assert "Versions" not in left


def test_stack_with_this_model_is_not_deployed_again(deploy, pipeline, files):
    before = files.log.joinpath("sam.log").stat().st_size
    assert deploy().stack == pipeline.stack
    assert files.log.joinpath("sam.log").stat().st_size == before


def test_new_model_in_the_same_folder_is_deployed(deploy, pipeline, context):
    mine = context / "classify_image" / "mine"
    write_model(mine, colour_model(divisor=2), version="8")
    try:
        record = deploy().finished(pipeline.upload("private/ann/uploads/next.jpg", RED))
        assert first(record) == "Red"
        assert record["detector"]["version"].startswith("colours 8 ")
    finally:
        write_model(mine)
        deploy()
