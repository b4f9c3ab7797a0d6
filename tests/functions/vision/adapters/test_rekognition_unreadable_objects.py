"""Objects that Rekognition cannot read: it raises the same error for a missing object and for a denied one."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from botocore.stub import Stubber

from vision.adapters import rekognition
from vision.adapters.aws_sdk import client
from vision.domain.errors import AccessDenied, ObjectNotAccessible, ObjectNotFound
from vision.domain.labels import Detection
from vision.domain.objects import ObjectVersion

ARN = "arn:aws:rekognition:eu-west-1:123456789012:project/things/version/things.1/1794479400123"
KEY = "images/secret.jpg"
Detect = Callable[[ObjectVersion], Detection]
CALLS: dict[str, Detect] = {
    "detect_labels": lambda version: rekognition.detect_labels(version, 10, 60),
    "detect_custom_labels": lambda version: rekognition.detect_custom_labels(version, ARN, 60),
}


@pytest.fixture(params=CALLS)
def detect(aws: None, request: pytest.FixtureRequest) -> Iterator[Detect]:
    """Call a Rekognition that cannot read the object."""
    with Stubber(client("rekognition")) as stub:
        # https://docs.aws.amazon.com/rekognition/latest/dg/error-handling.html
        stub.add_client_error(
            request.param,
            "InvalidS3ObjectException",
            "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
        )
        yield CALLS[request.param]


def _put(bucket: str, content: bytes = b"image") -> ObjectVersion:
    put = client("s3").put_object(Bucket=bucket, Key=KEY, Body=content)
    return ObjectVersion(bucket, KEY, put["VersionId"], put["ETag"].strip('"'), "", len(content))


@pytest.mark.parametrize("content", [b"image", b""], ids=["image", "empty"])
def test_object_that_exists_is_not_accessible(bucket: str, content: bytes, detect: Detect) -> None:
    with pytest.raises(ObjectNotAccessible) as refusal:
        detect(_put(bucket, content))
    message = str(refusal.value)
    assert all(reason in message for reason in ("Region", "bucket policy", "KMS key"))
    assert "secret" not in message


@pytest.mark.parametrize("pins", [True, False], ids=["version", "ETag"])
def test_deleted_version_or_replaced_object_is_not_found(bucket: str, pins: bool, detect: Detect) -> None:
    version = _put(bucket)
    _put(bucket, b"newer")
    client("s3").delete_object(Bucket=bucket, Key=KEY, VersionId=version.version_id)
    with pytest.raises(ObjectNotFound, match=None if pins else "replaced"):
        detect(version if pins else replace(version, version_id=""))


def test_object_that_the_role_may_not_read_is_denied(bucket: str, detect: Detect) -> None:
    version = _put(bucket)
    with Stubber(client("s3")) as stub:
        stub.add_client_error("get_object", "AccessDenied", http_status_code=403)
        with pytest.raises(AccessDenied):
            detect(version)
