"""People as the user pool knows them."""

from __future__ import annotations

from collections.abc import Callable

from vision.adapters.aws_sdk import client, domain_errors
from vision.domain.tokens import SOFTWARE_TOKEN


def second_factors() -> Callable[[str, str], bool]:
    """Return :func:`has_second_factor`, with a client that is made now.

    Cognito waits five seconds for a trigger, of which a function that starts has none to lose.
    https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html
    """
    client("cognito-idp")
    return has_second_factor


def has_second_factor(pool_id: str, user_name: str) -> bool:
    """Tell whether a person signs in with the code of an authenticator app, beside the password.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    with domain_errors("AdminGetUser"):
        user = client("cognito-idp").admin_get_user(UserPoolId=pool_id, Username=user_name)
    return SOFTWARE_TOKEN in user.get("UserMFASettingList", [])
