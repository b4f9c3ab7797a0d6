"""The one place that wires logger, metrics and errors around a handler."""

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

# Lambda reads the level of a line only beside a timestamp of RFC 3339:
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
_logger = Logger(use_rfc3339=True)


class Handler(Protocol):
    """What Lambda calls."""

    def __call__(self, event: dict[str, Any], context: LambdaContext) -> Any:
        """Answer one event."""


def task(work: Callable[[Event], _Result]) -> Handler:
    """Make a function of one event the handler of a state machine's task, or of an event rule.

    Logs carry the photo's id and never the event: keys and EXIF are personal data. Errors pass as they are,
    since their class name is what the state machine matches.
    """

    @functools.wraps(work)
    def handler(event: dict[str, Any], context: LambdaContext) -> _Result:
        _logger.set_correlation_id(_photo_id(event))
        return _guarded(lambda: work(event))

    return _logger.inject_lambda_context(handler, clear_state=True)


def queue(work: Callable[[str, int], None]) -> Handler:
    """Make a function of one message's body, and of how often it was received, the handler of a queue.

    A message whose function raises is reported as failed and delivered again, and after the queue's limit goes
    to the dead-letter queue; its neighbours are done. What is no batch of messages raises InvalidEvent.
    """
    # Imported here, because only a queue's function should pay for it when it starts cold.
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

    def one(record: SQSRecord) -> None:
        _logger.set_correlation_id(record.message_id)
        _guarded(lambda: work(record.body, int(record.attributes.approximate_receive_count)))

    @functools.wraps(work)
    def handler(event: dict[str, Any], context: LambdaContext) -> Any:
        _guarded(lambda: _check_messages(event))
        # All of a batch failing is an answer, not a crash: each message then goes its own way.
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(event=event, record_handler=one, processor=processor, context=context)

    return _logger.inject_lambda_context(handler, clear_state=True)


def worker(work: Callable[[Event, Callable[[], float]], _Result]) -> Handler:
    """Make a function that works until its time is over the handler of a state machine's task.

    The function gets the event, and a function that tells how many seconds are left.
    """

    @functools.wraps(work)
    def handler(event: dict[str, Any], context: LambdaContext) -> _Result:
        return _guarded(lambda: work(event, lambda: context.get_remaining_time_in_millis() / 1000))

    return _logger.inject_lambda_context(handler, clear_state=True)


def http(answer: Callable[[dict[str, Any], LambdaContext], dict[str, Any]]) -> Handler:
    """Make what answers requests the handler of an HTTP API; every refusal is an answer by now.

    Logs carry the id of the request, and neither address nor token.
    """

    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        _logger.set_correlation_id(event.get("requestContext", {}).get("requestId"))
        return answer(event, context)

    return _logger.inject_lambda_context(handler, clear_state=True)


def count(metric: str, value: float = 1) -> None:
    """Add to a metric of the product, written to the log in the embedded metric format."""
    with single_metric(name=metric, unit=MetricUnit.Count, value=value, namespace=METRIC_NAMESPACE):
        return


def count_inspection(outcome: str) -> None:
    """Count how the inspection of an image went: its judgement, that it was gone, or that it was refused."""
    names = {"SUCCESS": "InspectionsPassed", "FAILURE": "InspectionsFailed", "GONE": "InspectionsSkipped"}
    count(names.get(outcome, "InspectionsRefused"))


def warn(message: str) -> None:
    """Write a sentence to the log that an operator should read; no key and nothing personal."""
    _logger.warning(message)


def each(items: Iterable[_Item], work: Callable[[_Item], None]) -> None:
    """Do the work for every item, although it is refused for some; then raise the first refusal.

    One item that always fails must not keep a scheduled look from those behind it.
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
    """Refuse what is no batch of messages, such as a notification with which a bucket invokes a function itself."""
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
