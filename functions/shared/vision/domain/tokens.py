"""Tokens of people: which groups one may have, in the event with which Cognito asks before it makes one.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OPERATORS = "operators"
"""The group whose members see and change what is everybody's."""

WITHHELD = "operators_withheld"
"""The claim of an access token that says why a member of the group gets no right of it."""

NO_SECOND_FACTOR = "no-second-factor"
NOT_CHECKED = "not-checked"

SOFTWARE_TOKEN = "SOFTWARE_TOKEN_MFA"  # noqa: S105 - the name of a factor
"""What Cognito calls a code of an authenticator app."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of a person, as Cognito would write them into a token.

    Attributes
    ----------
    configuration
        ``groupConfiguration`` of the event: groups, and the IAM roles that identity pools read.
    """

    configuration: Mapping[str, Any]

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Groups:
        """Read an event of version 2; for a person without groups the list there is empty or missing."""
        return cls(event["request"].get("groupConfiguration") or {})

    @property
    def has_operators(self) -> bool:
        """Whether the person is in the group of operators."""
        return OPERATORS in self._names

    @property
    def _names(self) -> list[str]:
        return self.configuration.get("groupsToOverride") or []

    def answer(self, reason: str = "") -> dict[str, Any]:
        """Return the response to the event: all groups, or all but the operators and the claim that says why.

        Groups are named even if they stay, since Cognito takes an empty answer for "none".

        Examples
        --------
        >>> answered = Groups({"groupsToOverride": ["guests", "operators"]}).answer(NO_SECOND_FACTOR)
        >>> answered["claimsAndScopeOverrideDetails"]["groupOverrideDetails"]["groupsToOverride"]
        ['guests']
        """
        kept = [name for name in self._names if not reason or name != OPERATORS]
        details: dict[str, Any] = {"groupOverrideDetails": {**self.configuration, "groupsToOverride": kept}}
        if reason:
            details["accessTokenGeneration"] = {"claimsToAddOrOverride": {WITHHELD: reason}}
        return {"claimsAndScopeOverrideDetails": details}
