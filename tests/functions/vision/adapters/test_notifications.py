import json
from collections.abc import Iterator

import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from vision.adapters import notifications
from vision.adapters.aws_sdk import client
from vision.domain.errors import AccessDenied, ServiceUnavailable, Throttled

TOPIC = "arn:aws:sns:eu-west-1:123456789012:QualityTopic"


@pytest.fixture
def stub(aws: None) -> Iterator[Stubber]:
    with Stubber(client("sns")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_message_is_json_for_programs_and_begins_with_a_sentence_in_a_mail(stub: Stubber) -> None:
    text = '{\n  "verdict": "FAILURE",\n  "label": "Straße"\n}'
    stub.add_response(
        "publish",
        {"MessageId": "m1"},
        {
            "TopicArn": TOPIC,
            "Subject": "Inspection FAILURE: rule Gärten",
            "MessageStructure": "json",
            "Message": json.dumps({"default": text, "email": f"A weed was found.\n\n{text}"}, ensure_ascii=False),
            "MessageAttributes": {"verdict": {"DataType": "String", "StringValue": "FAILURE"}},
        },
    )
    message = {"verdict": "FAILURE", "label": "Straße"}
    notifications.publish(
        TOPIC, "Inspection FAILURE: rule Gärten", message, "A weed was found.", {"verdict": "FAILURE"}
    )


@given(st.text(max_size=150))
def test_a_subject_is_one_that_sns_takes(text: str) -> None:
    subject = notifications._subject(text)
    assert len(subject) < 100
    assert subject == "" or subject.isprintable()


def test_a_subject_that_sns_takes_is_not_changed() -> None:
    assert notifications._subject("Inspection SUCCESS: rule Gärten & Höfe") == "Inspection SUCCESS: rule Gärten & Höfe"


@pytest.mark.parametrize("name", ["two\nlines", "x" * 100, "tab\tbell\a"])
def test_a_rule_of_any_name_can_be_told_of(aws: None, name: str) -> None:
    topic = client("sns").create_topic(Name="QualityTopic")["TopicArn"]
    notifications.publish(topic, f"Inspection FAILURE: rule {name}", {}, "", {"rule": name})


def test_an_address_is_subscribed_by_mail(stub: Stubber) -> None:
    stub.add_response(
        "subscribe",
        {"SubscriptionArn": "pending confirmation"},
        {"TopicArn": TOPIC, "Protocol": "email", "Endpoint": "ann@example.com"},
    )
    notifications.subscribe(TOPIC, "ann@example.com")


def test_an_address_is_subscribed_once(aws: None) -> None:
    topic = client("sns").create_topic(Name="QualityTopic")["TopicArn"]
    for _ in range(2):
        notifications.subscribe(topic, "ann@example.com")
    assert len(client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]) == 1


CALLS = {
    "publish": lambda: notifications.publish(TOPIC, "s", {}, "", {}),
    "subscribe": lambda: notifications.subscribe(TOPIC, "ann@example.com"),
}


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize(
    ("code", "http_status", "kind"),
    [
        ("Throttling", 400, Throttled),
        ("ThrottledException", 429, Throttled),
        ("AuthorizationError", 403, AccessDenied),
        ("KMSAccessDenied", 400, AccessDenied),
        ("KMSThrottling", 400, Throttled),
        ("InternalError", 500, ServiceUnavailable),
    ],
)
def test_what_sns_refuses_has_a_name(
    stub: Stubber, operation: str, code: str, http_status: int, kind: type[Exception]
) -> None:
    stub.add_client_error(operation, code, http_status_code=http_status)
    with pytest.raises(kind):
        CALLS[operation]()
