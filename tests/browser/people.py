"""Accounts of people who use the page."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

from local import totp
from local.demo import people
from tests.local.stack.pipeline import Pipeline


@dataclass(frozen=True)
class Person:
    """A person with an account.

    Attributes
    ----------
    owner
        The person's id in the stack.
    secret
        The secret of the codes; empty without a second factor.
    """

    email: str
    password: str
    owner: str
    secret: str = ""


# The step of the last used code of each secret, and the last refresh token of each person.
_USED: dict[str, int] = {}
_REFRESH: dict[str, str] = {}


def new_email() -> str:
    return f"{secrets.token_hex(4)}@example.com"


def new_password() -> str:
    return f"Pass-{secrets.token_hex(6)}-1"


def make_person(pipeline: Pipeline, *, is_operator: bool = False) -> Person:
    """Make an account as an administrator does, without the sign-in pages."""
    cognito, pool = pipeline.client("cognito-idp"), pipeline.stack.outputs["UserPoolId"]
    email, password = new_email(), new_password()
    attributes = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
    made = cognito.admin_create_user(
        UserPoolId=pool, Username=email, MessageAction="SUPPRESS", UserAttributes=attributes
    )["User"]
    cognito.admin_set_user_password(UserPoolId=pool, Username=email, Password=password, Permanent=True)
    [owner] = [attribute["Value"] for attribute in made["Attributes"] if attribute["Name"] == "sub"]
    if not is_operator:
        return Person(email, password, owner)
    person = add_second_factor(pipeline, Person(email, password, owner))
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=email, GroupName="operators")
    return person


def add_second_factor(pipeline: Pipeline, person: Person) -> Person:
    """Set up the second factor that operators need, with the code of the previous half minute."""
    stack = pipeline.stack
    made = people.with_second_factor(stack, people.Person(person.email, person.password, person.owner))
    _USED[made.secret] = totp.step(time.time()) - 1
    return Person(person.email, person.password, person.owner, made.secret)


def next_code(secret: str) -> str:
    """Return an unused code of this half minute or of the next one, which Cognito accepts too."""
    wanted = max(totp.step(time.time()), _USED.get(secret, 0) + 1)
    time.sleep(max(0.0, (wanted - 1) * totp.STEP_SECONDS - time.time() + 0.1))
    _USED[secret] = wanted
    return totp.code(secret, wanted)


def tokens_of(pipeline: Pipeline, person: Person) -> dict[str, Any]:
    """The tokens that the page keeps of a signed-in person."""
    answer = _refreshed(pipeline, person) or _signed_in(pipeline, person)
    now = int(time.time() * 1000)
    return {
        "access_token": answer["AccessToken"],
        "refresh_token": answer["RefreshToken"],
        "issued_at": now,
        "expires_at": now + answer["ExpiresIn"] * 1000,
    }


def _refreshed(pipeline: Pipeline, person: Person) -> dict[str, Any] | None:
    """Renew the tokens of a person with a second factor, unless that session has ended: a code works only once."""
    if person.email not in _REFRESH:
        return None
    cognito = pipeline.client("cognito-idp")
    asked = {"ClientId": pipeline.stack.outputs["UserPoolClientId"], "AuthFlow": "REFRESH_TOKEN_AUTH"}
    refresh_token = _REFRESH[person.email]
    try:
        answer = cognito.initiate_auth(**asked, AuthParameters={"REFRESH_TOKEN": refresh_token})
    except cognito.exceptions.NotAuthorizedException:
        return None
    return {"RefreshToken": refresh_token, **answer["AuthenticationResult"]}


def is_revoked(pipeline: Pipeline, refresh_token: str) -> bool:
    """Return whether Cognito refuses a refresh token."""
    cognito = pipeline.client("cognito-idp")
    asked = {"ClientId": pipeline.stack.outputs["UserPoolClientId"], "AuthFlow": "REFRESH_TOKEN_AUTH"}
    try:
        cognito.initiate_auth(**asked, AuthParameters={"REFRESH_TOKEN": refresh_token})
    except cognito.exceptions.NotAuthorizedException:
        return True
    return False


def _signed_in(pipeline: Pipeline, person: Person) -> dict[str, Any]:
    code = next_code(person.secret) if person.secret else ""
    tokens = people.tokens(pipeline.stack, person.email, person.password, code)
    if person.secret:
        _REFRESH[person.email] = tokens["RefreshToken"]
    return tokens
