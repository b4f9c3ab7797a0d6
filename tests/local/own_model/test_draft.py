"""A first manifest: what the ONNX file tells is right, and what it cannot tell is said."""

import json
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto

from local.own_model import draft
from tests.own_models import COLOURS, colour_model, with_weights_elsewhere
from vision.domain.errors import InvalidModel
from vision.services.own_model.runtime import Classifier


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "colours"
    path.mkdir()
    (path / "labels.txt").write_text("\n".join(COLOURS) + "\n")
    return path


def drafted(folder: Path, content: bytes) -> dict[str, Any]:
    (folder / "colours.onnx").write_bytes(content)
    draft.write(folder)
    fields: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return fields


def test_a_drafted_manifest_loads_with_its_model(folder: Path) -> None:
    drafted(folder, colour_model())
    manifest = Classifier.load(folder).manifest
    assert (manifest.name, manifest.version, manifest.labels) == ("colours", "1", COLOURS)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_sides_and_layout_come_from_the_file(folder: Path, layout: str) -> None:
    found = drafted(folder, colour_model(sides=(6, 9), layout=layout))["input"]
    assert (found["width"], found["height"], found["layout"]) == (9, 6, layout)


@pytest.mark.parametrize("softmax", [True, False])
def test_a_softmax_is_applied_where_the_model_does_not(folder: Path, softmax: bool) -> None:
    assert drafted(folder, colour_model(softmax=softmax))["output"] == {"softmax": not softmax}


def test_a_model_of_whole_numbers_gets_pixels_as_they_are(folder: Path) -> None:
    found = drafted(folder, colour_model(kind=TensorProto.UINT8))["input"]
    assert (found["scale"], found["mean"], found["std"]) == (1, 0, 1)


def test_what_the_file_cannot_tell_is_said(folder: Path) -> None:
    (folder / "colours.onnx").write_bytes(colour_model(sides=("height", "width")))
    (folder / "labels.txt").unlink()
    told = " ".join(draft.write(folder))
    assert "does not tell resize, crop_fraction, filter, channels, scale, mean and std" in told
    assert "It takes images of any size; 224 stands for" in told
    assert "Put its 3 classes into labels.txt" in told


def test_a_manifest_that_is_there_is_not_written_over(folder: Path) -> None:
    drafted(folder, colour_model())
    before = (folder / "manifest.json").read_text()
    assert "nothing was changed" in draft.write(folder)[0]
    assert (folder / "manifest.json").read_text() == before


def test_a_new_file_needs_a_version_of_its_own(folder: Path) -> None:
    drafted(folder, colour_model())
    (folder / "colours.onnx").write_bytes(colour_model(divisor=2))
    with pytest.raises(InvalidModel, match=r"is of another colours\.onnx, as version 1; give the new file a version"):
        draft.write(folder)


def test_a_new_file_with_a_version_keeps_the_rest_of_the_manifest(folder: Path) -> None:
    drafted(folder, colour_model())
    fields = json.loads((folder / "manifest.json").read_text()) | {"threshold": 77}
    (folder / "manifest.json").write_text(json.dumps(fields))
    (folder / "colours.onnx").write_bytes(colour_model(divisor=2))
    draft.write(folder, "2")
    manifest = Classifier.load(folder).manifest
    assert (manifest.version, manifest.threshold) == ("2", 77.0)


@pytest.mark.parametrize("number", [0, 2])
def test_a_folder_needs_exactly_one_model(folder: Path, number: int) -> None:
    for index in range(number):
        (folder / f"{index}.onnx").write_bytes(colour_model())
    with pytest.raises(InvalidModel, match=rf"colours: {number} \.onnx files, expected one"):
        draft.write(folder)


def test_what_is_no_model_is_refused(folder: Path) -> None:
    (folder / "colours.onnx").write_bytes(b"no model")
    with pytest.raises(InvalidModel, match=r"colours\.onnx: ONNX Runtime \S+ cannot load it"):
        draft.write(folder)


def test_no_manifest_is_written_for_a_model_whose_weights_are_in_another_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, weights = with_weights_elsewhere(colour_model(), "colours.onnx.data")
    (folder / "colours.onnx").write_bytes(content)
    (folder / "colours.onnx.data").write_bytes(weights)
    monkeypatch.chdir(folder)
    with pytest.raises(InvalidModel, match=r"without external data: .* external_data=False"):
        draft.write(folder)
    assert not (folder / "manifest.json").exists()


def test_a_folder_that_is_not_there_is_said_not_to_be(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match=r"^nowhere: there is no such folder; name a folder with a model in it$"):
        draft.write(tmp_path / "nowhere")


def test_a_file_is_told_from_a_folder(folder: Path) -> None:
    with pytest.raises(InvalidModel, match=r"^labels\.txt: is a file; name a folder with a model in it$"):
        draft.write(folder / "labels.txt")


def test_a_model_file_that_is_a_folder_is_refused(folder: Path) -> None:
    (folder / "colours.onnx").mkdir()
    with pytest.raises(InvalidModel, match=r"^colours\.onnx: cannot be read \(IsADirectoryError\); export the model"):
        draft.write(folder)


def test_a_model_file_that_has_become_a_folder_is_refused_without_blame_on_the_manifest(folder: Path) -> None:
    drafted(folder, colour_model())
    (folder / "colours.onnx").unlink()
    (folder / "colours.onnx").mkdir()
    with pytest.raises(InvalidModel, match=r"^colours\.onnx: cannot be read \(IsADirectoryError\); export the model"):
        draft.write(folder, "2")


@pytest.mark.parametrize("version", ["v\n1", "", "1" * 129], ids=["line", "nothing", "long"])
def test_a_version_that_no_manifest_may_have_is_not_written(folder: Path, version: str) -> None:
    drafted(folder, colour_model())
    before = (folder / "manifest.json").read_text()
    (folder / "colours.onnx").write_bytes(colour_model(divisor=2))
    with pytest.raises(InvalidModel, match=r"^version: is .*; expected text of 1 to 128 characters"):
        draft.write(folder, version)
    assert (folder / "manifest.json").read_text() == before


def test_a_first_manifest_that_would_be_refused_is_not_written(folder: Path) -> None:
    (folder / "colours.onnx").write_bytes(colour_model())
    with pytest.raises(InvalidModel, match=r"^version: is "):
        draft.write(folder, "v\n1")
    assert not (folder / "manifest.json").exists()


def test_a_manifest_of_many_brackets_cannot_be_renewed(folder: Path) -> None:
    (folder / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(InvalidModel, match=r"manifest\.json: cannot be renewed .*; delete it to get a new one"):
        draft.write(folder)
