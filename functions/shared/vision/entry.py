"""Wrap handlers with logger, metrics and errors; no other module does."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from aws_lambda_powertools.utilities.typing import LambdaContext

from vision.domain.errors import InvalidEvent, Transient, VisionError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
Event = Mapping[str, Any]

METRIC_NAMESPACE = "ImageRecognition"

# Lambda reads the log level only from lines with an RFC 3339 timestamp:
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
_logger = Logger(use_rfc3339=True)


class Handler(Protocol):
    """A Lambda handler."""

    def __call__(self, event: dict[str, Any], context: LambdaContext) -> Any:
        """Process one event."""


def task(work: Callable[[Event], _Result]) -> Handler:
    """Wrap a function as the handler of a Step Functions task, or of an EventBridge rule.

    Logs have the photo id and never the event: keys and EXIF are personal data. Errors are raised unchanged, since the
    state machine matches their class names.
    """

    @functools.wraps(work)
    def handler(event: dict[str, Any], context: LambdaContext) -> _Result:
        _logger.set_correlation_id(_photo_id(event))
        return _guarded(lambda: work(event))

    return _logger.inject_lambda_context(handler, clear_state=True)


def queue(work: Callable[[str, int], None]) -> Handler:
    """Wrap a function as the handler of an SQS queue; it gets the body and the receive count of each message.

    A message whose function raises is reported as failed, and delivered again. After the queue's limit it moves to the
    dead-letter queue. The other messages of the batch are not affected. An event without SQS messages raises
    InvalidEvent.
    """

    def succeeds(message: Mapping[str, Any]) -> bool:
        _logger.set_correlation_id(message["messageId"])
        try:
            _guarded(lambda: work(message["body"], int(message["attributes"]["ApproximateReceiveCount"])))
        except Exception:  # It is in the log; the other messages of the batch go on.
            return False
        return True

    @functools.wraps(work)
    def handler(event: dict[str, Any], context: LambdaContext) -> Any:
        _guarded(lambda: _check_messages(event))
        # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
        failed = [message["messageId"] for message in event["Records"] if not succeeds(message)]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    return _logger.inject_lambda_context(handler, clear_state=True)


def worker(work: Callable[[Event, Callable[[], float]], _Result]) -> Handler:
    """Wrap a function that works until its time is over as the handler of a Step Functions task.

    The function gets the event, and a function that returns the remaining seconds.
    """

    @functools.wraps(work)
    def handler(event: dict[str, Any], context: LambdaContext) -> _Result:
        return _guarded(lambda: work(event, lambda: context.get_remaining_time_in_millis() / 1000))

    return _logger.inject_lambda_context(handler, clear_state=True)


def http(answer: Callable[[dict[str, Any], LambdaContext], dict[str, Any]]) -> Handler:
    """Wrap a function that answers requests as the handler of an HTTP API; it returns refusals as responses.

    Logs have the request id, and neither address nor token.
    """

    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        _logger.set_correlation_id(event.get("requestContext", {}).get("requestId"))
        return answer(event, context)

    return _logger.inject_lambda_context(handler, clear_state=True)


def count(metric: str, value: float = 1) -> None:
    """Add to a CloudWatch metric, by a log line in the embedded metric format."""
    with single_metric(name=metric, unit=MetricUnit.Count, value=value, namespace=METRIC_NAMESPACE):
        return


def count_inspection(outcome: str) -> None:
    """Count the outcome of an inspection: its judgement, a deleted image, or a refused one."""
    names = {"SUCCESS": "InspectionsPassed", "FAILURE": "InspectionsFailed", "GONE": "InspectionsSkipped"}
    count(names.get(outcome, "InspectionsRefused"))


def warn(message: str) -> None:
    """Log a sentence for operators; it has no object key and no personal data."""
    _logger.warning(message)


def each(items: Iterable[_Item], work: Callable[[_Item], None]) -> None:
    """Do the work for every item, even if it fails for some; then raise the first error.

    An item that always fails must not keep a scheduled run from the items behind it.
    """
    refusals: list[VisionError] = []
    for item in items:
        try:
            work(item)
        except VisionError as refusal:
            refusals.append(refusal)
    if refusals:
        raise refusals[0]


def _check_messages(event: Event) -> None:
    """Refuse an event without SQS messages, such as a notification from a bucket that invokes the function directly."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list) or not all(isinstance(one, Mapping) and "messageId" in one for one in records):
        raise InvalidEvent(
            "Records: not messages of SQS; send a notification of S3 to the queue as the body of a message"
        )


def _guarded(work: Callable[[], _Result]) -> _Result:
    try:
        return work()
    except VisionError as error:
        level = _logger.warning if isinstance(error, Transient) else _logger.info
        level("refused", extra={"error": type(error).__name__})
        raise
    except Exception as error:
        _logger.exception("unexpected error", extra={"error": type(error).__name__})
        raise


def _photo_id(event: Event) -> str | None:
    envelope = event.get("envelope", event) if isinstance(event, Mapping) else None
    photo_id = envelope.get("photo_id") if isinstance(envelope, Mapping) else None
    return photo_id if isinstance(photo_id, str) else None
