"""Second factors of Cognito: codes of an authenticator app, in managed login and in the API."""

from __future__ import annotations

import secrets
import time
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import cognito

from local import totp
from local.engine.sign_in_pages import code_page

Response = tuple[int, dict[str, Any], bytes]

SOFTWARE_TOKEN = "SOFTWARE_TOKEN_MFA"
CODE_FIELD, SESSION_FIELD = "software_token_code", "second_factor"
MISMATCH = "Invalid code received for user"
USED = "Your software token has already been used once."

# AuthSessionValidity of a client that names none.
# https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html
_SESSION_SECONDS = 180

# Sessions with a password and without a code yet: by the session's token, the user's name and when the session ends.
_sessions: dict[str, tuple[str, float]] = {}
# The same on the pages, with the authorize request that the code completes.
_pages: dict[str, tuple[tuple[str, ...], float]] = {}


def install() -> None:
    """Patch the engine's Cognito."""
    ask_for_the_code_on_the_pages()
    take_a_code_once_and_for_its_own_session_only()
    enable_what_was_verified_only()


def ask_for_the_code_on_the_pages() -> None:
    """Show a page that asks for the code before managed login redirects to the app; the engine does not ask for it.

    https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa-totp.html
    """
    lead_back, submit = cognito._issue_auth_code_redirect, cognito.handle_login_submit

    def issue_auth_code_redirect(client_id: str, pool_id: str, *request: str) -> Response:
        pool = cognito._get_pool_unscoped(pool_id)
        if not _asks_for_a_code(pool, cognito._resolve_user(pool, request[2])[0]):
            redirect: Response = lead_back(client_id, pool_id, *request)
            return redirect
        token = secrets.token_urlsafe(24)
        _pages[token] = (client_id, pool_id, *request), time.time() + _SESSION_SECONDS
        return _page(token)

    def handle_login_submit(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        form = cognito.parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
        if SESSION_FIELD not in form:
            return submit(method, path, headers, body, query)
        token = form[SESSION_FIELD][0]
        request, ends_at = _pages.get(token, ((), 0.0))
        if time.time() >= ends_at:
            _pages.pop(token, None)
            return cognito._oauth2_error("invalid_request", "Session has expired. Please sign in again.")
        pool = cognito._get_pool_unscoped(request[1])
        user = cognito._resolve_user(pool, request[4])[0]
        if refusal := use_code(user, form.get(CODE_FIELD, [""])[0].strip()):
            return _page(token, refusal)
        del _pages[token]
        return lead_back(*request)

    cognito._issue_auth_code_redirect = issue_auth_code_redirect
    cognito.handle_login_submit = handle_login_submit


def take_a_code_once_and_for_its_own_session_only() -> None:
    """Refuse a code that was used before, and one without the session that its password began.

    The engine accepts a code any number of times, and without the password.
    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminRespondToAuthChallenge.html
    """
    challenge = cognito._mfa_challenge_for_user

    def mfa_challenge_for_user(pool: dict[str, Any], user: dict[str, Any], *rest: Any) -> dict[str, Any] | None:
        made: dict[str, Any] | None = challenge(pool, user, *rest)
        if made is not None:
            _sessions[made["Session"]] = user["Username"], time.time() + _SESSION_SECONDS
            made["ChallengeParameters"]["USER_ID_FOR_SRP"] = user["Username"]
        return made

    def checked(respond: Any) -> Any:
        def respond_to_auth_challenge(data: dict[str, Any]) -> Any:
            if data.get("ChallengeName") != SOFTWARE_TOKEN:
                return respond(data)
            answers = data.get("ChallengeResponses") or {}
            session = data.get("Session", "")
            name, ends_at = _sessions.get(session, ("", 0.0))
            pool = cognito._user_pools.get(data.get("UserPoolId")) or cognito._pool_for_client(data.get("ClientId"))[0]
            user = cognito._resolve_user(pool, answers.get("USERNAME", ""))[0] if pool else None
            if time.time() >= ends_at or user is None or user["Username"] != name:
                message = "Invalid session for the user, session is expired."
                return error_response_json("NotAuthorizedException", message, 400)
            if refusal := use_code(user, answers.get("SOFTWARE_TOKEN_MFA_CODE", "")):
                code = "ExpiredCodeException" if refusal == USED else "CodeMismatchException"
                return error_response_json(code, refusal, 400)
            del _sessions[session]
            return respond(data)

        return respond_to_auth_challenge

    cognito._mfa_challenge_for_user = mfa_challenge_for_user
    cognito._admin_respond_to_auth_challenge = checked(cognito._admin_respond_to_auth_challenge)
    cognito._respond_to_auth_challenge = checked(cognito._respond_to_auth_challenge)


def enable_what_was_verified_only() -> None:
    """Verify in VerifySoftwareToken, enable verified factors in SetUserMFAPreference; the engine does both at once.

    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_SetUserMFAPreference.html
    """
    verify, own, admins = (
        cognito._verify_software_token,
        cognito._set_user_mfa_preference,
        cognito._admin_set_user_mfa_preference,
    )

    def verify_software_token(data: dict[str, Any]) -> Any:
        user = cognito._user_for_access_token(data.get("AccessToken"))
        if user is None:
            return verify(data)
        before = list(user.get("_mfa_enabled", [])), user.get("_preferred_mfa", "")
        pending = user.get("_totp_pending_secret", "")
        answer = verify(data)
        user["_mfa_enabled"], user["_preferred_mfa"] = before
        if answer[0] == 200 and pending:
            user["_totp_step"] = totp.step_of(pending, data.get("UserCode", ""), time.time())
        return answer

    def only_verified(set_preference: Any, user_of: Any) -> Any:
        def set_mfa_preference(data: dict[str, Any]) -> Any:
            user = user_of(data)
            wants = (data.get("SoftwareTokenMfaSettings") or {}).get("Enabled")
            if wants and user is not None and not user.get("_totp_secret"):
                message = "User has not verified software token mfa"
                return error_response_json("InvalidParameterException", message, 400)
            return set_preference(data)

        return set_mfa_preference

    cognito._verify_software_token = verify_software_token
    cognito._set_user_mfa_preference = only_verified(
        own, lambda data: cognito._user_for_access_token(data.get("AccessToken"))
    )
    cognito._admin_set_user_mfa_preference = only_verified(admins, _user_of_an_administrator)


def use_code(user: dict[str, Any], entered: str) -> str:
    """Use a code and return an empty text, or return why it is refused.

    A used code is refused, and one that is older than the last: https://datatracker.ietf.org/doc/html/rfc6238#section-5.2
    """
    number = totp.step_of(user.get("_totp_secret", ""), entered, time.time())
    if number is None:
        return MISMATCH
    if number <= (user.get("_totp_step") or 0):
        return USED
    user["_totp_step"] = number
    return ""


def _user_of_an_administrator(data: dict[str, Any]) -> dict[str, Any] | None:
    pool = cognito._user_pools.get(data.get("UserPoolId"))
    user: dict[str, Any] | None = cognito._resolve_user(pool, data.get("Username", ""))[0] if pool else None
    return user


def _asks_for_a_code(pool: dict[str, Any], user: dict[str, Any] | None) -> bool:
    is_on = pool.get("MfaConfiguration", "OFF") != "OFF"
    return bool(is_on and user and SOFTWARE_TOKEN in user.get("_mfa_enabled", []) and user.get("_totp_secret"))


def _page(token: str, error: str = "") -> Response:
    html = code_page(SESSION_FIELD, token, CODE_FIELD, error)
    return 200, {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}, html.encode()
