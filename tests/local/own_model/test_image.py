"""The image of `classify_image`, built by the steps of its Dockerfile without Docker."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.demo.sample_photos import fetch_photos
from local.downloads import LOCAL_DIR
from local.engine.image_functions import image_folder
from local.engine.settings import DEFAULT_RUNTIME_PYTHON
from local.own_model import image
from local.stack.deployment import REPOSITORY, DeploymentFailed
from tests.local.stack.conftest import no_word
from tests.own_models import write_model

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, context: Path) -> Path:
    """The folder /var/task of the image with the model of these tests."""
    images = tmp_path_factory.mktemp("images")
    folder = image_folder(images, image.build(images, no_word, "mine", context))
    return folder / json.loads((folder / "image.json").read_text())["task_root"]


def test_image_has_handler_compiled_packages_and_model_without_build_tools(built):
    names = {path.name for path in built.iterdir()}
    assert {"app.py", "vision", "model", "onnxruntime", "numpy", "PIL", "aws_lambda_powertools"} <= names
    assert not {"onnx", "pip", "shared", "classify_image"} & names
    assert {path.name for path in (built / "model").iterdir()} == {"colours.onnx", "manifest.json"}
    # A function cannot write where it runs.
    sources = [path for path in (built / "vision").rglob("*.py") if "__pycache__" not in path.parts]
    compiled = {path.name.split(".")[0] for path in (built / "vision").rglob("*.pyc")}
    assert {path.stem for path in sources} == compiled


def test_handler_starts_with_the_packages_of_lambda_and_the_image_only(built):
    variables = {"LAMBDA_TASK_ROOT": str(built), "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048", "AWS_REGION": "eu-west-1"}
    command = [REPOSITORY / DEFAULT_RUNTIME_PYTHON, "-c", "import app; print(app.classifier.manifest.name)"]
    environment = variables | {"POWERTOOLS_SERVICE_NAME": "test"}
    done = subprocess.run(command, cwd=built, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "colours\n", done.stderr


def test_existing_image_is_not_built_again(built, context):
    images = next(parent for parent in built.parents if parent.name.startswith("images"))
    said: list[str] = []
    image.build(images, said.append, "mine", context)
    assert said == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sha256": "0" * 64}, "InvalidModel: colours.onnx: SHA-256 is "),
        ({"labels": ["Red", "Green"]}, "where the manifest has 2 labels"),
    ],
    ids=["hash", "classes"],
)
def test_model_that_does_not_match_its_manifest_fails_the_build(context, tmp_path, change, reason):
    broken = shutil.copytree(context, tmp_path / "context")
    write_model(broken / "classify_image" / "mine", **change)
    with pytest.raises(DeploymentFailed) as failed:
        image.build(tmp_path / "images", no_word, "mine", broken)
    assert reason in str(failed.value)
    assert list((tmp_path / "images").iterdir()) == []


def test_default_model_is_fetched_by_its_hash_and_recognizes_a_cat(tmp_path):
    fetch_photos(say=no_word)
    images = tmp_path / "images"
    folder = image_folder(images, image.build(images, no_word))
    model = folder / json.loads((folder / "image.json").read_text())["task_root"] / "model"
    assert {"model.onnx", "labels.txt", "manifest.json", "LICENSE"} == {path.name for path in model.iterdir()}
    command = [sys.executable, "-m", "local.own_model", "check", str(model), str(LOCAL_DIR / "photos/cat.png")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert "cat.png: Egyptian Cat " in done.stdout
