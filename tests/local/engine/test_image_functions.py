"""Functions from container images: the folder that the steps of a Dockerfile left runs as a container would."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from local.engine.image_functions import IMAGE_FUNCTIONS_AT_ONCE, REGISTRY, Image, describe, image_folder
from tests.local.engine.account import CONCURRENCY, unique

pytestmark = pytest.mark.local

HANDLER = """
import os, time
from beside import WORD

class NoPicture(Exception):
    pass

def handler(event, context):
    if event.get("raise"):
        raise NoPicture("nothing to see")
    time.sleep(event.get("seconds", 0))
    return {"word": WORD, "root": os.environ["LAMBDA_TASK_ROOT"], "cwd": os.getcwd(), "home": os.environ.get("HOME")}
"""
CALLER = """
import boto3, json
def handler(event, context):
    answer = boto3.client("lambda").invoke(FunctionName=event["function"], Payload=json.dumps({"seconds": 0.2}))
    return json.loads(answer["Payload"].read())["word"]
"""


@pytest.fixture(scope="module")
def root(engine):
    """The folder of the handler in the image."""
    folder = image_folder(engine.state_dir.parent / "images", f"{REGISTRY}/test-image:1a2b")
    root = folder / "last/var/task"
    root.mkdir(parents=True)
    (root / "app.py").write_text(HANDLER)
    (root / "beside.py").write_text("WORD = 'picture'\n")
    describe(folder, Image("last/var/task", ["app.handler"]))
    return root


@pytest.fixture
def create(account, root):
    """Create a function from an image, by default from the one with the handler."""

    def function(image="test-image:1a2b"):
        return account.client("lambda").create_function(
            FunctionName=unique("image"),
            PackageType="Image",
            Code={"ImageUri": f"{REGISTRY}/{image}"},
            Role=account.role(),
            Timeout=20,
        )["FunctionArn"]

    return function


def test_handler_runs_in_the_folder_of_the_image_without_the_users_home(account, create, root):
    function = create()
    assert account.invoke(function) == {"word": "picture", "root": str(root), "cwd": str(root), "home": None}
    error = account.invoke(function, {"raise": True})
    assert (error["errorType"], error["errorMessage"]) == ("NoPicture", "nothing to see")


def test_missing_image_is_reported_with_the_command_that_builds_it(account, create):
    answer = account.invoke(create("nowhere:1"))
    assert answer["errorType"] == "Runtime.InvalidEntrypoint"
    assert "make demo DETECTOR=own-model" in answer["errorMessage"]


def test_image_functions_run_while_their_callers_fill_the_concurrency(account, create):
    called, calling = create(), account.function(CALLER, Timeout=60)
    callers = CONCURRENCY + IMAGE_FUNCTIONS_AT_ONCE
    with ThreadPoolExecutor(callers) as pool:
        answers = list(pool.map(lambda _: account.invoke(calling, {"function": called}), range(callers), timeout=60))
    assert answers == ["picture"] * callers
