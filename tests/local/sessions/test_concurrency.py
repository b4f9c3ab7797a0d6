"""Sessions, uploads and deliveries that meet each other: one model, one verdict, one message to people."""

import json
import time
from collections import Counter

import pytest

from tests.local.sessions.driver import letter_id, picture
from tests.local.stack.pipeline import created, wait_for
from vision.domain import keys
from vision.domain.inspection import results
from vision.domain.objects import ObjectVersion

pytestmark = pytest.mark.local

DRAIN = "DrainQueueFunction"
DEAD = "arn:aws:states:us-east-1:000000000000:execution:dead:dead"


@pytest.fixture
def told(sessions):
    """Count the notifications of each version."""

    def count(*versions: ObjectVersion) -> list[int]:
        wait_for(lambda: sessions.depth(sessions.mailbox_url) >= len(versions))
        found = Counter(letter["id"] for letter in sessions.letters())
        return [found[letter_id(version)] for version in versions]

    return count


@pytest.fixture
def hold_lease(sessions):
    """Write the lease as a session did that is dead now."""

    def write(expires_at: str, owner: str = DEAD) -> None:
        sessions.client("dynamodb").put_item(
            TableName=sessions.table,
            Item={
                "pk": {"S": f"SESSION#{keys.model_digest(sessions.version_arn)}"},
                "sk": {"S": "LEASE"},
                "owner": {"S": owner},
                "expires_at": {"S": expires_at},
                "record_type": {"S": "session"},
            },
        )

    yield write
    write("")


def test_of_two_sessions_at_once_one_does_nothing(sessions, told):
    versions = sessions.put(4)
    sessions.counters(reset=True)
    executions = [sessions.start_session(), sessions.start_session()]
    ends = [sessions.closed(execution) for execution in executions]
    assert [end["status"] for end in ends] == ["SUCCEEDED"] * 2
    assert sorted("Start Model" in sessions.states(execution) for execution in executions) == [False, True]
    assert sessions.counters()["calls"]["StartProjectVersion"] == 1
    assert told(*versions) == [1] * 4
    assert sessions.is_lease_free()


def test_the_second_of_two_sessions_says_that_it_is_busy(sessions, hold_lease):
    hold_lease("2999-01-01T00:00:00.000Z")
    sessions.put(1)
    end = sessions.run_session()
    assert (end["status"], json.loads(end["output"])) == ("SUCCEEDED", {"decision": "BUSY"})


def test_the_lease_of_a_dead_session_is_free_once_it_has_expired(sessions, hold_lease):
    hold_lease("2020-01-01T00:00:00.000Z")
    versions = sessions.put(1)
    assert sessions.run_session()["status"] == "SUCCEEDED"
    assert sessions.done(versions) == 1
    assert sessions.is_lease_free()


def test_the_watchdog_stops_what_a_dead_session_left_running(sessions, hold_lease):
    hold_lease("2020-01-01T00:00:00.000Z")
    sessions.set_model(status="RUNNING")
    sessions.watch()
    sessions.wait_for_model("STOPPED")
    assert sessions.is_lease_free()


def test_the_watchdog_stops_what_a_session_that_ended_without_a_word_left_running(sessions, hold_lease):
    ended = sessions.run_session()["executionArn"]
    hold_lease("2999-01-01T00:00:00.000Z", ended)
    sessions.set_model(status="RUNNING")
    sessions.watch()
    sessions.wait_for_model("STOPPED")
    assert sessions.is_lease_free()


def test_the_watchdog_leaves_the_model_of_a_live_session_alone(sessions, hold_lease):
    switch = sessions.switches["CheckQueueFunction"]
    switch.hold()
    live = sessions.start_session()
    wait_for(lambda: switch.held)
    hold_lease("2999-01-01T00:00:00.000Z", live)
    sessions.set_model(status="RUNNING")
    sessions.watch()
    time.sleep(0.5)
    still = sessions.model_status()
    sessions.abort(live)
    switch.release()
    assert still == "RUNNING"


def test_the_watchdog_leaves_the_model_alone_when_it_may_not_ask_for_the_session(sessions, hold_lease):
    hold_lease("2999-01-01T00:00:00.000Z")
    sessions.set_model(status="RUNNING")
    sessions.watch()
    time.sleep(0.5)
    assert sessions.model_status() == "RUNNING"


def test_messages_that_are_all_in_flight_start_a_session_and_are_done_by_it(sessions, told):
    versions = sessions.put(12)
    sqs, received = sessions.client("sqs"), 0
    while received < 12:
        answer = sqs.receive_message(QueueUrl=sessions.inspection_url, MaxNumberOfMessages=10, VisibilityTimeout=4)
        received += len(answer.get("Messages", []))
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = sqs.get_queue_attributes(QueueUrl=sessions.inspection_url, AttributeNames=names)["Attributes"]
    assert [counts[name] for name in names] == ["0", "12"]
    assert sessions.run_session()["status"] == "SUCCEEDED"
    assert sessions.done(versions) == 12
    assert told(*versions) == [1] * 12


def test_an_upload_during_the_inspection_of_the_old_version_gets_a_verdict_of_its_own(sessions, told):
    switch = sessions.switches[DRAIN]
    [old] = sessions.put(1, folder="again")
    switch.hold(after=2)
    execution = sessions.start_session()
    wait_for(lambda: switch.held)
    new = sessions.upload(old.key, picture("animal"))
    switch.release()
    assert sessions.closed(execution)["status"] == "SUCCEEDED"
    assert [sessions.record(version)["verdict"] for version in (old, new)] == ["SUCCESS", "FAILURE"]
    assert [sessions.results(version) for version in (old, new)] == [1, 1]
    assert told(old, new) == [1, 1]


def test_an_older_version_that_is_done_later_does_not_bury_the_copy_of_the_newer_one(sessions, told):
    # The worker of the old version may not remove it, as if it had died between copy and delete.
    folder = "buried"
    [old] = sessions.put(1, folder=folder)
    with sessions.without(DRAIN, "RemoveInspectedVersions"):
        assert sessions.run_session()["error"] == "AccessDenied"
    wait_for(sessions.waiting)
    [new] = sessions.put(1, folder=folder)
    assert sessions.run_session()["status"] == "SUCCEEDED"
    assert sessions.done([old, new]) == 2
    assert told(old, new) == [1, 1]
    assert sessions.waiting() == 0
    assert sessions.take_inspection_dead_letters() == []


def test_a_message_that_comes_again_after_success_changes_nothing(sessions, told):
    [version] = sessions.put(1)
    sessions.run_session()
    before = sessions.record(version)
    sessions.send_inspection(created(version), created(version))
    end = sessions.run_session()
    assert end["status"] == "SUCCEEDED"
    assert sessions.record(version) == before
    assert told(version) == [1]
    assert sessions.waiting() == 0


def test_a_worker_killed_around_copy_and_delete_leaves_one_copy_and_no_original(sessions, told):
    versions = sessions.put(3)
    execution = sessions.start_session()
    wait_for(lambda: any(sessions.copies(version) for version in versions))
    sessions.kill(DRAIN)
    assert sessions.closed(execution)["status"] == "SUCCEEDED"
    assert [sessions.copies(version) for version in versions] == [1] * 3
    listed = sessions.client("s3").list_object_versions(Bucket=sessions.bucket, Prefix=versions[0].key)
    assert "Versions" not in listed
    assert sessions.done(versions) == 3
    # A worker that dies between the message and the note of it tells twice; under the same id.
    assert set(told(*versions)) <= {1, 2}


def test_a_copy_says_of_which_version_it_is(sessions):
    [version] = sessions.put(1)
    sessions.run_session()
    key = results.analyzed_key(version, results.Judgement.SUCCESS)
    found = sessions.client("s3").head_object(Bucket=sessions.results_bucket, Key=key)
    assert found["Metadata"]["source-version"] == letter_id(version)
