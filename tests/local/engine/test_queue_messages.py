"""Messages of a queue in this process: one that arrives during a deletion, and responses of a batch."""

import threading
from collections.abc import Callable, Iterator

import pytest
from ministack.services import sqs

from local.engine import queues


class CallingList(list):
    """A list of messages that calls a function when a loop over it has seen the last one."""

    def __init__(self, items: list, call: Callable[[], None]) -> None:
        super().__init__(items)
        self.call = call

    def __iter__(self) -> Iterator:
        yield from super().__iter__()
        self.call()


@pytest.fixture(scope="module", autouse=True)
def _patched():
    queues.keep_every_message()


def test_message_that_arrives_during_a_deletion_is_kept():
    url = sqs._act_create_queue({"QueueName": "photos"}, "")["QueueUrl"]

    def send(body: str) -> None:
        sqs._HANDLERS["SendMessage"]({"QueueUrl": url, "MessageBody": body}, url)

    send("first")
    [received] = sqs._receive_messages_for_esm(url, 10)
    arriving = threading.Thread(target=send, args=("second",))

    def arrive() -> None:
        if not arriving.ident:
            arriving.start()
            arriving.join(0.2)

    queue = sqs._queues[url]
    queue["messages"] = CallingList(queue["messages"], arrive)
    sqs._delete_messages_for_esm(url, {received["receipt_handle"]})
    arriving.join()
    assert [message["body"] for message in queue["messages"]] == ["second"]


@pytest.mark.parametrize(
    ("body", "is_valid"),
    [
        *((body, True) for body in (None, {}, {"batchItemFailures": []}, {"batchItemFailures": None})),
        ({"batchItemFailures": [{"itemIdentifier": "1"}]}, True),
        *((body, False) for body in ("text", {"batchItemFailures": "1"}, {"batchItemFailures": [{"id": "1"}]})),
        *(({"batchItemFailures": [{"itemIdentifier": identifier}]}, False) for identifier in ("", None, "3")),
    ],
)
def test_response_is_valid_with_messages_of_the_batch_only(body, is_valid):
    assert queues.is_batch_response(body, frozenset({"1", "2"})) is is_valid
