"""Faults of Start Model, and a model or an account that does not let itself be started."""

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
    # By Lambda; by Rekognition it is test_an_account_without_enough_units. The engine names it Lambda.Unknown.
    ends = ["Lambda.TooManyRequestsException", "Lambda.Unknown"]
    cell.run(TASK, "throttled for good", ends=ends, broken=sessions.throttled(FUNCTION))


def test_time_out(sessions, cell):
    sessions.switches[FUNCTION].hold()
    with sessions.configured(FUNCTION, Timeout=1):
        cell.run(TASK, "time-out", ends=["Sandbox.Timedout"])


def test_abort_before_the_model_is_asked(sessions, cell):
    switch = sessions.switches[FUNCTION]

    def abort(execution):
        wait_for(lambda: switch.held)
        sessions.abort(execution)
        # Its function goes on, as on AWS, after the end of its session has been told.
        time.sleep(1)
        switch.release()
        time.sleep(1)

    switch.hold()
    cell.run(TASK, "abort, function goes on later", ends=["ABORTED"], during=abort)


def test_abort_while_the_model_is_asked(sessions, cell):
    def abort(execution):
        wait_for(lambda: sessions.counters()["calls"].get("DescribeProjectVersions"))
        sessions.abort(execution)
        time.sleep(1.5)

    sessions.counters(reset=True)
    sessions.set_faults(latency_seconds=1)
    cell.run(TASK, "abort from outside", ends=["ABORTED"], during=abort)


def test_abort_while_the_model_starts(sessions, cell):
    def abort(execution):
        sessions.wait_for_model("STARTING")
        sessions.abort(execution)

    sessions.set_model(durations={"start_seconds": 2, "stop_seconds": 0.3})
    cell.run(TASK, "abort while it starts", ends=["ABORTED"], during=abort)


def test_lost_worker(sessions, cell):
    switch = sessions.switches[FUNCTION]

    def lose(_execution):
        wait_for(lambda: switch.held)
        switch.pass_new()
        assert sessions.kill(FUNCTION) > 0
        switch.release()

    switch.hold()
    cell.run(TASK, "function killed", ends=["SUCCEEDED"], during=lose)


def test_a_model_that_fails_while_it_starts(sessions, cell):
    sessions.set_model(starts_into="FAILED")
    end = cell.run(TASK, "model FAILED while starting", ends=["ModelFailed"])
    assert "look at it in the Rekognition console" in end["cause"]


def test_an_account_without_enough_units(sessions, cell):
    sessions.set_model(capacity={"max_inference_units": 0})
    cell.run(TASK, "no inference units left", ends=["Throttled"])


def test_a_model_that_never_gets_ready(sessions, cell):
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
