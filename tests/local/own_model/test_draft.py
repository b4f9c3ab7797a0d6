"""A first manifest: what the ONNX file has is read from it, and what it cannot have is reported."""

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


@pytest.fixture
def model(folder: Path) -> Path:
    return folder / "colours.onnx"


def draft_of(model: Path, content: bytes) -> dict[str, Any]:
    """Draft the manifest of this content, and return its fields."""
    model.write_bytes(content)
    draft.write(model.parent)
    fields: dict[str, Any] = json.loads((model.parent / "manifest.json").read_text())
    return fields


@pytest.fixture
def drafted(model: Path) -> Path:
    """A manifest that was drafted for its model."""
    draft_of(model, colour_model())
    return model.with_name("manifest.json")


# A first manifest


@pytest.mark.usefixtures("drafted")
def test_drafted_manifest_loads_with_its_model(folder: Path) -> None:
    manifest = Classifier.load(folder).manifest
    assert manifest.name == "colours"
    assert manifest.version == "1"
    assert manifest.labels == COLOURS


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_sides_and_layout_come_from_the_file(model: Path, layout: str) -> None:
    fields = draft_of(model, colour_model(sides=(6, 9), layout=layout))["input"]
    assert fields["width"] == 9
    assert fields["height"] == 6
    assert fields["layout"] == layout


def test_softmax_and_scaling_depend_on_the_model(model: Path) -> None:
    for softmax in (True, False):
        assert draft_of(model, colour_model(softmax=softmax))["output"] == {"softmax": not softmax}
        model.with_name("manifest.json").unlink()
    fields = draft_of(model, colour_model(kind=TensorProto.UINT8))["input"]
    assert {name: fields[name] for name in ("scale", "mean", "std")} == {"scale": 1, "mean": 0, "std": 1}


def test_values_that_the_file_cannot_have_are_reported(folder: Path, model: Path) -> None:
    model.write_bytes(colour_model(sides=("height", "width")))
    (folder / "labels.txt").unlink()
    reported = " ".join(draft.write(folder))
    assert "resize, crop_fraction, filter, channels, scale, mean and std" in reported
    assert "images of any size; 224 stands for" in reported
    assert "3 classes into labels.txt" in reported


# A new file


def test_manifest_of_an_unchanged_model_is_kept(folder: Path, drafted: Path) -> None:
    before = drafted.read_text()
    assert "nothing was changed" in draft.write(folder)[0]
    assert drafted.read_text() == before


def test_new_file_needs_a_new_version_and_keeps_the_other_fields(folder: Path, model: Path, drafted: Path) -> None:
    drafted.write_text(json.dumps(json.loads(drafted.read_text()) | {"threshold": 77}))
    model.write_bytes(colour_model(divisor=2))
    with pytest.raises(InvalidModel, match=r"is of another colours\.onnx, as version 1; give the new file a version"):
        draft.write(folder)
    draft.write(folder, "2")
    manifest = Classifier.load(folder).manifest
    assert manifest.version == "2"
    assert manifest.threshold == 77.0


@pytest.mark.parametrize("version", ["v\n1", "", "1" * 129], ids=["line break", "empty", "long"])
def test_invalid_version_is_not_written(folder: Path, model: Path, drafted: Path, version: str) -> None:
    before = drafted.read_text()
    model.write_bytes(colour_model(divisor=2))
    with pytest.raises(InvalidModel, match=r"^version: is .*; expected text of 1 to 128 characters"):
        draft.write(folder, version)
    assert drafted.read_text() == before
    drafted.unlink()
    with pytest.raises(InvalidModel, match=r"^version: is "):
        draft.write(folder, "v\n1")
    assert not drafted.exists()


def test_manifest_that_cannot_be_parsed_is_not_renewed(folder: Path) -> None:
    (folder / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(InvalidModel, match=r"manifest\.json: cannot be renewed .*; delete it to get a new one"):
        draft.write(folder)


# No usable model


@pytest.mark.parametrize("number", [0, 2])
def test_folder_needs_exactly_one_model(folder: Path, number: int) -> None:
    for index in range(number):
        (folder / f"{index}.onnx").write_bytes(colour_model())
    with pytest.raises(InvalidModel, match=rf"colours: {number} \.onnx files, expected one"):
        draft.write(folder)


def test_file_that_is_not_a_model_is_refused(folder: Path, model: Path) -> None:
    model.write_bytes(b"no model")
    with pytest.raises(InvalidModel, match=r"colours\.onnx: ONNX Runtime \S+ cannot load it"):
        draft.write(folder)


def test_model_with_weights_in_another_file_gets_no_manifest(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, weights = with_weights_elsewhere(colour_model(), "colours.onnx.data")
    model.write_bytes(content)
    (folder / "colours.onnx.data").write_bytes(weights)
    monkeypatch.chdir(folder)
    with pytest.raises(InvalidModel, match=r"without external data: .* external_data=False"):
        draft.write(folder)
    assert not (folder / "manifest.json").exists()


@pytest.mark.parametrize(("name", "reason"), [("nowhere", "there is no such folder"), ("labels.txt", "is a file")])
def test_path_that_is_not_a_folder_is_refused(folder: Path, name: str, reason: str) -> None:
    with pytest.raises(InvalidModel, match=rf"^{name}: {reason}; name a folder with a model in it$"):
        draft.write(folder / name)


@pytest.mark.parametrize("version", [None, "2"], ids=["first manifest", "renewal"])
def test_model_file_that_is_a_folder_is_refused(folder: Path, model: Path, version: str | None) -> None:
    if version:
        draft_of(model, colour_model())
        model.unlink()
    model.mkdir()
    with pytest.raises(InvalidModel, match=r"^colours\.onnx: cannot be read \(IsADirectoryError\); export the model"):
        draft.write(folder, version)
