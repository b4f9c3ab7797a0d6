"""No route accepts a token that is missing, expired, forged, or of another user pool or client."""

import base64
import json
import time
from typing import Any

import pytest

from tests.browser.people import make_person, new_email, new_password, tokens_of
from tests.functions.http_api import OPERATIONS, filled, good_body
from tests.local.app.conftest import Client
from tests.local.stack.pipeline import Pipeline, wait_for

pytestmark = pytest.mark.local

ID = "a" * 26


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def decoded(part: str) -> dict[str, Any]:
    return dict(json.loads(base64.urlsafe_b64decode(part + "==")))


@pytest.fixture(scope="module")
def expired(pipeline):
    """A token of the page's own client that has just expired."""
    cognito = pipeline.client("cognito-idp")
    which = {"UserPoolId": pipeline.stack.outputs["UserPoolId"], "ClientId": pipeline.stack.outputs["UserPoolClientId"]}
    before = cognito.describe_user_pool_client(**which)["UserPoolClient"]
    settings = ("ExplicitAuthFlows", "AllowedOAuthFlows", "AllowedOAuthScopes", "AccessTokenValidity")
    kept = {name: before[name] for name in (*settings, "TokenValidityUnits")}
    short = {"AccessTokenValidity": 1, "TokenValidityUnits": {"AccessToken": "seconds"}}
    cognito.update_user_pool_client(**which, **kept | short)
    token = str(tokens_of(pipeline, make_person(pipeline))["access_token"])
    cognito.update_user_pool_client(**which, **kept)
    expires_at = decoded(token.split(".")[1])["exp"]
    assert expires_at - time.time() < 5
    wait_for(lambda: time.time() > expires_at)
    return token


def signed_in(pipeline: Pipeline, pool: str, client: str, email: str, password: str) -> dict[str, str]:
    """The tokens of a person who signed in with a client of a pool."""
    answer = pipeline.client("cognito-idp").admin_initiate_auth(
        UserPoolId=pool,
        ClientId=client,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": email, "PASSWORD": password},
    )
    return dict(answer["AuthenticationResult"])


def token_of_another(pipeline: Pipeline, pool: str) -> str:
    """A token of a pool's user who signed in with a client other than the page's."""
    cognito, email, password = pipeline.client("cognito-idp"), new_email(), new_password()
    flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    made = cognito.create_user_pool_client(UserPoolId=pool, ClientName="another", ExplicitAuthFlows=flows)
    cognito.admin_create_user(UserPoolId=pool, Username=email, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=email, Password=password, Permanent=True)
    return signed_in(pipeline, pool, made["UserPoolClient"]["ClientId"], email, password)["AccessToken"]


@pytest.fixture(scope="module")
def bad_tokens(pipeline, ann, expired):
    """Invalid tokens by what is wrong with them."""
    header, payload, signature = str(ann.token).split(".")
    claims = decoded(payload)
    own_pool, client = (pipeline.stack.outputs[name] for name in ("UserPoolId", "UserPoolClientId"))
    pool = pipeline.client("cognito-idp").create_user_pool(PoolName="another")["UserPool"]["Id"]
    person = make_person(pipeline)
    others = signed_in(pipeline, own_pool, client, person.email, person.password)
    return {
        "ID token": others["IdToken"],
        "refresh token": others["RefreshToken"],
        "missing": None,
        "empty": "",
        "nonsense": "nonsense",
        "expired": expired,
        "of another pool": token_of_another(pipeline, pool),
        "of another client": token_of_another(pipeline, own_pool),
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
def test_route_refuses_every_invalid_token(pipeline, bad_tokens, method, path):
    target = filled(path, album_id=ID, photo_id=ID, run_id="run")
    body = good_body(method, path)
    statuses = {kind: Client(pipeline, token)(method, target, body).status for kind, token in bad_tokens.items()}
    assert {kind: status for kind, status in statuses.items() if status not in (401, 403)} == {}


def test_valid_token_is_answered_and_operator_routes_need_the_group(ann, new_client, pipeline):
    paths = ("/api/me", "/api/albums", "/api/photos", "/api/labels")
    assert {path: ann.get(path).status for path in paths} == dict.fromkeys(paths, 200)
    assert ann.get("/api/bulk-runs").status == 403
    assert new_client(is_operator=True).get("/api/bulk-runs").status == 200
    without_a_token = Client(pipeline, None)
    assert without_a_token.get("/api/secrets").status == 401
    assert [without_a_token.get(path).status for path in ("/", "/config.json", "/api/openapi.json")] == [200] * 3
