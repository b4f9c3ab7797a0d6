"""Tokens: an operator's has the group only with a second factor, and nobody's is refused for it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Handle = Callable[..., dict[str, Any]]


@pytest.fixture
def details(function: Callable[[str], Any], event: Callable[[str], dict[str, Any]]) -> Handle:
    """Ask for a token of somebody of these groups, and return what is changed in it."""

    def ask(*groups: str, **configuration: Any) -> dict[str, Any]:
        handler = function("pre_token_generation")
        asked = event("pre_token_generation_operator")
        asked["request"]["groupConfiguration"] |= {"groupsToOverride": list(groups), **configuration}
        answered = handler(asked)
        assert {**answered, "response": None} == {**asked, "response": None}
        return dict(answered["response"]["claimsAndScopeOverrideDetails"])

    return ask


@pytest.fixture
def factors(answer: Callable[..., list[dict[str, Any]]]) -> Callable[..., list[dict[str, Any]]]:
    """Let the user pool know these second factors of everybody; return the list of who was asked for."""

    def know(*names: str) -> list[dict[str, Any]]:
        settings = {"UserMFASettingList": list(names), "PreferredMfaSetting": names[0]} if names else {}
        return answer("cognito-idp", "AdminGetUser", {"Username": "olga", **settings})

    return know


@pytest.fixture
def metrics(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    def read() -> list[str]:
        lines = map(json.loads, capsys.readouterr().out.splitlines())
        return [one["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"] for one in lines if "_aws" in one]

    return read


def withheld(details: dict[str, Any]) -> str | None:
    claims = details.get("accessTokenGeneration", {}).get("claimsToAddOrOverride", {})
    return claims.get("operators_withheld")


def test_operator_with_a_second_factor_keeps_the_group(details: Handle, factors: Callable[..., Any]) -> None:
    asked = factors("SOFTWARE_TOKEN_MFA")
    found = details("guests", "operators")
    assert found["groupOverrideDetails"]["groupsToOverride"] == ["guests", "operators"]
    assert withheld(found) is None
    assert asked == [{"UserPoolId": "eu-west-1_EXAMPLE01", "Username": "6e1f0a52-8c3b-4c55-9d7e-2f1a0b3c4d5e"}]


@pytest.mark.parametrize("names", [(), ("SMS_MFA",), ("EMAIL_OTP",)])
def test_operator_without_an_authenticator_loses_the_group_and_only_that(
    details: Handle, factors: Callable[..., Any], names: tuple[str, ...]
) -> None:
    factors(*names)
    found = details("guests", "operators")
    assert found["groupOverrideDetails"]["groupsToOverride"] == ["guests"]
    assert withheld(found) == "no-second-factor"


@pytest.mark.parametrize("groups", [(), ("guests",), ("Operators",), ("operators2", "[operators]")])
def test_nobody_else_is_asked_for(details: Handle, factors: Callable[..., Any], groups: tuple[str, ...]) -> None:
    asked = factors()
    found = details(*groups)
    assert (asked, found) == ([], {"groupOverrideDetails": {**found["groupOverrideDetails"]}})
    assert found["groupOverrideDetails"]["groupsToOverride"] == list(groups)


def test_roles_of_the_groups_stay_as_cognito_has_them(details: Handle, factors: Callable[..., Any]) -> None:
    factors()
    roles = {"iamRolesToOverride": ["arn:aws:iam::123456789012:role/guests"], "preferredRole": None}
    assert details("operators", **roles)["groupOverrideDetails"] == {"groupsToOverride": [], **roles}


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
def test_cognito_that_does_not_answer_costs_operators_the_group_and_not_the_token(
    details: Handle,
    refuse: Callable[..., None],
    metrics: Callable[[], list[str]],
    code: str,
    status: int,
) -> None:
    refuse("cognito-idp", "AdminGetUser", code, status)
    found = details("guests", "operators")
    assert found["groupOverrideDetails"]["groupsToOverride"] == ["guests"]
    assert withheld(found) == "not-checked"
    assert metrics() == ["OperatorChecksFailed"]


def test_cognito_that_does_not_answer_is_nothing_to_others(
    details: Handle, refuse: Callable[..., None], metrics: Callable[[], list[str]]
) -> None:
    refuse("cognito-idp", "AdminGetUser", "TooManyRequestsException")
    assert details("guests")["groupOverrideDetails"]["groupsToOverride"] == ["guests"]
    assert metrics() == []


def test_log_names_the_error_and_nobody(
    details: Handle, refuse: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    refuse("cognito-idp", "AdminGetUser", "TooManyRequestsException")
    details("operators")
    written = capsys.readouterr().out
    [line] = [line for line in map(json.loads, written.splitlines()) if "_aws" not in line]
    assert (line["level"], line["message"]) == (
        "WARNING",
        "the second factor of an operator could not be checked: Throttled",
    )
    assert "example.com" not in written


@pytest.mark.parametrize("configuration", [None, {}, {"groupsToOverride": None, "iamRolesToOverride": None}])
def test_somebody_of_no_group_gets_none(
    function: Callable[[str], Any], event: Callable[[str], dict[str, Any]], configuration: dict[str, Any] | None
) -> None:
    asked = event("pre_token_generation")
    asked["request"]["groupConfiguration"] = configuration
    answered = function("pre_token_generation")(asked)["response"]["claimsAndScopeOverrideDetails"]
    assert answered["groupOverrideDetails"]["groupsToOverride"] == []


def test_attempts_leave_room_within_the_five_seconds_of_a_trigger(function: Callable[[str], Any]) -> None:
    # https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html
    from vision.adapters.aws_sdk import client

    function("pre_token_generation")
    config = client("cognito-idp").meta.config
    attempts = config.retries["total_max_attempts"]
    # Before the second attempt botocore waits for less than a second.
    assert config.connect_timeout + attempts * config.read_timeout + (attempts - 1) <= 4
