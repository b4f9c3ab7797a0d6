"""S3 to EventBridge to SQS as AWS delivers it: raw keys, versions, order, permissions."""

import pytest

from tests.local.engine.account import unique

pytestmark = pytest.mark.local

UPLOADS = "private/ann/uploads"
NAMES = ["photo (1).png", "café.jpg", "a+b.png", "50%.jpg", "a%20b.jpg", "a b+c%20é.jpg", "x/y/" + "é" * 480 + ".jpg"]


@pytest.fixture
def watch(account):
    """Create a versioned bucket and a queue for its new objects; return a function that uploads, and the queue."""

    def watched(key_pattern: dict):
        bucket, (url, arn) = account.bucket(versioned=True, events=True), account.events_queue()
        detail = {"bucket": {"name": [bucket]}, "object": {"key": [key_pattern]}}
        account.rule({"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}, arn)
        return lambda key, body=b"photo": account.client("s3").put_object(Bucket=bucket, Key=key, Body=body), url

    return watched


@pytest.fixture
def uploads(watch):
    return watch({"wildcard": "private/*/uploads/*"})


def objects(account, queue: str, count: int = 1) -> list[dict]:
    return [event["detail"]["object"] for event in account.receive(queue, count)]


def test_event_has_the_raw_key(account, uploads):
    put, queue = uploads
    keys = {f"{UPLOADS}/{name}" for name in NAMES}
    for key in keys:
        put(key)
    assert {found["key"] for found in objects(account, queue, len(keys))} == keys


def test_event_has_version_etag_size_and_a_sequencer_that_grows(account, uploads):
    put, queue = uploads
    stored = [put(f"{UPLOADS}/a.jpg", b"12345"[:size]) for size in range(6)]
    by_sequencer = sorted(objects(account, queue, 6), key=lambda found: found["sequencer"])
    assert [(found["version-id"], f'"{found["etag"]}"', found["size"]) for found in by_sequencer] == [
        (one["VersionId"], one["ETag"], size) for size, one in enumerate(stored)
    ]


def test_wildcard_excludes_other_folders_and_a_suffix_can_ignore_case(account, uploads, watch):
    put, queue = uploads
    for key in ("resized/ann/uploads/a.jpg", "private/ann/other/a.jpg", f"{UPLOADS}/wanted.jpg"):
        put(key)
    assert [found["key"] for found in objects(account, queue)] == [f"{UPLOADS}/wanted.jpg"]
    assert account.receive(queue, timeout_seconds=0.5) == []
    put, queue = watch({"suffix": {"equals-ignore-case": ".jpg"}})
    for key in ("a.JPG", "b.png", "c.jpg"):
        put(key)
    assert {found["key"] for found in objects(account, queue, 2)} == {"a.JPG", "c.jpg"}


def test_queue_that_does_not_allow_eventbridge_receives_nothing(account):
    url, arn = account.queue()
    source = unique("test")
    account.rule({"source": [source]}, arn)
    account.client("events").put_events(Entries=[{"Source": source, "DetailType": "t", "Detail": "{}"}])
    assert account.receive(url, timeout_seconds=0.5) == []
