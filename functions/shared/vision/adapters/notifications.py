"""Messages to people, through an SNS topic."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from vision.adapters.aws_sdk import client, domain_errors


def publish(
    topic_arn: str, subject: str, message: Mapping[str, Any], sentence: str, attributes: Mapping[str, str]
) -> None:
    """Publish a message as JSON; subscribers can filter by its attributes.

    Parameters
    ----------
    sentence
        Stands above the message in a mail; a queue or a function gets the message alone.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    text = json.dumps(message, ensure_ascii=False, indent=2)
    with domain_errors("Publish"):
        client("sns").publish(
            TopicArn=topic_arn,
            Subject=_subject(subject),
            # Each protocol gets its own text: https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
            MessageStructure="json",
            Message=json.dumps({"default": text, "email": f"{sentence}\n\n{text}"}, ensure_ascii=False),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            },
        )


def _subject(text: str) -> str:
    # SNS refuses a subject of 100 characters or more, or with a line break or another control character.
    # https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
    return "".join(character if character.isprintable() else " " for character in text)[:99]


def subscribe(topic_arn: str, address: str) -> None:
    """Subscribe an e-mail address; its owner confirms by a link. Subscribing twice is once.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    with domain_errors("Subscribe"):
        client("sns").subscribe(TopicArn=topic_arn, Protocol="email", Endpoint=address)
