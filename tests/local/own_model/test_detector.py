"""The own model where Rekognition was: photos, inspection and bulk runs in the deployed stack, without a call of it."""

import json
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local.demo import people
from local.own_model import comparison
from local.own_model.opinions import Outcome
from tests.local.bulk.bulk_runs import Bulk
from tests.local.own_model.conftest import BLUE, GREEN, GREY, RED, photo
from tests.local.stack.inspections import Inspections
from tests.local.stack.pipeline import Pipeline
from tests.own_models import colour_model, write_model

pytestmark = pytest.mark.local


@pytest.fixture
def inspections(pipeline: Pipeline) -> Inspections:
    return Inspections(pipeline)


def first(record):
    return record["labels"][0]["name"]


def test_a_photo_is_labelled_by_the_own_model(pipeline):
    record = pipeline.finished(pipeline.upload("private/ann/uploads/red.jpg", RED))
    assert (record["status"], first(record)) == ("SUCCEEDED", "Red")
    assert record["detector"]["name"] == "own-model"
    assert record["detector"]["version"].startswith("colours 7 ")


def test_its_labels_have_the_shape_of_every_detector(pipeline):
    record = pipeline.finished(pipeline.upload("private/ann/uploads/green.jpg", GREEN))
    assert record["labels"][0].keys() == {"name", "confidence", "parents", "instances"}
    assert (record["labels"][0]["parents"], record["labels"][0]["instances"]) == ([], [])


def test_the_rest_of_the_record_is_what_it_was(pipeline):
    record = pipeline.finished(pipeline.upload("private/ann/uploads/rest.jpg", BLUE))
    assert (record["width"], record["height"], record["format"]) == (160, 120, "JPEG")
    assert {"thumbnail", "execution_arn"} <= record.keys()


def test_a_photo_of_which_the_model_is_not_sure_is_unknown(pipeline):
    record = pipeline.finished(pipeline.upload("private/ann/uploads/grey.jpg", GREY))
    assert [label["name"] for label in record["labels"]] == ["unknown"]


def test_rekognition_is_not_asked(pipeline):
    pipeline.finished(pipeline.upload("private/ann/uploads/unasked.jpg", GREEN))
    assert pipeline.counters()["calls"] == {}


def test_many_photos_at_once_wait_for_each_other_and_not_for_themselves(pipeline):
    versions = [pipeline.upload(f"private/ann/uploads/many/{shade}.jpg", photo(shade, 250, 10)) for shade in range(24)]
    assert {first(record) for record in pipeline.all_finished(versions)} == {"Green"}


def test_a_cut_photo_among_good_ones_fails_alone(pipeline):
    good = pipeline.upload("private/ann/uploads/good.jpg", RED)
    cut = pipeline.upload("private/ann/uploads/cut.jpg", RED[:-40])
    assert first(pipeline.finished(good)) == "Red"
    record = pipeline.finished(cut)
    assert (record["status"], record["error"]["name"], "labels" in record) == ("FAILED", "CorruptImage", False)


def test_a_function_without_the_permission_to_ask_records_no_labels(pipeline, without):
    without("DetectLabelsFunction", "AskTheOwnModel")
    record = pipeline.finished(pipeline.upload("private/ann/uploads/forbidden.jpg", RED))
    assert (record["status"], record["error"]["name"]) == ("PARTIAL", "AccessDenied")
    assert "labels" not in record


@pytest.mark.parametrize(("content", "verdict"), [(BLUE, "SUCCESS"), (RED, "FAILURE"), (GREY, "FAILURE")])
def test_an_inspected_image_is_judged_by_what_the_own_model_sees(inspections, content, verdict):
    version = inspections.pipeline.upload(f"images/{verdict}-{len(content)}.jpg", content)
    record = inspections.moved(version)
    assert (record["verdict"], record["detector"]["name"]) == (verdict, "own-model")


def test_the_result_file_of_an_inspection_says_which_model_it_was(inspections):
    record = inspections.moved(inspections.pipeline.upload("images/result.jpg", BLUE))
    assert inspections.result(record)["detector"] == record["detector"]


def test_a_bulk_run_is_labelled_by_the_own_model_and_a_bad_image_stays_alone(pipeline):
    bulk = Bulk.of(pipeline)
    bulk.put({"a.jpg": RED, "b.jpg": GREY, "c.jpg": RED[:-40], "d.jpg": BLUE})
    summary = bulk.run(tolerated_failure_percentage=50)
    assert (summary["labelled"], summary["failed"]) == (3, 1)
    # Rekognition cost nothing, and the model's time is in the estimate.
    assert summary["estimated_cost_usd"]["rekognition"] == 0
    assert summary["model_gb_seconds"] > 0
    records = {one["object"]["key"][-5:]: one for one in bulk.image_records()}
    assert {name: first(one) for name, one in records.items() if "labels" in one} == {
        "a.jpg": "Red",
        "b.jpg": "unknown",
        "d.jpg": "Blue",
    }
    assert {one["detector"]["name"] for one in records.values() if "detector" in one} == {"own-model"}
    assert pipeline.counters()["calls"] == {}


def test_each_class_is_counted_by_the_day(pipeline, tmp_path):
    person = people.demo_person(pipeline.stack, tmp_path / "person.json")
    versions = [
        pipeline.upload(f"private/{person.owner}/uploads/{name}.jpg", content)
        for name, content in {"a": RED, "b": RED, "c": GREY, "d": BLUE}.items()
    ]
    pipeline.all_finished(versions)
    code, _ = people.code(person, time.time())
    call = urllib.request.Request(
        f"{pipeline.stack.endpoint_url}/api/counts",
        headers={
            "Host": pipeline.stack.outputs["AppUrl"].removeprefix("http://"),
            "Authorization": f"Bearer {people.token(pipeline.stack, person.email, person.password, code)}",
        },
    )
    with urllib.request.urlopen(call, timeout=30) as response:
        counts = json.loads(response.read())["counts"]
    today = datetime.now(UTC).date().isoformat()
    assert {(one["class"], one["count"]) for one in counts if one["day"] == today} == {
        ("Red", 2),
        ("unknown", 1),
        ("Blue", 1),
    }


def test_both_detectors_look_at_the_same_pictures_and_leave_nothing_behind(pipeline, tmp_path):
    for name, content in {"a.jpg": RED, "b.jpg": GREY, "c.jpg": RED[:-40]}.items():
        (tmp_path / name).write_bytes(content)
    arn = pipeline.client("lambda").get_function(FunctionName=_own_function(pipeline))["Configuration"]["FunctionArn"]
    compared = comparison.compare(pipeline.stack, pipeline.bucket, arn, comparison.pictures(tmp_path))
    assert compared.left.startswith("rekognition local-")
    assert compared.right.startswith("own-model colours 7 ")
    assert [one.right.first for one in compared.images] == ["Red", "unknown", ""]
    assert compared.images[2].outcome is Outcome.REFUSED
    left = pipeline.client("s3").list_object_versions(Bucket=pipeline.bucket, Prefix="compare/")
    assert "Versions" not in left


def _own_function(pipeline):
    functions = pipeline.client("lambda").get_paginator("list_functions").paginate()
    [name] = [one["FunctionName"] for page in functions for one in page["Functions"] if one["PackageType"] == "Image"]
    return name


def test_a_stack_that_has_this_model_is_not_deployed_again(deploy, pipeline, files):
    before = files.log.joinpath("sam.log").stat().st_size
    assert deploy().stack == pipeline.stack
    assert files.log.joinpath("sam.log").stat().st_size == before


@pytest.fixture
def mine(deploy, context: Path):
    """The folder of the stack's model, which is put back and deployed after the test."""
    yield context / "classify_image" / "mine"
    write_model(context / "classify_image" / "mine")
    deploy()


def test_another_model_in_the_same_folder_is_the_next_version(deploy, pipeline, mine):
    write_model(mine, colour_model(divisor=2), version="8")
    record = deploy().finished(pipeline.upload("private/ann/uploads/next.jpg", RED))
    assert (first(record), record["detector"]["version"][:10]) == ("Red", "colours 8 ")
