from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.conftest import TOPIC_ARN, Handler
from vision.adapters.aws_sdk import client

Event = Callable[[str], dict[str, Any]]
Answers = list[dict[str, Any]]


@pytest.fixture
def handler(function: Callable[[str], Handler], notified: Callable[[], list[Any]], answered: Answers) -> Handler:
    return function("validate_rules")


def _subscribed() -> list[str]:
    return [one["Endpoint"] for one in client("sns").list_subscriptions_by_topic(TopicArn=TOPIC_ARN)["Subscriptions"]]


@pytest.mark.parametrize("name", ["create", "create_without_addresses", "update", "delete"])
def test_valid_rules_are_answered_with_success(handler: Handler, event: Event, answered: Answers, name: str) -> None:
    handler(event(f"validate_rules_{name}"))
    [answer] = answered
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "ValidRules-1")


def test_a_wrong_rule_is_answered_with_the_sentence_that_names_it(
    handler: Handler, event: Event, answered: Answers
) -> None:
    handler(event("validate_rules_update_wrong_rule"))
    [answer] = answered
    assert (answer["Status"], answer["Reason"]) == (
        "FAILED",
        "InvalidRule: rule 'garden': 'rose' is in all_of and in none_of, no image can pass",
    )


def test_a_stack_with_wrong_rules_can_still_be_deleted(handler: Handler, event: Event, answered: Answers) -> None:
    deletion = event("validate_rules_delete")
    deletion["ResourceProperties"] = {}
    handler(deletion)
    assert [answer["Status"] for answer in answered] == ["SUCCESS"]


def test_people_are_subscribed_when_the_stack_is_made(handler: Handler, event: Event, answered: Answers) -> None:
    handler(event("validate_rules_create"))
    assert _subscribed() == ["inspector@example.com"]


def test_without_addresses_nobody_is_subscribed(handler: Handler, event: Event, answered: Answers) -> None:
    handler(event("validate_rules_create_without_addresses"))
    assert _subscribed() == []


def test_an_update_subscribes_whom_it_adds(handler: Handler, event: Event, answered: Answers) -> None:
    handler(event("validate_rules_create"))
    update = event("validate_rules_update")
    update["ResourceProperties"]["EmailAddresses"] = ["inspector@example.com", "second@example.com"]
    handler(update)
    assert sorted(_subscribed()) == ["inspector@example.com", "second@example.com"]


def test_an_update_does_not_write_again_to_those_who_have_not_confirmed_yet(
    handler: Handler, event: Event, answered: Answers, answer: Callable[..., list[dict[str, Any]]]
) -> None:
    asked = answer("sns", "Subscribe", {"SubscriptionArn": "pending confirmation"})
    update = event("validate_rules_update")
    for properties in (update["ResourceProperties"], update["OldResourceProperties"]):
        properties["EmailAddresses"] = ["inspector@example.com"]
    handler(update)
    assert asked == []


def test_rules_that_do_not_fit_beside_the_other_variables_of_a_function_are_refused(
    handler: Handler, event: Event, answered: Answers
) -> None:
    creation = event("validate_rules_create")
    creation["ResourceProperties"]["Environments"][-1]["MODEL_VERSION_ARN"] = "a" * 4000
    handler(creation)
    [refused] = answered
    assert (refused["Status"], "Lambda takes 4,096" in refused["Reason"]) == ("FAILED", True)


def test_an_update_back_to_a_template_without_environments_succeeds(
    handler: Handler, event: Event, answered: Answers
) -> None:
    update = event("validate_rules_update")
    del update["ResourceProperties"]["Environments"]
    handler(update)
    assert [answer["Status"] for answer in answered] == ["SUCCESS"]


def test_nobody_is_subscribed_to_verdicts_of_wrong_rules(handler: Handler, event: Event, answered: Answers) -> None:
    wrong = event("validate_rules_update_wrong_rule")
    wrong["ResourceProperties"]["EmailAddresses"] = ["inspector@example.com"]
    handler(wrong)
    assert _subscribed() == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("InvalidParameter", "InvalidParameter"),
        ("AuthorizationError", "AccessDenied: "),
        ("ThrottledException", "Throttled: "),
    ],
)
def test_whatever_sns_refuses_is_answered_so_that_no_deployment_waits_in_vain(
    handler: Handler, event: Event, answered: Answers, refuse: Callable[..., None], code: str, reason: str
) -> None:
    refuse("sns", "Subscribe", code)
    handler(event("validate_rules_create"))
    [answer] = answered
    assert (answer["Status"], reason in answer["Reason"]) == ("FAILED", True)


def test_properties_that_are_missing_are_answered_too(handler: Handler, event: Event, answered: Answers) -> None:
    creation = event("validate_rules_create")
    del creation["ResourceProperties"]["EmailAddresses"]
    handler(creation)
    assert [answer["Reason"] for answer in answered] == ["KeyError: 'EmailAddresses'"]


def test_more_buckets_than_a_policy_can_name_are_answered_with_the_sentence_that_says_so(
    handler: Handler, event: Event, answered: Answers
) -> None:
    creation = event("validate_rules_create")
    creation["ResourceProperties"]["BulkBucketArns"] = [f"arn:aws:s3:::field-photos-of-{day}" for day in range(90)]
    handler(creation)
    [answer] = answered
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("InvalidRun: BulkBucketArns: 90 buckets take ")


def test_an_earlier_release_that_names_no_buckets_is_gone_back_to(
    handler: Handler, event: Event, answered: Answers
) -> None:
    update = event("validate_rules_update")
    del update["ResourceProperties"]["BulkBucketArns"]
    handler(update)
    assert [answer["Status"] for answer in answered] == ["SUCCESS"]
