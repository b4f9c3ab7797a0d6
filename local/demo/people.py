"""The user of the demo, who signs in to the page, owns the demo's photos, and is an operator."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from local.stack.local_stack import LOCAL_DIR, Stack

PERSON = LOCAL_DIR / "person.json"
EMAIL = "demo@example.com"
OPERATORS = "operators"


@dataclass(frozen=True)
class Person:
    """A user who can sign in.

    Attributes
    ----------
    owner
        The user's id in the user pool; the folder of the photos in the bucket.
    """

    email: str
    password: str
    owner: str


def demo_person(stack: Stack, file: Path = PERSON) -> Person:
    """Return the user of the demo, created if the user pool has none; the password is saved for the next demo."""
    pool, cognito = stack.outputs["UserPoolId"], stack.client("cognito-idp")
    known = json.loads(file.read_text()) if file.exists() else {"password": f"Demo-{secrets.token_hex(4)}-1"}
    try:
        cognito.admin_create_user(
            UserPoolId=pool,
            Username=EMAIL,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": "email", "Value": EMAIL}, {"Name": "email_verified", "Value": "true"}],
        )
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=EMAIL, GroupName=OPERATORS)
    except cognito.exceptions.UsernameExistsException:
        pass
    cognito.admin_set_user_password(UserPoolId=pool, Username=EMAIL, Password=known["password"], Permanent=True)
    attributes = cognito.admin_get_user(UserPoolId=pool, Username=EMAIL)["UserAttributes"]
    [owner] = [attribute["Value"] for attribute in attributes if attribute["Name"] == "sub"]
    person = Person(EMAIL, known["password"], owner)
    file.touch(mode=0o600)
    file.write_text(json.dumps(asdict(person), indent=2) + "\n")
    return person


def token(stack: Stack, email: str, password: str) -> str:
    """Return an access token, as a script with AWS credentials gets one."""
    answer = stack.client("cognito-idp").admin_initiate_auth(
        UserPoolId=stack.outputs["UserPoolId"],
        ClientId=stack.outputs["UserPoolClientId"],
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": email, "PASSWORD": password},
    )
    return str(answer["AuthenticationResult"]["AccessToken"])
