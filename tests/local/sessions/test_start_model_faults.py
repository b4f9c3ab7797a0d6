"""Faults of Start Model, and a model or an account that cannot start."""

import time

import pytest

from tests.local.stack.pipeline import wait_for

pytestmark = pytest.mark.local

FUNCTION, TASK = "StartModelFunction", "Start Model"
SDK_ATTEMPTS = 3


def test_permanent_error(sessions, cell):
    broken = sessions.without(FUNCTION, "StartTheModel")
    cell.run(TASK, "permission missing", ends=["AccessDenied"], broken=broken)


def test_throttled_then_fine(sessions, cell):
    fault = {"code": "ThrottlingException", "first": SDK_ATTEMPTS + 1}
    sessions.set_model(faults={"StartProjectVersion": fault})
    cell.run(TASK, "throttled, then fine", ends=["SUCCEEDED"])


def test_throttled_for_good(sessions, cell):
    # By Lambda; the engine names the error Lambda.Unknown. By Rekognition: test_account_without_enough_units.
    ends = ["Lambda.TooManyRequestsException", "Lambda.Unknown"]
    cell.run(TASK, "throttled for good", ends=ends, broken=sessions.throttled(FUNCTION))


def test_time_out(sessions, cell):
    sessions.switches[FUNCTION].hold()
    cell.run(TASK, "time-out", ends=["Sandbox.Timedout"], broken=sessions.configured(FUNCTION, Timeout=1))


def test_abort_before_the_model_is_asked(sessions, cell):
    switch, since = sessions.switches[FUNCTION], int(time.time() * 1000)

    def abort(execution):
        wait_for(lambda: switch.held)
        sessions.abort(execution)
        # As on AWS, the function goes on after the event of its session's end was handled.
        wait_for(sessions.is_lease_free)
        switch.release()
        wait_for(lambda: sessions.logged("LeaseLost", since))

    switch.hold()
    cell.run(TASK, "abort, function goes on later", ends=["ABORTED"], during=abort)


def test_abort_while_the_model_is_asked(sessions, cell):
    def abort(execution):
        wait_for(lambda: sessions.counters()["calls"].get("DescribeProjectVersions"))
        sessions.abort(execution)
        # The function goes on and starts the model.
        sessions.wait_for_model("STARTING", "RUNNING", "STOPPING", "STOPPED")

    sessions.counters(reset=True)
    sessions.set_faults(latency_seconds=1)
    cell.run(TASK, "abort from outside", ends=["ABORTED"], during=abort)


def test_abort_while_the_model_starts(sessions, cell):
    def abort(execution):
        sessions.wait_for_model("STARTING")
        sessions.abort(execution)

    sessions.set_model(durations={"start_seconds": 5, "stop_seconds": 0.3})
    cell.run(TASK, "abort while it starts", ends=["ABORTED"], during=abort)


def test_lost_worker(sessions, cell):
    sessions.switches[FUNCTION].hold()
    cell.run(TASK, "function killed", ends=["SUCCEEDED"], during=lambda _execution: sessions.kill_held(FUNCTION))


def test_model_that_fails_to_start(sessions, cell):
    sessions.set_model(starts_into="FAILED")
    end = cell.run(TASK, "model FAILED while starting", ends=["ModelFailed"])
    assert "look at it in the Rekognition console" in end["cause"]


def test_account_without_enough_units(sessions, cell):
    sessions.set_model(capacity={"max_inference_units": 0})
    cell.run(TASK, "no inference units left", ends=["Throttled"])


def test_model_that_is_never_ready(sessions, cell):
    sessions.set_model(starts_into="STARTING", durations={"start_seconds": 0, "stop_seconds": 0.3})
    hasty = sessions.configured("CheckQueueFunction", {"MAXIMUM_SESSION_SECONDS": "2"})
    with hasty, sessions.waits_for_stop(3):
        end = cell.run(
            TASK,
            "model STARTING for ever",
            ends=["ModelNotReady", "ModelNotStopped"],
            before_watchdog=lambda: sessions.set_model(status="RUNNING"),
        )
    assert "Rekognition console" in end["cause"]
