"""A shell as the guide sets it up, in a folder where the local stack is up."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.deployment import REPOSITORY, SAM
from tests.local.operations import guide
from tests.local.sessions.conftest import deployed_sessions, sessions, shared_sessions
from tests.local.stack.conftest import (
    aws_cli,
    copy_of_deployed,
    deployed,
    local_stacks,
    own_pipeline,
    pipeline,
    shared_pipeline,
)
from tests.local.stack.pipeline import Pipeline

__all__ = [
    "aws_cli",
    "copy_of_deployed",
    "deployed",
    "deployed_sessions",
    "local_stacks",
    "own_pipeline",
    "pipeline",
    "sessions",
    "shared_pipeline",
    "shared_sessions",
]

Shell = Callable[..., str]


@pytest.fixture
def shell_of(aws_cli: Path, tmp_path: Path) -> Callable[[Pipeline], Shell]:
    """Give a function that runs blocks of the guide against a stack, each in a new shell with the reader's variables."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    own |= {"PATH": f"{aws_cli}:{SAM.parent}:{os.environ['PATH']}", "SAM_CLI_TELEMETRY": "0"}

    def of(pipeline: Pipeline) -> Shell:
        folder = tmp_path / "shell"
        folder.mkdir(exist_ok=True)
        for name, target in {".local": pipeline.files.folder, **_REPOSITORY}.items():
            if not (folder / name).exists():
                (folder / name).symlink_to(target)

        def run(page: str, beginning: str, answers: str = "", **variables: str) -> str:
            blocks = [*guide.definitions(page), guide.block(page, beginning)]
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", "\n".join([guide.shell_set_up(), *dict.fromkeys(blocks)])],
                cwd=folder,
                env=own | variables,
                input=answers,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        return run

    return of


_REPOSITORY = {name: REPOSITORY / name for name in ("docs", "events", ".venv")}


@pytest.fixture
def shell(shell_of: Callable[[Pipeline], Shell], pipeline: Pipeline) -> Shell:
    return shell_of(pipeline)


@pytest.fixture
def sessions_shell(shell_of: Callable[[Pipeline], Shell], sessions: Pipeline) -> Shell:
    return shell_of(sessions)


@contextmanager
def forbidden(pipeline: Pipeline, logical_id: str, sid: str) -> Iterator[None]:
    """Take a statement out of a function's role for a while."""
    iam, role = pipeline.client("iam"), pipeline.resource_name(f"{logical_id}Role")
    [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    kept = [statement for statement in document["Statement"] if statement["Sid"] != sid]
    assert len(kept) == len(document["Statement"]) - 1, f"{role} has no statement {sid}"
    iam.put_role_policy(
        RoleName=role, PolicyName=name, PolicyDocument=json.dumps({**document, "Statement": kept})
    )
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
