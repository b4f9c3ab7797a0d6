"""The stack that these tests run on: built and deployed once by the SAM CLI, then copied for whoever needs it."""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local.demo.sample_photos import fetch_photos
from local.engine.process import stop_process
from local.rekognition.fetch import fetch_models
from local.stack import local_stack
from local.stack.local_stack import StackFiles
from tests.local.stack.pipeline import Pipeline
from vision.domain.objects import ObjectVersion

# Version 1, since version 2 is not on PyPI.
AWS_CLI = "awscli==1.46.2"

# Retries wait a hundredth of their time.
WAIT_SCALE = 0.01

# Without the port, which is another one for each copy of the deployed stack: a copy would have to be deployed again.
ADDRESSES = {"AppUrl": "http://app.localhost", "SignInUrl": "http://localhost"}
# At the level that says most, so that what must not be logged would be.
PARAMETERS = ADDRESSES | {"LogLevel": "DEBUG"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def no_word(_sentence: str) -> None:
    """Take what a command would print."""


@dataclass
class LocalStacks:
    """Starts stacks in folders of their own, and ends whatever it started."""

    folders: list[StackFiles] = field(default_factory=list)

    def up(
        self, files: StackFiles, say: local_stack.Say = no_word, port: int | None = None, wait_scale: float = WAIT_SCALE
    ) -> Pipeline:
        self.folders.append(files)
        return Pipeline(local_stack.up(say, files, PARAMETERS, port=port or free_port(), wait_scale=wait_scale), files)

    def end(self) -> None:
        for files in self.folders:
            for pid in engine_processes(files):
                stop_process(pid)


def engine_processes(files: StackFiles) -> list[int]:
    """Process ids of engines on the state of these files."""
    wanted = str(files.state).encode()
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = command.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"local.engine" in arguments and wanted in arguments:
            found.append(int(command.parent.name))
    return found


@pytest.fixture(scope="session")
def local_stacks() -> Iterator[LocalStacks]:
    stacks = LocalStacks()
    yield stacks
    stacks.end()


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a deployed stack that is not running, made by the first of the test processes that asks."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, stacks = shared / "deployed", LocalStacks()
    with (shared / "deployed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            fetch_models(say=no_word)
            fetch_photos(say=no_word)
            files = StackFiles(folder)
            try:
                stacks.up(files)
                local_stack.down(no_word, files)
            finally:
                stacks.end()
            (folder / "complete").touch()
    return folder


@pytest.fixture(scope="session")
def copy_of_deployed(deployed: Path) -> Callable[[Path], StackFiles]:
    """Give a function that copies the deployed stack, ready to be started, into a new folder."""

    def copy(folder: Path) -> StackFiles:
        shutil.copytree(deployed, folder)
        return StackFiles(folder)

    return copy


@pytest.fixture(scope="session")
def shared_pipeline(
    local_stacks: LocalStacks,
    copy_of_deployed: Callable[[Path], StackFiles],
    tmp_path_factory: pytest.TempPathFactory,
) -> Pipeline:
    return local_stacks.up(copy_of_deployed(tmp_path_factory.mktemp("shared") / "stack"))


@pytest.fixture
def pipeline(shared_pipeline: Pipeline) -> Iterator[Pipeline]:
    """The running stack that most tests share; whatever fault a test switches on is off for the next one."""
    yield shared_pipeline
    shared_pipeline.set_faults()


@pytest.fixture
def own_pipeline(
    tmp_path: Path, local_stacks: LocalStacks, copy_of_deployed: Callable[[Path], StackFiles]
) -> Iterator[Pipeline]:
    """A running stack that a test may break."""
    files = copy_of_deployed(tmp_path / "stack")
    yield local_stacks.up(files)
    for pid in engine_processes(files):
        stop_process(pid)


@pytest.fixture(scope="session")
def aws_cli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the real AWS CLI, in an environment of its own: it pins another botocore."""
    folder = tmp_path_factory.mktemp("aws-cli")
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, AWS_CLI], check=True)
    return python.parent


@pytest.fixture
def owner() -> str:
    """An owner whom no other test knows."""
    return f"owner-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def upload(pipeline: Pipeline, owner: str) -> Callable[..., ObjectVersion]:
    """Upload a file of this test's owner by its name."""
    return lambda name, body, **options: pipeline.upload(f"private/{owner}/uploads/{name}", body, **options)
