"""The pre token generation trigger of Cognito: its event and response, and a failed sign-in when it fails."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import cognito, lambda_svc

from local.engine.iam import may_service_invoke

logger = logging.getLogger("engine")

SERVICE_PRINCIPAL = "cognito-idp.amazonaws.com"

# The function's response for the tokens of the current request: it is invoked once for all of them.
_making = threading.local()


class TriggerFailed(Exception):
    """The function returned no response, so no token is issued."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def install() -> None:
    """Patch the engine's Cognito."""
    ask_once_and_make_no_token_without_an_answer()
    change_groups_where_the_answer_has_them()


def ask_once_and_make_no_token_without_an_answer() -> None:
    """Refuse a sign-in when the trigger fails, is throttled, or may not be invoked.

    The engine then issues the token as if there were no trigger, ignores the resource policy, and invokes the function
    again for each token.
    https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html
    """
    build, run, token = cognito._build_auth_result, cognito._run_idp_handler, cognito._oauth2_token

    def build_auth_result(*arguments: Any, **named: Any) -> Any:
        _making.answer = None
        try:
            return build(*arguments, **named)
        finally:
            _making.answer = None

    def run_idp_handler(handler: Any, action: str, data: dict[str, Any]) -> Any:
        try:
            return run(handler, action, data)
        except TriggerFailed as error:
            return error_response_json(error.code, str(error), 400)

    def oauth2_token(*arguments: Any) -> Any:
        try:
            return token(*arguments)
        except TriggerFailed as error:
            return cognito._oauth2_error("invalid_request", str(error))

    cognito._build_auth_result = build_auth_result
    cognito._run_idp_handler = run_idp_handler
    cognito._oauth2_token = oauth2_token


def change_groups_where_the_answer_has_them() -> None:
    """Read `groupOverrideDetails` beside the two tokens' changes, as version 2 has it; the engine reads it inside.

    A response without it removes all groups.
    https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html
    """

    def apply_pretoken_trigger(pool_id: str, claims: dict[str, Any], token_type: str, **asked: Any) -> dict[str, Any]:
        config = (cognito._user_pools.get(pool_id) or {}).get("LambdaConfig") or {}
        trigger = config.get("PreTokenGenerationConfig") or {}
        if not trigger:
            return claims
        details = _answer(pool_id, trigger, asked).get("claimsAndScopeOverrideDetails")
        if details is None:
            return claims
        section = details.get("accessTokenGeneration" if token_type == "access" else "idTokenGeneration") or {}
        changed = claims | (section.get("claimsToAddOrOverride") or {})
        groups = (details.get("groupOverrideDetails") or {}).get("groupsToOverride") or []
        changed["cognito:groups"] = groups
        unwanted = {*(section.get("claimsToSuppress") or []), *([] if groups else ["cognito:groups"])}
        return {name: value for name, value in changed.items() if name not in unwanted}

    cognito._apply_pretoken_trigger = apply_pretoken_trigger


def _answer(pool_id: str, trigger: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] | None = getattr(_making, "answer", None)
    if known is None:
        version = trigger.get("LambdaVersion", "V1_0")
        event = cognito._build_pretoken_event(pool_id=pool_id, version=version, **asked)
        known = _making.answer = _invoke(trigger["LambdaArn"], pool_id, event)
    return known


def _invoke(function_arn: str, pool_id: str, event: dict[str, Any]) -> dict[str, Any]:
    if not may_service_invoke(SERVICE_PRINCIPAL, function_arn, cognito._pool_arn(pool_id)):
        raise _failed("UnexpectedLambdaException", function_arn, "AccessDeniedException")
    record, config, _ = lambda_svc._get_func_record_for_ref(function_arn)
    if record is None or config is None:
        raise _failed("ResourceNotFoundException", function_arn, "there is no such function")
    execution = lambda_svc._execution_record_for_config(record, config)
    result = lambda_svc._execute_function_with_config_scope(execution, event)
    body = result.get("body")
    if result.get("throttle"):
        raise _failed("TooManyRequestsException", function_arn, "Rate Exceeded")
    if result.get("error"):
        message = body.get("errorMessage") if isinstance(body, dict) else body
        raise _failed("UserLambdaValidationException", function_arn, str(message))
    answered = json.loads(body) if isinstance(body, str | bytes) else body
    if not isinstance(answered, dict) or not isinstance(answered.get("response"), dict):
        raise _failed("InvalidLambdaResponseException", function_arn, "Unrecognizable lambda output")
    response: dict[str, Any] = answered["response"]
    return response


def _failed(code: str, function_arn: str, reason: str) -> TriggerFailed:
    logger.error("the trigger %s failed: %s", function_arn, reason)
    return TriggerFailed(code, f"PreTokenGeneration failed with error {reason}.")
