"""A deployed stack, and a visit to it that removes at its end everything that it has created."""

import hashlib
import io
import json
import os
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer
from PIL import Image

from vision.domain import keys, table_keys
from vision.domain.bulk import bulk_run
from vision.domain.inspection import results
from vision.domain.objects import ObjectVersion
from vision.domain.statuses import OPEN

# Enough for cold starts of every function in a row, and for throttles of Rekognition.
PATIENCE_SECONDS = 180
# How long the end of a test waits for executions that the test did not wait for.
SETTLING_SECONDS = 60

_deserialize = TypeDeserializer().deserialize


def wait_for(condition: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """Return the first truthy value of `condition`; fail if there is none in time."""
    deadline, pause = time.monotonic() + seconds, 0.1
    while True:
        if answer := condition():
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: nothing within {seconds:g} s")
        time.sleep(pause)
        pause = min(pause * 1.3, 3)


def photo() -> bytes:
    """Return a small unique JPEG: equal content may have been processed already."""
    content = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((640, 480)).save(content, "JPEG", comment=secrets.token_bytes(16))
    return content.getvalue()


@dataclass(frozen=True)
class Answer:
    """A response over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def send(
    method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None, engine: str = ""
) -> Answer:
    """Send a request, also to the local engine: a host below localhost is this machine, on the port of the engine."""
    parts, headers = urllib.parse.urlsplit(url), dict(headers or {})
    if parts.hostname and parts.hostname.endswith(".localhost"):
        port = urllib.parse.urlsplit(engine).port or parts.port
        headers["Host"] = f"{parts.hostname}:{port}"
        url = parts._replace(netloc=f"127.0.0.1:{port}").geturl()
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, response.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())


class Deployed:
    """The resources of a stack by its outputs; credentials, Region and endpoint are those of the environment."""

    def __init__(self, name: str) -> None:
        self.name = name
        # boto3.client() uses the session of the process, which keeps its first credentials.
        session = boto3.Session()
        self.client = cache(lambda service: session.client(service))
        described = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}
        self.bucket, self.results = self.outputs["ImageBucketName"], self.outputs["ResultsBucketName"]
        self.table = self.outputs["ImageTableName"]

    @property
    def inspects_at_once(self) -> bool:
        """Whether images are inspected after their upload, not in a session of a Custom Labels model."""
        return "CustomModelSessionStateMachineArn" not in self.outputs

    def request(self, method: str, path: str, content: Any = None, token: str = "", **headers: str) -> Answer:
        """Send a request to the page or its API."""
        own = {"Authorization": f"Bearer {token}"} if token else {}
        body = None
        if content is not None:
            body = json.dumps(content).encode()
            own |= {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        address = self.outputs["ApiUrl"].rstrip("/") + path
        return send(method, address, body, own | headers, os.environ.get("AWS_ENDPOINT_URL", ""))

    def record(self, version: ObjectVersion) -> dict[str, Any]:
        """Return the record of an image, or {} if there is none."""
        answer = self.client("dynamodb").get_item(
            TableName=self.table,
            Key={name: {"S": value} for name, value in table_keys.image_key(version).items()},
            ConsistentRead=True,
        )
        return {name: _deserialize(value) for name, value in answer.get("Item", {}).items()}

    def finished(self, version: ObjectVersion, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait until the record has a final status, and return it."""

        def ended() -> dict[str, Any] | None:
            found = self.record(version)
            return found if found and found["status"] not in OPEN else None

        return wait_for(ended, f"the record of {version.key}", seconds)

    def closed(self, execution_arn: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait for the end of an execution and return its description."""

        def ended() -> dict[str, Any] | None:
            found = self.client("stepfunctions").describe_execution(executionArn=execution_arn)
            return found if found["status"] != "RUNNING" else None

        return wait_for(ended, f"the end of {execution_arn}", seconds)

    def read(self, bucket: str, key: str) -> bytes:
        """Return the content of an object."""
        return self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()

    def versions(self, bucket: str, prefix: str) -> Iterator[dict[str, str]]:
        """Yield every version and delete marker of the objects below a prefix."""
        pages = self.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        for one in (one for page in pages for one in page.get("Versions", []) + page.get("DeleteMarkers", [])):
            yield {"Key": one["Key"], "VersionId": one["VersionId"]}

    def items(self, pk: str) -> Iterator[dict[str, Any]]:
        """Yield the keys of the items of a partition of the table."""
        query = self.client("dynamodb").get_paginator("query")
        for page in query.paginate(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk",
            ProjectionExpression="pk, sk",
            ExpressionAttributeValues={":pk": {"S": pk}},
        ):
            yield from page["Items"]


@dataclass
class Visit:
    """Everything that a test creates in a stack, under unique names, and its removal.

    Ended executions stay listed for 90 days: Step Functions cannot delete them.
    """

    stack: Deployed
    name: str = field(default_factory=lambda: f"smoke-{uuid.uuid4().hex[:12]}")
    owners: list[str] = field(default_factory=list)
    versions: list[ObjectVersion] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)

    def upload(self, key: str, body: bytes) -> ObjectVersion:
        """Upload a photo with the S3 API."""
        answer = self.stack.client("s3").put_object(
            Bucket=self.stack.bucket, Key=key, Body=body, ContentType="image/jpeg"
        )
        etag = answer["ETag"].strip('"')
        self.versions.append(ObjectVersion(self.stack.bucket, key, answer["VersionId"], etag, "", len(body)))
        return self.versions[-1]

    def start_run(self, **request: Any) -> str:
        """Start a bulk run and return the ARN of its execution."""
        started = self.stack.client("stepfunctions").start_execution(
            stateMachineArn=self.stack.outputs["ProcessBucketStateMachineArn"], input=json.dumps(request)
        )
        self.runs.append(started["executionArn"])
        return started["executionArn"]

    def sign_in(self) -> str:
        """Create a user, and return an access token."""
        cognito, pool = self.stack.client("cognito-idp"), self.stack.outputs["UserPoolId"]
        password = f"Aa1-{secrets.token_urlsafe(16)}"
        made = cognito.admin_create_user(
            UserPoolId=pool,
            Username=self.email,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": "email", "Value": self.email}, {"Name": "email_verified", "Value": "true"}],
        )
        attributes = {one["Name"]: one["Value"] for one in made["User"]["Attributes"]}
        self.owners.append(attributes["sub"])
        cognito.admin_set_user_password(UserPoolId=pool, Username=self.email, Password=password, Permanent=True)
        answer = cognito.admin_initiate_auth(
            UserPoolId=pool,
            ClientId=self.stack.outputs["UserPoolClientId"],
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": self.email, "PASSWORD": password},
        )
        return answer["AuthenticationResult"]["AccessToken"]

    @property
    def email(self) -> str:
        return f"{self.name}@example.com"

    def prefixes(self) -> list[tuple[str, str]]:
        """Return the buckets and prefixes of the objects of this visit."""
        image, results_bucket = self.stack.bucket, self.stack.results
        below = [(image, f"{self.name}/"), (image, f"images/{self.name}/")]
        below += [(image, f"private/{owner}/") for owner in [self.name, *self.owners]]
        for version in self.versions:
            below += [(results_bucket, f"thumbnails/{keys.photo_id(version.bucket, version.key)}/")]
            below += [(results_bucket, results.result_key(version))]
        below += [(results_bucket, f"analyzed/{verdict}/{self.name}/") for verdict in ("success", "failure")]
        return below + [(results_bucket, bulk_run.results_prefix(bulk_run.run_id(arn))) for arn in self.runs]

    def partitions(self) -> list[str]:
        """Return the partitions of the table that only this visit writes to."""
        pks = [table_keys.image_key(version)["pk"] for version in self.versions]
        pks += [f"{kind}#{owner}" for kind in ("OWNER", "COUNTS") for owner in [self.name, *self.owners]]
        pks += [f"PREFIX#{keys.photo_id(self.stack.bucket, f'{self.name}/')}"]
        return [*dict.fromkeys(pks), *(f"RUN#{bulk_run.run_id(arn)}" for arn in self.runs)]

    def end(self) -> None:
        """Remove everything, each kind of resource even if another fails, and check that nothing is left."""
        failures = []
        for step in (self._end_executions, self._delete_objects, self._delete_items, self._delete_person):
            try:
                step()
            except Exception as failure:
                failures.append(failure)
        if failures:
            raise ExceptionGroup(f"not everything of {self.name} could be removed from {self.stack.name}", failures)
        assert self.left() == []

    def left(self) -> list[str]:
        """Return the keys of objects and items that still exist."""
        objects = [one["Key"] for bucket, prefix in self.prefixes() for one in self.stack.versions(bucket, prefix)]
        items = [item["pk"]["S"] for pk in self.partitions() for item in self.stack.items(pk)]
        return objects + items

    def _end_executions(self) -> None:
        """Wait for running executions, and stop those that do not end: they would write what is deleted here again."""
        for arn in self.runs:
            try:
                self.stack.closed(arn, SETTLING_SECONDS)
            except AssertionError:
                self._end(arn)
        machine = self.stack.outputs["ProcessImageStateMachineArn"].replace(":stateMachine:", ":execution:")
        for version in self._processed():
            try:
                self.stack.finished(version, SETTLING_SECONDS)
            except AssertionError:
                self._end(f"{machine}:{keys.execution_name(version)}")

    def _processed(self) -> list[ObjectVersion]:
        """Return the versions that the stack processes without a run, also those of a form, which returns none."""
        return [
            replace(version, version_id=found["VersionId"])
            for version in self.versions
            if not version.key.startswith(f"{self.name}/")
            for found in self.stack.versions(version.bucket, version.key)
        ]

    def _end(self, execution_arn: str) -> None:
        states = self.stack.client("stepfunctions")
        with suppress(states.exceptions.ExecutionDoesNotExist):
            if states.describe_execution(executionArn=execution_arn)["status"] == "RUNNING":
                states.stop_execution(executionArn=execution_arn, error="Smoke", cause="Its test has ended.")

    def _delete_objects(self) -> None:
        for bucket, prefix in self.prefixes():
            for one in self.stack.versions(bucket, prefix):
                self.stack.client("s3").delete_object(Bucket=bucket, **one)

    def _delete_items(self) -> None:
        for pk in self.partitions():
            for item in self.stack.items(pk):
                self.stack.client("dynamodb").delete_item(TableName=self.stack.table, Key=item)

    def _delete_person(self) -> None:
        cognito = self.stack.client("cognito-idp")
        with suppress(cognito.exceptions.UserNotFoundException):
            cognito.admin_delete_user(UserPoolId=self.stack.outputs["UserPoolId"], Username=self.email)


def form(fields: dict[str, str], file: bytes) -> tuple[bytes, str]:
    """Return the body and content type of an upload by a browser: first the fields, then the file."""
    boundary = hashlib.sha256(file).hexdigest()[:32]
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    parts += [f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'.encode()]
    parts += [b"Content-Type: image/jpeg\r\n\r\n", file, f"\r\n--{boundary}--\r\n".encode()]
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"
