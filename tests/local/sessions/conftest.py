"""A stack with a Custom Labels model: trained and deployed once, then copied for each test process."""

import fcntl
import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from local.demo.labelled_pictures import LABELLED_PICTURES_DIR, fetch_labelled_pictures
from local.engine.process import stop_process
from local.rekognition import train
from local.rekognition.custom_labels.projects import Projects
from local.rekognition.fetch import fetch_models
from local.stack import local_stack
from local.stack.local_stack import StackFiles
from tests.local.sessions import matrix
from tests.local.sessions.driver import Sessions, stack_folder
from tests.local.stack.conftest import ADDRESSES, engine_processes, free_port, no_word

PROJECT = "sessions"
# A minute of the state machine takes 0.6 seconds.
WAIT_SCALE = 0.01
RULES = [{"name": "vehicles", "prefix": "images/", "min_confidence": 50, "any_of": ["vehicle"]}]


def _parameters() -> dict[str, str]:
    fetch_models(say=no_word)
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
    """Folder of a deployed stack that is not running, made by the first of the test processes that asks."""
    shared = stack_folder(tmp_path_factory.getbasetemp())
    folder = shared / "sessions"
    with (shared / "sessions.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            parameters = _parameters()
            files = StackFiles(folder)
            try:
                local_stack.up(no_word, files, parameters, port=free_port(), wait_scale=WAIT_SCALE)
                local_stack.down(no_word, files)
            finally:
                for pid in engine_processes(files):
                    stop_process(pid)
            (folder / "complete").write_text(json.dumps(parameters))
    return folder


@pytest.fixture(scope="session")
def shared_sessions(deployed_sessions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sessions]:
    folder = tmp_path_factory.mktemp("own") / "sessions"
    copytree(deployed_sessions, folder)
    files = StackFiles(folder)
    parameters = json.loads((folder / "complete").read_text())
    running = local_stack.up(no_word, files, parameters, port=free_port(), wait_scale=WAIT_SCALE)
    sessions = Sessions(running, files, parameters["ProjectArn"], parameters["ModelVersionArn"])
    yield sessions
    sessions.close()
    for pid in engine_processes(files):
        stop_process(pid)


@pytest.fixture
def sessions(shared_sessions: Sessions) -> Iterator[Sessions]:
    """The running stack that the tests of a process share, with nothing wrong and nothing waiting."""
    shared_sessions.start_afresh()
    yield shared_sessions
    shared_sessions.heal()


@pytest.fixture
def cell(sessions: Sessions, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> matrix.Cell:
    """One line of the matrix that all test processes of a run write."""
    return matrix.Cell(sessions, stack_folder(tmp_path_factory.getbasetemp()) / "fault-matrix", request.node)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for name, row in report.user_properties:
        if name == matrix.PROPERTY and report.when == "call":
            matrix.reported.append(row)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if matrix.reported:
        terminalreporter.section("fault matrix of a Custom Labels session")
        terminalreporter.write_line(matrix.table(matrix.reported))
