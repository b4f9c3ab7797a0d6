"""The user of the demo, who signs in to the page, owns the demo's photos, and is an operator with a second factor."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local import totp
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
    secret
        The secret from which an authenticator app makes codes, in base32; empty without a second factor.
    """

    email: str
    password: str
    owner: str
    secret: str = ""


class NoPersonYet(RuntimeError):
    """The demo has no person yet, because no stack was ever up."""


def demo_person(stack: Stack, file: Path = PERSON) -> Person:
    """Return the user of the demo, created if the user pool has none; the credentials are saved."""
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
    user = cognito.admin_get_user(UserPoolId=pool, Username=EMAIL)
    [owner] = [attribute["Value"] for attribute in user["UserAttributes"] if attribute["Name"] == "sub"]
    person = Person(EMAIL, known["password"], owner, known.get("secret", ""))
    if not person.secret or not user.get("UserMFASettingList"):
        person = with_second_factor(stack, person)
    file.touch(mode=0o600)
    file.write_text(json.dumps(asdict(person), indent=2) + "\n")
    return person


def known_person(file: Path = PERSON) -> Person:
    """Return the demo's person, as saved by the last start.

    Raises
    ------
    NoPersonYet
    """
    if not file.exists():
        raise NoPersonYet("the demo has no person yet; run `make up` or `make demo` first")
    return Person(**json.loads(file.read_text()))


def with_second_factor(stack: Stack, person: Person) -> Person:
    """Set up a second factor as the page does, in place of one whose secret is lost."""
    cognito = stack.client("cognito-idp")
    cognito.admin_set_user_mfa_preference(
        UserPoolId=stack.outputs["UserPoolId"], Username=person.email, SoftwareTokenMfaSettings={"Enabled": False}
    )
    token = tokens(stack, person.email, person.password)["AccessToken"]
    secret = cognito.associate_software_token(AccessToken=token)["SecretCode"]
    # The code of the previous half minute, so that the current one can still be used to sign in.
    code = totp.code(secret, totp.step(time.time()) - 1)
    cognito.verify_software_token(AccessToken=token, UserCode=code)
    cognito.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True})
    return Person(person.email, person.password, person.owner, secret)


def code(person: Person, at_seconds: float) -> tuple[str, int]:
    """Return the code of a person at a time (since 1970), and for how many seconds an app shows it."""
    left = totp.STEP_SECONDS - int(at_seconds % totp.STEP_SECONDS)
    return totp.code(person.secret, totp.step(at_seconds)), left


def token(stack: Stack, email: str, password: str, second: str = "") -> str:
    """Return an access token, as a script with AWS credentials gets one."""
    return str(tokens(stack, email, password, second)["AccessToken"])


def tokens(stack: Stack, email: str, password: str, second: str = "") -> dict[str, Any]:
    """Return the tokens of a sign-in; ``second`` is the code of a person with a second factor."""
    cognito, pool = stack.client("cognito-idp"), stack.outputs["UserPoolId"]
    client = stack.outputs["UserPoolClientId"]
    answer = cognito.admin_initiate_auth(
        UserPoolId=pool,
        ClientId=client,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": email, "PASSWORD": password},
    )
    if "ChallengeName" in answer:
        answer = cognito.admin_respond_to_auth_challenge(
            UserPoolId=pool,
            ClientId=client,
            ChallengeName=answer["ChallengeName"],
            Session=answer["Session"],
            ChallengeResponses={
                "USERNAME": answer["ChallengeParameters"]["USER_ID_FOR_SRP"],
                "SOFTWARE_TOKEN_MFA_CODE": second,
            },
        )
    found: dict[str, Any] = answer["AuthenticationResult"]
    return found
