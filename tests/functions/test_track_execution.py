import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import TABLE
from tests.functions.conftest import Handler
from tests.template.cloudformation import TEMPLATE, load
from vision.adapters import workflow
from vision.adapters.aws_sdk import client
from vision.adapters.photos import Photos
from vision.adapters.table import Table
from vision.domain import keys
from vision.domain.envelopes import Envelope
from vision.domain.errors import AccessDenied, InvalidEvent, ServiceUnavailable, Throttled
from vision.domain.executions import Attempt
from vision.domain.gallery.pending_uploads import PendingUpload
from vision.domain.objects import ObjectVersion
from vision.domain.records import timestamp

Event = Callable[[str], dict[str, Any]]
ENDS = {"failed": "FAILED", "timed_out": "TIMED_OUT", "aborted": "ABORTED"}


@pytest.fixture
def handler(function: Callable[[str], Handler], table: Table) -> Handler:
    return function("track_execution")


@pytest.fixture
def envelope(event: Event) -> Envelope:
    return Envelope.from_dict(event("extract_metadata"))


@pytest.fixture
def running(table: Table, envelope: Envelope, event: Event) -> Attempt:
    """The run of the sample events, RUNNING in the table."""
    execution = event("store_metadata")["execution"]
    run = Attempt.from_context(execution)
    table.register(envelope, "2026-11-12T09:30:01.000Z")
    table.mark_running(envelope, run, "2026-11-12T09:30:02.400Z")
    return run


def _said(table: Table, envelope: Envelope) -> tuple[str, str | None]:
    image = table.image(envelope)
    assert image is not None
    return image["status"], image.get("error", {}).get("name")


@pytest.mark.parametrize(
    ("name", "error"),
    [("failed", "States.DataLimitExceeded"), ("timed_out", "States.Timeout"), ("aborted", "ExecutionAborted")],
)
def test_an_execution_that_ended_without_a_word_is_closed(
    handler: Handler, event: Event, table: Table, envelope: Envelope, running: Attempt, name: str, error: str
) -> None:
    handler(event(f"track_execution_{name}"))
    assert _said(table, envelope) == (ENDS[name], error)


@pytest.mark.parametrize("name", ENDS)
def test_an_execution_that_ended_before_it_was_seen_running_is_closed(
    handler: Handler, event: Event, table: Table, envelope: Envelope, name: str
) -> None:
    table.register(envelope, "2026-11-12T09:30:01.000Z")
    handler(event(f"track_execution_{name}"))
    assert _said(table, envelope)[0] == ENDS[name]


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("said", ["SUCCEEDED", "PARTIAL", "FAILED"])
def test_what_an_execution_said_itself_is_never_overwritten(
    handler: Handler, event: Event, table: Table, envelope: Envelope, running: Attempt, name: str, said: str
) -> None:
    table.advance(envelope, running, {"status": said}, "2026-11-12T09:31:00.000Z")
    before = table.image(envelope)
    handler(event(f"track_execution_{name}"))
    assert table.image(envelope) == before


def test_a_redrive_moves_a_failed_record_back_to_running(
    handler: Handler, event: Event, table: Table, envelope: Envelope, running: Attempt
) -> None:
    handler(event("track_execution_failed"))
    handler(event("track_execution_redriven"))
    assert _said(table, envelope) == ("RUNNING", None)


def test_the_late_end_of_the_first_run_does_not_close_its_redrive(
    handler: Handler, event: Event, table: Table, envelope: Envelope, running: Attempt
) -> None:
    handler(event("track_execution_redriven"))
    handler(event("track_execution_failed"))
    assert _said(table, envelope) == ("RUNNING", None)


@pytest.mark.parametrize("name", [*ENDS, "redriven"])
def test_a_status_change_twice_is_once(
    handler: Handler, event: Event, table: Table, envelope: Envelope, running: Attempt, name: str
) -> None:
    handler(event(f"track_execution_{name}"))
    before = table.image(envelope)
    handler(event(f"track_execution_{name}"))
    status_and_error = ("status", "error", "execution_arn", "run_started_at")
    after = table.image(envelope)
    assert before is not None
    assert after is not None
    assert [after.get(field) for field in status_and_error] == [before.get(field) for field in status_and_error]


@pytest.mark.parametrize(
    ("name", "metric"),
    [("failed", "ImagesFailed"), ("timed_out", "ImagesTimedOut"), ("aborted", "ImagesAborted")],
)
def test_a_correction_is_counted(
    handler: Handler,
    event: Event,
    running: Attempt,
    capsys: pytest.CaptureFixture[str],
    name: str,
    metric: str,
) -> None:
    handler(event(f"track_execution_{name}"))
    assert metric in capsys.readouterr().out


def test_an_ending_that_was_recorded_already_is_not_counted(
    handler: Handler,
    event: Event,
    table: Table,
    envelope: Envelope,
    running: Attempt,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table.advance(envelope, running, {"status": "FAILED"}, "2026-11-12T09:31:00.000Z")
    handler(event("track_execution_failed"))
    assert "ImagesFailed" not in capsys.readouterr().out


@pytest.fixture
def silent(table: Table, state_machine_arn: str) -> Callable[..., Envelope]:
    """Record an image as RUNNING in an execution that may have ended meanwhile, last heard of some time ago."""

    def make(name: str, hours_ago: float, end: str = "") -> Envelope:
        version = ObjectVersion("amzn-s3-demo-bucket", f"private/ann/uploads/{name}.jpg", "v1", "e1", "", 7)
        envelope = Envelope.of(version)
        heard = timestamp(datetime.now(UTC) - timedelta(hours=hours_ago))
        table.register(envelope, heard)
        run = workflow.start(state_machine_arn, keys.execution_name(version), envelope.as_dict())
        assert run is not None
        table.mark_running(envelope, run, heard)
        if end == "stopped":
            client("stepfunctions").stop_execution(executionArn=run.execution_arn)
        return envelope

    return make


def test_a_silent_execution_that_was_stopped_is_closed(
    handler: Handler, event: Event, table: Table, silent: Callable[..., Envelope]
) -> None:
    stopped = silent("rose", hours_ago=2, end="stopped")
    handler(event("track_execution_schedule"))
    assert _said(table, stopped) == ("ABORTED", "ExecutionAborted")


def test_a_silent_execution_that_still_runs_is_left_alone(
    handler: Handler, event: Event, table: Table, silent: Callable[..., Envelope]
) -> None:
    alive = silent("rose", hours_ago=2)
    handler(event("track_execution_schedule"))
    assert _said(table, alive) == ("RUNNING", None)


def test_an_execution_that_spoke_lately_is_not_asked(
    handler: Handler,
    event: Event,
    silent: Callable[..., Envelope],
    answer: Callable[..., list[dict[str, Any]]],
) -> None:
    silent("rose", hours_ago=0.9, end="stopped")
    asked = answer("stepfunctions", "DescribeExecution", {})
    handler(event("track_execution_schedule"))
    assert asked == []


def test_a_silent_execution_that_is_gone_is_closed(
    handler: Handler, event: Event, table: Table, silent: Callable[..., Envelope], refuse: Callable[..., None]
) -> None:
    gone = silent("rose", hours_ago=2)
    refuse("stepfunctions", "DescribeExecution", "ExecutionDoesNotExist")
    handler(event("track_execution_schedule"))
    assert _said(table, gone) == ("FAILED", "ExecutionDoesNotExist")


def test_every_silent_execution_is_looked_at(
    handler: Handler, event: Event, table: Table, silent: Callable[..., Envelope]
) -> None:
    stopped = [silent(f"rose {number}", hours_ago=2 + number, end="stopped") for number in range(5)]
    handler(event("track_execution_schedule"))
    assert {_said(table, envelope)[0] for envelope in stopped} == {"ABORTED"}


@pytest.fixture
def half_erased(table: Table, bucket: str) -> Callable[[float], tuple[Envelope, Photos]]:
    """A photo whose deletion broke off some hours ago, before any object was deleted."""

    def make(hours_ago: float) -> tuple[Envelope, Photos]:
        photos, moment = Photos(TABLE), timestamp(datetime.now(UTC) - timedelta(hours=hours_ago))
        ticket = PendingUpload(bucket, "ann", "token", "gone.jpg", "image/jpeg", 5, "")
        photos.announce(ticket, moment)
        client("s3").put_object(Bucket=bucket, Key=ticket.key, Body=b"photo")
        envelope = Envelope.of(ObjectVersion(bucket, ticket.key, "v1", "e1", "1", 5))
        table.register(envelope, moment)
        photo = photos.read(envelope.photo_id)
        assert photo is not None
        photos.mark_deleting(photo, moment, moment)
        return envelope, photos

    return make


def _objects(bucket: str) -> int:
    return client("s3").list_objects_v2(Bucket=bucket)["KeyCount"]


def test_a_deletion_that_broke_off_is_finished(
    handler: Handler, event: Event, bucket: str, half_erased: Callable[[float], tuple[Envelope, Photos]]
) -> None:
    envelope, photos = half_erased(2)
    handler(event("track_execution_schedule"))
    found = photos.read(envelope.photo_id)
    assert found is not None
    assert ("gone_at" in found.item, "status" in found.item, _objects(bucket)) == (True, False, 0)


def test_a_deletion_that_is_under_way_is_left_alone(
    handler: Handler, event: Event, bucket: str, half_erased: Callable[[float], tuple[Envelope, Photos]]
) -> None:
    half_erased(0.9)
    handler(event("track_execution_schedule"))
    assert _objects(bucket) == 1


def test_a_deletion_that_cannot_be_finished_is_seen(
    handler: Handler,
    event: Event,
    half_erased: Callable[[float], tuple[Envelope, Photos]],
    refuse: Callable[..., None],
) -> None:
    half_erased(2)
    refuse("s3", "ListObjectVersions", "AccessDenied", 403)
    with pytest.raises(AccessDenied):
        handler(event("track_execution_schedule"))


def test_with_nothing_silent_the_look_ends_well(handler: Handler, event: Event) -> None:
    assert handler(event("track_execution_schedule")) is None


FAULTS = [
    ("ThrottlingException", 400, Throttled),
    ("AccessDeniedException", 400, AccessDenied),
    ("InternalServerError", 500, ServiceUnavailable),
    ("silence", 0, ServiceUnavailable),
]


@pytest.mark.parametrize(("code", "http_status", "kind"), FAULTS)
def test_an_end_that_cannot_be_written_is_not_swallowed(
    handler: Handler,
    event: Event,
    running: Attempt,
    refuse: Callable[..., None],
    code: str,
    http_status: int,
    kind: type[Exception],
) -> None:
    refuse("dynamodb", "UpdateItem", code, http_status)
    with pytest.raises(kind):
        handler(event("track_execution_failed"))


@pytest.mark.parametrize(("code", "http_status", "kind"), FAULTS)
def test_a_look_that_step_functions_refuses_is_not_swallowed(
    handler: Handler,
    event: Event,
    silent: Callable[..., Envelope],
    refuse: Callable[..., None],
    code: str,
    http_status: int,
    kind: type[Exception],
) -> None:
    silent("rose", hours_ago=2)
    refuse("stepfunctions", "DescribeExecution", code, http_status)
    with pytest.raises(kind):
        handler(event("track_execution_schedule"))


def test_one_execution_that_cannot_be_looked_at_does_not_keep_the_look_from_the_others(
    handler: Handler, event: Event, silent: Callable[..., Envelope], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("rose", "tulip", "daisy"):
        silent(name, hours_ago=2)
    looked_at: list[str] = []

    def describe(execution_arn: str) -> None:
        looked_at.append(execution_arn)
        raise AccessDenied(f"look {len(looked_at)}")

    monkeypatch.setattr("vision.adapters.workflow.describe", describe)
    with pytest.raises(AccessDenied, match="look 1"):
        handler(event("track_execution_schedule"))
    assert len(set(looked_at)) == 3


@pytest.mark.parametrize("missing", ["executionArn", "status", "startDate", "input"])
def test_an_incomplete_status_change_is_refused(handler: Handler, event: Event, missing: str) -> None:
    sample = event("track_execution_failed")
    del sample["detail"][missing]
    with pytest.raises(InvalidEvent):
        handler(sample)


def test_a_status_change_without_its_detail_is_refused(handler: Handler, event: Event) -> None:
    sample = event("track_execution_failed")
    del sample["detail"]
    with pytest.raises(InvalidEvent):
        handler(sample)


def test_the_input_of_another_photo_cannot_close_this_one(
    handler: Handler, event: Event, table: Table, envelope: Envelope, running: Attempt
) -> None:
    sample = event("track_execution_failed")
    stranger = json.loads(sample["detail"]["input"])
    stranger["object"]["key"] = "private/bob/uploads/oak.jpg"
    sample["detail"]["input"] = json.dumps(stranger)
    with pytest.raises(InvalidEvent, match="photo_id"):
        handler(sample)
    assert _said(table, envelope) == ("RUNNING", None)


# Who is to blame


def _deployment_alarms_that_sound(metrics: Mapping[tuple[str, str], float]) -> list[str]:
    """The alarms that take a gradual deployment back when so much is measured within five minutes."""
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
    """What CloudWatch makes of the lines of a log."""
    found: Counter[tuple[str, str]] = Counter()
    for line in map(json.loads, output.splitlines()):
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            for metric in directive["Metrics"]:
                found[directive["Namespace"], metric["Name"]] += sum(line[metric["Name"]])
    return found


@pytest.mark.parametrize(
    ("error", "sounding"),
    [
        ("NotSupportedImageType", []),
        ("CorruptImage", []),
        # Whose owner deleted the photo while it was processed.
        ("ObjectNotFound", []),
        ("AccessDenied", ["FailedExecutionsAlarm"]),
        ("Runtime.ImportModuleError", ["FailedExecutionsAlarm"]),
    ],
)
def test_eleven_failures_take_a_deployment_back_only_if_the_service_is_to_blame(
    handler: Handler, event: Event, capsys: pytest.CaptureFixture[str], error: str, sounding: list[str]
) -> None:
    for number in range(11):
        failed = event("track_execution_failed")
        failed["detail"] |= {"error": error, "executionArn": f"{failed['detail']['executionArn']}-{number}"}
        handler(failed)
    # Step Functions itself counts them all.
    measured = _measured(capsys.readouterr().out) | {("AWS/States", "ExecutionsFailed"): 11}
    assert _deployment_alarms_that_sound(measured) == sounding


def test_failure_that_the_execution_recorded_itself_is_counted_as_a_fault_too(
    handler: Handler,
    event: Event,
    table: Table,
    envelope: Envelope,
    running: Attempt,
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = {"name": "AccessDenied", "cause": "image"}
    table.advance(envelope, running, {"status": "FAILED", "error": error}, "2026-11-12T09:31:00.000Z")
    handler(event("track_execution_failed"))
    assert _measured(capsys.readouterr().out) == {("ImageRecognition", "ExecutionFaults"): 1}


@pytest.mark.parametrize("name", ["timed_out", "aborted", "redriven"])
def test_what_is_no_failure_is_counted_as_none(
    handler: Handler, event: Event, running: Attempt, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    handler(event(f"track_execution_{name}"))
    assert {"ExecutionFaults", "UploadsRefused"}.isdisjoint(name for _, name in _measured(capsys.readouterr().out))
