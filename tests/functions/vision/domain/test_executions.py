import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.strategies import json_values
from vision.domain.envelopes import Envelope
from vision.domain.errors import InvalidEvent
from vision.domain.executions import Attempt, silent_end, status_change
from vision.domain.objects import ObjectVersion
from vision.domain.records import timestamp

ARN = "arn:aws:states:eu-west-1:123456789012:execution:ProcessImage:one"
ENVELOPE = Envelope.of(ObjectVersion("amzn-s3-demo-bucket", "private/ann/uploads/rose.jpg", "v1", "e1", "", 7))
STARTED = 1794475802345
STARTED_AT = "2026-11-12T09:30:02.345Z"
RECORD = {"object": ENVELOPE.object.as_dict(), "execution_arn": ARN, "run_started_at": STARTED_AT}


def _detail(status: Any, **fields: Any) -> dict[str, Any]:
    detail = {"executionArn": ARN, "status": status, "startDate": STARTED, "redriveDate": None}
    return detail | {"input": json.dumps(ENVELOPE.as_dict()), "error": None, "cause": None} | fields


@pytest.mark.parametrize(
    ("redrive", "started_at"),
    [({}, STARTED_AT), ({"RedriveTime": "2026-11-12T10:30:02.345Z"}, "2026-11-12T10:30:02.345Z")],
)
def test_redrive_is_another_attempt_of_its_execution(redrive: dict[str, str], started_at: str) -> None:
    context = {"Id": ARN, "StartTime": STARTED_AT, **redrive}
    assert Attempt.from_context(context) == Attempt(ARN, started_at)


@given(json_values | st.fixed_dictionaries({}, optional={"Id": json_values, "StartTime": json_values}))
@example({"Id": ARN, "StartTime": "0001-01-01T00:00:00+23:00"})
def test_any_context_is_an_attempt_or_an_invalid_event(context: Any) -> None:
    with suppress(InvalidEvent):
        assert Attempt.from_context(context).started_at.endswith("Z")


@given(st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_event_and_context_object_have_the_same_start_time(moment: datetime) -> None:
    # Comparing the two decides whether an attempt is the one that the record waits for.
    milliseconds = int(moment.timestamp() * 1000)
    context = datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)
    by_context = Attempt.from_context({"Id": ARN, "StartTime": timestamp(context)})
    by_event = status_change(_detail("FAILED", startDate=milliseconds)).run
    assert by_event == by_context


def test_failed_execution_closes_the_record_of_its_input_with_its_error() -> None:
    change = status_change(_detail("FAILED", error="CorruptImage", cause="the file is empty"))
    assert change.changes() == {"status": "FAILED", "error": {"name": "CorruptImage", "cause": "the file is empty"}}
    assert change.envelope == ENVELOPE
    for state, name in (("TIMED_OUT", "States.Timeout"), ("ABORTED", "ExecutionAborted")):
        changes = status_change(_detail(state)).changes()
        assert (changes["status"], changes["error"]["name"]) == (state, name)


def test_redriven_execution_is_running_without_an_error() -> None:
    change = status_change(_detail("RUNNING", redriveDate=STARTED + 1000))
    assert change.changes() == {"status": "RUNNING"}
    assert change.run == Attempt(ARN, "2026-11-12T09:30:03.345Z")


def test_other_status_or_an_input_that_eventbridge_omitted_is_an_invalid_event() -> None:
    for state in ("SUCCEEDED", "PENDING_REDRIVE", "", None):
        with pytest.raises(InvalidEvent, match="status"):
            status_change(_detail(state))
    # It does so if the input is large.
    with pytest.raises(InvalidEvent, match="input"):
        status_change(_detail("FAILED", input=None))


@given(st.sampled_from(("executionArn", "status", "startDate", "redriveDate", "input")), json_values)
@example("startDate", float("inf"))
@example("startDate", float("nan"))
@example("startDate", 10**300)
@example("startDate", 1e300)
@example("startDate", 67_768_036_191_676_796_000)
@example("input", "[" * 10_000)
def test_detail_with_any_field_is_a_change_or_an_invalid_event(name: str, value: Any) -> None:
    with suppress(InvalidEvent):
        assert status_change({**_detail("FAILED"), name: value}).envelope == ENVELOPE


@given(json_values)
def test_any_other_detail_is_an_invalid_event(detail: Any) -> None:
    with pytest.raises(InvalidEvent):
        status_change(detail)


@pytest.mark.parametrize("state", ["RUNNING", "SUCCEEDED", "PENDING_REDRIVE", "FAILED", "TIMED_OUT", "ABORTED"])
def test_silent_execution_is_closed_if_it_ended_without_success(state: str) -> None:
    change = silent_end(RECORD, _detail(state))
    assert (change.status if change else None) == (state if state in ("FAILED", "TIMED_OUT", "ABORTED") else None)


def test_missing_execution_closes_the_record_with_a_remedy() -> None:
    change = silent_end(RECORD, None)
    assert change is not None
    assert (change.run, change.envelope) == (Attempt(ARN, STARTED_AT), ENVELOPE)
    assert "process the image again" in change.changes()["error"]["cause"]
