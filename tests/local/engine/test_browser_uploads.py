"""Uploads from the page of the app: the bucket's CORS configuration and presigned POSTs."""

import base64
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import boto3
import pytest
from botocore.config import Config

from tests.local.engine.account import ACCOUNT_ID, REGION, Account, unique, wait_for
from tests.local.engine.web_app import Answer, send

pytestmark = pytest.mark.local

ORIGIN, STRANGER = "http://app.localhost:4566", "http://elsewhere.localhost:4566"
CORS = {"CorsRules": [{"AllowedMethods": ["POST"], "AllowedOrigins": [ORIGIN], "MaxAge": 600}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"}, "Action": "sts:AssumeRole"}
    ],
}
KEY = "originals/ada/photo.jpg"
PHOTO = bytes(range(256)) * 4


@dataclass
class Uploads:
    """A bucket as a template makes it, and a role that may put photos into it."""

    account: Account
    port: int
    bucket: str
    credentials: dict[str, str]

    def post(self, changes: dict[str, str | None] | None = None, file: bytes = PHOTO, **policy: Any) -> Answer:
        """Upload a file as a browser does, with some fields of the form changed or left out."""
        form = self.presigned(**policy) | (changes or {})
        fields = {name: value for name, value in form.items() if value is not None}
        return self.send_form(fields, file)

    def presigned(self, key: str = KEY, limit: int = 2000, expires_in: int = 300) -> dict[str, str]:
        # Unless told otherwise, the SDK signs forms with version 2, which most regions refuse.
        config = Config(signature_version="s3v4")
        endpoint = f"http://127.0.0.1:{self.port}"
        s3 = boto3.client("s3", REGION, endpoint_url=endpoint, config=config, **self.credentials)
        conditions = [{"Content-Type": "image/jpeg"}, ["content-length-range", 1, limit]]
        return s3.generate_presigned_post(self.bucket, key, {"Content-Type": "image/jpeg"}, conditions, expires_in)[
            "fields"
        ]

    def send_form(self, fields: dict[str, str], file: bytes, host: str = "", **headers: str) -> Answer:
        boundary = uuid.uuid4().hex
        parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}' for n, v in fields.items()]
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"')
        body = (
            "\r\n".join([*parts, "Content-Type: image/jpeg\r\n\r\n"]).encode() + file + f"\r\n--{boundary}--".encode()
        )
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Origin": ORIGIN, **headers}
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
    cloudformation = account.client("cloudformation")
    properties = {"BucketName": name, "CorsConfiguration": CORS}
    template = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}}}
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    wait_for(lambda: cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")
    role = account.role([{"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/originals/*"}])
    account.client("iam").update_assume_role_policy(RoleName=role.rpartition("/")[2], PolicyDocument=json.dumps(TRUST))
    found = account.client("sts").assume_role(RoleArn=role, RoleSessionName="api")["Credentials"]
    credentials = {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }
    return Uploads(account, engine.port, name, credentials)


def code(answer: Answer) -> str:
    return ElementTree.fromstring(answer.body).findtext("Code") or ""


def refused(answer: Answer) -> tuple[int, str]:
    return answer.status, code(answer)


def cors_headers(answer: Answer) -> list[str]:
    return [name for name in answer.headers if name.startswith("access-control")]


def test_an_upload_is_stored_under_the_key_that_was_chosen(uploads):
    answer = uploads.post()
    assert answer.status == 204
    assert answer.header("etag") == f'"{hashlib.md5(PHOTO).hexdigest()}"'
    stored = uploads.account.client("s3").get_object(Bucket=uploads.bucket, Key=KEY)
    assert (stored["Body"].read(), stored["ContentType"]) == (PHOTO, "image/jpeg")


def test_an_upload_goes_to_the_bucket_by_its_host_too(uploads):
    answer = uploads.send_form(uploads.presigned(), PHOTO, host=f"{uploads.bucket}.localhost")
    assert answer.status == 204
    assert answer.header("access-control-allow-origin") == ORIGIN
    assert uploads.keys() == [KEY]


def test_the_page_may_read_the_answer_and_no_other_may(uploads):
    assert uploads.post().header("access-control-allow-origin") == ORIGIN
    stranger = uploads.send_form(uploads.presigned(), PHOTO, Origin=STRANGER)
    assert cors_headers(stranger) == []


@pytest.mark.parametrize("by_host", [False, True])
def test_a_preflight_of_the_page_is_answered(uploads, by_host):
    host = f"{uploads.bucket}.localhost" if by_host else ""
    answer = uploads.preflight(ORIGIN, host=host)
    assert answer.status == 200
    assert answer.header("access-control-allow-origin") == ORIGIN
    assert answer.header("access-control-allow-methods") == "POST"
    assert answer.header("access-control-max-age") == "600"
    assert "Origin" in answer.header("vary")


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        (STRANGER, "POST", {}),
        ("null", "POST", {}),
        (ORIGIN + ".evil.example", "POST", {}),
        (ORIGIN, "PUT", {}),
        (ORIGIN, "DELETE", {}),
        (ORIGIN, "POST", {"Access-Control-Request-Headers": "authorization"}),
    ],
)
@pytest.mark.parametrize("by_host", [False, True])
def test_any_other_preflight_is_refused(uploads, origin, method, headers, by_host):
    host = f"{uploads.bucket}.localhost" if by_host else ""
    answer = uploads.preflight(origin, method, host, **headers)
    assert refused(answer) == (403, "AccessForbidden")
    assert cors_headers(answer) == []


def test_a_bucket_without_cors_answers_no_preflight(account, engine):
    answer = Uploads(account, engine.port, account.bucket(), {}).preflight(ORIGIN)
    assert refused(answer) == (403, "AccessForbidden")


def test_a_refusal_is_readable_by_the_page(uploads):
    assert uploads.post(limit=10).header("access-control-allow-origin") == ORIGIN


@pytest.mark.parametrize(
    ("file", "answer"), [(b"", (400, "EntityTooSmall")), (b"x" * 2001, (400, "EntityTooLarge")), (b"x" * 2000, None)]
)
def test_the_size_is_within_the_range(uploads, file, answer):
    found = uploads.post(file=file)
    assert found.status == 204 if answer is None else refused(found) == answer
    assert bool(uploads.keys()) == (answer is None)


@pytest.mark.parametrize(
    "changes",
    [
        {"Content-Type": "text/html"},
        {"Content-Type": None},
        {"key": "originals/grace/photo.jpg"},
        {"key": KEY + "x"},
        {"key": "originals/ada/${filename}"},
        {"x-amz-meta-note": "more"},
        {"acl": "public-read"},
        {"success_action_redirect": "http://elsewhere.localhost/"},
    ],
)
def test_a_field_that_the_policy_does_not_foresee_is_refused(uploads, changes):
    assert refused(uploads.post(changes)) == (403, "AccessDenied")
    assert uploads.keys() == []


def test_a_policy_that_has_expired_is_refused(uploads):
    assert refused(uploads.post(expires_in=-1)) == (403, "AccessDenied")


def test_a_policy_that_somebody_changed_is_refused(uploads):
    policy = json.loads(base64.b64decode(uploads.presigned()["policy"]))
    policy["conditions"] = [c for c in policy["conditions"] if c != {"key": KEY}] + [["starts-with", "$key", ""]]
    changed = base64.b64encode(json.dumps(policy).encode()).decode()
    assert refused(uploads.post({"policy": changed})) == (403, "SignatureDoesNotMatch")


def test_a_policy_that_a_stranger_signed_is_refused(uploads):
    fields = uploads.presigned()
    key = b"AWS4" + b"guessed"
    for part in (fields["x-amz-credential"].split("/")[1], REGION, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, fields["policy"].encode(), hashlib.sha256).hexdigest()
    assert refused(uploads.post({"x-amz-signature": signature})) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("field", ["policy", "x-amz-signature", "x-amz-security-token"])
def test_a_form_without_a_signed_field_is_refused(uploads, field):
    answer = uploads.post({field: None})
    assert answer.status in (400, 403)
    assert uploads.keys() == []


def test_a_form_without_any_signature_is_refused(uploads):
    answer = uploads.send_form({"key": KEY, "Content-Type": "image/jpeg"}, PHOTO)
    assert refused(answer) == (403, "AccessDenied")
    assert uploads.keys() == []


def test_the_signer_gives_no_more_than_it_has(uploads):
    assert refused(uploads.post(key="private/photo.jpg")) == (403, "AccessDenied")


def test_an_upload_is_announced(account, uploads):
    queue, queue_arn = account.events_queue()
    s3 = account.client("s3")
    s3.put_bucket_notification_configuration(
        Bucket=uploads.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    account.rule({"source": ["aws.s3"], "detail": {"bucket": {"name": [uploads.bucket]}}}, queue_arn)
    assert uploads.post().status == 204
    [event] = account.receive(queue)
    assert event["detail"]["object"]["key"] == KEY
    assert event["detail"]["reason"] == "POST Object"


def test_a_late_upload_still_has_its_time(uploads):
    policy = json.loads(base64.b64decode(uploads.presigned(expires_in=300)["policy"]))
    left = datetime.fromisoformat(policy["expiration"]) - datetime.now(UTC)
    assert timedelta(seconds=290) < left <= timedelta(seconds=300)
