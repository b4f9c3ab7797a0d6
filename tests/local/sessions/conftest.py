"""A stack with a Custom Labels model: trained and deployed once, then copied for each test process."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree

import pytest

from local.demo.labelled_pictures import LABELLED_PICTURES_DIR, fetch_labelled_pictures
from local.rekognition import train
from local.rekognition.custom_labels.projects import Projects
from local.stack import local_stack
from local.stack.local_stack import StackFiles
from tests.local.sessions import matrix
from tests.local.sessions.driver import Sessions
from tests.local.stack.conftest import (
    ADDRESSES,
    WAIT_SCALE,
    deploy_once,
    free_port,
    no_word,
    shared_folder,
    stop_engines,
)

PROJECT = "sessions"
RULES = [{"name": "vehicles", "prefix": "images/", "min_confidence": 50, "any_of": ["vehicle"]}]


def _parameters() -> dict[str, str]:
    fetch_labelled_pictures(say=no_word)
    if not Projects().versions(PROJECT):
        assert train.main([str(LABELLED_PICTURES_DIR / "training"), "--name", PROJECT]) == 0
    [project] = [each for each in Projects().all() if each.name == PROJECT]
    return ADDRESSES | {
        "InspectionDetector": "custom-labels",
        "ProjectArn": project.arn,
        "ModelVersionArn": Projects().versions(PROJECT)[0].arn,
        "InspectionRules": json.dumps(RULES),
        "Notifications": "all",
        "MaximumAgeSeconds": "0",
        "ModelPollSeconds": "1",
    }


@pytest.fixture(scope="session")
def deployed_sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deploy_once(tmp_path_factory.getbasetemp(), "sessions", _parameters)


@contextmanager
def running_copy(deployed: Path, folder: Path) -> Iterator[Sessions]:
    """Copy the deployed stack into a new folder and run it."""
    copytree(deployed, folder)
    files, parameters = StackFiles(folder), json.loads((folder / "complete").read_text())
    running = local_stack.up(no_word, files, parameters, port=free_port(), wait_scale=WAIT_SCALE)
    sessions = Sessions(running, files, parameters["ProjectArn"], parameters["ModelVersionArn"])
    yield sessions
    sessions.close()
    stop_engines(files)


@pytest.fixture(scope="session")
def shared_sessions(deployed_sessions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sessions]:
    with running_copy(deployed_sessions, tmp_path_factory.mktemp("own") / "sessions") as running:
        yield running


@pytest.fixture
def sessions(shared_sessions: Sessions) -> Iterator[Sessions]:
    """The running stack that the tests of a process share, without faults and with empty queues."""
    shared_sessions.start_afresh()
    yield shared_sessions
    shared_sessions.clear_faults()


@pytest.fixture
def cell(sessions: Sessions, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> matrix.Cell:
    """One row of the fault matrix that all test processes of a run write."""
    return matrix.Cell(sessions, shared_folder(tmp_path_factory.getbasetemp()) / "fault-matrix", request.node)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for name, row in report.user_properties:
        if name == matrix.PROPERTY and report.when == "call":
            matrix.reported.append(row)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if matrix.reported:
        terminalreporter.section("fault matrix of a Custom Labels session")
        terminalreporter.write_line(matrix.table(matrix.reported))
