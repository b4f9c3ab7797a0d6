"""Messages and files that are no images to inspect cost no model hours and block no others."""

import pytest

from tests.local.stack.pipeline import created, wait_for
from vision.domain.objects import ObjectVersion

pytestmark = pytest.mark.local

TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "images"}


@pytest.fixture
def starts(sessions):
    """Number of starts of the model since the test began."""
    sessions.counters(reset=True)
    return lambda: sessions.counters()["calls"].get("StartProjectVersion", 0)


def test_empty_queue_starts_no_model(sessions, starts):
    assert sessions.run_session()["status"] == "SUCCEEDED"
    assert starts() == 0
    assert sessions.is_lease_free()


def test_unrelated_files_and_deletions_are_not_queued(sessions, starts):
    sessions.upload("other/a.png", b"png")
    sessions.upload("images/a.txt", b"text")
    sessions.upload("images/folder/", b"")
    sessions.client("s3").delete_object(Bucket=sessions.bucket, Key="images/never-there.png")
    [real] = sessions.put(1)
    assert sessions.waiting() == 1
    sessions.run_session()
    assert sessions.done([real]) == 1
    assert starts() == 1


def test_unrelated_messages_are_deleted(sessions, starts):
    foreign = ObjectVersion(sessions.bucket, "private/a/uploads/a.png", "v1", "e", "1", 10)
    deletion = {"detail-type": "Object Deleted", "source": "aws.s3", "detail": {}}
    sessions.send_inspection(TEST_EVENT, deletion, created(foreign))
    assert sessions.run_session()["status"] == "SUCCEEDED"
    assert sessions.waiting() == 0
    assert sessions.take_inspection_dead_letters() == []
    assert sessions.record(foreign) == {}
    # No body is read before the model runs: any message in the queue starts it.
    assert starts() == 1


def test_malformed_message_goes_to_the_dead_letter_queue(sessions):
    sessions.send_inspection("garbage")
    [good] = sessions.put(1)
    with sessions.receives(2):
        assert sessions.run_session()["status"] == "SUCCEEDED"
        wait_for(lambda: sessions.depth(sessions.inspection_dead_letter_url) == 1)
    assert sessions.done([good]) == 1
    assert sessions.take_inspection_dead_letters() == ["garbage"]


def test_image_deleted_before_its_inspection_is_recorded_as_not_found(sessions):
    version, key = sessions.put(2)
    s3 = sessions.client("s3")
    s3.delete_object(Bucket=sessions.bucket, Key=version.key, VersionId=version.version_id)
    s3.delete_object(Bucket=sessions.bucket, Key=key.key)
    assert sessions.run_session()["status"] == "SUCCEEDED"
    for deleted in (version, key):
        record = sessions.record(deleted)
        assert record["status"] == "FAILED"
        assert record["error"]["name"] == "ObjectNotFound"
        assert sessions.copies(deleted) == 0
    assert sessions.waiting() == 0


def test_invalid_images_fail_and_do_not_affect_others(sessions):
    errors = {"NotSupportedImageType": b"not an image at all", "CorruptImage": b"\x89PNG\r\n\x1a\n" + b"x" * 50}
    versions = {error: sessions.put(1, body)[0] for error, body in errors.items()}
    [good] = sessions.put(1)
    assert sessions.run_session()["status"] == "SUCCEEDED"
    for error, version in versions.items():
        record = sessions.record(version)
        assert record["status"] == "FAILED"
        assert record["error"]["name"] == error
    assert sessions.done([good]) == 1
    assert sessions.waiting() == 0


def test_image_that_always_fails_goes_to_the_dead_letter_queue(sessions, starts):
    [failing] = sessions.put(1, folder="failing")
    [good] = sessions.put(1)
    sessions.set_faults(error={"code": "InternalServerError", "key_contains": "failing"})
    with sessions.receives(1):
        assert sessions.run_session()["status"] == "SUCCEEDED"
    assert sessions.done([good]) == starts() == 1
    assert sessions.model_status() == "STOPPED"
    [dead] = sessions.take_inspection_dead_letters()
    assert failing.key in dead
