import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber
from hypothesis import example, given
from hypothesis import strategies as st

from vision.adapters import notifications
from vision.adapters.aws_sdk import client
from vision.domain.errors import Throttled

TOPIC = "arn:aws:sns:eu-west-1:123456789012:QualityTopic"


@pytest.fixture
def topic(aws: None) -> str:
    return str(client("sns").create_topic(Name="QualityTopic")["TopicArn"])


def test_message_is_json_and_its_email_begins_with_a_sentence(stubbed: Callable[[str], Stubber]) -> None:
    text = '{\n  "verdict": "FAILURE",\n  "label": "Straße"\n}'
    subject = "Inspection FAILURE: rule Gärten"
    stubbed("sns").add_response(
        "publish",
        {"MessageId": "m1"},
        {
            "TopicArn": TOPIC,
            "Subject": subject,
            "MessageStructure": "json",
            "Message": json.dumps({"default": text, "email": f"A weed was found.\n\n{text}"}, ensure_ascii=False),
            "MessageAttributes": {"verdict": {"DataType": "String", "StringValue": "FAILURE"}},
        },
    )
    message = {"verdict": "FAILURE", "label": "Straße"}
    notifications.publish(TOPIC, subject, message, "A weed was found.", {"verdict": "FAILURE"})


@given(st.text(max_size=150))
@example("Inspection SUCCESS: rule Gärten & Höfe")
def test_subject_is_one_that_sns_accepts(text: str) -> None:
    subject = notifications._subject(text)
    assert len(subject) < 100
    assert subject == "" or subject.isprintable()
    assert (subject == text) == (len(text) < 100 and text.isprintable())


@pytest.mark.parametrize("name", ["two\nlines", "x" * 100, "tab\tbell\a"])
def test_rule_of_any_name_is_published(topic: str, name: str) -> None:
    notifications.publish(topic, f"Inspection FAILURE: rule {name}", {}, "", {"rule": name})


def test_address_is_subscribed_once_by_email(topic: str) -> None:
    for _ in range(2):
        notifications.subscribe(topic, "ann@example.com")
    [subscription] = client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ann@example.com")


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("publish", lambda: notifications.publish(TOPIC, "s", {}, "", {})),
        ("subscribe", lambda: notifications.subscribe(TOPIC, "ann@example.com")),
    ],
)
def test_throttled_request_is_named(stubbed: Callable[[str], Stubber], operation: str, call: Callable[[], Any]) -> None:
    stubbed("sns").add_client_error(operation, "Throttling")
    with pytest.raises(Throttled):
        call()
