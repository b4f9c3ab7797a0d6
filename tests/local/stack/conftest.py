"""The stack that these tests run on: the SAM CLI builds and deploys it once, and each test process runs a copy."""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from local.demo.sample_photos import fetch_photos
from local.engine.process import stop_process
from local.rekognition.fetch import fetch_models
from local.stack import deployment, local_stack
from local.stack.deployment import Target
from local.stack.local_stack import StackFiles
from tests.local.stack.pipeline import Pipeline
from vision.domain.objects import ObjectVersion

# Version 1, since version 2 is not on PyPI.
AWS_CLI = "awscli==1.46.2"

# Retries of state machines wait a hundredth of their time.
WAIT_SCALE = 0.01

# Without a port: each copy of the deployed stack has another one and must not need a deployment for it.
ADDRESSES = {"AppUrl": "http://app.localhost", "SignInUrl": "http://localhost"}
# At the most verbose level, so that tests see whether anything private is logged.
PARAMETERS = ADDRESSES | {"LogLevel": "DEBUG"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def no_word(_sentence: str) -> None:
    """Discard what a command prints."""


@dataclass
class LocalStacks:
    """Starts stacks in folders of their own, and stops all that it started."""

    folders: list[StackFiles] = field(default_factory=list)

    def up(
        self, files: StackFiles, say: local_stack.Say = no_word, port: int | None = None, wait_scale: float = WAIT_SCALE
    ) -> Pipeline:
        self.folders.append(files)
        return Pipeline(local_stack.up(say, files, PARAMETERS, port=port or free_port(), wait_scale=wait_scale), files)

    def end(self) -> None:
        for files in self.folders:
            stop_engines(files)


def engine_processes(files: StackFiles) -> list[int]:
    """Process ids of engines that run on the state of these files."""
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


def stop_engines(files: StackFiles) -> None:
    for pid in engine_processes(files):
        stop_process(pid)


@pytest.fixture(scope="session")
def local_stacks() -> Iterator[LocalStacks]:
    stacks = LocalStacks()
    yield stacks
    stacks.end()


def once(base: Path, name: str, make: Callable[[Path], str]) -> Path:
    """Return a folder that the first test process of a run makes; its file `complete` has what `make` returns."""
    folder = shared_folder(base) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            (folder / "complete").write_text(make(folder))
    return folder


def deploy_once(base: Path, name: str, parameters: Callable[[], dict[str, str]]) -> Path:
    """Return the folder of a deployed stack that is not running."""

    def deploy(folder: Path) -> str:
        fetch_models(say=no_word)
        fetch_photos(say=no_word)
        files, chosen = StackFiles(folder), parameters()
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(deployment, "build", lambda target: copy_built(base, target))
                local_stack.up(no_word, files, chosen, port=free_port(), wait_scale=WAIT_SCALE)
            local_stack.down(no_word, files)
        finally:
            stop_engines(files)
        return json.dumps(chosen)

    return once(base, name, deploy)


def copy_built(base: Path, target: Target, build: Callable[[Target], None] = deployment.build) -> None:
    """Build the template once in a run: whatever the parameters are, the same is built.

    A built template names the state machines relative to its own folder, so all copies have the same depth.
    """

    def make(folder: Path) -> str:
        build(replace(target, build_dir=folder / "build"))
        return ""

    shutil.copytree(once(base, "built", make) / "build", target.build_dir)


def shared_folder(base: Path) -> Path:
    """Folder that all test processes of a run share."""
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deploy_once(tmp_path_factory.getbasetemp(), "deployed", lambda: PARAMETERS)


@pytest.fixture(scope="session")
def copy_of_deployed(deployed: Path) -> Callable[[Path], StackFiles]:
    """Copy the deployed stack, ready to start, into a new folder."""

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
    folder = shared_folder(tmp_path_factory.getbasetemp()) / f"stack-{uuid.uuid4().hex[:8]}"
    return local_stacks.up(copy_of_deployed(folder))


@pytest.fixture
def pipeline(shared_pipeline: Pipeline) -> Iterator[Pipeline]:
    """The running stack that most tests share; faults that a test switches on end with it."""
    yield shared_pipeline
    shared_pipeline.set_faults()


@pytest.fixture(scope="module")
def own_files(
    copy_of_deployed: Callable[[Path], StackFiles], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StackFiles]:
    files = copy_of_deployed(tmp_path_factory.mktemp("own") / "stack")
    yield files
    stop_engines(files)


@pytest.fixture
def own_pipeline(own_files: StackFiles, local_stacks: LocalStacks) -> Pipeline:
    """A stack that the tests of a file may stop and change; it is up, without faults, when each begins."""
    running = local_stacks.up(own_files)
    running.set_faults()
    return running


@pytest.fixture(scope="session")
def aws_cli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the AWS CLI, in its own virtual environment since it pins another botocore."""
    uv = Path(sys.executable).with_name("uv")

    def install(folder: Path) -> str:
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
        python = folder / "bin" / "python"
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, AWS_CLI], check=True)
        return AWS_CLI

    return once(tmp_path_factory.getbasetemp(), "aws-cli", install) / "bin"


@pytest.fixture
def owner() -> str:
    """An owner that no other test uses."""
    return f"owner-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def upload(pipeline: Pipeline, owner: str) -> Callable[..., ObjectVersion]:
    """Upload a file of this test's owner by its name."""
    return lambda name, body, **options: pipeline.upload(f"private/{owner}/uploads/{name}", body, **options)
