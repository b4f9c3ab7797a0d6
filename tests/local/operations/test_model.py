"""A model that runs without need is found and stopped with the commands of the guide."""

import json

import pytest

pytestmark = pytest.mark.local


@pytest.fixture
def running(sessions):
    """The model runs without a session."""
    sessions.set_model(status="RUNNING")
    return sessions


def test_models_that_cost_money_are_found_and_their_status_is_shown(shell, running):
    expected, project = f"{running.version_arn}\tRUNNING", running.project_arn
    assert expected in shell("alarms/ModelMinutesAlarm", "aws rekognition describe-project-versions", PROJECT=project)
    assert expected in shell("removal", "aws rekognition describe-project-versions", PROJECT=project)
    assert running.version_arn in shell("model", "for project in")
    running.set_model(status="STOPPED")
    assert running.version_arn not in shell("model", "for project in")


@pytest.fixture
def draining(sessions):
    """A session whose workers wait for more images as long as on AWS."""
    with sessions.configured("DrainQueueFunction", {"POLL_SECONDS": "10"}):
        sessions.put(1)
        session = sessions.start_session()
        sessions.wait_until_in(session, "Drain Queue")
        yield session
        sessions.abort(session)
        sessions.closed(session)
        # The event of the ended session stops the model; it must not stop that of the next test.
        sessions.wait_for_model("STOPPED")


def test_model_without_a_session_is_stopped(shell, running):
    model, project = running.version_arn, running.project_arn
    shown = shell("model", "aws rekognition stop-project-version", MODEL=model, PROJECT=project)
    assert "STOPPING" in shown or "STOPPED" in shown
    running.wait_for_model("STOPPED")
    running.set_model(status="RUNNING")
    shell("alarms/ModelMinutesAlarm", "aws rekognition stop-project-version", MODEL=model)
    running.wait_for_model("STOPPED")
    running.set_model(status="RUNNING")
    shell("alarms/WatchdogAlarm", "aws rekognition stop-project-version", MODEL=model)
    running.wait_for_model("STOPPED")


def test_session_that_holds_the_model_is_shown_and_its_model_stops_when_it_is_aborted(shell, sessions, draining):
    assert draining.rpartition(":")[2] in shell("model", "aws dynamodb scan")
    shell("alarms/ModelMinutesAlarm", "aws stepfunctions stop-execution", SESSION=draining)
    assert sessions.closed(draining)["status"] == "ABORTED"
    sessions.wait_for_model("STOPPED")


def test_reasons_of_failed_sessions_are_shown_and_another_is_started(shell, sessions):
    sessions.put(1)
    sessions.set_model(status="TRAINING_FAILED")
    assert sessions.run_session()["status"] == "FAILED"
    assert "ModelFailed" in shell("alarms/FailedSessionsAlarm", "for session in")
    sessions.set_model(status="STOPPED")
    shown = shell("alarms/FailedSessionsAlarm", "aws stepfunctions start-execution")
    assert sessions.closed(json.loads(shown)["executionArn"])["status"] == "SUCCEEDED"
