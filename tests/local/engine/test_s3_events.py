"""S3 → EventBridge → SQS as AWS delivers it: raw keys, versions, order, permissions."""

import pytest

from tests.local.engine.account import unique

pytestmark = pytest.mark.local

CREATED = {"source": ["aws.s3"], "detail-type": ["Object Created"]}
KEYS = [
    "private/ann/uploads/photo (1).png",
    "private/ann/uploads/café.jpg",
    "private/ann/uploads/a+b.png",
    "private/ann/uploads/50%.jpg",
    "private/ann/uploads/a%20b.jpg",
    "private/ann/uploads/a b+c%20é.jpg",
    "private/ann/uploads/x/y/" + "é" * 480 + ".jpg",
]


@pytest.fixture
def upload(account):
    """Give a function that uploads to a versioned bucket with events, and the queue of its rule."""
    bucket, s3 = account.bucket(versioned=True), account.client("s3")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    url, arn = account.events_queue()
    account.rule(
        {
            **CREATED,
            "detail": {
                "bucket": {"name": [bucket]},
                "object": {"key": [{"wildcard": "private/*/uploads/*"}]},
            },
        },
        arn,
    )

    def put(key: str, body: bytes = b"photo") -> dict:
        return s3.put_object(Bucket=bucket, Key=key, Body=body)

    put.queue_url = url
    return put


@pytest.mark.parametrize("key", KEYS)
def test_the_event_carries_the_raw_key(account, upload, key):
    upload(key)
    [event] = account.receive(upload.queue_url)
    assert event["detail"]["object"]["key"] == key


def test_the_event_names_version_etag_and_size(account, upload):
    put = upload("private/ann/uploads/a.jpg", b"12345")
    [event] = account.receive(upload.queue_url)
    found = event["detail"]["object"]
    assert found["version-id"] == put["VersionId"]
    assert (found["etag"], found["size"]) == (put["ETag"].strip('"'), 5)


def test_sequencers_of_a_key_grow_with_its_versions(account, upload):
    versions = [upload("private/ann/uploads/a.jpg", bytes([number]))["VersionId"] for number in range(8)]
    events = account.receive(upload.queue_url, 8)
    by_sequencer = sorted(events, key=lambda event: event["detail"]["object"]["sequencer"])
    assert [event["detail"]["object"]["version-id"] for event in by_sequencer] == versions


def test_a_wildcard_leaves_other_folders_out(account, upload):
    for key in ("resized/ann/uploads/a.jpg", "private/ann/other/a.jpg", "private/ann/uploads/wanted.jpg"):
        upload(key)
    [event] = account.receive(upload.queue_url)
    assert event["detail"]["object"]["key"] == "private/ann/uploads/wanted.jpg"
    assert account.receive(upload.queue_url, timeout_seconds=0.5) == []


def test_a_suffix_matches_in_any_case(account):
    bucket, s3 = account.bucket(), account.client("s3")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    url, arn = account.events_queue()
    suffix = {"key": [{"suffix": {"equals-ignore-case": ".jpg"}}]}
    account.rule({**CREATED, "detail": {"bucket": {"name": [bucket]}, "object": suffix}}, arn)
    for key in ("a.JPG", "b.png", "c.jpg"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    assert {event["detail"]["object"]["key"] for event in account.receive(url, 2)} == {"a.JPG", "c.jpg"}


def test_a_queue_that_does_not_allow_eventbridge_gets_nothing(account):
    url, arn = account.queue()
    source = unique("test")
    account.rule({"source": [source]}, arn)
    entry = {"Source": source, "DetailType": "t", "Detail": "{}"}
    account.client("events").put_events(Entries=[entry])
    assert account.receive(url, timeout_seconds=0.5) == []
