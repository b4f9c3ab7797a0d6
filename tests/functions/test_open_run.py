from collections.abc import Callable
from typing import Any

import boto3
import pytest

from tests.conftest import BUCKET, REGION
from tests.functions.conftest import Event, Handler, Listing, Start
from vision.adapters.aws_sdk import client
from vision.adapters.bulk_runs import BulkRuns
from vision.domain.bulk.bulk_run import Request
from vision.domain.errors import InvalidRun

Asked = Callable[..., dict[str, Any]]
ARN = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-ProcessBucket:first"
NOW = "2026-11-12T09:30:03.000Z"
ELSEWHERE = "amzn-s3-demo-elsewhere"


@pytest.fixture
def asked(event: Event) -> Asked:
    """The sample event with other fields in its request."""
    return lambda **fields: event("open_run") | {"request": event("open_run")["request"] | fields}


@pytest.fixture
def filled(bucket: str, event: Event) -> str:
    """The bucket, with an object below the prefix of the sample event, and one below another."""
    for prefix in (event("open_run")["request"]["prefix"], "other/"):
        client("s3").put_object(Bucket=bucket, Key=f"{prefix}a.jpg", Body=b"image")
    return bucket


@pytest.fixture
def open_run(function: Start, runs: BulkRuns) -> Handler:
    """The handler, started cold for each event."""
    return lambda event: function("open_run")(event)


def test_opened_run_has_a_record_and_all_that_its_map_needs(
    open_run: Handler, filled: str, runs: BulkRuns, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULK_BATCH_SIZE", "7")
    opened = open_run(asked())
    assert opened.keys() == {"decision", "run", "workers", "batch_size", "results_prefix"}
    assert opened["decision"] == "RUN"
    assert opened["batch_size"] == 7
    assert opened["run"] == {
        "run_id": "first",
        "request": Request.from_dict(asked()["request"]).as_dict(),
        "execution": asked()["execution"],
    }
    assert (runs.read("first") or {})["status"] == "RUNNING"
    # A retry opens the same run.
    assert open_run(asked()) == opened


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"bucket": "amzn-s3-demo-other"}, "add its ARN to the parameter BulkBucketArns"),
        ({"inventory": {"bucket": "amzn-s3-demo-other", "key": "manifest.json"}}, "inventory.bucket: "),
        ({"steps": ["all"]}, "steps: "),
        ({"bucket": "\ud800"}, "not UTF-8"),
    ],
)
def test_impossible_run_is_refused_before_anything_is_written(
    open_run: Handler, items: Listing, asked: Asked, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidRun, match=words):
        open_run(asked(**fields))
    assert items() == []


def test_run_over_a_missing_bucket_or_photos_that_are_not_allowed_is_refused(
    open_run: Handler, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidRun, match="there is no bucket amzn-s3-demo-bucket"):
        open_run(asked())
    monkeypatch.setenv("BULK_READS_PHOTOS", "false")
    with pytest.raises(InvalidRun, match="BulkReadsPhotos"):
        open_run(asked())


@pytest.mark.parametrize("named", ["bucket", "inventory.bucket"])
def test_bucket_of_another_region_is_refused_with_both_regions(
    open_run: Handler, bucket: str, items: Listing, asked: Asked, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    elsewhere = boto3.client("s3", region_name="us-west-2")
    elsewhere.create_bucket(Bucket=ELSEWHERE, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    monkeypatch.setenv("BULK_BUCKETS", f"arn:aws:s3:::{bucket},arn:aws:s3:::{ELSEWHERE}")
    inventory = {"bucket": ELSEWHERE, "key": "manifest.json"}
    with pytest.raises(InvalidRun) as refusal:
        open_run(asked(bucket=ELSEWHERE) if named == "bucket" else asked(inventory=inventory))
    assert str(refusal.value).startswith(f"{named}: {ELSEWHERE} is in us-west-2, ")
    assert REGION in str(refusal.value)
    assert items() == []


@pytest.mark.parametrize(
    ("inventory", "decision"), [(None, "EMPTY"), ({"bucket": BUCKET, "key": "manifest.json"}, "RUN")]
)
def test_prefix_without_objects_is_empty_unless_an_inventory_is_given(
    open_run: Handler, filled: str, runs: BulkRuns, asked: Asked, inventory: Any, decision: str
) -> None:
    assert open_run(asked(prefix="nothing/", inventory=inventory))["decision"] == decision
    assert (runs.read("first") or {})["status"] == "RUNNING"


def test_prefix_of_a_running_execution_is_busy_until_it_ends(
    open_run: Handler, filled: str, runs: BulkRuns, asked: Asked, state_machine_arn: str
) -> None:
    states = client("stepfunctions")
    running = states.start_execution(stateMachineArn=state_machine_arn, name="running")["executionArn"]
    runs.acquire(Request.from_dict(asked()["request"]), running, "", NOW)
    assert open_run(asked()) == {"decision": "BUSY", "execution_arn": running}
    assert runs.read("first") is None
    assert open_run(asked(prefix="other/"))["decision"] == "RUN"
    states.stop_execution(executionArn=running)
    assert open_run(asked())["decision"] == "RUN"


def test_second_of_two_concurrent_runs_names_the_first(
    open_run: Handler, bucket: str, runs: BulkRuns, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = BulkRuns.holder

    def beaten(self: BulkRuns, request: Request) -> str:
        found = look(self, request)
        self.acquire(request, f"{ARN}-and-faster", found, NOW)
        return found

    monkeypatch.setattr(BulkRuns, "holder", beaten)
    assert open_run(asked()) == {"decision": "BUSY", "execution_arn": f"{ARN}-and-faster"}
    assert runs.read("first") is None
