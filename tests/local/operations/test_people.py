"""People are invited, promoted, locked out and deleted with the commands of the guide."""

import base64
import json

import pytest

from tests.browser.people import Person, add_second_factor, is_revoked, next_code, tokens_of
from tests.local.app.conftest import HOST, port_of
from tests.local.engine import web_app
from tests.local.stack.pipeline import wait_for
from tests.local.stack.roles import statement_removed
from tests.pictures import gradients, jpeg_of

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(320, 240))
PASSWORD = "Twelve-letters-1"


@pytest.fixture
def person(shell, request):
    """Invite a person; return the email address."""
    email = f"{request.node.name.replace('_', '-')[:50]}@example.com"
    assert '"FORCE_CHANGE_PASSWORD"' in shell("people", "aws cognito-idp admin-create-user --user-pool-id", EMAIL=email)
    return email


@pytest.fixture
def cognito(pipeline):
    return pipeline.client("cognito-idp")


@pytest.fixture
def pool(pipeline):
    return pipeline.stack.outputs["UserPoolId"]


@pytest.fixture
def authenticate(cognito, pool, pipeline):
    """Set a person's password and sign in with it; return the tokens."""

    def sign_in(email):
        cognito.admin_set_user_password(UserPoolId=pool, Username=email, Password=PASSWORD, Permanent=True)
        return cognito.admin_initiate_auth(
            UserPoolId=pool,
            ClientId=pipeline.stack.outputs["UserPoolClientId"],
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": PASSWORD},
        )["AuthenticationResult"]

    return sign_in


@pytest.fixture
def signed_in(authenticate):
    """Set a person's password and return an access token."""
    return lambda email: authenticate(email)["AccessToken"]


@pytest.fixture
def secure(cognito, pool, pipeline):
    """Set a password and a second factor; return the person."""

    def add(email):
        cognito.admin_set_user_password(UserPoolId=pool, Username=email, Password=PASSWORD, Permanent=True)
        return add_second_factor(pipeline, Person(email, PASSWORD, ""))

    return add


@pytest.fixture
def operator(shell, person, secure):
    """A person in the operators group, added with the guide."""
    secured = secure(person)
    assert person in shell("people", "aws cognito-idp admin-add-user-to-group", EMAIL=person)
    return secured


@pytest.fixture
def ask(pipeline):
    """Call the API; return status code and body."""

    def ask(token, method, path, body=None):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        answer = web_app.send(port_of(pipeline), method, path, content, HOST, **headers)
        return answer.status, json.loads(answer.body or b"null")

    return ask


def _owner(ask, token):
    return ask(token, "GET", "/api/me")[1]["owner"]


def test_invitation_is_sent_again_and_a_second_factor_is_shown(shell, person, secure):
    again = shell("people", "aws cognito-idp admin-create-user --message-action", EMAIL=person)
    assert '"FORCE_CHANGE_PASSWORD"' in again
    assert "SOFTWARE_TOKEN_MFA" not in shell("people", "aws cognito-idp admin-get-user", EMAIL=person)
    secure(person)
    assert shell("people", "aws cognito-idp admin-get-user", EMAIL=person).strip() == "SOFTWARE_TOKEN_MFA"


def test_removed_operator_keeps_access_until_the_token_expires(shell, operator, ask, pipeline):
    old = tokens_of(pipeline, operator)
    assert ask(old["access_token"], "GET", "/api/me")[1]["is_operator"] is True
    shell("people", "aws cognito-idp admin-remove-user-from-group", EMAIL=operator.email)
    assert ask(old["access_token"], "GET", "/api/bulk-runs")[0] == 200
    claims = json.loads(base64.urlsafe_b64decode(old["access_token"].split(".")[1] + "=="))
    assert claims["exp"] - claims["iat"] == 15 * 60
    assert is_revoked(pipeline, old["refresh_token"])
    new = tokens_of(pipeline, operator)["access_token"]
    assert ask(new, "GET", "/api/me")[1]["is_operator"] is False
    assert ask(new, "GET", "/api/bulk-runs")[0] == 403


def test_operator_without_a_second_factor_is_refused_with_a_remedy(shell, person, signed_in, ask):
    shell("people", "aws cognito-idp admin-add-user-to-group", EMAIL=person)
    token = signed_in(person)
    assert ask(token, "GET", "/api/me")[1]["operators_withheld"] == "no-second-factor"
    status, problem = ask(token, "GET", "/api/bulk-runs")
    assert status == 403
    assert "set one up on the page, under Second factor" in problem["detail"]


def test_removing_a_lost_second_factor_removes_operator_access(shell, operator, signed_in, ask):
    shell("people", "aws cognito-idp admin-set-user-mfa-preference", EMAIL=operator.email)
    assert ask(signed_in(operator.email), "GET", "/api/me")[1]["is_operator"] is False


def test_failing_trigger_blocks_sign_in_until_it_works(shell, person, signed_in, pipeline, cognito):
    name = pipeline.resource_name("PreTokenGenerationFunction")
    pipeline.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        with pytest.raises(cognito.exceptions.TooManyRequestsException):
            signed_in(person)
        assert "0" in shell("alarms/PreTokenGenerationErrorsAlarm", "aws logs filter-log-events")
    finally:
        pipeline.client("lambda").delete_function_concurrency(FunctionName=name)
    assert signed_in(person)


def test_unchecked_second_factor_withholds_the_operator_group(shell, operator, ask, pipeline):
    before = tokens_of(pipeline, operator)
    assert ask(before["access_token"], "GET", "/api/me")[1]["is_operator"] is True
    with statement_removed(pipeline, "PreTokenGenerationFunction", "LookAtSecondFactors"):
        token = tokens_of(pipeline, operator)["access_token"]
    assert ask(token, "GET", "/api/me")[1]["operators_withheld"] == "not-checked"
    wait_for(lambda: "AccessDenied" in shell("alarms/OperatorChecksFailedAlarm", "aws logs filter-log-events"))
    assert ask(tokens_of(pipeline, operator)["access_token"], "GET", "/api/me")[1]["is_operator"] is True


def test_log_shows_which_operator_changed_what(shell, operator, ask, pipeline):
    token = tokens_of(pipeline, operator)["access_token"]
    owner = _owner(ask, token)
    status, run = ask(token, "POST", "/api/bulk-runs", {"prefix": "nothing-here/"})
    assert status == 202

    def logged():
        return shell("people", 'aws logs filter-log-events --log-group-name "$FunctionLogs"', SUBJECT=owner)

    found = wait_for(lambda: run["run_id"] in (lines := logged()) and lines)
    assert owner in found
    assert found.strip().endswith(operator.email)


def test_lock_out_of_everyone_refuses_earlier_tokens_and_that_of_a_person_new_ones(
    shell, person, signed_in, ask, cognito
):
    token = signed_in(person)
    shell("people", "aws lambda put-function-concurrency")
    try:
        assert ask(token, "GET", "/api/me")[0] >= 500
    finally:
        shell("people", "aws lambda delete-function-concurrency")
    assert ask(token, "GET", "/api/me")[0] == 200
    shell("people", "aws cognito-idp admin-disable-user", EMAIL=person)
    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        signed_in(person)


def test_script_signs_in_as_a_person(shell, person):
    me = shell("people", "aws cognito-idp admin-set-user-password", EMAIL=person, PASSWORD=PASSWORD)
    assert json.loads(me)["is_operator"] is False


def test_script_signs_in_with_a_second_factor(shell, operator):
    code = next_code(operator.secret)
    me = shell("people", "read -r session", EMAIL=operator.email, PASSWORD=PASSWORD, CODE=code)
    assert json.loads(me)["is_operator"] is True


def test_person_is_deleted_with_all_photos(shell, person, signed_in, ask, pipeline, cognito, pool):
    token = signed_in(person)
    owner = _owner(ask, token)
    versions = [pipeline.upload(f"private/{owner}/uploads/{number}.jpg", PHOTO) for number in range(3)]
    pipeline.all_finished(versions)
    shell("people", "list=$(photos)", TOKEN=token)
    left = pipeline.client("s3").list_object_versions(Bucket=pipeline.bucket, Prefix=f"private/{owner}/")
    assert not left.get("Versions")
    shell("people", "aws cognito-idp admin-delete-user", EMAIL=person)
    with pytest.raises(cognito.exceptions.UserNotFoundException):
        cognito.admin_get_user(UserPoolId=pool, Username=person)


def test_daily_count_is_shown_and_reset(shell, person, signed_in, ask):
    token = signed_in(person)
    for number in range(2):
        announced = {"name": f"{number}.jpg", "content_type": "image/jpeg", "size_bytes": 1_000}
        assert ask(token, "POST", "/api/photos", announced)[0] == 201
    owner = _owner(ask, token)
    assert shell("people", 'DAY="', OWNER=owner).split() == ["2", "2000"]
    assert shell("people", 'DAY="', OWNER=owner).split() == ["None"]


def test_only_an_operator_deletes_all_photos_of_everyone(shell, operator, signed_in, pipeline):
    other = f"not-{operator.email}"
    shell("people", "aws cognito-idp admin-create-user --user-pool-id", EMAIL=other)
    assert shell("people", 'cursor=""', TOKEN=signed_in(other)).strip() == "403"
    # More than one request deletes.
    versions = [pipeline.upload(f"private/everyone/uploads/{number}.jpg", PHOTO) for number in range(25)]
    pipeline.all_finished(versions)
    assert shell("people", 'cursor=""', TOKEN=tokens_of(pipeline, operator)["access_token"]).strip() == "204"
    left = pipeline.client("s3").list_object_versions(Bucket=pipeline.bucket, Prefix="private/everyone/")
    assert not left.get("Versions")


def test_global_sign_out_revokes_a_leaked_refresh_token(shell, person, authenticate, pipeline):
    leaked = authenticate(person)["RefreshToken"]
    shell("keys", "aws cognito-idp admin-user-global-sign-out", EMAIL=person)
    assert is_revoked(pipeline, leaked)


def test_log_shows_why_the_api_failed(shell, person, signed_in, ask, pipeline):
    token = signed_in(person)
    with statement_removed(pipeline, "ApiFunction", "ReadAndWriteItems"):
        assert ask(token, "GET", "/api/albums")[0] == 500
    wait_for(lambda: "AccessDenied" in shell("alarms/ApiErrorsAlarm", "aws logs filter-log-events"))
    wait_for(lambda: "AccessDenied" in shell("operations", "aws logs filter-log-events"))
