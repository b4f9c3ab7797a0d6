"""Faults of Check Queue, at the start of a session and in its middle."""

from contextlib import ExitStack

import pytest

from tests.local.stack.pipeline import wait_for

pytestmark = pytest.mark.local

FUNCTION = "CheckQueueFunction"
# What the SDK tries in one invocation before the state machine takes over.
SDK_ATTEMPTS = 3
TASKS = ["Check Queue", "Check Queue Again"]


@pytest.fixture(params=TASKS)
def task(request):
    return request.param


@pytest.fixture
def switch(sessions):
    return sessions.switches[FUNCTION]


@pytest.fixture
def arm(sessions, task):
    """Switch a fault on before the session, or for its second look while the workers work."""

    def prepared(fault, then=None):
        if task == "Check Queue":
            fault()

        def during(execution):
            if task == "Check Queue Again":
                sessions.wait_until_in(execution, "Drain Queue")
                fault()
            if then:
                then(execution)

        return during

    return prepared


def test_permanent_error(sessions, cell, task, arm):
    faults = ExitStack()
    during = arm(lambda: faults.enter_context(sessions.without(FUNCTION, "CountImages")))
    cell.run(task, "permission missing", ends=["AccessDenied"], during=during, broken=faults)


def test_throttled_then_fine(cell, task, switch, arm):
    during = arm(lambda: switch.refuse(SDK_ATTEMPTS + 1))
    cell.run(task, "throttled, then fine", ends=["SUCCEEDED"], during=during)


def test_throttled_for_good(sessions, cell, task, arm):
    # By Lambda, which the engine names Lambda.Unknown.
    faults, ends = ExitStack(), ["Lambda.TooManyRequestsException", "Lambda.Unknown"]
    during = arm(lambda: faults.enter_context(sessions.throttled(FUNCTION)))
    cell.run(task, "throttled for good", ends=ends, during=during, broken=faults)


def test_time_out(sessions, cell, task, switch, arm):
    with sessions.configured(FUNCTION, Timeout=1):
        cell.run(task, "time-out", ends=["Sandbox.Timedout"], during=arm(switch.hold))


def test_abort(sessions, cell, task, switch, arm):
    def abort(execution):
        wait_for(lambda: switch.held)
        sessions.abort(execution)
        switch.release()

    cell.run(task, "abort from outside", ends=["ABORTED"], during=arm(lambda: switch.hold(after=1), abort))


def test_lost_worker(sessions, cell, task, switch, arm):
    def lose(_execution):
        wait_for(lambda: switch.held)
        switch.pass_new()
        assert sessions.kill(FUNCTION) > 0
        switch.release()

    cell.run(task, "function killed", ends=["SUCCEEDED"], during=arm(switch.hold, lose))
