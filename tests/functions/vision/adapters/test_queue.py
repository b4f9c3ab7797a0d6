from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from vision.adapters import queue
from vision.adapters.aws_sdk import client
from vision.adapters.queue import Message
from vision.domain.errors import Throttled
from vision.domain.session.decisions import Backlog

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/InspectionQueue"
MESSAGE = Message("body", "handle")


@pytest.fixture
def sqs(stubbed: Callable[[str], Stubber]) -> Stubber:
    return stubbed("sqs")


@pytest.fixture
def url(aws: None) -> str:
    return str(client("sqs").create_queue(QueueName="InspectionQueue")["QueueUrl"])


def _send(url: str, count: int, **options: int) -> None:
    for number in range(count):
        client("sqs").send_message(QueueUrl=url, MessageBody=f"image {number}", **options)


def test_backlog_counts_visible_in_flight_and_delayed_messages(url: str) -> None:
    _send(url, 5)
    _send(url, 2, DelaySeconds=600)
    client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=3)
    assert queue.backlog(url) == Backlog(visible=2, in_flight=3, delayed=2)


def test_receive_waits_and_hides_for_as_long_as_its_caller_says(sqs: Stubber) -> None:
    expected = {
        "QueueUrl": URL,
        "MaxNumberOfMessages": 10,
        "WaitTimeSeconds": 7,
        "VisibilityTimeout": 90,
        "AttributeNames": ["ApproximateReceiveCount"],
    }
    message = {"Body": "b", "ReceiptHandle": "h", "Attributes": {"ApproximateReceiveCount": "3"}}
    sqs.add_response("receive_message", {"Messages": [message]}, expected)
    assert queue.receive(URL, 7, 90) == [Message("b", "h", 3)]


@pytest.mark.parametrize(("receives", "is_last"), [(1, False), (4, False), (5, True), (6, True)])
def test_fifth_receive_is_the_last_before_the_dead_letter_queue(receives: int, is_last: bool) -> None:
    assert Message("b", "h", receives).is_last_receive is is_last


def test_received_message_is_hidden_until_it_is_returned_or_deleted(url: str) -> None:
    assert queue.receive(url, 0, 60) == []
    _send(url, 1)
    [message] = queue.receive(url, 0, 60)
    assert queue.receive(url, 0, 60) == []
    assert queue.hide(url, message, 0)
    [again] = queue.receive(url, 0, 60)
    assert again.body == message.body
    queue.delete(url, again)
    assert queue.backlog(url) == Backlog(0, 0, 0)
    _send(url, 12)
    assert len(queue.receive(url, 0, 60)) == 10


@pytest.mark.parametrize("code", queue._NOT_HIDDEN_ANY_MORE)
def test_message_that_another_worker_may_have_is_not_hidden(sqs: Stubber, code: str) -> None:
    sqs.add_client_error("change_message_visibility", code)
    assert not queue.hide(URL, MESSAGE, 60)


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("get_queue_attributes", lambda: queue.backlog(URL)),
        ("receive_message", lambda: queue.receive(URL, 0, 60)),
        ("change_message_visibility", lambda: queue.hide(URL, MESSAGE, 60)),
        ("delete_message", lambda: queue.delete(URL, MESSAGE)),
    ],
)
def test_throttled_request_is_a_named_error(sqs: Stubber, operation: str, call: Callable[[], Any]) -> None:
    sqs.add_client_error(operation, "ThrottlingException")
    with pytest.raises(Throttled, match=r"^inspection queue: "):
        call()


def test_error_that_the_code_causes_passes_unchanged(sqs: Stubber) -> None:
    sqs.add_client_error("change_message_visibility", "UnsupportedOperation")
    with pytest.raises(ClientError, match="UnsupportedOperation"):
        queue.hide(URL, MESSAGE, 60)
