"""People as the user pool knows them."""

from __future__ import annotations

from vision.adapters.aws_sdk import client, domain_errors
from vision.domain.tokens import SOFTWARE_TOKEN


def has_second_factor(pool_id: str, user_name: str) -> bool:
    """Tell whether a person signs in with the code of an authenticator app, beside the password.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    with domain_errors("AdminGetUser"):
        user = client("cognito-idp").admin_get_user(UserPoolId=pool_id, Username=user_name)
    return SOFTWARE_TOKEN in user.get("UserMFASettingList", [])
