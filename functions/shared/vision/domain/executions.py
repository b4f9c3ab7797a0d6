"""Status-change events of Step Functions: how an execution ended that could not write its own record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from vision.domain.envelopes import Envelope
from vision.domain.errors import InvalidEvent
from vision.domain.failures import Failure
from vision.domain.records import Record, timestamp
from vision.domain.statuses import Status

STATUS_CHANGE = "Step Functions Execution Status Change"
"""The detail-type of the events that Step Functions sends when an execution starts, is redriven, or ends."""

_CLOSED = {
    "FAILED": Status.FAILED,
    "TIMED_OUT": Status.TIMED_OUT,
    "ABORTED": Status.ABORTED,
}
_CAUSES = {
    Status.TIMED_OUT: Failure("States.Timeout", "The execution ran longer than its limit; process the image again."),
    Status.ABORTED: Failure("ExecutionAborted", "Somebody stopped the execution; process the image again."),
}


def is_closed(status: str) -> bool:
    """Return whether an execution with this status has ended, unless an operator redrives it.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
    """
    return status in {"SUCCEEDED", *_CLOSED}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of an execution; a redrive is a new attempt of the same execution.

    Attributes
    ----------
    execution_arn
        The ARN of the execution.
    started_at
        The start of this attempt, ISO 8601 with milliseconds, which orders the attempts of one image.
    """

    execution_arn: str
    started_at: str

    @classmethod
    def from_context(cls, execution: Mapping[str, Any]) -> Attempt:
        """Parse ``$states.context.Execution`` as a state machine passes it.

        Raises
        ------
        InvalidEvent
            It does not have the id and the start of an execution.
        """
        try:
            started_at = execution.get("RedriveTime") or execution["StartTime"]
            return cls(str(execution["Id"]), timestamp(datetime.fromisoformat(str(started_at))))
        except (KeyError, ValueError, OverflowError, AttributeError) as error:
            raise InvalidEvent(f"execution: expected Id and StartTime of the context object ({error})") from error

    @classmethod
    def of_event(cls, event: Mapping[str, Any]) -> Attempt | None:
        """Parse the ``execution`` of a task's event; ``None`` without one.

        Raises
        ------
        InvalidEvent
            As :meth:`from_context`.
        """
        return cls.from_context(event["execution"]) if "execution" in event else None

    # Services may round the same start differently. Starts of one execution less than a second apart are therefore the
    # same attempt. A redrive comes later than that, because the execution must fail first.

    @property
    def latest_earlier(self) -> str:
        """The latest start of an earlier attempt of the same execution."""
        return self._shifted(-1)

    @property
    def earliest_later(self) -> str:
        """The earliest start of a later attempt of the same execution."""
        return self._shifted(1)

    def _shifted(self, seconds: int) -> str:
        return timestamp(datetime.fromisoformat(self.started_at) + timedelta(seconds=seconds))


@dataclass(frozen=True, slots=True)
class StatusChange:
    """An execution that was redriven, or that ended without writing its record."""

    envelope: Envelope
    run: Attempt
    status: Status
    failure: Failure | None

    def changes(self) -> Record:
        """Return the attributes to change in the image record."""
        return {"status": self.status} | ({"error": self.failure.as_dict()} if self.failure else {})


def status_change(detail: Mapping[str, Any]) -> StatusChange:
    """Parse the detail of an event, or the response of DescribeExecution in the same form.

    Parameters
    ----------
    detail
        ``executionArn``, ``status``, ``startDate`` and ``redriveDate`` in milliseconds since the epoch,
        ``input`` as JSON text, ``error`` and ``cause``.

    Raises
    ------
    InvalidEvent
        A field is missing, or the status is one that the execution records itself.
    """
    try:
        arn, state = str(detail["executionArn"]), str(detail["status"])
        started = detail.get("redriveDate") or detail["startDate"]
        attempt = Attempt(arn, timestamp(datetime.fromtimestamp(started / 1000, UTC)))
        envelope = Envelope.from_dict(json.loads(detail["input"]))
    except (KeyError, TypeError, ValueError, OverflowError, OSError, RecursionError) as error:
        raise InvalidEvent(f"detail: expected executionArn, status, startDate and input ({error})") from error
    if state == "RUNNING":
        return StatusChange(envelope, attempt, Status.RUNNING, None)
    if state not in _CLOSED:
        raise InvalidEvent(f"detail.status: {state} needs no closing; expected RUNNING, {', '.join(_CLOSED)}")
    status = _CLOSED[state]
    failure = _CAUSES.get(status) or Failure.from_error_output(
        {"Error": detail.get("error"), "Cause": detail.get("cause")}
    )
    return StatusChange(envelope, attempt, status, failure)


def silent_end(record: Record, detail: Mapping[str, Any] | None) -> StatusChange | None:
    """Return how the execution of an open record ended if its status-change event never arrived.

    Parameters
    ----------
    record
        The image record, with ``object`` and, unless it is PENDING, ``execution_arn`` and ``run_started_at``.
    detail
        The response of DescribeExecution; ``None`` if the execution no longer exists.

    Returns
    -------
    StatusChange or None
        ``None`` if the execution is still running, has not started, or has succeeded and therefore written the record
        itself.
    """
    if detail is None:
        if "execution_arn" not in record:
            return None
        attempt = Attempt(record["execution_arn"], record["run_started_at"])
        failure = Failure("ExecutionDoesNotExist", "The execution is gone without a result; process the image again.")
        return StatusChange(Envelope.from_dict({"object": record["object"]}), attempt, Status.FAILED, failure)
    return status_change(detail) if detail["status"] in _CLOSED else None
