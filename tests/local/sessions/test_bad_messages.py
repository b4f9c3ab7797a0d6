"""What is no image to inspect: it burns no model hours, blocks nobody, and its end is told."""

import pytest

from tests.local.stack.pipeline import created, wait_for
from vision.domain.objects import ObjectVersion

pytestmark = pytest.mark.local

TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "images"}


@pytest.fixture
def starts(sessions):
    """Count how often the model was started since the test began."""
    sessions.counters(reset=True)
    return lambda: sessions.counters()["calls"].get("StartProjectVersion", 0)


@pytest.fixture
def give_once(sessions):
    """A queue that gives a message once, not five times, before it goes to the dead-letter queue."""
    with sessions.receives(1):
        yield


def test_an_empty_queue_starts_no_model(sessions, starts):
    end = sessions.run_session()
    assert (end["status"], starts(), sessions.is_lease_free()) == ("SUCCEEDED", 0, True)


def test_foreign_keys_text_files_folders_and_deletions_start_no_model(sessions, starts):
    sessions.upload("other/a.png", b"png")
    sessions.upload("images/a.txt", b"text")
    sessions.upload("images/folder/", b"")
    sessions.client("s3").delete_object(Bucket=sessions.bucket, Key="images/never-there.png")
    [real] = sessions.put(1)
    assert sessions.waiting() == 1
    sessions.run_session()
    assert (sessions.done([real]), starts()) == (1, 1)


@pytest.mark.parametrize(
    "message",
    [TEST_EVENT, {"detail-type": "Object Deleted", "source": "aws.s3", "detail": {}}],
    ids=["test event", "deletion"],
)
def test_a_message_that_is_no_work_is_acknowledged(sessions, message):
    sessions.send_inspection(message)
    assert sessions.run_session()["status"] == "SUCCEEDED"
    assert sessions.waiting() == 0
    assert sessions.take_inspection_dead_letters() == []


def test_a_test_event_sent_straight_to_the_queue_counts_as_a_waiting_message(sessions, starts):
    # No body is read before the model runs: what the rule does not let through, somebody sent on purpose.
    sessions.send_inspection(TEST_EVENT)
    sessions.run_session()
    assert starts() == 1


def test_a_foreign_key_in_a_message_is_forgotten(sessions):
    foreign = ObjectVersion(sessions.bucket, "private/a/uploads/a.png", "v1", "e", "1", 10)
    sessions.send_inspection(created(foreign))
    assert sessions.run_session()["status"] == "SUCCEEDED"
    assert (sessions.waiting(), sessions.record(foreign)) == (0, {})


def test_a_message_that_is_no_event_ends_in_the_dead_letter_queue(sessions):
    sessions.send_inspection("garbage")
    [good] = sessions.put(1)
    with sessions.receives(2):
        end = sessions.run_session()
        wait_for(lambda: sessions.depth(sessions.inspection_dead_letter_url) == 1, 20)
    assert (end["status"], sessions.done([good])) == ("SUCCEEDED", 1)
    assert sessions.take_inspection_dead_letters() == ["garbage"]


def test_an_image_deleted_before_its_inspection_is_acknowledged_and_recorded(sessions):
    version, key = sessions.put(2)
    s3 = sessions.client("s3")
    s3.delete_object(Bucket=sessions.bucket, Key=version.key, VersionId=version.version_id)
    s3.delete_object(Bucket=sessions.bucket, Key=key.key)
    assert sessions.run_session()["status"] == "SUCCEEDED"
    for deleted in (version, key):
        record = sessions.record(deleted)
        assert (record["status"], record["error"]["name"], sessions.copies(deleted)) == ("FAILED", "ObjectNotFound", 0)
    assert sessions.waiting() == 0


@pytest.mark.parametrize(
    ("body", "error"),
    [(b"not an image at all", "NotSupportedImageType"), (b"\x89PNG\r\n\x1a\n" + b"x" * 50, "CorruptImage")],
)
def test_a_poison_image_is_told_once_and_leaves_its_neighbour_alone(sessions, body, error):
    [poison] = sessions.put(1, body)
    [good] = sessions.put(1)
    end = sessions.run_session()
    record = sessions.record(poison)
    assert (end["status"], record["status"], record["error"]["name"]) == ("SUCCEEDED", "FAILED", error)
    assert (sessions.done([good]), sessions.waiting()) == (1, 0)


@pytest.mark.usefixtures("give_once")
def test_an_image_at_which_the_model_always_breaks_is_received_a_bounded_number_of_times(sessions, starts):
    [poison] = sessions.put(1, folder="poison")
    [good] = sessions.put(1)
    sessions.set_faults(error={"code": "InternalServerError", "key_contains": "poison"})
    end = sessions.run_session()
    assert (end["status"], sessions.done([good]), starts()) == ("SUCCEEDED", 1, 1)
    assert sessions.model_status() == "STOPPED"
    [dead] = sessions.take_inspection_dead_letters()
    assert poison.key in dead
