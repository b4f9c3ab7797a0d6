"""No request is accepted as root, or as a function, without its secret."""

import hashlib
import stat
import urllib.error
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from local.engine import control
from local.engine.state import secret_access_key
from tests.local.engine.account import ACCOUNT_ID, Account
from tests.local.engine.web_app import send

pytestmark = pytest.mark.local

READS = {
    "iam": "list_roles",
    "lambda": "list_functions",
    "s3": "list_buckets",
    "dynamodb": "list_tables",
    "sqs": "list_queues",
    "sts": "get_caller_identity",
}
REFUSALS = {"SignatureDoesNotMatch", "InvalidSignatureException"}
SETTING = {"stepfunctions._SFN_WAIT_SCALE": "0.1"}


def error_code(account: Account, service: str, **keys: str) -> str:
    """Return the error code of a read of a service with these keys, or nothing when it succeeds."""
    client = account.client(service, **keys)
    try:
        getattr(client, READS[service])()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return ""


@pytest.mark.parametrize("service", READS)
def test_key_of_root_without_its_secret_is_refused(account, service):
    for key in ("test", ACCOUNT_ID, "123456789012"):
        assert error_code(account, service, aws_access_key_id=key, aws_secret_access_key="test") in REFUSALS


@pytest.mark.parametrize("service", ["s3", "iam", "lambda"])
@pytest.mark.parametrize("authorization", [None, "Bearer x", "AWS test:x", "AWS4-HMAC-SHA256 Credential=test/x"])
@pytest.mark.parametrize("path", ["/2015-03-31/functions/", "/v20180820/tags/bucket", "/?Action=ListRoles"])
def test_presigned_query_with_a_forged_signature_is_refused(engine, service, authorization, path):
    date = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    query = (
        f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test/{date[:8]}/us-east-1/{service}/aws4_request"
        f"&X-Amz-Date={date}&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature={'0' * 64}"
    )
    headers = {"Authorization": authorization} if authorization else {}
    assert send(engine.port, "GET", path + ("&" if "?" in path else "?") + query, **headers).status in (400, 403)


def test_s3_request_without_a_signature_is_refused(engine, account):
    bucket = account.bucket()
    for method in ("GET", "PUT", "DELETE"):
        for target in ("/", f"/{bucket}", f"/{bucket}/key", "/?list-type=2"):
            assert send(engine.port, method, target).status in (400, 403, 405)


def test_credentials_of_a_function_cannot_be_computed_from_its_name(account):
    role = account.role()
    function = account.function("def handler(event, context): return 1", role)
    assert account.invoke(function) == 1
    digest = hashlib.sha256(f"{function}:{role}".encode()).hexdigest()
    guessed = {
        "aws_access_key_id": f"ASIA{digest[:16].upper()}",
        "aws_secret_access_key": hashlib.sha256(f"secret:{digest}".encode()).hexdigest(),
        "aws_session_token": hashlib.sha256(f"token:{digest}".encode()).hexdigest(),
    }
    assert error_code(account, "sts", **guessed) == "InvalidClientTokenId"


def test_setting_of_the_engine_needs_the_signature_of_root(account, engine):
    root = engine.client_arguments
    answer = control.ask(root, SETTING, path=control.CONFIGURATION_PATH)
    assert list(answer["applied"]) == list(SETTING)
    user = account.client("iam").create_user(UserName="user")["User"]["UserName"]
    key = account.client("iam").create_access_key(UserName=user)["AccessKey"]
    other = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    for arguments in (root | {"aws_secret_access_key": "test"}, root | other):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            control.ask(arguments, SETTING, path=control.CONFIGURATION_PATH)
    assert send(engine.port, "POST", control.CONFIGURATION_PATH, "{}").status == 403


def test_each_state_folder_has_its_own_secret_readable_by_its_user_only(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    assert len({secret_access_key(first), secret_access_key(first), secret_access_key(second), "test"}) == 3
    [file] = first.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(secret_access_key(first)) == 40
