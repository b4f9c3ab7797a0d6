"""The stack under test: the one that ``AWS_SAM_STACK_NAME`` names, otherwise one in the local AWS."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.stack.deployment import STACK_NAME
from local.stack.local_stack import StackFiles
from tests.cloud.deployed import Deployed, Visit
from tests.local.stack.conftest import LocalStacks, copy_of_deployed, deployed, local_stacks

__all__ = ["copy_of_deployed", "deployed", "local_stacks"]


@pytest.fixture
def learnt(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Report an answer of AWS in a sentence, whether or not the test passes."""
    return lambda sentence: record_property("learnt", sentence)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    sentences = [value for report in reports for name, value in report.user_properties if name == "learnt"]
    # The answers of the local AWS are known from its code.
    if "AWS_SAM_STACK_NAME" in os.environ and sentences:
        terminalreporter.section("what AWS answered")
        for sentence in sentences:
            terminalreporter.line(str(sentence))


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    if name := os.environ.get("AWS_SAM_STACK_NAME"):
        yield Deployed(name)
        return
    copy: Callable[[Path], StackFiles] = request.getfixturevalue("copy_of_deployed")
    stacks: LocalStacks = request.getfixturevalue("local_stacks")
    engine = stacks.up(copy(tmp_path_factory.mktemp("cloud") / "stack")).stack
    with pytest.MonkeyPatch.context() as environment:
        for variable in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"):
            environment.delenv(variable, raising=False)
        environment.setenv("AWS_ENDPOINT_URL", engine.endpoint_url)
        environment.setenv("AWS_DEFAULT_REGION", engine.region)
        environment.setenv("AWS_ACCESS_KEY_ID", engine.access_key_id)
        environment.setenv("AWS_SECRET_ACCESS_KEY", engine.secret_access_key)
        yield Deployed(STACK_NAME)


@pytest.fixture
def visit(stack: Deployed) -> Iterator[Visit]:
    """Unique names in the stack for one test; everything under them is removed, whatever happens."""
    visit = Visit(stack)
    try:
        yield visit
    finally:
        visit.end()
