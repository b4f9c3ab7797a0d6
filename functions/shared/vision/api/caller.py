"""Who asks: read from the claims that API Gateway has checked, and from nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter as Router

from vision.api.problems import Forbidden, Unauthorized
from vision.domain.tokens import NO_SECOND_FACTOR, NOT_CHECKED, OPERATORS, WITHHELD

# What an owner may be, since it becomes a part of keys: Cognito's `sub`.
_OWNER = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class Caller:
    """A person that has signed in.

    Attributes
    ----------
    owner
        Whose things are meant: the subject of the token.
    is_operator
        Whether the person is in the group ``operators`` of the user pool, with a second factor.
    withheld
        Why somebody of that group is no operator now, see :mod:`vision.domain.tokens`; empty otherwise.
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
            There are none, they are not of an access token, or they name nobody.
        """
        authorizer = event.get("requestContext", {}).get("authorizer") or {}
        claims = (authorizer.get("jwt") or {}).get("claims") or {}
        owner = str(claims.get("sub", ""))
        # API Gateway takes ID tokens too, which say who somebody is and not what may be asked.
        if claims.get("token_use") != "access" or not _OWNER.fullmatch(owner):
            raise Unauthorized
        withheld = str(claims.get(WITHHELD, ""))
        return cls(
            owner,
            OPERATORS in _groups(claims.get("cognito:groups", "")),
            withheld if withheld in (NO_SECOND_FACTOR, NOT_CHECKED) else "",
        )


def caller(router: Router) -> Caller:
    """Return who sent the request that a router is at.

    Raises
    ------
    Unauthorized
    """
    return Caller.of(router.current_event.raw_event)


def operator(router: Router) -> Caller:
    """Return the operator who asks to read something; what changes something takes `vision.api.audit`.

    Raises
    ------
    Unauthorized
    Forbidden
        Whoever sent it is none.
    """
    if router.current_event.http_method != "GET":
        raise RuntimeError("a route by which operators change something leaves no line; take operator_changing")
    return any_operator(router)


def any_operator(router: Router) -> Caller:
    """Return the operator who sent the request, whatever it asks for.

    Raises
    ------
    Unauthorized
    Forbidden
    """
    asks = caller(router)
    if not asks.is_operator:
        raise Forbidden(asks.withheld)
    return asks


def _groups(claim: Any) -> list[str]:
    """Return the groups of a token: an HTTP API writes the list as text, such as ``[operators guests]``.

    A name of a group may begin or end with a bracket of its own, and has no white space.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateGroup.html
    """
    if isinstance(claim, list):
        return [str(group) for group in claim]
    listed = str(claim)
    is_list = len(listed) > 1 and listed.startswith("[") and listed.endswith("]")
    return listed[1:-1].split(" ") if is_list else []
