from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.conftest import TOPIC_ARN, Answer, Event, Refuse, Start
from vision.adapters.aws_sdk import client

Respond = Callable[..., dict[str, Any]]
INSPECTOR, SECOND = "inspector@example.com", "second@example.com"


@pytest.fixture
def respond(
    function: Start, notified: Callable[[], list[Any]], answered: list[dict[str, Any]], event: Event
) -> Respond:
    """Send a request of CloudFormation with some of its properties changed, and return the one response to it."""
    handler = function("validate_rules")

    def send(name: str, without: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
        request = event(f"validate_rules_{name}")
        request["ResourceProperties"] |= properties
        for missing in without:
            del request["ResourceProperties"][missing]
        handler(request)
        [response] = answered
        answered.clear()
        return response

    return send


def _subscribed() -> list[str]:
    subscriptions = client("sns").list_subscriptions_by_topic(TopicArn=TOPIC_ARN)["Subscriptions"]
    return sorted(one["Endpoint"] for one in subscriptions)


@pytest.mark.parametrize(
    ("name", "subscribed"), [("create", [INSPECTOR]), ("create_without_addresses", []), ("update", []), ("delete", [])]
)
def test_valid_rules_succeed_and_a_creation_subscribes(respond: Respond, name: str, subscribed: list[str]) -> None:
    response = respond(name)
    assert response["Status"] == "SUCCESS"
    assert response["PhysicalResourceId"] == "ValidRules-1"
    assert _subscribed() == subscribed


def test_update_subscribes_new_addresses_only(respond: Respond) -> None:
    respond("create")
    respond("update", EmailAddresses=[INSPECTOR, SECOND])
    assert _subscribed() == [INSPECTOR, SECOND]


def test_update_sends_no_second_email_to_an_unconfirmed_address(
    function: Start, answered: list[dict[str, Any]], event: Event, answer: Answer
) -> None:
    asked = answer("sns", "Subscribe", {"SubscriptionArn": "pending confirmation"})
    update = event("validate_rules_update")
    for properties in (update["ResourceProperties"], update["OldResourceProperties"]):
        properties["EmailAddresses"] = [INSPECTOR]
    function("validate_rules")(update)
    assert asked == []


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        # CloudFormation rolls back to a template without the property.
        ("update", ["Environments"]),
        ("update", ["BulkBucketArns"]),
        ("delete", ["Rules", "EmailAddresses"]),
    ],
)
def test_update_and_deletion_succeed_without_some_properties(respond: Respond, name: str, missing: list[str]) -> None:
    assert respond(name, without=tuple(missing))["Status"] == "SUCCESS"


def test_missing_property_is_named_in_the_response(respond: Respond) -> None:
    assert respond("create", without=("EmailAddresses",))["Reason"] == "KeyError: 'EmailAddresses'"


@pytest.mark.parametrize(
    ("name", "properties", "words"),
    [
        ("update_wrong_rule", {}, ["InvalidRule: rule 'garden': ", "'rose'", "all_of", "none_of"]),
        ("create", {"Environments": [{"MODEL_VERSION_ARN": "a" * 4000}]}, ["Lambda takes 4,096"]),
        (
            "create",
            {"BulkBucketArns": [f"arn:aws:s3:::field-photos-of-{day}" for day in range(90)]},
            ["InvalidRun: BulkBucketArns: 90 buckets take "],
        ),
    ],
    ids=["rule", "environment", "buckets"],
)
def test_invalid_parameter_is_named_and_subscribes_no_address(
    respond: Respond, name: str, properties: dict[str, Any], words: list[str]
) -> None:
    response = respond(name, **properties, EmailAddresses=[INSPECTOR])
    assert response["Status"] == "FAILED"
    assert all(word in response["Reason"] for word in words)
    assert _subscribed() == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("InvalidParameter", "InvalidParameter"),
        ("AuthorizationError", "AccessDenied: "),
        ("ThrottledException", "Throttled: "),
    ],
)
def test_error_of_sns_is_a_response_so_that_no_deployment_waits_in_vain(
    respond: Respond, refuse: Refuse, code: str, reason: str
) -> None:
    refuse("sns", "Subscribe", code)
    response = respond("create")
    assert response["Status"] == "FAILED"
    assert reason in response["Reason"]
