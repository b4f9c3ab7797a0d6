"""Cognito's managed login: sign-up, and the parts of sign-in, token refresh and sign-out that the engine lacks."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core.concurrency import run_reentrant
from ministack.core.responses import error_response_json
from ministack.services import cognito

from local.engine.sign_in_pages import REQUEST_FIELDS, page, sign_in_page, sign_up_page

Response = tuple[int, dict[str, Any], bytes]
Query = dict[str, list[str]]

# https://docs.aws.amazon.com/cognito/latest/developerguide/managed-login-endpoints.html
_SIGN_UP, _SIGN_IN, _REVOKE = "/signup", "/login", "/oauth2/revoke"


def install() -> None:
    """Patch the engine's Cognito."""
    serve_the_pages_of_managed_login()
    draw_every_page_alike()
    demand_pkce()
    refresh_with_groups_and_for_the_same_client_only()
    sign_out_to_registered_addresses_only()
    ignore_the_case_of_a_name_where_the_pool_does()
    delete_no_pool_that_is_protected()


def serve_the_pages_of_managed_login() -> None:
    """Answer `GET /login`, `GET` and `POST /signup` and `POST /oauth2/revoke`, which the engine routes to S3.

    On AWS a person who signs up gets a code by email, enters it and is signed in. No email is sent here: the
    address counts as confirmed, and the browser returns to the app with an authorization code at once.
    """
    get, post = app._handle_cognito_get_request, app._handle_cognito_body_request

    async def handle_get(method: str, path: str, headers: dict[str, str], query: Query) -> Response | None:
        if method == "GET" and path == _SIGN_IN:
            path = "/oauth2/authorize"
        if method == "GET" and path == _SIGN_UP:
            return show_sign_up({name: values[0] for name, values in query.items()})
        response: Response | None = await get(method, path, headers, query)
        return response

    async def handle_post(
        method: str, path: str, headers: dict[str, str], body: bytes, query: Query
    ) -> Response | None:
        if method == "POST" and path == _SIGN_UP:
            return await sign_up(_form(body))
        if method == "POST" and path == _REVOKE:
            return revoke(_form(body))
        response: Response | None = await post(method, path, headers, body, query)
        return response

    app._handle_cognito_get_request = handle_get
    app._handle_cognito_body_request = handle_post


def draw_every_page_alike() -> None:
    """Give the engine's own pages the design of these, and link sign-up from sign-in."""

    def login_page_html(*fields: str, error_message: str = "") -> str:
        names = ("client_id", "redirect_uri", "scope", "state", "response_type")
        request = dict(zip((*names, "code_challenge", "code_challenge_method", "nonce"), fields, strict=False))
        _, pool, _ = cognito._find_pool_by_client_id(request["client_id"])
        name_label = "Email" if "email" in (pool.get("UsernameAttributes") or []) else "Username"
        return sign_in_page(request, name_label, may_sign_up(pool), error_message)

    cognito._page_shell = page
    cognito._login_page_html = login_page_html


def may_sign_up(pool: dict[str, Any]) -> bool:
    """Return whether people may create accounts themselves; a parameter of a template is a string."""
    only_admins = (pool.get("AdminCreateUserConfig") or {}).get("AllowAdminCreateUserOnly", False)
    return str(only_admins).lower() != "true"


def show_sign_up(request: dict[str, str], error: str = "") -> Response:
    """Return the sign-up page for an authorize request, or Cognito's error for an invalid one."""
    query = {name: [request.get(name, "")] for name in REQUEST_FIELDS}
    checked: Response = cognito.handle_oauth2_authorize("GET", _SIGN_UP, {}, query)
    if checked[0] != 200:
        return checked
    _, pool, _ = cognito._find_pool_by_client_id(request["client_id"])
    policy = (pool.get("Policies") or {}).get("PasswordPolicy") or {}
    html = sign_up_page(request, policy, request.get("email", ""), error)
    return 200, {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}, html.encode()


async def sign_up(form: dict[str, str]) -> Response:
    """Create an account by the pool's rules and redirect to the app with a code, or show the error."""
    shown = show_sign_up(form)
    if shown[0] != 200:
        return shown
    pool_id, pool, _ = cognito._find_pool_by_client_id(form["client_id"])
    if not may_sign_up(pool):
        return show_sign_up(form, "SignUp is not permitted for this user pool.")
    email = form.get("email", "").strip()
    wanted = {
        "ClientId": form["client_id"],
        "Username": email,
        "Password": form.get("password", ""),
        "UserAttributes": [{"Name": "email", "Value": email}],
    }
    status, _, body = await run_reentrant(
        cognito._run_idp_handler, cognito._sign_up, "SignUp", wanted, thread_name="sign-up"
    )
    answer = json.loads(body)
    if status != 200:
        return show_sign_up(form, answer["message"])
    user = {"UserPoolId": pool_id, "Username": answer["UserSub"]}
    cognito._admin_confirm_sign_up(user)
    cognito._admin_update_user_attributes({**user, "UserAttributes": [{"Name": "email_verified", "Value": "true"}]})
    name = cognito._resolve_user(pool, answer["UserSub"])[0]["Username"]
    redirect: Response = cognito._issue_auth_code_redirect(
        *(form["client_id"], pool_id, form["redirect_uri"], form.get("scope", ""), name, form.get("nonce", "")),
        *(form.get("code_challenge", ""), form.get("code_challenge_method", ""), form.get("state", "")),
    )
    return redirect


def revoke(form: dict[str, str]) -> Response:
    """Revoke a refresh token for the client that it belongs to.

    https://docs.aws.amazon.com/cognito/latest/developerguide/revocation-endpoint.html
    """
    claims = cognito._token_claims(form.get("token", ""))
    if not form.get("token"):
        return _refused("invalid_request")
    if cognito._find_pool_by_client_id(form.get("client_id", ""))[2] is None:
        return _refused("invalid_client")
    if claims.get("token_use") != "refresh":
        return _refused("unsupported_token_type")
    if claims.get("client_id") != form["client_id"]:
        return _refused("invalid_request")
    cognito._revoke_token({"Token": form["token"]})
    return 200, {}, b""


def demand_pkce() -> None:
    """Refuse a sign-in for an app that sends no PKCE challenge.

    Cognito cannot be configured to require one: it only checks a challenge that is sent. The page must always send it;
    this finds a page that does not.
    https://docs.aws.amazon.com/cognito/latest/developerguide/using-pkce-in-authorization-code.html
    """
    error_redirect = cognito._pkce_error_redirect

    def pkce_error_redirect(redirect_uri: str, challenge: str, method: str, state: str) -> Response | None:
        refused: Response | None = error_redirect(redirect_uri, challenge, method or "none", state)
        return refused

    cognito._pkce_error_redirect = pkce_error_redirect


def refresh_with_groups_and_for_the_same_client_only() -> None:
    """Refresh as the user pool's API does.

    The engine's token endpoint leaves the groups out of refreshed tokens, so that an operator loses access after an
    hour, and accepts a refresh token from any client.
    https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
    """
    token = cognito._oauth2_token

    def oauth2_token(data: object, query: Query, raw_body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
        form = _form(raw_body)
        if form.get("grant_type") != "refresh_token":
            return token(data, query, raw_body, headers)
        client_id, secret = cognito._authenticate_client(headers or {}, form)
        pool_id, _, client = cognito._find_pool_by_client_id(client_id)
        if client is None:
            return _refused("invalid_client")
        response = cognito._oauth2_refresh_api_issued_token(form.get("refresh_token", ""), client_id, secret)
        if response[0] != 200:
            return response
        answer = json.loads(response[2])
        answer["expires_in"] = cognito._token_validity(pool_id, client_id, "access")
        return 200, response[1], json.dumps(answer).encode()

    cognito._oauth2_token = oauth2_token


def sign_out_to_registered_addresses_only() -> None:
    """Redirect after sign-out only to a sign-out URL of the client; the engine accepts any when the client has none.

    https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html
    """
    logout = cognito.handle_logout

    def handle_logout(method: str, path: str, headers: dict[str, str], query: Query) -> Any:
        _, _, client = cognito._find_pool_by_client_id(cognito._qp(query, "client_id"))
        if client is not None and not client.get("LogoutURLs"):
            return _refused("invalid_request")
        return logout(method, path, headers, query)

    cognito.handle_logout = handle_logout


def ignore_the_case_of_a_name_where_the_pool_does() -> None:
    """Let `Ada@example.com` sign in as `ada@example.com`, and not sign up beside it, where `CaseSensitive` is false.

    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UsernameConfigurationType.html
    """
    resolve = cognito._resolve_user

    def resolve_user(pool: dict[str, Any], username: str) -> Any:
        user, error = resolve(pool, username)
        is_case_sensitive = (pool.get("UsernameConfiguration") or {}).get("CaseSensitive", True)
        if user or not username or str(is_case_sensitive).lower() == "true":
            return user, error
        names = {name.lower(): name for name in _names(pool)}
        same = names.get(username.lower())
        return resolve(pool, same) if same else (user, error)

    cognito._resolve_user = resolve_user


def delete_no_pool_that_is_protected() -> None:
    """Refuse to delete a user pool whose deletion protection is active; the engine deletes it.

    https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-deletion-protection.html
    """
    delete = cognito._delete_user_pool

    def delete_user_pool(data: dict[str, Any]) -> Any:
        pool = cognito._user_pools.get(data.get("UserPoolId")) or {}
        if pool.get("DeletionProtection") == "ACTIVE":
            message = (
                "The user pool cannot be deleted because deletion protection is activated. Deletion protection must be "
                "inactivated first."
            )
            return error_response_json("InvalidParameterException", message, 400)
        return delete(data)

    cognito._delete_user_pool = delete_user_pool


def _names(pool: dict[str, Any]) -> list[str]:
    emails = "email" in (pool.get("UsernameAttributes") or [])
    users = list(pool["_users"].values())
    if not emails:
        return [user["Username"] for user in users]
    attributes = (cognito._attr_list_to_dict(user.get("Attributes", [])) for user in users)
    return [found["email"] for found in attributes if "email" in found]


def _form(body: bytes) -> dict[str, str]:
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


def _refused(error: str) -> Response:
    return 400, {"Content-Type": "application/json"}, json.dumps({"error": error}).encode()
