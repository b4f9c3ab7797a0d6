import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import BUCKET, TABLE
from tests.functions.conftest import Answer, Event, Handler, Metrics, Refuse, Start
from tests.template.cloudformation import TEMPLATE, load
from vision.adapters import workflow
from vision.adapters.aws_sdk import client
from vision.adapters.photos import Photos
from vision.adapters.table import Table
from vision.domain import keys
from vision.domain.envelopes import Envelope
from vision.domain.errors import AccessDenied, InvalidEvent, Throttled
from vision.domain.executions import Attempt
from vision.domain.gallery.pending_uploads import PendingUpload
from vision.domain.objects import ObjectVersion
from vision.domain.records import timestamp

Track = Callable[[str], Any]
Outcome = Callable[..., tuple[str, str | None]]
ENDS = {
    "failed": ("FAILED", "States.DataLimitExceeded", "ImagesFailed"),
    "timed_out": ("TIMED_OUT", "States.Timeout", "ImagesTimedOut"),
    "aborted": ("ABORTED", "ExecutionAborted", "ImagesAborted"),
}


@pytest.fixture
def handler(function: Start, table: Table) -> Handler:
    return function("track_execution")


@pytest.fixture
def track(handler: Handler, event: Event) -> Track:
    """Send a sample event to track_execution."""
    return lambda name: handler(event(f"track_execution_{name}"))


@pytest.fixture
def envelope(event: Event) -> Envelope:
    return Envelope.from_dict(event("extract_metadata"))


@pytest.fixture
def running(table: Table, envelope: Envelope, event: Event) -> Attempt:
    """The attempt of the sample events, RUNNING in the table."""
    attempt = Attempt.from_context(event("store_metadata")["execution"])
    table.register(envelope, "2026-11-12T09:30:01.000Z")
    table.begin(envelope, attempt, {}, "2026-11-12T09:30:02.400Z")
    return attempt


@pytest.fixture
def outcome(table: Table, envelope: Envelope) -> Outcome:
    """Return the status of an image, and the name of its error."""

    def read(of: Envelope = envelope) -> tuple[str, str | None]:
        image = table.image(of)
        assert image is not None
        return image["status"], image.get("error", {}).get("name")

    return read


# Status changes


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("was_running", [True, False])
def test_end_of_an_execution_closes_its_record_and_is_counted_once(
    track: Track,
    table: Table,
    envelope: Envelope,
    request: pytest.FixtureRequest,
    outcome: Outcome,
    metrics: Metrics,
    name: str,
    was_running: bool,
) -> None:
    table.register(envelope, "2026-11-12T09:30:01.000Z")
    if was_running:
        request.getfixturevalue("running")
    status, error, metric = ENDS[name]
    attempts = []
    for _ in range(2):
        track(name)
        assert outcome() == (status, error)
        record = table.image(envelope) or {}
        attempts.append((record["execution_arn"], record["run_started_at"]))
    assert attempts[0] == attempts[1]
    assert metrics()[metric] == 1


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("recorded", ["SUCCEEDED", "PARTIAL", "FAILED"])
def test_recorded_outcome_is_kept_and_not_counted_again(
    track: Track, table: Table, envelope: Envelope, running: Attempt, metrics: Metrics, name: str, recorded: str
) -> None:
    table.advance(envelope, running, {"status": recorded}, "2026-11-12T09:31:00.000Z")
    before = table.image(envelope)
    track(name)
    assert table.image(envelope) == before
    assert ENDS[name][2] not in metrics()


@pytest.mark.parametrize("names", [("failed", "redriven", "redriven"), ("redriven", "failed")])
def test_redrive_reopens_the_record_and_a_late_end_does_not_close_it(
    track: Track, running: Attempt, outcome: Outcome, names: tuple[str, ...]
) -> None:
    for name in names:
        track(name)
    assert outcome() == ("RUNNING", None)


@pytest.mark.parametrize("missing", ["executionArn", "status", "startDate", "input", "detail"])
def test_incomplete_status_change_is_refused(handler: Handler, event: Event, missing: str) -> None:
    sample = event("track_execution_failed")
    del (sample if missing == "detail" else sample["detail"])[missing]
    with pytest.raises(InvalidEvent):
        handler(sample)


def test_input_with_the_key_of_another_photo_is_refused(
    handler: Handler, event: Event, running: Attempt, outcome: Outcome
) -> None:
    sample = event("track_execution_failed")
    other = json.loads(sample["detail"]["input"])
    other["object"]["key"] = "private/bob/uploads/oak.jpg"
    sample["detail"]["input"] = json.dumps(other)
    with pytest.raises(InvalidEvent, match="photo_id"):
        handler(sample)
    assert outcome() == ("RUNNING", None)


def test_error_of_dynamodb_is_raised(track: Track, running: Attempt, refuse: Refuse) -> None:
    refuse("dynamodb", "UpdateItem", "ThrottlingException")
    with pytest.raises(Throttled):
        track("failed")


# Silent executions


@pytest.fixture
def silent(table: Table, state_machine_arn: str) -> Callable[..., Envelope]:
    """Record an image whose RUNNING execution was last heard of some hours ago, and may have been stopped."""

    def make(name: str = "rose", hours_ago: float = 2, stopped: bool = False) -> Envelope:
        version = ObjectVersion(BUCKET, f"private/ann/uploads/{name}.jpg", "v1", "e1", "", 7)
        envelope = Envelope.of(version)
        heard = timestamp(datetime.now(UTC) - timedelta(hours=hours_ago))
        table.register(envelope, heard)
        attempt = workflow.start(state_machine_arn, keys.execution_name(version), envelope.as_dict())
        assert attempt is not None
        table.begin(envelope, attempt, {}, heard)
        if stopped:
            client("stepfunctions").stop_execution(executionArn=attempt.execution_arn)
        return envelope

    return make


def test_schedule_closes_stopped_executions_and_leaves_running_ones(
    track: Track, silent: Callable[..., Envelope], outcome: Outcome
) -> None:
    assert track("schedule") is None
    running = silent()
    stopped = [silent(f"rose {number}", 2 + number, stopped=True) for number in range(5)]
    track("schedule")
    assert {outcome(envelope) for envelope in stopped} == {("ABORTED", "ExecutionAborted")}
    assert outcome(running) == ("RUNNING", None)


def test_schedule_closes_an_execution_that_was_stopped_before_its_first_step(
    track: Track, table: Table, outcome: Outcome, state_machine_arn: str
) -> None:
    """Its record is PENDING, and so is that of an upload whose execution has not started."""
    ago = timestamp(datetime.now(UTC) - timedelta(hours=2))
    stopped, waiting = (
        Envelope.of(ObjectVersion(BUCKET, f"private/ann/uploads/{name}.jpg", "v1", "e1", "", 7)) for name in "ab"
    )
    for envelope in (stopped, waiting):
        table.register(envelope, ago)
    attempt = workflow.start(state_machine_arn, keys.execution_name(stopped.object), stopped.as_dict())
    assert attempt is not None
    client("stepfunctions").stop_execution(executionArn=attempt.execution_arn)
    track("schedule")
    assert outcome(stopped) == ("ABORTED", "ExecutionAborted")
    assert outcome(waiting) == ("PENDING", None)


def test_schedule_does_not_describe_recent_executions(
    track: Track, silent: Callable[..., Envelope], answer: Answer
) -> None:
    silent(hours_ago=0.9, stopped=True)
    asked = answer("stepfunctions", "DescribeExecution", {})
    track("schedule")
    assert asked == []


def test_schedule_closes_an_execution_that_was_deleted(
    track: Track, silent: Callable[..., Envelope], outcome: Outcome, refuse: Refuse
) -> None:
    deleted = silent()
    refuse("stepfunctions", "DescribeExecution", "ExecutionDoesNotExist")
    track("schedule")
    assert outcome(deleted) == ("FAILED", "ExecutionDoesNotExist")


def test_schedule_checks_the_others_when_one_fails_and_raises_its_error(
    track: Track, silent: Callable[..., Envelope], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("rose", "tulip", "daisy"):
        silent(name)
    described: list[str] = []

    def describe(execution_arn: str) -> None:
        described.append(execution_arn)
        raise AccessDenied(f"call {len(described)}")

    monkeypatch.setattr("vision.adapters.workflow.describe", describe)
    with pytest.raises(AccessDenied, match="call 1"):
        track("schedule")
    assert len(set(described)) == 3


# Interrupted deletions


@pytest.fixture
def interrupted(table: Table, bucket: str) -> Callable[[float], Envelope]:
    """A photo whose deletion was interrupted some hours ago, before any object was deleted."""

    def make(hours_ago: float) -> Envelope:
        photos, moment = Photos(TABLE), timestamp(datetime.now(UTC) - timedelta(hours=hours_ago))
        upload = PendingUpload(bucket, "ann", "token", "deleted.jpg", "image/jpeg", 5, "")
        photos.announce(upload, moment)
        client("s3").put_object(Bucket=bucket, Key=upload.key, Body=b"photo")
        envelope = Envelope.of(ObjectVersion(bucket, upload.key, "v1", "e1", "1", 5))
        table.register(envelope, moment)
        photo = photos.read(envelope.photo_id)
        assert photo is not None
        photos.mark_deleting(photo, moment, moment)
        return envelope

    return make


@pytest.mark.parametrize(("hours_ago", "is_completed"), [(2, True), (0.9, False)])
def test_schedule_completes_an_interrupted_deletion_after_a_while(
    track: Track, bucket: str, interrupted: Callable[[float], Envelope], hours_ago: float, is_completed: bool
) -> None:
    envelope = interrupted(hours_ago)
    track("schedule")
    photo = Photos(TABLE).read(envelope.photo_id)
    assert photo is not None
    assert client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == (0 if is_completed else 1)
    if is_completed:
        assert "gone_at" in photo.item
        assert "status" not in photo.item


def test_deletion_that_cannot_be_completed_raises_its_error(
    track: Track, interrupted: Callable[[float], Envelope], refuse: Refuse
) -> None:
    interrupted(2)
    refuse("s3", "ListObjectVersions", "AccessDenied", 403)
    with pytest.raises(AccessDenied):
        track("schedule")


# Faults of the service and of uploads


def _alarms_of_deployments(metrics: Mapping[tuple[str, str], float]) -> list[str]:
    """The alarms that roll a gradual deployment back when these metrics are measured within five minutes."""
    template = load(TEMPLATE.read_text())
    resources, parameters = template["Resources"], template["Parameters"]
    watching = {
        alarm["Ref"]
        for one in resources.values()
        for alarm in one.get("Properties", {}).get("DeploymentPreference", {}).get("Alarms", [])
    }
    found = []
    for name in sorted(watching):
        alarm = resources[name]["Properties"]
        threshold = alarm["Threshold"]
        limit = parameters[threshold["Ref"]]["Default"] if isinstance(threshold, dict) else threshold
        if metrics.get((alarm["Namespace"], alarm["MetricName"]), 0) > limit:
            found.append(name)
    return found


def _measured(output: str) -> Counter[tuple[str, str]]:
    """The sums of the metrics in the lines of a log, by namespace and name."""
    found: Counter[tuple[str, str]] = Counter()
    for line in map(json.loads, output.splitlines()):
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            for metric in directive["Metrics"]:
                found[directive["Namespace"], metric["Name"]] += sum(line[metric["Name"]])
    return found


@pytest.mark.parametrize(
    ("error", "alarms"),
    [
        ("NotSupportedImageType", []),
        ("CorruptImage", []),
        # The owner deleted the photo while it was processed.
        ("ObjectNotFound", []),
        ("AccessDenied", ["FailedExecutionsAlarm"]),
        ("Runtime.ImportModuleError", ["FailedExecutionsAlarm"]),
    ],
)
def test_only_faults_of_the_service_roll_a_deployment_back(
    handler: Handler, event: Event, capsys: pytest.CaptureFixture[str], error: str, alarms: list[str]
) -> None:
    for number in range(11):
        failed = event("track_execution_failed")
        failed["detail"] |= {"error": error, "executionArn": f"{failed['detail']['executionArn']}-{number}"}
        handler(failed)
    # Step Functions itself counts all of them.
    measured = _measured(capsys.readouterr().out) | {("AWS/States", "ExecutionsFailed"): 11}
    assert _alarms_of_deployments(measured) == alarms


def test_failure_that_the_execution_recorded_is_counted_as_a_fault_too(
    track: Track, table: Table, envelope: Envelope, running: Attempt, metrics: Metrics
) -> None:
    error = {"name": "AccessDenied", "cause": "image"}
    table.advance(envelope, running, {"status": "FAILED", "error": error}, "2026-11-12T09:31:00.000Z")
    track("failed")
    assert metrics() == {"ExecutionFaults": 1}


@pytest.mark.parametrize("name", ["timed_out", "aborted", "redriven"])
def test_other_status_changes_are_neither_faults_nor_refused_uploads(
    track: Track, running: Attempt, metrics: Metrics, name: str
) -> None:
    track(name)
    assert metrics().keys().isdisjoint({"ExecutionFaults", "UploadsRefused"})


# The upgrade from the release before


def test_table_upgrade_answers_how_many_records_it_adopted(track: Track) -> None:
    assert track("table_upgrade") == {"adopted": 0}
