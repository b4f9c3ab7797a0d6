"""Faults of Stop Model, and a Rekognition that refuses to stop the model."""

import pytest

pytestmark = pytest.mark.local

FUNCTION, TASK = "StopModelFunction", "Stop Model"
SDK_ATTEMPTS = 3


def test_permanent_error(sessions, cell):
    broken = sessions.without(FUNCTION, "StopTheModel")
    options = {"ends_before_watchdog": False, "may_stay_running": True}
    cell.run(TASK, "permission missing", ends=["AccessDenied"], broken=broken, **options)


def test_permission_granted_before_the_watchdog_runs(sessions, cell):
    broken = sessions.without(FUNCTION, "StopTheModel")
    cell.run(TASK, "permission missing, then given", ends=["AccessDenied"], broken=broken)


def test_throttled_then_fine(sessions, cell):
    fault = {"code": "ThrottlingException", "first": SDK_ATTEMPTS + 1}
    sessions.set_model(faults={"StopProjectVersion": fault})
    cell.run(TASK, "throttled, then fine", ends=["SUCCEEDED"])


def test_throttled_for_good(sessions, cell):
    sessions.set_model(faults={"StopProjectVersion": {"code": "ThrottlingException"}})
    cell.run(TASK, "throttled for good", ends=["Throttled"], ends_before_watchdog=False, may_stay_running=True)


def test_time_out(sessions, cell):
    sessions.switches[FUNCTION].hold()
    cell.run(TASK, "time-out", ends=["Sandbox.Timedout"], broken=sessions.configured(FUNCTION, Timeout=1))


def test_abort(sessions, cell):
    sessions.switches[FUNCTION].hold()
    cell.run(
        TASK,
        "abort from outside",
        ends=["ABORTED"],
        during=lambda execution: sessions.abort_held(FUNCTION, execution),
    )


def test_lost_worker(sessions, cell):
    sessions.switches[FUNCTION].hold()
    cell.run(TASK, "function killed", ends=["SUCCEEDED"], during=lambda _execution: sessions.kill_held(FUNCTION))


@pytest.mark.parametrize("times", [1, 3])
def test_rekognition_fails_at_first(sessions, cell, times):
    # Each time is an invocation, in which the SDK makes three attempts.
    fault = {"code": "InternalServerError", "first": times * SDK_ATTEMPTS}
    sessions.set_model(faults={"StopProjectVersion": fault})
    cell.run(TASK, f"StopProjectVersion fails {times}x", ends=["SUCCEEDED"])


def test_rekognition_fails_always(sessions, cell):
    sessions.set_model(faults={"StopProjectVersion": {"code": "InternalServerError"}})
    options = {"ends_before_watchdog": False, "may_stay_running": True}
    cell.run(TASK, "StopProjectVersion fails always", ends=["ServiceUnavailable"], **options)


def test_rekognition_recovers_before_the_watchdog_runs(sessions, cell):
    sessions.set_model(faults={"StopProjectVersion": {"code": "InternalServerError"}})
    cell.run(
        TASK,
        "StopProjectVersion fails until the watchdog",
        ends=["ServiceUnavailable"],
        before_watchdog=sessions.set_model,
    )
