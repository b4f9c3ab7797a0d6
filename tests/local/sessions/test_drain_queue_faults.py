"""Faults of Drain Queue, the workers of a session."""

import time

import pytest

from tests.local.stack.pipeline import wait_for

pytestmark = pytest.mark.local

FUNCTION, TASK = "DrainQueueFunction", "Drain Queue"
SDK_ATTEMPTS = 3


@pytest.fixture
def switch(sessions):
    return sessions.switches[FUNCTION]


@pytest.mark.parametrize(
    ("sid", "what"),
    [
        ("TakeImages", "queue"),
        ("RegisterAndJudge", "table"),
        ("ReadImages", "images"),
        ("DetectCustomLabels", "model"),
        ("WriteResults", "results"),
        ("RemoveInspectedVersions", "removal"),
        ("TellPeople", "topic"),
    ],
)
def test_permanent_error(sessions, cell, sid, what):
    broken = sessions.without(FUNCTION, sid)
    cell.run(TASK, f"permission missing: {what}", ends=["AccessDenied"], broken=broken)


def test_throttled_then_fine(sessions, cell):
    fault = {"code": "ProvisionedThroughputExceededException", "first": SDK_ATTEMPTS + 1}
    sessions.set_model(faults={"DetectCustomLabels": fault})
    cell.run(TASK, "throttled, then fine", ends=["SUCCEEDED"])


def test_throttled_for_good(sessions, cell):
    sessions.set_model(faults={"DetectCustomLabels": {"code": "ProvisionedThroughputExceededException"}})
    # A worker retries for all of its time and then returns the message; its last attempt takes seconds in the SDK.
    with sessions.receives(1), sessions.configured(FUNCTION, {"HIDDEN_SECONDS": "40"}, Timeout=24):
        cell.run(TASK, "throttled for good", ends=["Throttled"], images=1)


def test_time_out(sessions, cell, switch):
    switch.hold()
    cell.run(TASK, "time-out", ends=["Sandbox.Timedout"], broken=sessions.configured(FUNCTION, Timeout=2))


def test_abort(sessions, cell):
    def abort(execution):
        wait_for(lambda: sessions.counters()["calls"].get("DetectCustomLabels"))
        sessions.abort(execution)
        sessions.set_faults()

    sessions.counters(reset=True)
    sessions.set_faults(latency_seconds=1)
    cell.run(TASK, "abort from outside", ends=["ABORTED"], during=abort)


def test_lost_worker(sessions, cell, switch):
    switch.hold()
    cell.run(TASK, "function killed", ends=["SUCCEEDED"], during=lambda _execution: sessions.kill_held(FUNCTION))


def test_workers_lost_for_good(sessions, cell, switch):
    def lose(execution):
        while sessions.client("stepfunctions").describe_execution(executionArn=execution)["status"] == "RUNNING":
            if switch.held:
                sessions.kill(FUNCTION)
                time.sleep(0.1)
            if "Stop Model" in sessions.states(execution):
                return

    switch.hold()
    cell.run(TASK, "function killed always", ends=["Runtime.ExitError"], during=lose)


def test_model_stopped_by_an_operator(sessions, cell, switch):
    def stop(_execution):
        wait_for(lambda: switch.held)
        sessions.set_model(status="STOPPED")
        switch.release()

    switch.hold()
    cell.run(TASK, "model stopped by an operator", ends=["ModelNotReady"], during=stop)
