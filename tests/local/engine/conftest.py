"""One engine for all tests of this folder, on a free port and with its own state."""

import json
from collections.abc import Iterator

import pytest

from local.engine.process import EngineProcess
from tests.local.engine.account import Account, engine_in, free_port, unique
from tests.local.engine.language import start
from tests.local.engine.web_app import WebApp, deploy_web_app, template

__all__ = ["free_port"]

ECHO = """
import time

class CustomError(Exception):
    pass

class OtherError(Exception):
    pass

def handler(event, context):
    action = event.get("action") if isinstance(event, dict) else None
    if action == "raise":
        raise CustomError("boom")
    if action == "fail":
        attempt = event["retries"] + 1
        if attempt <= event["times"]:
            raise (CustomError if attempt % 2 else OtherError)(f"attempt {attempt}")
        return {"attempts": attempt}
    if action == "sleep":
        time.sleep(event["seconds"])
    if action == "repeat":
        return "x" * event["characters"]
    return None if action == "nothing" else event
"""


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    with engine_in(tmp_path_factory.mktemp("engine")) as process:
        yield process


@pytest.fixture(scope="session")
def account(engine: EngineProcess) -> Account:
    return Account(engine.client_arguments)


@pytest.fixture(scope="session")
def echo(account: Account) -> str:
    """ARN of a function that performs the action of its event, or returns the event."""
    return account.function(ECHO)


@pytest.fixture(scope="session")
def bucket(account: Account) -> str:
    """A bucket with five text files under `in/`, `data.json` and `data.csv`."""
    name, s3 = account.bucket(), account.client("s3")
    for index in range(5):
        s3.put_object(Bucket=name, Key=f"in/{index}.txt", Body=b"x" * index)
    s3.put_object(Bucket=name, Key="data.json", Body=json.dumps([{"a": index} for index in range(4)]))
    s3.put_object(Bucket=name, Key="data.csv", Body="a,b\n1,2\n3,4\n")
    return name


@pytest.fixture(scope="session")
def app(account: Account, engine: EngineProcess) -> WebApp:
    return deploy_web_app(account, engine.port, template(unique("app")))


@pytest.fixture(scope="module")
def executions(request: pytest.FixtureRequest, account: Account, echo: str, bucket: str) -> dict[str, str]:
    """The executions of the module's CASES by their sentences, all started at the same time."""
    return {case.sentence: start(case, account, echo, bucket) for case in request.module.CASES}
