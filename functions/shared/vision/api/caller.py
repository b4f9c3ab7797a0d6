"""The caller of a request, read only from the claims that API Gateway has verified."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter as Router

from vision.api.problems import Forbidden, Unauthorized
from vision.domain.tokens import NO_SECOND_FACTOR, NOT_CHECKED, OPERATORS, WITHHELD

# The allowed form of an owner, which becomes a part of keys: Cognito's `sub`.
_OWNER = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class Caller:
    """A person who has signed in.

    Attributes
    ----------
    owner
        The owner of the photos and albums in the request: the subject of the token.
    is_operator
        Whether the person is in the group ``operators`` of the user pool, with a second factor.
    withheld
        Why a member of that group is not an operator now, see :mod:`vision.domain.tokens`; empty otherwise.
    """

    owner: str
    is_operator: bool
    withheld: str = ""

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Caller:
        """Read the claims of an event.

        Raises
        ------
        Unauthorized
            The claims are missing, are not from an access token, or name no owner.
        """
        authorizer = event.get("requestContext", {}).get("authorizer") or {}
        claims = (authorizer.get("jwt") or {}).get("claims") or {}
        owner = str(claims.get("sub", ""))
        # API Gateway accepts ID tokens too, which identify a person but do not authorize requests.
        if claims.get("token_use") != "access" or not _OWNER.fullmatch(owner):
            raise Unauthorized
        withheld = str(claims.get(WITHHELD, ""))
        return cls(
            owner,
            # The claim decides as well: that an empty list of groups leaves none in a token is Cognito's to keep.
            OPERATORS in _groups(claims.get("cognito:groups", "")) and not withheld,
            withheld if withheld in (NO_SECOND_FACTOR, NOT_CHECKED) else "",
        )


def caller(router: Router) -> Caller:
    """Return the caller of the router's current request.

    Raises
    ------
    Unauthorized
    """
    return Caller.of(router.current_event.raw_event)


def require_operator_reading(router: Router) -> Caller:
    """Return the caller of a GET request, who must be an operator; routes with changes use `vision.api.audit`.

    Raises
    ------
    Unauthorized
    Forbidden
        The caller is not an operator.
    """
    if router.current_event.http_method != "GET":
        raise RuntimeError("a route with which operators change something must be audited: use operator_changing")
    return require_operator(router)


def require_operator(router: Router) -> Caller:
    """Return the caller of any request, who must be an operator.

    Raises
    ------
    Unauthorized
    Forbidden
    """
    requester = caller(router)
    if not requester.is_operator:
        raise Forbidden(requester.withheld)
    return requester


def _groups(claim: Any) -> list[str]:
    """Return the groups of a token: an HTTP API passes the list as text, such as ``[operators guests]``.

    A group name may itself begin or end with a bracket, and has no white space.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateGroup.html
    """
    if isinstance(claim, list):
        return [str(group) for group in claim]
    listed = str(claim)
    is_list = len(listed) > 1 and listed.startswith("[") and listed.endswith("]")
    return listed[1:-1].split(" ") if is_list else []
