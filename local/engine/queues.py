"""SQS: no message is lost between threads, and partial batch responses are read as by Lambda."""

from __future__ import annotations

import contextvars
import functools
import threading
import time
from collections.abc import Callable
from typing import Any

from ministack.services import eventbridge, lambda_svc, s3, sns, sqs

# Functions that change the messages of a queue without the lock of the engine's poller.
_UNLOCKED_ACTIONS = (
    "SendMessage",
    "SendMessageBatch",
    "DeleteMessage",
    "DeleteMessageBatch",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "PurgeQueue",
)
_UNLOCKED_FUNCTIONS = (
    (sqs, "_collect_msgs"),
    (sqs, "_dlq_sweep"),
    (sqs, "_expire_retained"),
    (eventbridge, "_dispatch_to_sqs"),
    (s3, "_deliver_event_to_sqs"),
    (sns, "_deliver_to_sqs"),
)

# The message ids of the batch that the current thread passes to a function.
_batch_ids: contextvars.ContextVar[frozenset[str] | None] = contextvars.ContextVar("batch_ids", default=None)


def install() -> None:
    """Patch the engine's SQS and its event source mappings."""
    keep_every_message()
    fail_a_batch_whose_response_is_not_understood()
    return_what_a_stopped_engine_had_in_flight()


def keep_every_message() -> None:
    """Keep a message until it is deleted or expires, as SQS does.

    The engine's poller deletes by rebuilding a queue's list in a thread of its own, under a lock that
    EventBridge, S3 and the API do not take: a message that arrives meanwhile is gone.
    """
    lock = threading.RLock()
    sqs._queues_lock = lock

    def locked(function: Callable[..., object]) -> Callable[..., object]:
        @functools.wraps(function)
        def call(*arguments: object, **options: object) -> object:
            with lock:
                return function(*arguments, **options)

        return call

    for action in _UNLOCKED_ACTIONS:
        sqs._HANDLERS[action] = locked(sqs._HANDLERS[action])
    for module, name in _UNLOCKED_FUNCTIONS:
        setattr(module, name, locked(getattr(module, name)))


def fail_a_batch_whose_response_is_not_understood() -> None:
    """Fail the whole batch when its response has an empty, missing or unknown `itemIdentifier`.

    The engine skips such an entry and deletes the message that the function wanted to keep.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    execute = lambda_svc._execute_function
    run_batch = lambda_svc._run_sqs_batch

    def run_sqs_batch(mapping: dict[str, Any], func: dict[str, Any], event: dict[str, Any], *rest: object) -> None:
        reports = "ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or [])
        ids = frozenset(record["messageId"] for record in event["Records"])
        token = _batch_ids.set(ids if reports else None)
        try:
            run_batch(mapping, func, event, *rest)
        finally:
            _batch_ids.reset(token)

    def execute_function(func: dict[str, Any], event: object) -> dict[str, Any]:
        ids = _batch_ids.get()
        _batch_ids.set(None)
        result: dict[str, Any] = execute(func, event)
        if ids is not None and not result.get("error") and not is_batch_response(result.get("body"), ids):
            message = "the response to the batch names no message of it, so the whole batch has failed"
            return {**result, "error": True, "body": {"errorType": "Response", "errorMessage": message}}
        return result

    lambda_svc._run_sqs_batch = run_sqs_batch
    lambda_svc._execute_function = execute_function


def is_batch_response(body: object, message_ids: frozenset[str]) -> bool:
    """Return whether Lambda accepts a function's response to a batch.

    Parameters
    ----------
    body
        What the function returned; None and an empty object report no failure.
    message_ids
        The ids of the batch.
    """
    if body is None:
        return True
    if not isinstance(body, dict):
        return False
    failures = body.get("batchItemFailures")
    if failures is None:
        return True
    return isinstance(failures, list) and all(
        isinstance(failure, dict) and failure.get("itemIdentifier") in message_ids for failure in failures
    )


def return_what_a_stopped_engine_had_in_flight() -> None:
    """Make the messages in flight visible at once when the engine starts.

    On AWS the visibility timeout, six times the function's timeout, has to pass. After a restart of the engine
    no consumer holds a message any more. The receive count stays, so that a message that brings the engine
    down still ends in the dead-letter queue.
    """
    restore = sqs.load_persisted_state

    def load_persisted_state(data: dict[str, Any]) -> None:
        restore(data)
        now = time.time()
        for queue in sqs._queues.all_values():
            for message in queue["messages"]:
                if message.get("receive_count"):
                    message["visible_at"] = min(message["visible_at"], now)

    sqs.load_persisted_state = load_persisted_state
