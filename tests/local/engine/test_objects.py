"""Parts of objects, as functions read them that want no more than the head of a file."""

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.local

CONTENT = bytes(range(256)) * 400


@pytest.fixture(scope="module")
def version(account) -> dict[str, str]:
    bucket, s3 = account.bucket(versioned=True), account.client("s3")
    older = s3.put_object(Bucket=bucket, Key="photo.jpg", Body=CONTENT)["VersionId"]
    s3.put_object(Bucket=bucket, Key="photo.jpg", Body=b"newer")
    return {"Bucket": bucket, "Key": "photo.jpg", "VersionId": older}


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("0-99", 0, 100), ("1000-1999", 1000, 2000), ("102000-999999", 102_000, 102_400), ("-10", 102_390, 102_400)],
)
def test_a_range_of_a_version_is_that_range(account, version, asked, start, end):
    answer = account.client("s3").get_object(**version, Range=f"bytes={asked}")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert answer["ContentRange"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
    assert answer["Body"].read() == CONTENT[start:end]


def test_a_range_behind_the_end_of_a_version_is_refused(account, version):
    with pytest.raises(ClientError, match="InvalidRange"):
        account.client("s3").get_object(**version, Range="bytes=200000-200001")


def test_version_is_answered_with_the_headers_that_are_asked_for(account, version):
    asked = {"ResponseContentType": "image/png", "ResponseContentDisposition": "attachment"}
    answer = account.client("s3").get_object(**version, **asked)
    assert (answer["ContentType"], answer["ContentDisposition"]) == ("image/png", "attachment")


def test_a_version_without_a_range_is_whole(account, version):
    assert account.client("s3").get_object(**version)["Body"].read() == CONTENT
