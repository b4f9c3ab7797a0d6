"""Tokens: operators need a second factor for their group, and each person gets a token."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.conftest import Answer, Event, Metrics, Refuse, Start
from vision.adapters.aws_sdk import client

Details = Callable[..., dict[str, Any]]
PERSON = "6e1f0a52-8c3b-4c55-9d7e-2f1a0b3c4d5e"


@pytest.fixture
def details(function: Start, event: Event) -> Details:
    """Request a token of a person in these groups, and return the changes to it."""

    def ask(*groups: str, **configuration: Any) -> dict[str, Any]:
        handler = function("pre_token_generation")
        asked = event("pre_token_generation_operator")
        asked["request"]["groupConfiguration"] |= {"groupsToOverride": list(groups), **configuration}
        answered = handler(asked)
        assert {**answered, "response": None} == {**asked, "response": None}
        return dict(answered["response"]["claimsAndScopeOverrideDetails"])

    return ask


@pytest.fixture
def factors(answer: Answer) -> Answer:
    """Let the user pool answer with these second factors, and return the list of requests to it."""

    def know(*names: str) -> list[dict[str, Any]]:
        settings = {"UserMFASettingList": list(names), "PreferredMfaSetting": names[0]} if names else {}
        return answer("cognito-idp", "AdminGetUser", {"Username": "olga", **settings})

    return know


def _claims(details: dict[str, Any]) -> tuple[list[str], str | None]:
    """The groups in the token, and why the group of operators is withheld."""
    claims = details.get("accessTokenGeneration", {}).get("claimsToAddOrOverride", {})
    return details["groupOverrideDetails"]["groupsToOverride"], claims.get("operators_withheld")


@pytest.mark.parametrize(
    ("names", "claims"),
    [
        (["SOFTWARE_TOKEN_MFA"], (["guests", "operators"], None)),
        *((names, (["guests"], "no-second-factor")) for names in ([], ["SMS_MFA"], ["EMAIL_OTP"])),
    ],
)
def test_operator_keeps_that_group_with_an_authenticator_app_only(
    details: Details, factors: Answer, names: list[str], claims: tuple[list[str], str | None]
) -> None:
    asked = factors(*names)
    assert _claims(details("guests", "operators")) == claims
    assert asked == [{"UserPoolId": "eu-west-1_EXAMPLE01", "Username": PERSON}]


@pytest.mark.parametrize("groups", [(), ("guests",), ("Operators",), ("operators2", "[operators]")])
def test_others_keep_their_groups_without_a_check(details: Details, factors: Answer, groups: tuple[str, ...]) -> None:
    asked = factors()
    found = details(*groups)
    assert _claims(found) == (list(groups), None)
    assert found.keys() == {"groupOverrideDetails"}
    assert asked == []


def test_roles_of_the_groups_are_unchanged(details: Details, factors: Answer) -> None:
    factors()
    roles = {"iamRolesToOverride": ["arn:aws:iam::123456789012:role/guests"], "preferredRole": None}
    assert details("operators", **roles)["groupOverrideDetails"] == {"groupsToOverride": [], **roles}


@pytest.mark.parametrize("configuration", [None, {}, {"groupsToOverride": None, "iamRolesToOverride": None}])
def test_person_without_groups_gets_none(function: Start, event: Event, configuration: dict[str, Any] | None) -> None:
    request = event("pre_token_generation")
    request["request"]["groupConfiguration"] = configuration
    response = function("pre_token_generation")(request)["response"]
    assert _claims(response["claimsAndScopeOverrideDetails"]) == ([], None)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("TooManyRequestsException", 400),
        ("InternalErrorException", 500),
        ("AccessDeniedException", 400),
        ("UserNotFoundException", 400),
        ("ResourceNotFoundException", 400),
        ("silence", 0),
    ],
)
def test_error_of_cognito_costs_operators_the_group_but_not_the_token(
    details: Details, refuse: Refuse, metrics: Metrics, code: str, status: int
) -> None:
    refuse("cognito-idp", "AdminGetUser", code, status)
    assert _claims(details("guests")) == (["guests"], None)
    assert metrics() == {}
    assert _claims(details("guests", "operators")) == (["guests"], "not-checked")
    assert metrics() == {"OperatorChecksFailed": 1}


def test_log_names_the_error_not_the_person(
    details: Details, refuse: Refuse, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse("cognito-idp", "AdminGetUser", "TooManyRequestsException")
    details("operators")
    written = capsys.readouterr().out
    [line] = [line for line in map(json.loads, written.splitlines()) if "_aws" not in line]
    assert line["level"] == "WARNING"
    assert line["message"].endswith(": Throttled")
    assert "example.com" not in written
    assert PERSON not in written


def test_attempts_end_within_the_five_seconds_of_a_trigger(function: Start) -> None:
    # https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html
    function("pre_token_generation")
    config = client("cognito-idp").meta.config
    attempts = config.retries["total_max_attempts"]
    # Before the second attempt botocore waits for less than a second.
    assert config.connect_timeout + attempts * config.read_timeout + (attempts - 1) <= 4
