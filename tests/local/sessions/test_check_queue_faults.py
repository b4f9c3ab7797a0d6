"""Faults of Check Queue, at the start of a session and in its middle."""

from contextlib import ExitStack

import pytest

pytestmark = pytest.mark.local

FUNCTION = "CheckQueueFunction"
# Attempts of the SDK in one invocation, before the state machine retries.
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
    """Switch a fault on before the session, or before its second check while workers run."""

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
    # By Lambda; the engine names the error Lambda.Unknown.
    faults, ends = ExitStack(), ["Lambda.TooManyRequestsException", "Lambda.Unknown"]
    during = arm(lambda: faults.enter_context(sessions.throttled(FUNCTION)))
    cell.run(task, "throttled for good", ends=ends, during=during, broken=faults)


def test_time_out(sessions, cell, task, switch, arm):
    short = sessions.configured(FUNCTION, Timeout=1)
    cell.run(task, "time-out", ends=["Sandbox.Timedout"], during=arm(switch.hold), broken=short)


def test_abort(sessions, cell, task, switch, arm):
    during = arm(lambda: switch.hold(after=1), lambda execution: sessions.abort_held(FUNCTION, execution))
    cell.run(task, "abort from outside", ends=["ABORTED"], during=during)


def test_lost_worker(sessions, cell, task, switch, arm):
    during = arm(switch.hold, lambda _execution: sessions.kill_held(FUNCTION))
    cell.run(task, "function killed", ends=["SUCCEEDED"], during=during)
