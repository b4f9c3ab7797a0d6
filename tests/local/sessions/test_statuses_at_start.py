"""Every status of a project version has a defined outcome when a session starts."""

import pytest

from local.rekognition.custom_labels.life_cycle import STATUSES

pytestmark = pytest.mark.local

STARTABLE = ["TRAINING_COMPLETED", "COPYING_COMPLETED", "STOPPED", "RUNNING"]
UNUSABLE = ["TRAINING_IN_PROGRESS", "COPYING_IN_PROGRESS", "DELETING", "DEPRECATED", "EXPIRED"]
FAILED = ["TRAINING_FAILED", "COPYING_FAILED", "FAILED"]
PASSING = {"STARTING": "RUNNING", "STOPPING": "STOPPED"}


@pytest.mark.parametrize("status", STARTABLE)
def test_startable_status(sessions, cell, status):
    sessions.set_model(status=status)
    cell.run("(status at start)", status, ends=["SUCCEEDED"])


@pytest.mark.parametrize("status", PASSING)
def test_transitional_status(sessions, cell, status):
    def pass_on(execution):
        sessions.wait_until_in(execution, "Start Model")
        sessions.set_model(status=PASSING[status])

    sessions.set_model(status=status)
    cell.run("(status at start)", status, ends=["SUCCEEDED"], during=pass_on)


@pytest.mark.parametrize("status", UNUSABLE)
def test_unusable_status(sessions, cell, status):
    sessions.set_model(status=status)
    end = cell.run("(status at start)", status, ends=["ModelNotUsable"])
    assert status in end["cause"]


@pytest.mark.parametrize("status", FAILED)
def test_failed_status(sessions, cell, status):
    sessions.set_model(status=status, status_message="Out of memory")
    end = cell.run("(status at start)", status, ends=["ModelFailed"])
    assert "Out of memory" in end["cause"]


def test_list_of_statuses_is_complete():
    assert {*STARTABLE, *UNUSABLE, *FAILED, *PASSING} == set(STATUSES)
