"""People who use the page under test."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

from tests.local.stack.pipeline import Pipeline


@dataclass(frozen=True)
class Person:
    """Somebody with an account; `owner` is the id under which the stack knows them."""

    email: str
    password: str
    owner: str


def new_email() -> str:
    return f"{secrets.token_hex(4)}@example.com"


def new_password() -> str:
    return f"Pass-{secrets.token_hex(6)}-1"


def make_person(pipeline: Pipeline, *, is_operator: bool = False) -> Person:
    """Make an account as an administrator does, without the pages of the sign-in."""
    cognito, pool = pipeline.client("cognito-idp"), pipeline.stack.outputs["UserPoolId"]
    email, password = new_email(), new_password()
    attributes = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
    made = cognito.admin_create_user(
        UserPoolId=pool, Username=email, MessageAction="SUPPRESS", UserAttributes=attributes
    )["User"]
    cognito.admin_set_user_password(UserPoolId=pool, Username=email, Password=password, Permanent=True)
    if is_operator:
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=email, GroupName="operators")
    [owner] = [attribute["Value"] for attribute in made["Attributes"] if attribute["Name"] == "sub"]
    return Person(email, password, owner)


def tokens_of(pipeline: Pipeline, person: Person) -> dict[str, Any]:
    """What the page keeps of somebody who has signed in."""
    answer = pipeline.client("cognito-idp").admin_initiate_auth(
        UserPoolId=pipeline.stack.outputs["UserPoolId"],
        ClientId=pipeline.stack.outputs["UserPoolClientId"],
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": person.email, "PASSWORD": person.password},
    )["AuthenticationResult"]
    now = int(time.time() * 1000)
    return {
        "access_token": answer["AccessToken"],
        "refresh_token": answer["RefreshToken"],
        "issued_at": now,
        "expires_at": now + answer["ExpiresIn"] * 1000,
    }
