"""Leave operators their group in a token only if they have a second factor."""

from typing import Any

from vision import entry
from vision.adapters import aws_sdk, user_pool
from vision.domain.tokens import NO_SECOND_FACTOR, NOT_CHECKED, Groups

# Cognito waits five seconds for a trigger, of which a function that starts has none to lose.
# https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html
aws_sdk.make_clients("cognito-idp")


@entry.task
def handler(event: entry.Event) -> dict[str, Any]:
    """Answer Cognito before it makes a token: with the groups that the token may have."""
    groups = Groups.of(event)
    reason = _why_withheld(event["userPoolId"], event["userName"]) if groups.has_operators else ""
    return {**event, "response": groups.answer(reason)}


def _why_withheld(pool_id: str, user_name: str) -> str:
    try:
        return "" if user_pool.has_second_factor(pool_id, user_name) else NO_SECOND_FACTOR
    except Exception as error:  # Whatever it is: an error of this function would refuse the sign-in.
        entry.count("OperatorChecksFailed")
        entry.warn(f"the second factor of an operator could not be checked: {type(error).__name__}")
        return NOT_CHECKED
