"""Faults of Stop Model, and a Rekognition that refuses to stop the model."""

import pytest

from tests.local.stack.pipeline import wait_for

pytestmark = pytest.mark.local

FUNCTION, TASK = "StopModelFunction", "Stop Model"
SDK_ATTEMPTS = 3


def test_permanent_error(sessions, cell):
    broken = sessions.without(FUNCTION, "StopTheModel")
    options = {"is_healed": False, "may_stay_running": True}
    cell.run(TASK, "permission missing", ends=["AccessDenied"], broken=broken, **options)


def test_permission_given_back_before_the_watchdog_looks(sessions, cell):
    broken = sessions.without(FUNCTION, "StopTheModel")
    cell.run(TASK, "permission missing, then given", ends=["AccessDenied"], broken=broken)


def test_throttled_then_fine(sessions, cell):
    fault = {"code": "ThrottlingException", "first": SDK_ATTEMPTS + 1}
    sessions.set_model(faults={"StopProjectVersion": fault})
    cell.run(TASK, "throttled, then fine", ends=["SUCCEEDED"])


def test_throttled_for_good(sessions, cell):
    sessions.set_model(faults={"StopProjectVersion": {"code": "ThrottlingException"}})
    cell.run(TASK, "throttled for good", ends=["Throttled"], is_healed=False, may_stay_running=True)


def test_time_out(sessions, cell):
    sessions.switches[FUNCTION].hold()
    with sessions.configured(FUNCTION, Timeout=1):
        cell.run(TASK, "time-out", ends=["Sandbox.Timedout"])


def test_abort(sessions, cell):
    switch = sessions.switches[FUNCTION]

    def abort(execution):
        wait_for(lambda: switch.held)
        sessions.abort(execution)
        switch.release()

    switch.hold()
    cell.run(TASK, "abort from outside", ends=["ABORTED"], during=abort)


def test_lost_worker(sessions, cell):
    switch = sessions.switches[FUNCTION]

    def lose(_execution):
        wait_for(lambda: switch.held)
        switch.pass_new()
        assert sessions.kill(FUNCTION) > 0
        switch.release()

    switch.hold()
    cell.run(TASK, "function killed", ends=["SUCCEEDED"], during=lose)


@pytest.mark.parametrize("times", [1, 3])
def test_rekognition_fails_some_times(sessions, cell, times):
    # Each time is an invocation, and in each the SDK asks thrice.
    fault = {"code": "InternalServerError", "first": times * SDK_ATTEMPTS}
    sessions.set_model(faults={"StopProjectVersion": fault})
    cell.run(TASK, f"StopProjectVersion fails {times}x", ends=["SUCCEEDED"])


def test_rekognition_fails_always(sessions, cell):
    sessions.set_model(faults={"StopProjectVersion": {"code": "InternalServerError"}})
    options = {"is_healed": False, "may_stay_running": True}
    cell.run(TASK, "StopProjectVersion fails always", ends=["ServiceUnavailable"], **options)


def test_rekognition_is_well_again_when_the_watchdog_looks(sessions, cell):
    sessions.set_model(faults={"StopProjectVersion": {"code": "InternalServerError"}})
    cell.run(
        TASK,
        "StopProjectVersion fails until the watchdog",
        ends=["ServiceUnavailable"],
        before_watchdog=sessions.set_model,
    )
