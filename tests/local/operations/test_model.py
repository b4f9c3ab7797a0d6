"""A model that runs although nobody needs it is found and stopped as the guide says."""

import json

import pytest

pytestmark = pytest.mark.local


@pytest.fixture
def running(sessions):
    """The stack's model runs, and no session holds it."""
    sessions.set_model(status="RUNNING")
    return sessions


def test_every_model_that_is_paid_for_is_found(shell, running):
    assert running.version_arn in shell("model", "for project in")


def test_only_models_that_are_paid_for_are_found(shell, sessions):
    sessions.set_model(status="STOPPED")
    assert sessions.version_arn not in shell("model", "for project in")


@pytest.fixture
def draining(sessions):
    """A session whose workers wait for another image as long as on AWS."""
    with sessions.configured("DrainQueueFunction", {"POLL_SECONDS": "10"}):
        sessions.put(1)
        session = sessions.start_session()
        sessions.wait_until_in(session, "Drain Queue")
        yield session
        sessions.abort(session)
        sessions.closed(session)
        # The rule on ended sessions stops the model a moment later: not that of the next test.
        sessions.wait_for_model("STOPPED")


def test_who_holds_the_model_is_shown(shell, sessions, draining):
    told = shell("model", "aws dynamodb scan")
    assert draining.rpartition(":")[2] in told


def test_a_model_that_nobody_holds_is_stopped(shell, running):
    told = shell(
        "model", "aws rekognition stop-project-version", MODEL=running.version_arn, PROJECT=running.project_arn
    )
    assert "STOPPING" in told or "STOPPED" in told
    running.wait_for_model("STOPPED")


def test_the_page_of_model_minutes_shows_the_model_and_who_holds_it(shell, running):
    told = shell("alarms/ModelMinutesAlarm", "aws rekognition describe-project-versions", PROJECT=running.project_arn)
    assert f"{running.version_arn}\tRUNNING" in told


def test_a_session_that_is_aborted_has_its_model_stopped(shell, sessions, draining):
    shell("alarms/ModelMinutesAlarm", "aws stepfunctions stop-execution", SESSION=draining)
    assert sessions.closed(draining)["status"] == "ABORTED"
    sessions.wait_for_model("STOPPED")


def test_the_page_of_model_minutes_stops_a_model_without_a_session(shell, running):
    shell("alarms/ModelMinutesAlarm", "aws rekognition stop-project-version", MODEL=running.version_arn)
    running.wait_for_model("STOPPED")


def test_the_page_of_the_watchdog_stops_the_model(shell, running):
    shell("alarms/WatchdogAlarm", "aws rekognition stop-project-version", MODEL=running.version_arn)
    running.wait_for_model("STOPPED")


def test_the_reasons_of_failed_sessions_are_told_and_another_is_started(shell, sessions):
    sessions.put(1)
    sessions.set_model(status="TRAINING_FAILED")
    assert sessions.run_session()["status"] == "FAILED"
    assert "ModelFailed" in shell("alarms/FailedSessionsAlarm", "for session in")
    sessions.set_model(status="STOPPED")
    told = shell("alarms/FailedSessionsAlarm", "aws stepfunctions start-execution")
    assert sessions.closed(json.loads(told)["executionArn"])["status"] == "SUCCEEDED"


def test_whether_a_model_still_runs_is_shown_after_a_removal(shell, running):
    told = shell("removal", "aws rekognition describe-project-versions", PROJECT=running.project_arn)
    assert f"{running.version_arn}\tRUNNING" in told
