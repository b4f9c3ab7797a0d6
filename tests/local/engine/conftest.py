"""One engine for all tests of this folder, on a free port and with a state of its own."""

import json
from collections.abc import Iterator

import pytest

from local.engine.process import EngineProcess
from tests.local.engine.account import CONCURRENCY, WAIT_SCALE, Account, free_port

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
    folder = tmp_path_factory.mktemp("engine")
    process = EngineProcess(free_port(), folder / "state", folder / "engine.log", WAIT_SCALE, CONCURRENCY)
    with process:
        yield process


@pytest.fixture(scope="session")
def account(engine: EngineProcess) -> Account:
    return Account(engine.client_arguments)


@pytest.fixture(scope="session")
def echo(account: Account) -> str:
    """ARN of a function that does what its event says, or gives the event back."""
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
