"""Concurrent sessions, uploads and redeliveries: one model, one verdict and one notification for each version."""

import json
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
def notifications(sessions):
    """Number of notifications of each version."""

    def count(*versions: ObjectVersion) -> list[int]:
        wait_for(lambda: sessions.depth(sessions.mailbox_url) >= len(versions))
        found = Counter(letter["id"] for letter in sessions.letters())
        return [found[letter_id(version)] for version in versions]

    return count


@pytest.fixture
def hold_lease(sessions):
    """Write the lease of a session that has died."""

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


def test_one_of_two_concurrent_sessions_does_the_work(sessions, notifications):
    versions = sessions.put(4)
    sessions.counters(reset=True)
    executions = [sessions.start_session(), sessions.start_session()]
    ends = [sessions.closed(execution) for execution in executions]
    assert [end["status"] for end in ends] == ["SUCCEEDED"] * 2
    assert sorted("Start Model" in sessions.states(execution) for execution in executions) == [False, True]
    assert sessions.counters()["calls"]["StartProjectVersion"] == 1
    assert notifications(*versions) == [1] * 4
    assert sessions.is_lease_free()


def test_session_without_the_lease_is_busy_until_the_lease_expires(sessions, hold_lease):
    versions = sessions.put(1)
    hold_lease("2999-01-01T00:00:00.000Z")
    end = sessions.run_session()
    assert end["status"] == "SUCCEEDED"
    assert json.loads(end["output"]) == {"decision": "BUSY"}
    hold_lease("2020-01-01T00:00:00.000Z")
    assert sessions.run_session()["status"] == "SUCCEEDED"
    assert sessions.done(versions) == 1
    assert sessions.is_lease_free()


@pytest.mark.parametrize("is_expired", [True, False], ids=["expired lease", "lease of an ended session"])
def test_watchdog_stops_the_model_of_a_dead_session(sessions, hold_lease, is_expired):
    if is_expired:
        hold_lease("2020-01-01T00:00:00.000Z")
    else:
        hold_lease("2999-01-01T00:00:00.000Z", sessions.run_session()["executionArn"])
    sessions.set_model(status="RUNNING")
    sessions.watch()
    sessions.wait_for_model("STOPPED")
    assert sessions.is_lease_free()


def test_watchdog_keeps_the_model_of_a_live_session(sessions, hold_lease):
    switch = sessions.switches["CheckQueueFunction"]
    switch.hold()
    live = sessions.start_session()
    wait_for(lambda: switch.held)
    hold_lease("2999-01-01T00:00:00.000Z", live)
    sessions.set_model(status="RUNNING")
    # The watchdog has asked for the stop, if any, when it returns.
    sessions.watch()
    status = sessions.model_status()
    sessions.abort(live)
    switch.release()
    assert status == "RUNNING"


def test_watchdog_keeps_the_model_of_a_session_that_it_cannot_describe(sessions, hold_lease):
    hold_lease("2999-01-01T00:00:00.000Z")
    sessions.set_model(status="RUNNING")
    sessions.watch()
    assert sessions.model_status() == "RUNNING"


def test_session_starts_for_messages_in_flight_and_processes_them(sessions, notifications):
    versions = sessions.put(12)
    sqs, received = sessions.client("sqs"), []
    while len(received) < 12:
        answer = sqs.receive_message(QueueUrl=sessions.inspection_url, MaxNumberOfMessages=10, VisibilityTimeout=300)
        received += [message["ReceiptHandle"] for message in answer.get("Messages", [])]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = sqs.get_queue_attributes(QueueUrl=sessions.inspection_url, AttributeNames=names)["Attributes"]
    assert [counts[name] for name in names] == ["0", "12"]
    session = sessions.start_session()
    sessions.wait_until_in(session, "Start Model")
    for handle in received:
        sqs.change_message_visibility(QueueUrl=sessions.inspection_url, ReceiptHandle=handle, VisibilityTimeout=0)
    assert sessions.closed(session)["status"] == "SUCCEEDED"
    assert sessions.done(versions) == 12
    assert notifications(*versions) == [1] * 12


def test_version_uploaded_during_an_inspection_has_its_own_verdict(sessions, notifications):
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
    assert notifications(old, new) == [1, 1]


def test_older_version_inspected_later_keeps_the_copy_of_the_newer(sessions, notifications):
    # Without this permission the worker fails between copy and delete.
    folder = "buried"
    [old] = sessions.put(1, folder=folder)
    with sessions.without(DRAIN, "RemoveInspectedVersions"):
        assert sessions.run_session()["error"] == "AccessDenied"
    wait_for(sessions.waiting)
    [new] = sessions.put(1, folder=folder)
    assert sessions.run_session()["status"] == "SUCCEEDED"
    assert sessions.done([old, new]) == 2
    assert notifications(old, new) == [1, 1]
    assert sessions.waiting() == 0
    assert sessions.take_inspection_dead_letters() == []


def test_redelivery_after_success_changes_nothing(sessions, notifications):
    [version] = sessions.put(1)
    sessions.run_session()
    before = sessions.record(version)
    key = results.analyzed_key(version, results.Judgement.SUCCESS)
    copy = sessions.client("s3").head_object(Bucket=sessions.results_bucket, Key=key)
    assert copy["Metadata"]["source-version"] == letter_id(version)
    sessions.send_inspection(created(version), created(version))
    assert sessions.run_session()["status"] == "SUCCEEDED"
    assert sessions.record(version) == before
    assert notifications(version) == [1]
    assert sessions.waiting() == 0


def test_worker_killed_around_the_move_leaves_one_copy_and_no_original(sessions, notifications):
    versions = sessions.put(3)
    execution = sessions.start_session()
    wait_for(lambda: any(sessions.copies(version) for version in versions))
    sessions.kill(DRAIN)
    assert sessions.closed(execution)["status"] == "SUCCEEDED"
    assert [sessions.copies(version) for version in versions] == [1] * 3
    listed = sessions.client("s3").list_object_versions(Bucket=sessions.bucket, Prefix=versions[0].key)
    assert "Versions" not in listed
    assert sessions.done(versions) == 3
    # A worker that dies between publishing and recording it sends the notification again, with the same id.
    assert set(notifications(*versions)) <= {1, 2}
