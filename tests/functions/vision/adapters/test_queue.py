from collections.abc import Iterator

import pytest
from botocore.stub import Stubber

from vision.adapters import queue
from vision.adapters.aws_sdk import client
from vision.adapters.queue import Message
from vision.domain.errors import AccessDenied, ServiceUnavailable, Throttled
from vision.domain.session.decisions import Backlog

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/InspectionQueue"
MESSAGE = Message("body", "handle")


@pytest.fixture
def stub(aws: None) -> Iterator[Stubber]:
    with Stubber(client("sqs")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def url(aws: None) -> str:
    return str(client("sqs").create_queue(QueueName="InspectionQueue")["QueueUrl"])


def _send(url: str, count: int, **options: int) -> None:
    for number in range(count):
        client("sqs").send_message(QueueUrl=url, MessageBody=f"image {number}", **options)


def test_visible_in_flight_and_delayed_messages_are_counted_apart(url: str) -> None:
    _send(url, 5)
    _send(url, 2, DelaySeconds=600)
    client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=3)
    assert queue.backlog(url) == Backlog(visible=2, in_flight=3, delayed=2)


def test_counts_are_whole_numbers_although_sqs_sends_text(stub: Stubber) -> None:
    names = [f"ApproximateNumberOfMessages{state}" for state in ("", "NotVisible", "Delayed")]
    stub.add_response(
        "get_queue_attributes",
        {"Attributes": dict(zip(names, ("0", "12", "3"), strict=True))},
        {"QueueUrl": URL, "AttributeNames": names},
    )
    counted = queue.backlog(URL)
    assert (counted.visible, counted.in_flight, counted.delayed, counted.messages) == (0, 12, 3, 15)


def test_as_many_messages_are_received_as_sqs_gives_at_once(url: str) -> None:
    _send(url, 12)
    assert len(queue.receive(url, 0, 60)) == 10


def test_an_empty_queue_gives_no_message(url: str) -> None:
    assert queue.receive(url, 0, 60) == []


def test_waiting_and_hiding_are_the_callers(stub: Stubber) -> None:
    expected = {
        "QueueUrl": URL,
        "MaxNumberOfMessages": 10,
        "WaitTimeSeconds": 7,
        "VisibilityTimeout": 90,
        "AttributeNames": ["ApproximateReceiveCount"],
    }
    message = {"Body": "b", "ReceiptHandle": "h", "Attributes": {"ApproximateReceiveCount": "3"}}
    stub.add_response("receive_message", {"Messages": [message]}, expected)
    assert queue.receive(URL, 7, 90) == [Message("b", "h", 3)]


@pytest.mark.parametrize(("receives", "is_last"), [(1, False), (4, False), (5, True), (6, True)])
def test_the_last_receive_is_the_one_before_the_dead_letter_queue(receives: int, is_last: bool) -> None:
    assert Message("b", "h", receives).is_last_receive is is_last


def test_a_received_message_is_hidden_from_others(url: str) -> None:
    _send(url, 1)
    queue.receive(url, 0, 60)
    assert queue.receive(url, 0, 60) == []


def test_a_message_hidden_for_no_time_is_anyones(url: str) -> None:
    _send(url, 1)
    [message] = queue.receive(url, 0, 60)
    assert queue.hide(url, message, 0)
    assert [again.body for again in queue.receive(url, 0, 60)] == [message.body]


@pytest.mark.parametrize(
    "code",
    [
        "MessageNotInflight",
        "AWS.SimpleQueueService.MessageNotInflight",
        "InvalidParameterValue",
        "ReceiptHandleIsInvalid",
    ],
)
def test_a_message_that_was_not_hidden_long_enough_is_not_ours_any_more(stub: Stubber, code: str) -> None:
    stub.add_client_error("change_message_visibility", code)
    assert not queue.hide(URL, MESSAGE, 60)


def test_a_deleted_message_never_comes_back(url: str) -> None:
    _send(url, 1)
    [message] = queue.receive(url, 0, 0)
    queue.delete(url, message)
    assert queue.backlog(url) == Backlog(0, 0, 0)


CALLS = {
    "get_queue_attributes": lambda: queue.backlog(URL),
    "receive_message": lambda: queue.receive(URL, 0, 60),
    "change_message_visibility": lambda: queue.hide(URL, MESSAGE, 60),
    "delete_message": lambda: queue.delete(URL, MESSAGE),
}


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize(
    ("code", "http_status", "kind"),
    [
        ("ThrottlingException", 400, Throttled),
        ("AccessDenied", 403, AccessDenied),
        ("InternalError", 500, ServiceUnavailable),
    ],
)
def test_what_sqs_refuses_has_a_name(
    stub: Stubber, operation: str, code: str, http_status: int, kind: type[Exception]
) -> None:
    stub.add_client_error(operation, code, http_status_code=http_status)
    with pytest.raises(kind, match=r"^inspection queue: "):
        CALLS[operation]()


def test_a_bug_of_ours_passes_as_it_is(stub: Stubber) -> None:
    stub.add_client_error("change_message_visibility", "UnsupportedOperation")
    with pytest.raises(client("sqs").exceptions.ClientError, match="UnsupportedOperation"):
        queue.hide(URL, MESSAGE, 60)
