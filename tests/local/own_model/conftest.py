"""A stack whose detector is a model of three colours, written by the test and built by the steps of the Dockerfile."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from local.engine.process import stop_process
from local.own_model import stack as own_model
from local.stack.deployment import REPOSITORY
from local.stack.local_stack import StackFiles
from tests.local.stack.conftest import WAIT_SCALE, engine_processes, free_port, no_word
from tests.local.stack.pipeline import Pipeline
from tests.local.stack.roles import without_statement
from tests.own_models import write_model
from tests.pictures import jpeg_of

RULES = [{"name": "no-red", "prefix": "images/", "min_confidence": 90, "none_of": ["Red", "unknown"]}]
PARAMETERS = {"InspectionRules": json.dumps(RULES), "BulkCallsPerSecond": "25"}


def photo(red: int, green: int, blue: int) -> bytes:
    """A photo of one colour."""
    return jpeg_of(Image.new("RGB", (160, 120), (red, green, blue)))


RED, BLUE, GREY = photo(250, 5, 5), photo(5, 5, 250), photo(128, 128, 128)


def own_model_arn(pipeline: Pipeline) -> str:
    """Return the ARN of the one function of the stack that has an image."""
    pages = pipeline.client("lambda").get_paginator("list_functions").paginate()
    functions = [one for page in pages for one in page["Functions"]]
    [arn] = [one["FunctionArn"] for one in functions if one["PackageType"] == "Image"]
    return arn


@pytest.fixture(scope="session")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of functions/ with the model `mine` in it."""
    folder = tmp_path_factory.mktemp("context")
    for name in ("classify_image", "shared"):
        shutil.copytree(REPOSITORY / "functions" / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "functions/.dockerignore", folder)
    write_model(folder / "classify_image" / "mine")
    return folder


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> StackFiles:
    return StackFiles(tmp_path_factory.mktemp("own-model") / "stack")


@pytest.fixture(scope="session")
def deploy(files: StackFiles, context: Path) -> Callable[[], Pipeline]:
    """Deploy the stack with the model in the context."""

    def up() -> Pipeline:
        stack = own_model.up(
            no_word, files, PARAMETERS, model="mine", context=context, port=free_port(), wait_scale=WAIT_SCALE
        )
        return Pipeline(stack, files)

    return up


@pytest.fixture(scope="session")
def shared_pipeline(deploy: Callable[[], Pipeline], files: StackFiles) -> Iterator[Pipeline]:
    try:
        yield deploy()
    finally:
        for pid in engine_processes(files):
            stop_process(pid)


@pytest.fixture
def pipeline(shared_pipeline: Pipeline) -> Iterator[Pipeline]:
    """The running stack, with the counters of its Rekognition at zero."""
    shared_pipeline.counters(reset=True)
    yield shared_pipeline
    shared_pipeline.set_faults()


@pytest.fixture
def without(pipeline: Pipeline) -> Iterator[Callable[[str, str], None]]:
    yield from without_statement(pipeline)
