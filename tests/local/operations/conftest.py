"""A shell as the guide sets it up, for one stack that has all that the guide speaks of."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree

import pytest

from local.engine.process import stop_process
from local.stack import local_stack
from local.stack.deployment import REPOSITORY, SAM
from local.stack.local_stack import StackFiles
from tests.local.operations import guide
from tests.local.operations.preloaded_cli import SHIM
from tests.local.sessions.conftest import deployed_sessions, sessions, shared_sessions
from tests.local.sessions.driver import Sessions
from tests.local.stack.conftest import aws_cli, engine_processes, free_port, no_word
from tests.local.stack.pipeline import Pipeline

__all__ = ["aws_cli", "deployed_sessions", "sessions", "shared_sessions"]

Shell = Callable[..., str]

PRELOADED = Path(__file__).with_name("preloaded_cli.py")
# What the shell finds beside its own files.
LINKS = {name: REPOSITORY / name for name in ("docs", "events", ".venv")}


@pytest.fixture(scope="session")
def quick_cli(aws_cli: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder of the AWS CLI, which a process has loaded already: a start takes a second, and the guide has many."""
    folder = tmp_path_factory.mktemp("quick")
    address = str(folder / "cli")
    server = subprocess.Popen([aws_cli / "python", PRELOADED, address], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    (folder / "aws").write_text(SHIM.format(python=sys.executable, socket=address))
    (folder / "aws").chmod(0o755)
    yield folder
    server.terminate()
    server.wait(timeout=10)


class GuideShell:
    """Runs blocks of the guide against a stack, each in a new shell that was set up when the stack was there."""

    def __init__(self, pipeline: Pipeline, cli: Path, folder: Path) -> None:
        self._folder = folder
        for name, target in {".local": pipeline.files.folder, **LINKS}.items():
            (folder / name).symlink_to(target)
        port = pipeline.stack.endpoint_url.rpartition(":")[2]
        # The address of the API has no port, since copies of a stack have others.
        (folder / ".curlrc").write_text(f'connect-to = "::127.0.0.1:{port}"\n')
        self._variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
            "HOME": str(folder),
            "PATH": f"{cli}:{SAM.parent}:{os.environ['PATH']}",
            "SAM_CLI_TELEMETRY": "0",
        }
        kept = self._bash(f"{guide.shell_set_up()}\ndeclare -p\ndeclare -f", {})
        # Arrays and what bash forbids to change are its own.
        own = [line for line in kept.splitlines() if not line.startswith("declare -") or line.startswith(_SCALARS)]
        (folder / "set-up").write_text("\n".join(own) + "\n")

    def __call__(self, page: str, beginning: str, answers: str = "", **variables: str) -> str:
        blocks = [*guide.definitions(page), guide.block(page, beginning)]
        return self._bash("\n".join(["source set-up", *dict.fromkeys(blocks)]), variables, answers)

    def _bash(self, commands: str, variables: dict[str, str], answers: str = "") -> str:
        readers = [f"{name}={json.dumps(value)}" for name, value in variables.items()]
        first, *others = commands.split("\n")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join([first, *readers, *others])],
            cwd=self._folder,
            env=self._variables,
            input=answers,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


_SCALARS = ("declare -- ", "declare -x ")


@pytest.fixture
def pipeline(sessions: Sessions) -> Sessions:
    """The stack: images are inspected by a Custom Labels model, everything else is as in any other."""
    return sessions


@pytest.fixture(scope="session")
def shared_shell(shared_sessions: Sessions, quick_cli: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return GuideShell(shared_sessions, quick_cli, tmp_path_factory.mktemp("shell"))


@pytest.fixture
def shell(shared_shell: Shell, sessions: Sessions) -> Shell:
    return shared_shell


@pytest.fixture
def doomed(deployed_sessions: Path, tmp_path: Path) -> Iterator[Sessions]:
    """A stack that a test may remove."""
    folder = tmp_path / "doomed"
    copytree(deployed_sessions, folder)
    files, parameters = StackFiles(folder), json.loads((folder / "complete").read_text())
    running = local_stack.up(no_word, files, parameters, port=free_port(), wait_scale=0.01)
    doomed = Sessions(running, files, parameters["ProjectArn"], parameters["ModelVersionArn"])
    yield doomed
    doomed.close()
    for pid in engine_processes(files):
        stop_process(pid)


@pytest.fixture
def doomed_shell(doomed: Sessions, quick_cli: Path, tmp_path: Path) -> Shell:
    (tmp_path / "shell").mkdir()
    return GuideShell(doomed, quick_cli, tmp_path / "shell")


@contextmanager
def forbidden(pipeline: Pipeline, logical_id: str, sid: str) -> Iterator[None]:
    """Take a statement out of a function's role for a while."""
    iam, role = pipeline.client("iam"), pipeline.resource_name(f"{logical_id}Role")
    policies = {
        name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    }
    [(name, document)] = [
        (name, document)
        for name, document in policies.items()
        if sid in [statement["Sid"] for statement in document["Statement"]]
    ]
    kept = [statement for statement in document["Statement"] if statement["Sid"] != sid]
    if kept:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps({**document, "Statement": kept}))
    else:
        # A policy has at least one.
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
