"""The inspection queue, as a session reads it: message by message, for as long as it takes."""

from __future__ import annotations

from dataclasses import dataclass

from vision.adapters.aws_sdk import client, domain_errors
from vision.domain.session.decisions import Backlog

# The most that one ReceiveMessage gives.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
BATCH = 10

# How often the queues of the template give a message out: their RedrivePolicy, to which a test holds this.
RECEIVES_LIMIT = 5

_NOT_HIDDEN_ANY_MORE = (
    "MessageNotInflight",
    "AWS.SimpleQueueService.MessageNotInflight",
    "InvalidParameterValue",
    "ReceiptHandleIsInvalid",
)


@dataclass(frozen=True, slots=True)
class Message:
    """A received message: its body, the handle that deletes or extends it, and how often it was received."""

    body: str
    handle: str
    receives: int = 1

    @property
    def is_last_receive(self) -> bool:
        """Whether it goes to the dead-letter queue if it is not deleted this time."""
        return self.receives >= RECEIVES_LIMIT


def backlog(queue_url: str) -> Backlog:
    """Count what waits, as whole numbers.

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
    """Return up to ten messages, hidden from others for a while; none when none comes in time.

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
    """Hide a message for some more seconds from now; 0 gives it to whoever asks next.

    Returns
    -------
    bool
        False when it was not hidden long enough: it waits for anyone again, or another has it.

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
    """Put a message that nobody tried back as a new one: SQS counts each receive, and this one was nobody's fault.

    A crash in between leaves the message twice, which whoever takes it must bear anyway.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    with domain_errors("inspection queue"):
        client("sqs").send_message(QueueUrl=queue_url, MessageBody=message.body)
    delete(queue_url, message)


def delete(queue_url: str, message: Message) -> None:
    """Remove a message that is done.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    with domain_errors("inspection queue"):
        client("sqs").delete_message(QueueUrl=queue_url, ReceiptHandle=message.handle)
