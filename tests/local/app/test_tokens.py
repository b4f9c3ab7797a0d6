"""No route answers a token that is missing, expired, tampered with, or somebody else's."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.people import make_person, new_email, new_password, tokens_of
from tests.functions.http_api import OPERATIONS, filled
from tests.local.app.conftest import Client
from tests.local.stack.pipeline import Pipeline

pytestmark = pytest.mark.local

ID = "a" * 26
BODY = {"name": "a.jpg", "content_type": "image/jpeg", "size_bytes": 1}


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def decoded(part: str) -> dict[str, Any]:
    return dict(json.loads(base64.urlsafe_b64decode(part + "==")))


@pytest.fixture(scope="session")
def expired(pipeline: Pipeline) -> str:
    """A token of the page's own client that was good a moment ago."""
    cognito = pipeline.client("cognito-idp")
    which = {"UserPoolId": pipeline.stack.outputs["UserPoolId"], "ClientId": pipeline.stack.outputs["UserPoolClientId"]}
    before = cognito.describe_user_pool_client(**which)["UserPoolClient"]
    kept = {name: before[name] for name in ("ExplicitAuthFlows", "AllowedOAuthFlows", "AllowedOAuthScopes")}
    lives = {"AccessTokenValidity": 1, "TokenValidityUnits": {"AccessToken": "seconds"}}
    cognito.update_user_pool_client(**which, **kept, **lives)
    token = str(tokens_of(pipeline, make_person(pipeline))["access_token"])
    usual = {name: before[name] for name in lives}
    cognito.update_user_pool_client(**which, **kept, **usual)
    left = decoded(token.split(".")[1])["exp"] - time.time()
    assert left < 5
    time.sleep(max(0.0, left) + 0.1)
    return token


def token_of_another(pipeline: Pipeline, pool: str) -> str:
    """The token of somebody of a pool who signed in with a client that is not the page's."""
    cognito, email, password = pipeline.client("cognito-idp"), new_email(), new_password()
    flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    made = cognito.create_user_pool_client(UserPoolId=pool, ClientName="another", ExplicitAuthFlows=flows)
    cognito.admin_create_user(UserPoolId=pool, Username=email, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=email, Password=password, Permanent=True)
    answer = cognito.admin_initiate_auth(
        UserPoolId=pool,
        ClientId=made["UserPoolClient"]["ClientId"],
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": email, "PASSWORD": password},
    )
    return str(answer["AuthenticationResult"]["AccessToken"])


@pytest.fixture(scope="session")
def bad_tokens(pipeline: Pipeline, ann: Client, expired: str) -> dict[str, str | None]:
    """Tokens that are none, by what is wrong with them."""
    header, payload, signature = str(ann.token).split(".")
    claims = decoded(payload)
    pool = pipeline.client("cognito-idp").create_user_pool(PoolName="another")["UserPool"]["Id"]
    return {
        "missing": None,
        "empty": "",
        "nonsense": "nonsense",
        "expired": expired,
        "of another pool": token_of_another(pipeline, pool),
        "of another client": token_of_another(pipeline, pipeline.stack.outputs["UserPoolId"]),
        "another subject": f"{header}.{encoded(claims | {'sub': 'bob'})}.{signature}",
        "operator by its own word": f"{header}.{encoded(claims | {'cognito:groups': ['operators']})}.{signature}",
        "later expiry": f"{header}.{encoded(claims | {'exp': claims['exp'] + 9999})}.{signature}",
        "another signature": f"{header}.{payload}.{signature[::-1]}",
        "no signature": f"{header}.{payload}.",
        "alg none": f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{payload}.",
        "alg none with the key": f"{encoded(decoded(header) | {'alg': 'none'})}.{payload}.",
        "alg HS256": f"{encoded(decoded(header) | {'alg': 'HS256'})}.{payload}.{signature}",
    }


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_route_answers_no_bad_token(
    pipeline: Pipeline, bad_tokens: dict[str, str | None], method: str, path: str
) -> None:
    target = filled(path, album_id=ID, photo_id=ID, run_id="run")
    body = BODY if method in ("POST", "PATCH") else None
    statuses = {kind: Client(pipeline, token)(method, target, body).status for kind, token in bad_tokens.items()}
    assert {kind: status for kind, status in statuses.items() if status not in (401, 403)} == {}


def test_the_same_requests_with_a_good_token_are_answered(ann: Client) -> None:
    statuses = [ann.get(path).status for path in ("/api/me", "/api/albums", "/api/photos", "/api/labels")]
    assert statuses == [200, 200, 200, 200]


def test_a_route_that_there_is_not_answers_no_missing_token_either(pipeline: Pipeline) -> None:
    assert Client(pipeline, None).get("/api/secrets").status == 401


@pytest.mark.parametrize("target", ["/", "/config.json", "/api/openapi.json"])
def test_what_everybody_may_read_needs_no_token(pipeline: Pipeline, target: str) -> None:
    assert Client(pipeline, None).get(target).status == 200


def test_what_operators_do_is_forbidden_to_others(ann: Client) -> None:
    assert ann.get("/api/bulk-runs").status == 403


def test_an_operator_is_one_by_the_token_of_the_pool(new_client: Callable[..., Client]) -> None:
    assert new_client(is_operator=True).get("/api/bulk-runs").status == 200
