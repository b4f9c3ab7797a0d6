"""Every status of a project version has a named outcome when a session starts."""

import threading

import pytest

from local.rekognition.custom_labels.life_cycle import STATUSES

pytestmark = pytest.mark.local

STARTABLE = ["TRAINING_COMPLETED", "COPYING_COMPLETED", "STOPPED", "RUNNING"]
UNUSABLE = ["TRAINING_IN_PROGRESS", "COPYING_IN_PROGRESS", "DELETING", "DEPRECATED", "EXPIRED"]
FAILED = ["TRAINING_FAILED", "COPYING_FAILED", "FAILED"]
PASSING = {"STARTING": "RUNNING", "STOPPING": "STOPPED"}


@pytest.mark.parametrize("status", STARTABLE)
def test_a_status_from_which_it_runs(sessions, cell, status):
    sessions.set_model(status=status)
    cell.run("(status at start)", status, ends=["SUCCEEDED"])


@pytest.mark.parametrize("status", PASSING)
def test_a_status_that_passes(sessions, cell, status):
    sessions.set_model(status=status)
    later = threading.Timer(1.5, lambda: sessions.set_model(status=PASSING[status]))
    later.start()
    cell.run("(status at start)", status, ends=["SUCCEEDED"])


@pytest.mark.parametrize("status", UNUSABLE)
def test_a_status_that_nothing_starts(sessions, cell, status):
    sessions.set_model(status=status)
    end = cell.run("(status at start)", status, ends=["ModelNotUsable"])
    assert status in end["cause"]


@pytest.mark.parametrize("status", FAILED)
def test_a_status_of_failure(sessions, cell, status):
    sessions.set_model(status=status, status_message="Out of memory")
    end = cell.run("(status at start)", status, ends=["ModelFailed"])
    assert "Out of memory" in end["cause"]


def test_no_status_is_forgotten():
    assert {*STARTABLE, *UNUSABLE, *FAILED, *PASSING} == set(STATUSES)
