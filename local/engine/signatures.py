"""Signature Version 4: every request must be signed with the secret of its access key, those of root too.

The engine accepts a request as root's when it only names the key `test` or an account, and the secrets of functions
are hashes of names. Any program that opens the port would then have every permission.
"""

from __future__ import annotations

import hmac
import json
import os
from typing import Any
from urllib.parse import unquote

from ministack import app
from ministack.core import iam_evaluator, lambda_runtime
from ministack.core.iam_evaluator import AuthError, SignedRequest
from ministack.core.responses import get_account_id
from ministack.core.router import extract_access_key_id
from ministack.core.sigv4 import decode_header_value
from ministack.services import lambda_svc, sts

from local.engine.control import CONFIGURATION_PATH

Response = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Patch how the engine authenticates requests."""
    check_every_signature()
    list_buckets_by_a_signature_only()
    let_root_alone_configure_the_engine()
    derive_the_keys_of_functions_from_the_secret()


def check_every_signature() -> None:
    """Verify signatures of root like those of other keys, and refuse a request whose signature was not verified.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
    """
    iam_evaluator._is_root_key = lambda _access_key_id: False
    pin = iam_evaluator.pin_signed_request

    def pin_signed_request(
        method: str, raw_path: str, query: dict[str, Any], headers: list[tuple[bytes, bytes]], handshake: bool = False
    ) -> None:
        pin(method, raw_path, query, headers, handshake)
        pinned = iam_evaluator._signed_request.get()
        # S3 verifies a signature in the query of an object itself; S3 Control, under the same name, does not.
        if pinned and not (pinned.s3_scoped and unquote(raw_path).startswith(app._S3_CONTROL_PREFIX)):
            return
        authorization = next((value for name, value in headers if name.lower() == b"authorization"), b"")
        key = extract_access_key_id({"authorization": decode_header_value(authorization)}, query)
        if key:
            unverified = SignedRequest(key, method, raw_path, query, {}, unverifiable=True)
            iam_evaluator._signed_request.set(unverified)

    app.pin_signed_request = iam_evaluator.pin_signed_request = pin_signed_request


def list_buckets_by_a_signature_only() -> None:
    """Refuse ListBuckets without a signature; it is the only operation of S3 that the engine answers without one."""
    enforce = iam_evaluator.enforce

    def enforce_signed(access_key_id: str, iam_action: str, *rest: Any, **more: Any) -> Any:
        if iam_action == "s3:ListAllMyBuckets" and not access_key_id:
            return AuthError("AccessDenied", "Access Denied")
        return enforce(access_key_id, iam_action, *rest, **more)

    iam_evaluator.enforce = enforce_signed


def let_root_alone_configure_the_engine() -> None:
    """Require the signature of root to change a setting of the running engine; the engine requires none."""
    configure = app._handle_admin_config_request

    async def handle_admin_config_request(path: str, method: str, body: bytes) -> Response | None:
        if path == CONFIGURATION_PATH and not _is_signed_by_root():
            message = "sign the request with the secret access key of root, which is in the state folder"
            return 403, {"Content-Type": "application/json"}, json.dumps({"message": message}).encode()
        response: Response | None = await configure(path, method, body)
        return response

    app._handle_admin_config_request = handle_admin_config_request


def _is_signed_by_root() -> bool:
    request = iam_evaluator._signed_request.get()
    if request is None:
        return False
    caller = iam_evaluator.authenticate(request.access_key_id, get_account_id())
    return caller is not None and not isinstance(caller, AuthError) and caller.principal_type == "Root"


def derive_the_keys_of_functions_from_the_secret() -> None:
    """Give a function keys of its role that cannot be computed without the secret of root.

    The engine hashes the ARNs of function and role, which are not secret.
    """
    secret = os.environ["AWS_SECRET_ACCESS_KEY"].encode()

    def execution_credentials(config: dict[str, Any]) -> dict[str, str]:
        def derived(purpose: str) -> str:
            text = f"{purpose} {config['FunctionArn']} {config['Role']}"
            return hmac.new(secret, text.encode(), "sha256").hexdigest()

        role, name = config["Role"].rpartition("/")[2], config["FunctionName"][:64]
        account = config["FunctionArn"].split(":")[4]
        key = f"ASIA{derived('key')[:16].upper()}"
        session = {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{name}",
            "UserId": f"{role}:{name}",
            "SecretAccessKey": derived("secret"),
            "SessionToken": derived("token"),
        }
        sts.register_session(key, session)
        return {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
        }

    lambda_runtime.execution_credentials = lambda_svc.execution_credentials = execution_credentials
