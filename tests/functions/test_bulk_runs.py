"""The functions of a bulk run: what they refuse, whom they let work, and what is left when a run ends."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from tests.conftest import BUCKET, REGION, TABLE
from tests.functions.conftest import ENVIRONMENT, RESULTS
from vision.adapters.aws_sdk import client
from vision.adapters.bulk_runs import BulkRuns
from vision.adapters.table import Table
from vision.domain.bulk.bulk_run import Item, Request
from vision.domain.bulk.tallies import Tally
from vision.domain.envelopes import Envelope
from vision.domain.errors import InvalidRun
from vision.domain.executions import Attempt

ARN = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-ProcessBucket:first"
NOW = "2026-11-12T09:30:03.000Z"
ELSEWHERE = "amzn-s3-demo-elsewhere"


@pytest.fixture
def asked(event: Callable[[str], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """The sample of open_run with other wishes."""
    return lambda **fields: event("open_run") | {"request": event("open_run")["request"] | fields}


@pytest.fixture
def filled(bucket: str, event: Callable[[str], dict[str, Any]]) -> str:
    """The bucket, with an object below the prefix of the sample, and one below another."""
    for prefix in (event("open_run")["request"]["prefix"], "other/"):
        client("s3").put_object(Bucket=bucket, Key=f"{prefix}a.jpg", Body=b"image")
    return bucket


@pytest.fixture
def runs(table_name: str) -> BulkRuns:
    return BulkRuns(table_name)


def test_batch_size_is_the_setting(
    function: Any, bucket: str, runs: BulkRuns, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULK_BATCH_SIZE", "7")
    assert function("open_run")(asked())["batch_size"] == 7


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"bucket": "amzn-s3-demo-other"}, "add its ARN to the parameter BulkBucketArns"),
        ({"inventory": {"bucket": "amzn-s3-demo-other", "key": "manifest.json"}}, "inventory.bucket: "),
        ({"steps": ["all"]}, "steps: "),
        ({"bucket": "\ud800"}, "not UTF-8"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(
    function: Any, bucket: str, runs: BulkRuns, items: Any, asked: Any, fields: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidRun, match=told):
        function("open_run")(asked(**fields))
    assert items() == []


def test_run_over_photos_of_people_is_refused_before_anything_is_written(
    function: Any, filled: str, runs: BulkRuns, items: Any, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULK_READS_PHOTOS", "false")
    with pytest.raises(InvalidRun, match="BulkReadsPhotos"):
        function("open_run")(asked())
    assert items() == []


def test_a_bucket_that_is_not_there_is_named(function: Any, runs: BulkRuns, asked: Any) -> None:
    with pytest.raises(InvalidRun, match="there is no bucket amzn-s3-demo-bucket"):
        function("open_run")(asked())


@pytest.mark.parametrize("named", ["bucket", "inventory.bucket"])
def test_a_bucket_of_another_region_is_refused_before_anything_is_paid(
    function: Any, bucket: str, runs: BulkRuns, items: Any, asked: Any, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    elsewhere = boto3.client("s3", region_name="us-west-2")
    elsewhere.create_bucket(Bucket=ELSEWHERE, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    monkeypatch.setenv("BULK_BUCKETS", f"arn:aws:s3:::{bucket},arn:aws:s3:::{ELSEWHERE}")
    handler = function("open_run")
    inventory = {"bucket": ELSEWHERE, "key": "manifest.json"}
    with pytest.raises(InvalidRun) as refusal:
        handler(asked(bucket=ELSEWHERE) if named == "bucket" else asked(inventory=inventory))
    assert str(refusal.value).startswith(f"{named}: {ELSEWHERE} is in us-west-2, ")
    assert REGION in str(refusal.value)
    assert items() == []


def test_the_map_is_given_all_that_it_needs(function: Any, filled: str, runs: BulkRuns, asked: Any) -> None:
    opened = function("open_run")(asked())
    assert opened["decision"] == "RUN"
    assert opened.keys() == {"decision", "run", "workers", "batch_size", "results_prefix"}
    assert opened["run"] == {
        "run_id": "first",
        "request": Request.from_dict(asked()["request"]).as_dict(),
        "execution": asked()["execution"],
    }
    assert (runs.read("first") or {})["status"] == "RUNNING"


@pytest.mark.parametrize(
    ("inventory", "decision"), [(None, "EMPTY"), ({"bucket": BUCKET, "key": "manifest.json"}, "RUN")]
)
def test_a_prefix_without_objects_needs_no_map(
    function: Any, filled: str, runs: BulkRuns, asked: Any, inventory: Any, decision: str
) -> None:
    # What is named by an inventory may be gone since, and then each of its objects says so.
    assert function("open_run")(asked(prefix="nothing/", inventory=inventory))["decision"] == decision
    assert (runs.read("first") or {})["status"] == "RUNNING"


def test_the_same_prefix_is_left_to_whoever_still_works_on_it(
    function: Any, filled: str, runs: BulkRuns, asked: Any, state_machine_arn: str
) -> None:
    states = client("stepfunctions")
    running = states.start_execution(stateMachineArn=state_machine_arn, name="running")["executionArn"]
    runs.acquire(Request.from_dict(asked()["request"]), running, "", NOW)
    assert function("open_run")(asked()) == {"decision": "BUSY", "execution_arn": running}
    assert runs.read("first") is None
    # Another prefix of the same bucket is not theirs, and they may end without a word.
    assert function("open_run")(asked(prefix="other/"))["decision"] == "RUN"
    states.stop_execution(executionArn=running)
    assert function("open_run")(asked())["decision"] == "RUN"


def test_of_two_that_come_at_once_the_second_names_the_first(
    function: Any, bucket: str, runs: BulkRuns, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = BulkRuns.holder

    def beaten(self: BulkRuns, request: Request) -> str:
        found = look(self, request)
        self.acquire(request, f"{ARN}-and-faster", found, NOW)
        return found

    monkeypatch.setattr(BulkRuns, "holder", beaten)
    assert function("open_run")(asked()) == {"decision": "BUSY", "execution_arn": f"{ARN}-and-faster"}
    assert runs.read("first") is None


def test_an_opening_that_is_tried_again_opens_the_same_run(
    function: Any, bucket: str, runs: BulkRuns, asked: Any
) -> None:
    first, second = function("open_run")(asked()), function("open_run")(asked())
    assert first == second


def test_a_batch_counts_its_images_in_the_run_and_as_metrics(
    drive: Any, runs: BulkRuns, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = drive("process_batch")
    record = runs.read("first") or {}
    assert (record["seen"], record["skipped"], record["labelled"]) == (2, 1, 1)
    assert (answered["calls"], answered["in_vain"]) == (1, False)
    assert len(json.dumps(answered)) < 1000
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {name for line in lines for name in line if name.startswith("Bulk")} <= {
        "BulkImagesLabelled",
        "BulkImagesSkipped",
    }


def test_a_batch_that_is_given_twice_is_done_once_and_answers_the_same(drive: Any) -> None:
    first, second = drive("process_batch"), drive("process_batch")
    # The second has found what the first did and paid for: the first may have died before it could tell.
    assert (first["labelled"], second["labelled"], first["calls"], second["calls"]) == (1, 1, 1, 1)


def test_keys_of_failures_are_data_and_never_logs(
    drive: Any, capsys: pytest.CaptureFixture[str], hook: Callable[..., None]
) -> None:
    # The output and the result files are the owner's, as the records are; the state machine logs no data.
    def broken(**_: Any) -> None:
        raise RuntimeError("of a kind that nothing expects")

    hook("rekognition", "before-call.SERVICE.DetectLabels", broken, first=True)
    answered = drive("process_batch")
    assert [one["key"].rpartition("/")[2] for one in answered["failures"]] == ["rose (1) 50%+.jpg"]
    assert "rose" not in "".join(capsys.readouterr())


def test_batch_skips_photos_of_people_where_its_run_leaves_them_out(
    drive: Any, runs: BulkRuns, event: Any, answer: Callable[..., list[dict[str, Any]]], function: Any
) -> None:
    drive("process_batch")
    asked = answer("rekognition", "DetectLabels", {"Labels": []})
    everything = Request.from_dict({"bucket": BUCKET, "prefix": ""})
    runs.open("second", ARN.replace(":first", ":second"), everything, NOW, "private/")
    sample = event("process_batch")
    sample["BatchInput"] |= {"run_id": "second", "request": everything.as_dict()}
    answered = function("process_batch")(sample)
    assert (answered["seen"], answered["skipped"], asked) == (2, 2, [])


@pytest.mark.parametrize("field", ["bucket", "prefix", "run_id"])
def test_batch_that_no_run_was_opened_for_is_refused_and_records_nothing(
    drive: Any, runs: BulkRuns, items: Any, event: Any, function: Any, field: str
) -> None:
    sample = event("process_batch")
    request = Request.from_dict(sample["BatchInput"]["request"])
    runs.open("first", ARN, request, NOW)
    before = items()
    where = sample["BatchInput"] if field == "run_id" else sample["BatchInput"]["request"]
    where[field] = "somebody-elses"
    with pytest.raises(InvalidRun, match="was not opened for this bucket and prefix"):
        function("process_batch")(sample)
    assert items() == before


# The end


@pytest.fixture
def opened(function: Any, results: Any, runs: BulkRuns, event: Any) -> Callable[..., Any]:
    """A run with result files as its Map leaves them, and its end."""
    client("events").create_event_bus(Name=ENVIRONMENT["VISION_EVENT_BUS_NAME"])
    request = Request.from_dict({"bucket": BUCKET, "prefix": "private/"})

    def put(name: str, content: str) -> dict[str, Any]:
        key = f"imageLabelJobs/first/uuid/{name}"
        client("s3").put_object(Bucket=RESULTS, Key=key, Body=content.encode())
        return {"Key": key, "Size": len(content)}

    def end(
        sample: str,
        *rows: Any,
        name: str = "SUCCEEDED_0.jsonl",
        before_redrive: tuple[dict[str, Any], ...] = (),
    ) -> Any:
        runs.acquire(request, ARN, "", NOW)
        runs.open("first", ARN, request, NOW)
        if before_redrive:
            put("FAILED_0.jsonl", "\n".join(map(json.dumps, before_redrive)))
        if rows:
            # https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
            files: dict[str, list[Any]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
            files[name.partition("_")[0]].append(put(name, "\n".join(map(json.dumps, rows))))
            put("manifest.json", json.dumps({"DestinationBucket": RESULTS, "MapRunArn": ARN, "ResultFiles": files}))
        return function("summarize_run")(event(sample))

    return end


def _batch(**counts: int) -> dict[str, Any]:
    reasons = {"AccessDenied": counts["failed"]} if counts.get("failed") else {}
    return Tally(batches=1, worker_seconds=12.5, **counts).as_dict() | {"reasons": reasons, "in_vain": False}


def test_the_summary_adds_up_what_the_batches_left(opened: Any, runs: BulkRuns) -> None:
    rows = [_batch(seen=100, labelled=99, failed=1, calls=99, reads=300, writes=100)] * 3
    summary = opened("summarize_run", *rows)
    assert (summary["status"], summary["seen"], summary["labelled"], summary["failed"]) == ("SUCCEEDED", 300, 297, 3)
    assert summary["estimated_cost_usd"]["rekognition"] == pytest.approx(0.297)
    assert 0 < summary["estimated_cost_usd"]["everything_else"] < 0.01
    assert "failures" not in summary
    record = runs.read("first") or {}
    assert {name: record[name] for name in ("status", "seen", "failed", "reasons")} == {
        "status": "SUCCEEDED",
        "seen": 300,
        "failed": 3,
        "reasons": {"AccessDenied": 3},
    }
    body = client("s3").get_object(Bucket=RESULTS, Key="imageLabelJobs/first/summary.json")["Body"].read()
    assert json.loads(body)["seen"] == 300


def test_too_many_failed_images_fail_the_run_with_their_reasons(opened: Any) -> None:
    summary = opened("summarize_run", _batch(seen=100, labelled=94, failed=6))
    assert (summary["status"], summary["error"]["name"]) == ("FAILED", "TooManyImagesFailed")
    assert "6 of 100 images failed, 6.0 % where 5 % are tolerated: AccessDenied 6" in summary["error"]["cause"]


def test_lost_batches_count_all_their_images(opened: Any) -> None:
    lost = {"Input": json.dumps({"Items": [{}] * 40}), "Error": "States.Timeout"}
    summary = opened("summarize_run_failed", lost, name="FAILED_0.jsonl")
    assert (summary["seen"], summary["failed"], summary["reasons"]) == (40, 40, {"States.Timeout": 40})


def test_images_of_a_lost_batch_count_as_their_records_say(opened: Any, table_name: str) -> None:
    run = Attempt(ARN, NOW)
    items = [{"key": f"private/{name}.jpg", "etag": f'"{name}"', "size_bytes": 5} for name in ("done", "bad", "left")]
    done, bad, _ = (Item.of(item, Request.from_dict({"bucket": BUCKET})).version for item in items)
    labels = {"status": "SUCCEEDED", "labels": [], "detector": {"name": "rekognition", "version": "3.0"}}
    refused = {"status": "FAILED", "error": {"name": "CorruptImage", "cause": "cut"}}
    for version, outcome in ((done, labels), (bad, refused)):
        Table(table_name).advance(Envelope.of(version), run, outcome, NOW)
    lost = {"Input": json.dumps({"Items": [*items, items[0] | {"size_bytes": 0, "key": "private/folder/"}]})}
    summary = opened("summarize_run_failed", lost | {"Error": "Runtime.ExitError"}, name="FAILED_0.jsonl")
    assert {name: summary[name] for name in ("seen", "labelled", "skipped", "failed", "calls", "writes")} == {
        "seen": 4,
        "labelled": 1,
        "skipped": 1,
        "failed": 2,
        "calls": 1,
        "writes": 2,
    }
    assert summary["reasons"] == {"CorruptImage": 1, "Runtime.ExitError": 1}


def test_photos_that_a_run_leaves_out_are_skipped_in_a_lost_batch_too(opened: Any, runs: BulkRuns) -> None:
    runs.open("first", ARN, Request.from_dict({"bucket": BUCKET}), NOW, left_out="private/")
    items = [{"key": key, "etag": '"1"', "size_bytes": 5} for key in ("private/a.jpg", "private/b.jpg", "2026/c.jpg")]
    lost = {"Input": json.dumps({"Items": items}), "Error": "States.Timeout"}
    summary = opened("summarize_run_failed", lost, name="FAILED_0.jsonl")
    assert (summary["seen"], summary["skipped"], summary["reasons"]) == (3, 2, {"States.Timeout": 1})


def test_lost_batch_whose_items_cannot_be_read_counts_all_its_images(opened: Any) -> None:
    lost = {"Input": json.dumps({"Items": [{"key": "private/a.jpg"}, {}]}), "Error": "InvalidEvent"}
    summary = opened("summarize_run_failed", lost, name="FAILED_0.jsonl")
    assert (summary["failed"], summary["reasons"]) == (2, {"InvalidEvent": 2})


def test_a_batch_that_failed_and_was_redriven_counts_once(opened: Any) -> None:
    lost = {"Input": json.dumps({"Items": [{}] * 100}), "Error": "States.Timeout"}
    summary = opened("summarize_run", _batch(seen=100, labelled=100), before_redrive=(lost,))
    assert (summary["status"], summary["seen"], summary["failed"]) == ("SUCCEEDED", 100, 0)


def test_an_output_that_is_written_as_text_is_read(opened: Any) -> None:
    # As the field Output is, where results are written without a transformation.
    assert opened("summarize_run", json.dumps(_batch(seen=2, labelled=2)))["labelled"] == 2


def test_without_result_files_the_reasons_are_in_the_records(opened: Any, runs: BulkRuns) -> None:
    runs.open("first", ARN, Request.from_dict({"bucket": BUCKET, "prefix": "private/"}), NOW)
    runs.count("first", Tally(seen=50, failed=50, batches=1))
    summary = opened("summarize_run_failed")
    assert "50 of 50 images failed" in summary["error"]["cause"]
    assert ": their records say why; fix these" in summary["error"]["cause"]


def test_summary_says_that_the_photos_of_people_were_skipped(opened: Any, runs: BulkRuns) -> None:
    runs.open("first", ARN, Request.from_dict({"bucket": BUCKET, "prefix": ""}), NOW, "private/")
    summary = opened("summarize_run", _batch(seen=2, labelled=1, skipped=1))
    assert summary["note"] == "what lies below private/ was skipped; BulkReadsPhotos lets bulk runs read it"


def test_an_empty_prefix_is_a_success_with_a_hint(opened: Any) -> None:
    summary = opened("summarize_run")
    assert (summary["status"], summary["seen"]) == ("SUCCEEDED", 0)
    assert "prefix" in summary["note"]


def test_a_stopped_run_keeps_what_it_had_counted(opened: Any, runs: BulkRuns) -> None:
    runs.open("first", ARN, Request.from_dict({"bucket": BUCKET, "prefix": "private/"}), NOW)
    runs.count("first", Tally(seen=50, labelled=50, calls=50, batches=1))
    summary = opened("summarize_run_aborted")
    assert (summary["status"], summary["seen"], summary["labelled"]) == ("ABORTED", 50, 50)


@pytest.fixture
def stopped(opened: Any, runs: BulkRuns, hook: Callable[..., None]) -> dict[str, Any]:
    """The summary of a stopped run; a batch under way ends while it is summed up, and another one after that."""
    batch = Tally(seen=50, labelled=50, calls=50, writes=50, batches=1, worker_seconds=12.5)
    runs.open("first", ARN, Request.from_dict({"bucket": BUCKET, "prefix": "private/"}), NOW)
    runs.count("first", batch)
    hook("s3", "before-call.SERVICE.PutObject", lambda **_: runs.count("first", batch))
    summary = opened("summarize_run_aborted")
    runs.count("first", batch)
    return dict(summary)


def test_batches_that_end_after_a_stop_are_counted(stopped: dict[str, Any], runs: BulkRuns) -> None:
    record = runs.read("first") or {}
    counted = {name: record[name] for name in ("status", "seen", "labelled", "calls", "worker_seconds")}
    assert counted == {"status": "ABORTED", "seen": 150, "labelled": 150, "calls": 150, "worker_seconds": 37.5}


def test_summary_of_a_stopped_run_says_that_it_is_provisional(stopped: dict[str, Any]) -> None:
    assert (stopped["provisional"], stopped["seen"]) == (True, 50)
    body = client("s3").get_object(Bucket=RESULTS, Key="imageLabelJobs/first/summary.json")["Body"].read()
    assert json.loads(body) == stopped


def test_redriven_run_that_succeeds_has_its_final_sums(stopped: dict[str, Any], opened: Any, runs: BulkRuns) -> None:
    assert stopped["provisional"]
    opened("summarize_run", _batch(seen=120, labelled=120, calls=100))
    record = runs.read("first") or {}
    assert (record["status"], record["seen"], record["calls"]) == ("SUCCEEDED", 120, 100)
    assert (record["estimated_cost_usd"]["rekognition"], "provisional" in record) == (0.1, False)


def test_a_run_that_has_summed_itself_up_is_not_closed_again(opened: Any, function: Any, event: Any) -> None:
    assert opened("summarize_run")["status"] == "SUCCEEDED"
    assert function("summarize_run")(event("summarize_run_aborted")) is None


def test_a_redriven_run_that_succeeds_is_told_without_its_earlier_error(
    opened: Any, function: Any, event: Any, runs: BulkRuns
) -> None:
    opened("summarize_run_aborted")
    assert "error" in (runs.read("first") or {})
    function("summarize_run")(event("summarize_run"))
    record = runs.read("first") or {}
    assert (record["status"], "error" in record) == ("SUCCEEDED", False)


def test_an_end_leaves_the_prefix_to_the_next(opened: Any, runs: BulkRuns) -> None:
    opened("summarize_run_aborted")
    assert runs.holder(Request.from_dict({"bucket": BUCKET, "prefix": "private/"})) == ""


def test_a_run_that_never_opened_has_no_end(function: Any, table_name: str, event: Any) -> None:
    assert table_name == TABLE
    assert function("summarize_run")(event("summarize_run_aborted")) is None


@pytest.mark.parametrize("sample", ["summarize_run", "summarize_run_failed"])
def test_machine_whose_run_has_no_record_is_told_so(function: Any, runs: BulkRuns, event: Any, sample: str) -> None:
    with pytest.raises(InvalidRun, match=r"^run first: no record tells what it was asked for; start the run again$"):
        function("summarize_run")(event(sample))


def test_programs_hear_of_the_end(opened: Any, hook: Callable[..., None]) -> None:
    put: list[dict[str, Any]] = []
    hook("events", "provide-client-params.SERVICE.PutEvents", lambda params, **_: put.extend(params["Entries"]))
    summary = opened("summarize_run", _batch(seen=1, labelled=1))
    [entry] = put
    assert (entry["Source"], entry["DetailType"]) == ("image-recognition", "Bulk Run Ended")
    assert json.loads(entry["Detail"]) == summary
    # 256 KB is the most that an event may be.
    assert len(entry["Detail"]) < 10_000
