"""The inspection queue: receive, hide, put back and delete messages during a session."""

from __future__ import annotations

from dataclasses import dataclass

from vision.adapters.aws_sdk import client, domain_errors
from vision.domain.session.decisions import Backlog

# The maximum number of messages in one ReceiveMessage response.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
BATCH = 10

# The maxReceiveCount in the RedrivePolicy of the template's queues. A test compares the two.
RECEIVES_LIMIT = 5

_NOT_HIDDEN_ANY_MORE = (
    "MessageNotInflight",
    "AWS.SimpleQueueService.MessageNotInflight",
    "InvalidParameterValue",
    "ReceiptHandleIsInvalid",
)


@dataclass(frozen=True, slots=True)
class Message:
    """A received message: its body, its receipt handle, and its receive count."""

    body: str
    handle: str
    receives: int = 1

    @property
    def is_last_receive(self) -> bool:
        """Whether the message moves to the dead-letter queue unless it is deleted after this receive."""
        return self.receives >= RECEIVES_LIMIT


def backlog(queue_url: str) -> Backlog:
    """Return the approximate numbers of visible, in-flight and delayed messages.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    names = {
        "visible": "ApproximateNumberOfMessages",
        "in_flight": "ApproximateNumberOfMessagesNotVisible",
        "delayed": "ApproximateNumberOfMessagesDelayed",
    }
    with domain_errors("inspection queue"):
        found = client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=list(names.values()))
    return Backlog(**{field: int(found["Attributes"][name]) for field, name in names.items()})


def receive(queue_url: str, wait_seconds: int, visibility_seconds: int) -> list[Message]:
    """Receive up to ten messages, hidden for the visibility timeout; none if none arrives in time.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    with domain_errors("inspection queue"):
        answer = client("sqs").receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=wait_seconds,
            VisibilityTimeout=visibility_seconds,
            AttributeNames=["ApproximateReceiveCount"],
        )
    return [
        Message(one["Body"], one["ReceiptHandle"], int(one["Attributes"]["ApproximateReceiveCount"]))
        for one in answer.get("Messages", [])
    ]


def hide(queue_url: str, message: Message, seconds: int) -> bool:
    """Hide a message for this many seconds from now; 0 makes it visible immediately.

    Returns
    -------
    bool
        False if its visibility timeout has expired: the message is visible again, or another consumer has it.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    sqs = client("sqs")
    try:
        with domain_errors("inspection queue"):
            sqs.change_message_visibility(QueueUrl=queue_url, ReceiptHandle=message.handle, VisibilityTimeout=seconds)
    except sqs.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in _NOT_HIDDEN_ANY_MORE:
            return False
        raise
    return True


def put_back(queue_url: str, message: Message) -> None:
    """Send an unprocessed message again as a new one, so that this receive does not count against it.

    A crash between the two calls leaves the message twice, which consumers must tolerate anyway.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    with domain_errors("inspection queue"):
        client("sqs").send_message(QueueUrl=queue_url, MessageBody=message.body)
    delete(queue_url, message)


def delete(queue_url: str, message: Message) -> None:
    """Delete a processed message.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    with domain_errors("inspection queue"):
        client("sqs").delete_message(QueueUrl=queue_url, ReceiptHandle=message.handle)
