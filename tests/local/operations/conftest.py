"""A shell as the guide sets it up, for a stack with everything that the guide describes."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.stack.deployment import REPOSITORY, SAM
from tests.local.operations import guide
from tests.local.operations.preloaded_cli import SHIM
from tests.local.sessions.conftest import deployed_sessions, running_copy, sessions, shared_sessions
from tests.local.sessions.driver import Sessions
from tests.local.stack.conftest import aws_cli
from tests.local.stack.pipeline import PATIENCE_SECONDS, Pipeline
from tests.local.stack.shell import bash, clean_environment

__all__ = ["aws_cli", "deployed_sessions", "sessions", "shared_sessions"]

Shell = Callable[..., str]

PRELOADED = Path(__file__).with_name("preloaded_cli.py")
# Links in the folder of the shell.
LINKS = {name: REPOSITORY / name for name in ("docs", "events", ".venv")}


@pytest.fixture(scope="session")
def quick_cli(aws_cli: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder of an AWS CLI that a process has loaded: its start takes a second, and the guide has many commands."""
    folder = tmp_path_factory.mktemp("quick")
    address = str(folder / "cli")
    server = subprocess.Popen([aws_cli / "python", PRELOADED, address], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    (folder / "aws").write_text(SHIM.format(python=sys.executable, socket=address))
    (folder / "aws").chmod(0o755)
    yield folder
    server.terminate()
    server.wait(timeout=PATIENCE_SECONDS)


class GuideShell:
    """Runs blocks of the guide against a stack, each in a new shell with the set-up of the first."""

    def __init__(self, pipeline: Pipeline, cli: Path, folder: Path) -> None:
        self._folder = folder
        for name, target in {".local": pipeline.files.folder, **LINKS}.items():
            (folder / name).symlink_to(target)
        port = pipeline.stack.endpoint_url.rpartition(":")[2]
        # The address of the API has no port, since each copy of a stack has another one.
        (folder / ".curlrc").write_text(f'connect-to = "::127.0.0.1:{port}"\n')
        self._variables = clean_environment(f"{cli}:{SAM.parent}", HOME=str(folder), SAM_CLI_TELEMETRY="0")
        kept = self._bash(f"{guide.shell_set_up()}\ndeclare -p\ndeclare -f", {})
        # Without arrays and read-only variables, which are bash's own.
        own = [line for line in kept.splitlines() if not line.startswith("declare -") or line.startswith(_SCALARS)]
        (folder / "set-up").write_text("\n".join(own) + "\n")

    def __call__(self, page: str, beginning: str, answers: str = "", **variables: str) -> str:
        blocks = [*guide.definitions(page), guide.block(page, beginning)]
        return self._bash("\n".join(["source set-up", *dict.fromkeys(blocks)]), variables, answers)

    def _bash(self, commands: str, variables: dict[str, str], answers: str = "") -> str:
        readers = [f"{name}={json.dumps(value)}" for name, value in variables.items()]
        first, *others = commands.split("\n")
        return bash("\n".join([first, *readers, *others]), self._variables, self._folder, answers)


_SCALARS = ("declare -- ", "declare -x ")


@pytest.fixture
def pipeline(sessions: Sessions) -> Sessions:
    """The stack, in which a Custom Labels model inspects images."""
    return sessions


@pytest.fixture(scope="session")
def shared_shell(shared_sessions: Sessions, quick_cli: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return GuideShell(shared_sessions, quick_cli, tmp_path_factory.mktemp("shell"))


@pytest.fixture
def shell(shared_shell: Shell, sessions: Sessions) -> Shell:
    return shared_shell


@pytest.fixture
def doomed(deployed_sessions: Path, tmp_path: Path) -> Iterator[Sessions]:
    """A stack that a test may delete."""
    with running_copy(deployed_sessions, tmp_path / "doomed") as running:
        yield running


@pytest.fixture
def doomed_shell(doomed: Sessions, quick_cli: Path, tmp_path: Path) -> Shell:
    (tmp_path / "shell").mkdir()
    return GuideShell(doomed, quick_cli, tmp_path / "shell")
