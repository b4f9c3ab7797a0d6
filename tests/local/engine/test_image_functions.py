"""Functions of container images: what the steps of a Dockerfile left in a folder runs as a container would."""

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
    return {"word": WORD, "root": os.environ["LAMBDA_TASK_ROOT"], "cwd": os.getcwd(), "path": os.environ.get("HOME")}
"""

ASK = """
import boto3, json
def handler(event, context):
    answer = boto3.client("lambda").invoke(FunctionName=event["function"], Payload=json.dumps({"seconds": 0.2}))
    return json.loads(answer["Payload"].read())["word"]
"""


@pytest.fixture(scope="module")
def image(engine):
    """The URI of an image, and the folder of its handler."""
    uri = f"{REGISTRY}/test-image:1a2b"
    folder = image_folder(engine.state_dir.parent / "images", uri)
    root = folder / "last/var/task"
    root.mkdir(parents=True)
    (root / "app.py").write_text(HANDLER)
    (root / "beside.py").write_text("WORD = 'picture'\n")
    describe(folder, Image("last/var/task", ["app.handler"]))
    return uri, root


@pytest.fixture
def create(account):
    def function(uri):
        return account.client("lambda").create_function(
            FunctionName=unique("image"),
            PackageType="Image",
            Code={"ImageUri": uri},
            Role=account.role(),
            Timeout=20,
        )["FunctionArn"]

    return function


def test_the_handler_of_the_image_answers_from_its_folder(account, create, image):
    uri, root = image
    answer = account.invoke(create(uri))
    assert (answer["word"], answer["root"], answer["cwd"]) == ("picture", str(root), str(root))


def test_a_function_of_an_image_sees_nothing_of_the_machine_either(account, create, image):
    assert account.invoke(create(image[0]))["path"] is None


def test_an_error_of_an_image_keeps_its_class(account, create, image):
    answer = account.invoke(create(image[0]), {"raise": True})
    assert (answer["errorType"], answer["errorMessage"]) == ("NoPicture", "nothing to see")


def test_an_image_that_is_not_here_says_how_it_comes(account, create):
    answer = account.invoke(create(f"{REGISTRY}/nowhere:1"))
    assert answer["errorType"] == "Runtime.InvalidEntrypoint"
    assert "make demo DETECTOR=own-model" in answer["errorMessage"]


def test_functions_that_fill_every_place_do_not_wait_for_the_image_that_they_ask(account, create, image):
    asked, asking = create(image[0]), account.function(ASK, Timeout=60)
    callers = CONCURRENCY + IMAGE_FUNCTIONS_AT_ONCE
    with ThreadPoolExecutor(callers) as pool:
        answers = list(pool.map(lambda _: account.invoke(asking, {"function": asked}), range(callers), timeout=60))
    assert answers == ["picture"] * callers
