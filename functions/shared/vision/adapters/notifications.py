"""Notifications through an SNS topic."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from vision.adapters.aws_sdk import client, domain_errors


def publish(
    topic_arn: str, subject: str, message: Mapping[str, Any], sentence: str, attributes: Mapping[str, str]
) -> None:
    """Publish a message as JSON, with attributes for the filter policies of subscribers.

    Parameters
    ----------
    sentence
        Text above the message in an email; a queue or a function receives only the message.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    text = json.dumps(message, ensure_ascii=False, indent=2)
    with domain_errors("Publish"):
        client("sns").publish(
            TopicArn=topic_arn,
            Subject=_subject(subject),
            # Each protocol receives its own text: https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
            MessageStructure="json",
            Message=json.dumps({"default": text, "email": f"{sentence}\n\n{text}"}, ensure_ascii=False),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            },
        )


def _subject(text: str) -> str:
    # SNS rejects a subject that has 100 characters or more, or contains a line break or another control character.
    # https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
    return "".join(character if character.isprintable() else " " for character in text)[:99]


def subscribe(topic_arn: str, address: str) -> None:
    """Subscribe an email address, whose owner confirms with a link. Subscribing again is a no-op.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    with domain_errors("Subscribe"):
        client("sns").subscribe(TopicArn=topic_arn, Protocol="email", Endpoint=address)
