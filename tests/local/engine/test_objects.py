"""Ranges and headers of object versions, as functions read them that need only the head of a file."""

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.local

CONTENT = bytes(range(256)) * 400


def test_ranges_and_headers_of_an_older_version_are_returned(account):
    bucket, s3 = account.bucket(versioned=True), account.client("s3")
    older = s3.put_object(Bucket=bucket, Key="photo.jpg", Body=CONTENT)["VersionId"]
    s3.put_object(Bucket=bucket, Key="photo.jpg", Body=b"newer")
    version = {"Bucket": bucket, "Key": "photo.jpg", "VersionId": older}
    ranges = {
        "0-99": (0, 100),
        "1000-1999": (1000, 2000),
        "102000-999999": (102_000, 102_400),
        "-10": (102_390, 102_400),
    }
    for byte_range, (start, end) in ranges.items():
        answer = s3.get_object(**version, Range=f"bytes={byte_range}")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert answer["ContentRange"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
        assert answer["Body"].read() == CONTENT[start:end]
    with pytest.raises(ClientError, match="InvalidRange"):
        s3.get_object(**version, Range="bytes=200000-200001")
    headers = {"ResponseContentType": "image/png", "ResponseContentDisposition": "attachment"}
    answer = s3.get_object(**version, **headers)
    assert (answer["ContentType"], answer["ContentDisposition"]) == tuple(headers.values())
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
