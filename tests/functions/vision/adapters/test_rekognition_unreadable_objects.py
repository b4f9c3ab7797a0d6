"""Objects that Rekognition cannot read: it says the same of one that is gone and of one that is forbidden to it."""

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
ASKED: dict[str, Callable[[ObjectVersion], Detection]] = {
    "detect_labels": lambda version: rekognition.detect_labels(version, 10, 60),
    "detect_custom_labels": lambda version: rekognition.detect_custom_labels(version, ARN, 60),
}


@pytest.fixture(params=ASKED)
def asked(aws: None, request: pytest.FixtureRequest) -> Iterator[Callable[[ObjectVersion], Detection]]:
    """Ask a Rekognition that cannot read the object."""
    with Stubber(client("rekognition")) as stub:
        # https://docs.aws.amazon.com/rekognition/latest/dg/error-handling.html
        stub.add_client_error(
            request.param,
            "InvalidS3ObjectException",
            "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
        )
        yield ASKED[request.param]


def _put(bucket: str, content: bytes = b"image") -> ObjectVersion:
    put = client("s3").put_object(Bucket=bucket, Key=KEY, Body=content)
    return ObjectVersion(bucket, KEY, put["VersionId"], put["ETag"].strip('"'), "", len(content))


@pytest.mark.parametrize("content", [b"image", b""], ids=["image", "empty"])
def test_an_object_that_is_there_is_not_called_gone(
    bucket: str, content: bytes, asked: Callable[[ObjectVersion], Detection]
) -> None:
    with pytest.raises(ObjectNotAccessible) as refusal:
        asked(_put(bucket, content))
    message = str(refusal.value)
    assert all(reason in message for reason in ("Region", "bucket policy", "KMS key"))
    assert "secret" not in message


def test_a_version_that_is_gone_is_not_found(bucket: str, asked: Callable[[ObjectVersion], Detection]) -> None:
    version = _put(bucket)
    _put(bucket, b"newer")
    client("s3").delete_object(Bucket=bucket, Key=KEY, VersionId=version.version_id)
    with pytest.raises(ObjectNotFound):
        asked(version)


def test_an_object_without_versions_that_was_replaced_is_not_found(
    bucket: str, asked: Callable[[ObjectVersion], Detection]
) -> None:
    version = replace(_put(bucket), version_id="")
    _put(bucket, b"newer")
    with pytest.raises(ObjectNotFound, match="replaced"):
        asked(version)


def test_an_object_that_the_role_may_not_read_either_is_denied(
    bucket: str, asked: Callable[[ObjectVersion], Detection]
) -> None:
    version = _put(bucket)
    with Stubber(client("s3")) as stub:
        stub.add_client_error("get_object", "AccessDenied", http_status_code=403)
        with pytest.raises(AccessDenied):
            asked(version)
