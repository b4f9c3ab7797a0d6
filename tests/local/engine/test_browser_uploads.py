"""Uploads from the page of the app: the bucket's CORS configuration and presigned POSTs."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import boto3
import pytest
from botocore.config import Config

from tests.local.engine.account import ACCOUNT_ID, EVENTBRIDGE, REGION, Account, resources, unique
from tests.local.engine.web_app import Answer, form, send

pytestmark = pytest.mark.local

ORIGIN, STRANGER = "http://app.localhost:4566", "http://elsewhere.localhost:4566"
CORS = {"CorsRules": [{"AllowedMethods": ["POST"], "AllowedOrigins": [ORIGIN], "MaxAge": 600}]}
ROOT = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"}, "Action": "sts:AssumeRole"}
KEY = "originals/ada/photo.jpg"
PHOTO = bytes(range(256)) * 4


@dataclass
class Uploads:
    """A bucket from a template, and a role that may put photos into it."""

    account: Account
    port: int
    bucket: str
    credentials: tuple[str, str, str]

    def post(self, changes: dict[str, str | None] | None = None, file: bytes = PHOTO, **policy: Any) -> Answer:
        """Upload a file as a browser does, with some fields of the form changed or left out."""
        changed = self.presigned(**policy) | (changes or {})
        return self.send_form({name: value for name, value in changed.items() if value is not None}, file)

    def presigned(self, key: str = KEY, limit: int = 2000, expires_in: int = 300) -> dict[str, str]:
        # By default the SDK signs forms with version 2, which most Regions refuse.
        config = Config(signature_version="s3v4")
        endpoint = f"http://127.0.0.1:{self.port}"
        s3 = boto3.Session(*self.credentials, REGION).client("s3", endpoint_url=endpoint, config=config)
        fields = {"Content-Type": "image/jpeg"}
        conditions = [fields, ["content-length-range", 1, limit]]
        return s3.generate_presigned_post(self.bucket, key, {**fields}, conditions, expires_in)["fields"]

    def send_form(self, fields: dict[str, str], file: bytes = PHOTO, host: str = "", **headers: str) -> Answer:
        body, content_type = form(fields, file)
        headers = {"Content-Type": content_type, "Origin": ORIGIN, **headers}
        return send(self.port, "POST", "/" if host else f"/{self.bucket}", body, host, **headers)

    def preflight(self, origin: str, method: str = "POST", host: str = "", **headers: str) -> Answer:
        headers = {"Origin": origin, "Access-Control-Request-Method": method, **headers}
        return send(self.port, "OPTIONS", "/" if host else f"/{self.bucket}", host=host, **headers)

    def keys(self) -> list[str]:
        found = self.account.client("s3").list_objects_v2(Bucket=self.bucket)
        return [item["Key"] for item in found.get("Contents", [])]


@pytest.fixture
def uploads(account, engine):
    name = unique("bucket")
    bucket = resources(Bucket=("S3::Bucket", {"BucketName": name, "CorsConfiguration": CORS}))
    assert account.deploy({"Resources": bucket}, name)["StackStatus"] == "CREATE_COMPLETE"
    role = account.role([{"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/originals/*"}])
    policy = {"Version": "2012-10-17", "Statement": [ROOT]}
    account.client("iam").update_assume_role_policy(RoleName=role.rpartition("/")[2], PolicyDocument=json.dumps(policy))
    found = account.client("sts").assume_role(RoleArn=role, RoleSessionName="api")["Credentials"]
    keys = found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]
    return Uploads(account, engine.port, name, keys)


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, ElementTree.fromstring(answer.body).findtext("Code") or ""


def cors_headers(answer: Answer) -> list[str]:
    return [name for name in answer.headers if name.startswith("access-control")]


def test_preflight_of_the_app_is_answered(uploads):
    for host in ("", f"{uploads.bucket}.localhost"):
        answer = uploads.preflight(ORIGIN, host=host)
        assert answer.status == 200
        assert answer.header("access-control-allow-origin") == ORIGIN
        assert answer.header("access-control-allow-methods") == "POST"
        assert answer.header("access-control-max-age") == "600"
        assert "Origin" in answer.header("vary")


def test_any_other_preflight_is_refused(uploads, account, engine):
    for origin, method, headers in [
        *((origin, "POST", {}) for origin in (STRANGER, "null", ORIGIN + ".evil.example")),
        *((ORIGIN, method, {}) for method in ("PUT", "DELETE")),
        (ORIGIN, "POST", {"Access-Control-Request-Headers": "authorization"}),
    ]:
        for host in ("", f"{uploads.bucket}.localhost"):
            answer = uploads.preflight(origin, method, host, **headers)
            assert refusal(answer) == (403, "AccessForbidden")
            assert cors_headers(answer) == []
    without_cors = Uploads(account, engine.port, account.bucket(), ("", "", ""))
    assert refusal(without_cors.preflight(ORIGIN)) == (403, "AccessForbidden")


def test_answers_and_refusals_are_readable_by_the_app_alone(uploads):
    assert uploads.post().header("access-control-allow-origin") == ORIGIN
    assert uploads.post(limit=10).header("access-control-allow-origin") == ORIGIN
    assert cors_headers(uploads.send_form(uploads.presigned(), Origin=STRANGER)) == []


def test_upload_is_stored_under_the_key_of_the_policy_and_sends_an_event(account, uploads):
    queue, queue_arn = account.events_queue()
    s3 = account.client("s3")
    s3.put_bucket_notification_configuration(Bucket=uploads.bucket, NotificationConfiguration=EVENTBRIDGE)
    account.rule({"source": ["aws.s3"], "detail": {"bucket": {"name": [uploads.bucket]}}}, queue_arn)
    answer = uploads.post()
    assert answer.status == 204
    assert answer.header("etag") == f'"{hashlib.md5(PHOTO).hexdigest()}"'
    stored = s3.get_object(Bucket=uploads.bucket, Key=KEY)
    assert stored["Body"].read() == PHOTO
    assert stored["ContentType"] == "image/jpeg"
    [event] = account.receive(queue)
    assert event["detail"]["object"]["key"] == KEY
    assert event["detail"]["reason"] == "POST Object"


def test_upload_to_the_host_of_the_bucket_is_stored(uploads):
    answer = uploads.send_form(uploads.presigned(), host=f"{uploads.bucket}.localhost")
    assert (answer.status, answer.header("access-control-allow-origin")) == (204, ORIGIN)
    assert uploads.keys() == [KEY]


def test_size_must_be_within_the_range(uploads):
    assert refusal(uploads.post(file=b"")) == (400, "EntityTooSmall")
    assert refusal(uploads.post(file=b"x" * 2001)) == (400, "EntityTooLarge")
    assert uploads.keys() == []
    assert uploads.post(file=b"x" * 2000).status == 204
    assert uploads.keys() == [KEY]


def test_field_that_the_policy_does_not_allow_or_without_a_signature_is_refused(uploads):
    for changes in (
        {"Content-Type": "text/html"},
        {"Content-Type": None},
        {"key": "originals/grace/photo.jpg"},
        {"key": KEY + "x"},
        {"key": "originals/ada/${filename}"},
        {"x-amz-meta-note": "more"},
        {"acl": "public-read"},
        {"success_action_redirect": "http://elsewhere.localhost/"},
    ):
        assert refusal(uploads.post(changes)) == (403, "AccessDenied"), changes
    for field in ("policy", "x-amz-signature", "x-amz-security-token"):
        assert uploads.post({field: None}).status in (400, 403), field
    assert refusal(uploads.send_form({"key": KEY, "Content-Type": "image/jpeg"})) == (403, "AccessDenied")
    assert uploads.keys() == []


def test_policy_is_refused_after_it_has_expired(uploads):
    policy = json.loads(base64.b64decode(uploads.presigned(expires_in=300)["policy"]))
    left = datetime.fromisoformat(policy["expiration"]) - datetime.now(UTC)
    assert timedelta(seconds=290) < left <= timedelta(seconds=300)
    assert refusal(uploads.post(expires_in=-1)) == (403, "AccessDenied")


def test_changed_policy_or_one_signed_with_another_key_is_refused(uploads):
    fields = uploads.presigned()
    policy = json.loads(base64.b64decode(fields["policy"]))
    policy["conditions"] = [c for c in policy["conditions"] if c != {"key": KEY}] + [["starts-with", "$key", ""]]
    changed = base64.b64encode(json.dumps(policy).encode()).decode()
    assert refusal(uploads.post({"policy": changed})) == (403, "SignatureDoesNotMatch")
    key = b"AWS4" + b"guessed"
    for part in (fields["x-amz-credential"].split("/")[1], REGION, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, fields["policy"].encode(), hashlib.sha256).hexdigest()
    assert refusal(uploads.post({"x-amz-signature": signature})) == (403, "SignatureDoesNotMatch")


def test_signature_grants_no_more_than_its_signer_may(uploads):
    assert refusal(uploads.post(key="private/photo.jpg")) == (403, "AccessDenied")
