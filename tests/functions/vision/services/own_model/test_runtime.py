"""A model is tried against its manifest when it is loaded: mismatches are reported before the first image."""

import signal
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto

from tests.own_models import COLOURS, SIDE, colour_model, endless_model, manifest, with_weights_elsewhere, write_model
from vision.domain.errors import InvalidModel
from vision.domain.image_file.limits import MEGABYTE
from vision.domain.own_model import scores
from vision.services.own_model import runtime
from vision.services.own_model.runtime import Classifier

RED, GREEN, BLUE, CYAN = (bytes(rgb) * SIDE * SIDE for rgb in ((255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 255, 255)))
INPUT: dict[str, Any] = manifest(b"")["input"]


def named(model: Classifier, *pixels: bytes) -> list[str]:
    """The best class of each image."""
    found = [scores.probabilities(model.manifest, answer) for answer in model.answers(pixels)]
    return [scores.most_probable(model.manifest, one)[0]["name"] for one in found]


def refused(folder: Path) -> str:
    with pytest.raises(InvalidModel) as error:
        Classifier.load(folder)
    return str(error.value)


@pytest.mark.parametrize(
    ("content", "change", "classes"),
    [
        (colour_model(), {}, ["Red", "Green", "Blue"]),
        (colour_model(layout="NHWC"), {"layout": "NHWC"}, ["Red", "Green", "Blue"]),
        (colour_model(), {"channels": "BGR"}, ["Blue", "Green", "Red"]),
        (colour_model(outputs=("embedding", "scores")), {}, ["Red", "Green", "Blue"]),
        (colour_model(batch=1), {}, ["Red", "Green", "Blue"]),
    ],
    ids=["as it is", "channels last", "BGR", "second output", "one image at a time"],
)
def test_model_is_called_as_its_manifest_says(
    tmp_path: Path, content: bytes, change: dict[str, Any], classes: list[str]
) -> None:
    output = {"softmax": True, "name": "scores"}
    model = Classifier.load(write_model(tmp_path, content, input=INPUT | change, output=output))
    assert named(model, RED, GREEN, BLUE) == classes
    assert model.answers([]) == []


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.UINT8])
def test_model_gets_numbers_of_its_input_type(tmp_path: Path, kind: int) -> None:
    scale = 1 if kind == TensorProto.UINT8 else 1 / 255
    content = colour_model(kind=kind, divisor=1 / scale / 255)
    model = Classifier.load(write_model(tmp_path, content, input=INPUT | {"scale": scale}))
    assert named(model, GREEN) == ["Green"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scale": 1 / 255}, "the manifest makes 0.0039215686274509803 of red 1; "),
        ({"scale": 2}, "the manifest makes 256 of red 128; "),
        ({"scale": 1, "mean": [0, 0, 128]}, "the manifest makes -128 of blue 0; "),
        ({"scale": 1, "std": [1, 0.5, 1]}, "the manifest makes 256 of green 128; "),
        ({"scale": 1e308, "std": 1e-308}, "the manifest makes inf of red 1; "),
    ],
    ids=["fractions", "scale", "mean", "std", "infinity"],
)
def test_scaling_that_whole_numbers_cannot_have_is_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    content = colour_model(kind=TensorProto.UINT8)
    text = refused(write_model(tmp_path, content, input=INPUT | change))
    assert text.startswith(f"colours.onnx: takes whole numbers from 0 to 255, {words}")
    assert text.endswith("set input.scale 1, input.mean 0 and input.std 1")


@pytest.mark.parametrize(
    ("model", "change", "pixels", "name"),
    [
        ({"kind": TensorProto.UINT8, "divisor": 255}, {"scale": -1, "mean": -255}, CYAN, "Red"),
        ({"sides": ("height", "width")}, {"width": 5, "height": 3}, BLUE[: 5 * 3 * 3], "Blue"),
    ],
    ids=["whole numbers of an inverted picture", "variable sides"],
)
def test_model_gets_the_pixels_that_its_manifest_describes(
    tmp_path: Path, model: dict[str, Any], change: dict[str, Any], pixels: bytes, name: str
) -> None:
    content = colour_model(**model)
    assert named(Classifier.load(write_model(tmp_path, content, input=INPUT | change)), pixels) == [name]


def test_probabilities_of_the_model_are_used_unchanged(tmp_path: Path) -> None:
    model = Classifier.load(write_model(tmp_path, colour_model(softmax=True), output={"softmax": False}))
    assert sum(model.answers([RED])[0]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("content", [colour_model(divisor=2), b"not a model"])
def test_wrong_digest_is_refused_before_the_file_is_read_as_a_model(tmp_path: Path, content: bytes) -> None:
    write_model(tmp_path)
    (tmp_path / "colours.onnx").write_bytes(content)
    text = refused(tmp_path)
    assert "colours.onnx: SHA-256 is " in text
    assert "write the new digest and a new version into the manifest" in text


@pytest.mark.parametrize("location", ["model/weights.data", "weights.data", "../here/weights.data"])
@pytest.mark.parametrize("as_node", [False, True], ids=["initializer", "node"])
def test_external_weights_are_refused_because_the_digest_excludes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str, as_node: bool
) -> None:
    here = tmp_path / "here"
    content, weights = with_weights_elsewhere(colour_model(), location, as_node=as_node)
    write_model(here / "model", content)
    monkeypatch.chdir(here)
    Path(location).write_bytes(weights)
    text = refused(Path("model"))
    assert "export it again with an opset that it knows and without external data" in text
    assert "torch.onnx.export(..., external_data=False)" in text


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("colours.onnx", "colours.onnx: cannot be read (FileNotFoundError); put it beside the manifest"),
        ("manifest.json", "manifest.json: cannot be read (FileNotFoundError); put it beside the model"),
        ("classes.txt", "labels: classes.txt cannot be read"),
    ],
)
def test_missing_file_is_named_with_its_place(tmp_path: Path, missing: str, words: str) -> None:
    write_model(tmp_path, labels="classes.txt")
    (tmp_path / "classes.txt").write_text("\n".join(COLOURS))
    (tmp_path / missing).unlink()
    assert refused(tmp_path).startswith(words)


def test_files_of_a_windows_editor_are_read_without_their_byte_order_mark(tmp_path: Path) -> None:
    write_model(tmp_path, labels="classes.txt")
    written = (tmp_path / "manifest.json").read_text()
    for name, text in {"manifest.json": written, "classes.txt": "\r\n".join(COLOURS)}.items():
        (tmp_path / name).write_text(text, encoding="utf-8-sig", newline="")
    assert Classifier.load(tmp_path).manifest.labels == COLOURS


def test_too_short_class_list_is_reported_with_both_lengths(tmp_path: Path) -> None:
    text = refused(write_model(tmp_path, labels=["Red", "Green"]))
    assert "answers 4 images with the shape (4, 3), where the manifest has 2 labels" in text
    text = refused(write_model(tmp_path, colour_model(classes=4), labels=["Red", "Green"], top_k=3))
    assert text.startswith("labels: 2 classes, fewer than the 3 that top_k")


@pytest.mark.parametrize("change", [{"width": 9}, {"height": 4}, {"layout": "NHWC"}], ids=["width", "height", "layout"])
def test_wrong_input_shape_is_reported_with_both_shapes(tmp_path: Path, change: dict[str, Any]) -> None:
    text = refused(write_model(tmp_path, input=INPUT | change))
    assert "colours.onnx: takes any × 3 × 8 × 8, the manifest says any × " in text
    assert "set input.width, input.height and input.layout" in text


@pytest.mark.parametrize(
    ("content", "output", "words"),
    [
        (colour_model(batch=4), {}, "takes exactly 4 images; export it for one, or for any number"),
        (colour_model(inputs=("image", "mask")), {}, "takes 2 inputs (image, mask); export it with one"),
        (colour_model(outputs=("scores", "more")), {}, "has the outputs scores, more; name that of the classes"),
        (colour_model(kind=TensorProto.INT64), {}, "takes tensor(int64); export it with one of tensor(float)"),
        (b"\x08\x01 no model", {}, "cannot load it"),
        (colour_model(), {"name": "logits"}, "has the outputs scores; name that of the classes as output.name"),
        (colour_model(divisor=0), {}, "colours.onnx: tried with a picture of grey: colours: answered nan for class 1"),
        (colour_model(), {"softmax": False}, "answers with probabilities; set output.softmax to true"),
    ],
    ids=["batch", "inputs", "outputs", "type", "bytes", "output name", "nan", "scores"],
)
def test_model_that_contradicts_its_manifest_is_refused(
    tmp_path: Path, content: bytes, output: dict[str, Any], words: str
) -> None:
    assert words in refused(write_model(tmp_path, content, output={"softmax": True} | output))


def test_build_names_the_model_that_it_has_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runtime._main([str(write_model(tmp_path))]) == 0
    assert capsys.readouterr().out == "colours 7: 3 classes, checked\n"


@pytest.mark.parametrize(
    ("content", "changes", "error"),
    [
        (colour_model(), {"threshold": 200}, "InvalidModel: threshold: is 200; expected a number from 0 to 100\n"),
        (colour_model(divisor=0), {}, "InvalidModel: colours.onnx: tried with a picture of grey: "),
        (endless_model(), {}, "InvalidModel: the model has not ended within 3 s; "),
    ],
    ids=["wrong manifest", "nan", "endless"],
)
def test_build_fails_with_the_reason(
    tmp_path: Path, monkeypatch: Any, capsys: Any, content: bytes, changes: dict[str, Any], error: str
) -> None:
    monkeypatch.setattr(runtime, "TRY_SECONDS", 3)
    assert runtime._main([str(write_model(tmp_path, content, **changes))]) == 1
    assert capsys.readouterr().err.startswith(error)


def test_build_fails_with_the_exit_code_when_the_model_ends_its_process() -> None:
    with pytest.raises(InvalidModel, match=r"the process that tried the model died \(exit code -9\)"):
        runtime.within_limit(signal.raise_signal, signal.SIGKILL)


@pytest.mark.parametrize(("side", "at_once"), [(8, 8), (1024, 2), (2048, 1)])
def test_model_gets_fewer_large_images_at_once(tmp_path: Path, side: int, at_once: int) -> None:
    content = colour_model(sides=("height", "width"))
    model = Classifier.load(write_model(tmp_path, content, input=INPUT | {"width": side, "height": side}))
    assert model.at_once == at_once


def test_batch_of_large_images_uses_the_memory_of_few(tmp_path: Path) -> None:
    content = colour_model(sides=("height", "width"))
    model = Classifier.load(write_model(tmp_path, content, input=INPUT | {"width": 1024, "height": 1024}))
    picture = bytes(1024 * 1024 * 3)
    tracemalloc.start()
    try:
        model.answers([picture] * 8)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Two images in single precision, and one channel; eight in double precision take 200 MB.
    assert peak_bytes < 2 * 12 * MEGABYTE + 12 * MEGABYTE
