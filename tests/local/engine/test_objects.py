"""Ranges and headers of object versions, as functions read them that need only the head of a file."""

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
    ("byte_range", "start", "end"),
    [("0-99", 0, 100), ("1000-1999", 1000, 2000), ("102000-999999", 102_000, 102_400), ("-10", 102_390, 102_400)],
)
def test_range_of_a_version_is_returned(account, version, byte_range, start, end):
    answer = account.client("s3").get_object(**version, Range=f"bytes={byte_range}")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert answer["ContentRange"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
    assert answer["Body"].read() == CONTENT[start:end]


def test_range_after_the_end_of_a_version_is_refused(account, version):
    with pytest.raises(ClientError, match="InvalidRange"):
        account.client("s3").get_object(**version, Range="bytes=200000-200001")


def test_whole_version_is_returned_with_the_requested_headers(account, version):
    headers = {"ResponseContentType": "image/png", "ResponseContentDisposition": "attachment"}
    answer = account.client("s3").get_object(**version, **headers)
    assert answer["ContentType"] == "image/png"
    assert answer["ContentDisposition"] == "attachment"
    assert answer["Body"].read() == CONTENT


def test_each_version_keeps_its_content_when_others_come_and_go(account):
    bucket, s3 = account.bucket(versioned=True), account.client("s3")

    def content(**version):
        return s3.get_object(Bucket=bucket, Key="photo.jpg", **version)["Body"].read()

    contents = [b"first", b"second", b"third"]
    ids = [s3.put_object(Bucket=bucket, Key="photo.jpg", Body=one)["VersionId"] for one in contents]
    assert [content(VersionId=one) for one in ids] == contents
    marker = s3.delete_object(Bucket=bucket, Key="photo.jpg")["VersionId"]
    assert [content(VersionId=one) for one in ids] == contents
    s3.delete_object(Bucket=bucket, Key="photo.jpg", VersionId=marker)
    assert content() == b"third"
    s3.delete_object(Bucket=bucket, Key="photo.jpg", VersionId=ids[2])
    assert content() == b"second"
    assert [content(VersionId=one) for one in ids[:2]] == contents[:2]
