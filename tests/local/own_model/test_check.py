"""The check of a model and the commands around it: each problem is named, with an exit code for scripts."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

from local.downloads import DownloadFailed
from local.own_model import __main__ as commands
from local.own_model import check, folder, memory
from local.own_model import image as own_image
from tests.own_models import colour_model, endless_model, write_model
from tests.pictures import jpeg_of, png_of
from vision.domain.errors import ImageTooLarge, InvalidModel, NotSupportedImageType
from vision.domain.image_file.limits import MEGABYTE
from vision.services.own_model import classification, runtime

FETCH = """
import pathlib, sys
pathlib.Path(sys.argv[1], "colours.onnx").write_bytes(pathlib.Path({source!r}).read_bytes())
"""


@pytest.fixture
def red(tmp_path: Path) -> Path:
    path = tmp_path / "red.jpg"
    path.write_bytes(jpeg_of(Image.new("RGB", (100, 80), (250, 5, 5))))
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "m")


def run(*arguments: object) -> tuple[int, str]:
    with commands.console.capture() as captured:
        code = commands.main([str(argument) for argument in arguments])
    return code, captured.get()


def failure(*arguments: object) -> str:
    code, output = run(*arguments)
    assert code == 1
    return output


def test_good_model_is_described_with_its_labels_for_a_sample(model, red):
    described, tried, needed, labels = check.check(model, [red])
    assert described == "manifest.json: colours 7, 3 classes, 8 × 8 NCHW RGB, stretch, unknown below 60 %."
    assert "has the digest of the manifest, loads, takes any number of images at once" in tried
    assert needed.startswith("A call takes up to ")
    assert labels.startswith("red.jpg: Red 100.0, ")


def test_model_whose_answer_does_not_depend_on_the_image_or_is_nan_is_reported(tmp_path):
    *_, warning = check.check(write_model(tmp_path / "same", colour_model(divisor=1e12)))
    assert warning.startswith("Look again: black, white and noise have the same")
    with pytest.raises(InvalidModel, match="answered nan for class 1, Red"):
        check.check(write_model(tmp_path / "nan", colour_model(divisor=0)))


def test_model_that_overflows_on_extreme_images_only_is_refused(tmp_path):
    # Grey is fine and white overflows.
    model = onnx.load_from_string(colour_model())
    for constant in model.graph.initializer:
        if constant.name == "gain":
            constant.CopyFrom(numpy_helper.from_array(np.array(3e38, np.float32), "gain"))
    fields = {"width": 8, "height": 8, "layout": "NCHW", "channels": "RGB", "resize": "stretch", "scale": 2 / 255}
    with pytest.raises(InvalidModel, match="tried with a picture of white: colours: answered inf"):
        check.check(write_model(tmp_path, model.SerializeToString(), input=fields))


def test_sample_that_is_not_an_image_or_too_large_is_named(tmp_path, monkeypatch, model, red):
    sample = tmp_path / "list.jpg"
    sample.write_bytes(b"2 l milk\n")
    with pytest.raises(NotSupportedImageType, match=r"^list\.jpg: ((?!Rekognition).)*$"):
        check.check(model, [sample])
    with sample.open("wb") as file:
        file.truncate(8192 * MEGABYTE)
    with pytest.raises(ImageTooLarge, match=r"^list\.jpg: 8192\.0 MB, 32 MB are read; resize"):
        check.check(model, [sample])
    monkeypatch.setattr(classification, "SIZE_LIMIT_BYTES", red.stat().st_size - 1)
    with pytest.raises(ImageTooLarge, match=r"^red\.jpg: 0\.1 MB, 0 MB are read; resize"):
        check.check(model, [red])


def test_check_returns_the_labels_of_the_function(model):
    photo = png_of(Image.new("RGB", (30, 20), (10, 200, 30)))
    assert [label["name"] for label in check.look(runtime.Classifier.load(model), photo, 1)] == ["Green"]


def test_check_command_names_the_labels_or_what_is_wrong(tmp_path, model, red):
    code, output = run("check", model, red)
    assert code == 0
    assert "red.jpg: Red" in output
    assert failure("check", write_model(tmp_path, threshold=None)).startswith("InvalidModel: threshold: missing")
    assert "nowhere: there is no such folder" in failure("check", tmp_path / "nowhere")
    assert "nowhere: there is no such folder in functions/classify_image/" in failure("build", "nowhere")
    assert "nowhere.jpg: cannot be read (FileNotFoundError)" in failure("check", model, tmp_path / "nowhere.jpg")


@pytest.mark.parametrize("command", ["check", "manifest"])
def test_command_ends_when_the_model_does_not(tmp_path, monkeypatch, command):
    monkeypatch.setattr(runtime, "TRY_SECONDS", 3)
    endless = write_model(tmp_path, endless_model())
    if command == "manifest":
        (endless / "manifest.json").unlink()
    assert failure(command, endless).startswith("InvalidModel: the model has not ended within 3 s; ")


def test_manifest_is_written_checked_and_renewed_by_commands(tmp_path, red):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "model.onnx").write_bytes(colour_model())
    (mine / "labels.txt").write_text("Red\nGreen\nBlue\n")
    assert run("manifest", mine)[0] == 0
    assert "red.jpg: Red" in run("check", mine, red)[1]
    (mine / "model.onnx").write_bytes(colour_model(divisor=2))
    assert run("check", mine)[0] == 1
    assert run("manifest", mine, "--version", "2")[0] == 0
    assert "mine 2, 3 classes" in run("check", mine)[1]


def test_model_file_is_fetched_once_into_a_copy(tmp_path, model):
    source = (model / "colours.onnx").rename(tmp_path / "elsewhere.onnx")
    (model / "fetch.py").write_text(FETCH.format(source=str(source)))
    copy = folder.complete(model, tmp_path / "fetched")
    source.unlink()
    assert folder.complete(model, tmp_path / "fetched") == copy != model
    assert check.check(copy)


def test_model_without_a_file_needs_a_fetch_script_that_brings_it(tmp_path, model):
    (model / "colours.onnx").unlink()
    with pytest.raises(InvalidModel, match=r"put it beside the manifest, or a fetch\.py"):
        check.check(folder.complete(model, tmp_path / "fetched"))
    (model / "fetch.py").write_text("raise SystemExit('the network is down')\n")
    with pytest.raises(DownloadFailed, match=r"fetch\.py could not bring the model \(the network is down\)"):
        folder.complete(model, tmp_path / "fetched")


def test_small_model_needs_little_more_memory_than_its_images(model):
    # Two decodes and four objects are 928 MB.
    assert memory.needed_mb(model) in (1024, 1152)
    with pytest.raises(InvalidModel, match="the memory of a call could not be measured"):
        memory.needed_mb(model / "nowhere")


def test_needed_memory_is_reported_with_its_setting_unless_lambda_has_less(tmp_path, monkeypatch):
    for needed, parts in {
        memory.DEFAULT_MB: [f"{memory.DEFAULT_MB:,} MB of own-model.yaml last"],
        2176: ["MemorySize=2176", "memory_size = 2176 in samconfig.toml"],
    }.items():
        monkeypatch.setattr(memory, "needed_mb", lambda _, needed=needed: needed)
        for part in (f"up to {needed:,} MB", *parts):
            assert part in memory.needed(tmp_path)
    assert f"    Default: {memory.DEFAULT_MB}\n" in own_image.TEMPLATE.read_text().partition("  MemorySize:")[2]
    monkeypatch.setattr(memory, "needed_mb", lambda _: 10_368)
    with pytest.raises(InvalidModel, match=r"up to 10,368 MB, a function of Lambda has 10,240"):
        memory.needed(tmp_path)
