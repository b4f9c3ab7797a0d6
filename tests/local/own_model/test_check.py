"""The check of a model, and the commands around it: in words, with an exit code that a script can use."""

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


@pytest.fixture
def red(tmp_path: Path) -> Path:
    path = tmp_path / "red.jpg"
    path.write_bytes(jpeg_of(Image.new("RGB", (100, 80), (250, 5, 5))))
    return path


def ran(*arguments: object) -> tuple[int, str]:
    with commands.console.capture() as captured:
        code = commands.main([str(argument) for argument in arguments])
    return code, captured.get()


def test_a_good_model_is_described_and_tells_what_it_sees(tmp_path: Path, red: Path) -> None:
    described, ran_once, memory_told, seen = check.check(write_model(tmp_path / "m"), [red])
    assert described == "manifest.json: colours 7, 3 classes, 8 × 8 NCHW RGB, stretch, unknown below 60 %."
    assert "has the digest of the manifest, loads, takes any number of images at once" in ran_once
    assert memory_told.startswith("A call takes up to ")
    assert seen.startswith("red.jpg: Red 100.0, ")


def test_a_model_whose_answer_does_not_depend_on_the_image_is_looked_at_again(tmp_path: Path) -> None:
    content = colour_model(divisor=1e12)
    assert check.check(write_model(tmp_path, content))[-1].startswith(
        "Look again: black, white and noise have the same"
    )


def test_a_model_that_answers_no_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="answered nan for class 1, Red"):
        check.check(write_model(tmp_path, colour_model(divisor=0)))


def test_a_model_that_answers_no_numbers_to_extremes_alone_is_refused_too(tmp_path: Path) -> None:
    # Grey is fine, white overflows: what only some images show is found before they come.
    model = onnx.load_from_string(colour_model())
    for constant in model.graph.initializer:
        if constant.name == "gain":
            constant.CopyFrom(numpy_helper.from_array(np.array(3e38, np.float32), "gain"))
    content = model.SerializeToString()
    fields = {"width": 8, "height": 8, "layout": "NCHW", "channels": "RGB", "resize": "stretch", "scale": 2 / 255}
    with pytest.raises(InvalidModel, match="tried with a picture of white: colours: answered inf"):
        check.check(write_model(tmp_path, content, input=fields))


def test_a_sample_that_is_no_image_is_named(tmp_path: Path) -> None:
    sample = tmp_path / "list.jpg"
    sample.write_bytes(b"2 l milk\n")
    with pytest.raises(NotSupportedImageType, match=r"^list\.jpg: ") as refused:
        check.check(write_model(tmp_path / "m"), [sample])
    assert "Rekognition" not in str(refused.value)


def test_a_sample_that_is_larger_than_the_function_reads_is_refused_as_the_function_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, red: Path
) -> None:
    monkeypatch.setattr(classification, "SIZE_LIMIT_BYTES", red.stat().st_size - 1)
    with pytest.raises(ImageTooLarge, match=r"^red\.jpg: 0\.1 MB, 0 MB are read; resize before upload$"):
        check.check(write_model(tmp_path / "m"), [red])


def test_a_sample_of_many_gigabytes_is_refused_without_being_read(tmp_path: Path) -> None:
    sample = tmp_path / "big.jpg"
    with sample.open("wb") as file:
        file.truncate(8192 * MEGABYTE)
    with pytest.raises(ImageTooLarge, match=r"^big\.jpg: 8192\.0 MB, 32 MB are read"):
        check.check(write_model(tmp_path / "m"), [sample])


def test_the_check_sees_what_the_function_sees(tmp_path: Path) -> None:
    from vision.services.own_model.runtime import Classifier

    classifier = Classifier.load(write_model(tmp_path))
    photo = png_of(Image.new("RGB", (30, 20), (10, 200, 30)))
    assert [label["name"] for label in check.look(classifier, photo, 1)] == ["Green"]


def test_the_command_ends_well_with_a_good_model(tmp_path: Path, red: Path) -> None:
    code, told = ran("check", write_model(tmp_path / "m"), red)
    assert (code, "red.jpg: Red" in told) == (0, True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sha256": "0" * 64}, "InvalidModel: colours.onnx: SHA-256 is "),
        ({"labels": "classes.txt"}, "InvalidModel: labels: classes.txt cannot be read"),
        ({"threshold": None}, "InvalidModel: threshold: missing"),
    ],
)
def test_the_command_ends_with_a_sentence_and_a_code_where_something_is_wrong(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    code, told = ran("check", write_model(tmp_path, **change))
    assert (code, told.startswith(words)) == (1, True), told


@pytest.mark.parametrize("command", ["check", "manifest"])
def test_command_ends_with_a_sentence_where_the_model_never_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(runtime, "TRY_SECONDS", 3)
    endless = write_model(tmp_path, endless_model())
    if command == "manifest":
        (endless / "manifest.json").unlink()
    code, told = ran(command, endless)
    assert (code, told.startswith("InvalidModel: the model has not ended within 3 s; ")) == (1, True), told


def test_the_command_says_which_folder_is_missing(tmp_path: Path) -> None:
    code, told = ran("check", tmp_path / "nowhere")
    assert (code, "nowhere: there is no such folder" in told) == (1, True)


def test_the_command_says_which_sample_is_missing(tmp_path: Path) -> None:
    code, told = ran("check", write_model(tmp_path), tmp_path / "nowhere.jpg")
    assert (code, "nowhere.jpg: cannot be read (FileNotFoundError); name an image" in told) == (1, True)


def test_a_manifest_is_written_checked_and_renewed_by_commands_alone(tmp_path: Path, red: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "model.onnx").write_bytes(colour_model())
    (mine / "labels.txt").write_text("Red\nGreen\nBlue\n")
    assert ran("manifest", mine)[0] == 0
    assert "red.jpg: Red" in ran("check", mine, red)[1]
    (mine / "model.onnx").write_bytes(colour_model(divisor=2))
    assert ran("check", mine)[0] == 1
    assert ran("manifest", mine, "--version", "2")[0] == 0
    assert "mine 2, 3 classes" in ran("check", mine)[1]


def test_an_unknown_model_is_not_built(tmp_path: Path) -> None:
    code, told = ran("build", "nowhere")
    assert (code, "nowhere: there is no such folder in functions/classify_image/" in told) == (1, True)


FETCH = """
import pathlib, sys
pathlib.Path(sys.argv[1], "colours.onnx").write_bytes(pathlib.Path({source!r}).read_bytes())
"""


def test_a_model_that_is_not_kept_in_git_is_fetched_once_into_a_copy(tmp_path: Path) -> None:
    kept = write_model(tmp_path / "m")
    source = (kept / "colours.onnx").rename(tmp_path / "elsewhere.onnx")
    (kept / "fetch.py").write_text(FETCH.format(source=str(source)))
    copy = folder.complete(kept, tmp_path / "fetched")
    source.unlink()
    assert folder.complete(kept, tmp_path / "fetched") == copy != kept
    assert check.check(copy)


def test_a_model_that_cannot_be_fetched_is_a_sentence(tmp_path: Path) -> None:
    kept = write_model(tmp_path / "m")
    (kept / "colours.onnx").unlink()
    (kept / "fetch.py").write_text("raise SystemExit('the network is down')\n")
    with pytest.raises(DownloadFailed, match=r"fetch\.py could not bring the model \(the network is down\)"):
        folder.complete(kept, tmp_path / "fetched")


def test_a_folder_without_model_and_without_a_way_to_it_is_refused(tmp_path: Path) -> None:
    kept = write_model(tmp_path)
    (kept / "colours.onnx").unlink()
    with pytest.raises(InvalidModel, match=r"put it beside the manifest, or a fetch\.py"):
        check.check(folder.complete(kept, tmp_path / "fetched"))


def test_the_memory_of_a_small_model_is_what_images_take_and_little_more(tmp_path: Path) -> None:
    # Two decodes and four objects are 928 MB.
    assert memory.needed_mb(write_model(tmp_path)) in (1024, 1152)


@pytest.mark.parametrize(
    ("needed", "words"),
    [
        (2048, "A call takes up to 2,048 MB, the 2,048 MB of own-model.yaml last."),
        (
            2176,
            "A call takes up to 2,176 MB: deploy own-model.yaml with MemorySize=2176, or by delivery with "
            "memory_size = 2176 in samconfig.toml.",
        ),
    ],
)
def test_the_memory_that_a_model_needs_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needed: int, words: str
) -> None:
    monkeypatch.setattr(memory, "needed_mb", lambda _: needed)
    assert memory.told(tmp_path) == words


def test_a_model_that_needs_more_memory_than_lambda_has_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "needed_mb", lambda _: 10_368)
    with pytest.raises(InvalidModel, match=r"a call takes up to 10,368 MB, a function of Lambda has 10,240 at most"):
        memory.told(tmp_path)


def test_the_memory_that_is_enough_is_the_default_of_the_template() -> None:
    assert f"    Default: {memory.DEFAULT_MB}\n" in own_image.TEMPLATE.read_text().partition("  MemorySize:")[2]


def test_a_process_that_could_not_be_measured_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="the memory of a call could not be measured"):
        memory.needed_mb(tmp_path / "nowhere")
