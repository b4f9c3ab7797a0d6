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
    return dict(json.loads((model.parent / "manifest.json").read_text()))


@pytest.fixture
def drafted(model: Path) -> Path:
    draft_of(model, colour_model())
    return model.with_name("manifest.json")


@pytest.mark.usefixtures("drafted")
def test_drafted_manifest_loads_with_its_model(folder):
    manifest = Classifier.load(folder).manifest
    assert (manifest.name, manifest.version, manifest.labels) == ("colours", "1", COLOURS)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_sides_and_layout_come_from_the_file(model, layout):
    fields = draft_of(model, colour_model(sides=(6, 9), layout=layout))["input"]
    assert (fields["width"], fields["height"], fields["layout"]) == (9, 6, layout)


def test_softmax_and_scaling_depend_on_the_model(model):
    for softmax in (True, False):
        assert draft_of(model, colour_model(softmax=softmax))["output"] == {"softmax": not softmax}
        model.with_name("manifest.json").unlink()
    fields = draft_of(model, colour_model(kind=TensorProto.UINT8))["input"]
    assert {name: fields[name] for name in ("scale", "mean", "std")} == {"scale": 1, "mean": 0, "std": 1}


def test_values_that_the_file_cannot_have_are_reported(folder, model):
    model.write_bytes(colour_model(sides=("height", "width")))
    (folder / "labels.txt").unlink()
    reported = " ".join(draft.write(folder))
    assert "resize, crop_fraction, filter, channels, scale, mean and std" in reported
    assert "images of any size; 224 stands for" in reported
    assert "3 classes into labels.txt" in reported


def test_new_file_alone_needs_a_new_version_and_keeps_the_other_fields(folder, model, drafted):
    drafted.write_text(json.dumps(json.loads(drafted.read_text()) | {"threshold": 77}))
    before = drafted.read_text()
    assert "nothing was changed" in draft.write(folder)[0]
    assert drafted.read_text() == before
    model.write_bytes(colour_model(divisor=2))
    with pytest.raises(InvalidModel, match=r"is of another colours\.onnx, as version 1; give the new file a version"):
        draft.write(folder)
    draft.write(folder, "2")
    manifest = Classifier.load(folder).manifest
    assert (manifest.version, manifest.threshold) == ("2", 77.0)


def test_invalid_version_is_not_written(folder, model, drafted):
    before = drafted.read_text()
    model.write_bytes(colour_model(divisor=2))
    for version in ("v\n1", "", "1" * 129):
        with pytest.raises(InvalidModel, match=r"^version: is .*; expected text of 1 to 128 characters"):
            draft.write(folder, version)
        assert drafted.read_text() == before
    drafted.unlink()
    with pytest.raises(InvalidModel, match=r"^version: is "):
        draft.write(folder, "v\n1")
    assert not drafted.exists()
    drafted.write_text("[" * 100_000)
    with pytest.raises(InvalidModel, match=r"manifest\.json: cannot be renewed .*; delete it to get a new one"):
        draft.write(folder)


def test_folder_needs_exactly_one_model_that_loads(folder, model):
    with pytest.raises(InvalidModel, match=r"colours: 0 \.onnx files, expected one"):
        draft.write(folder)
    model.write_bytes(b"no model")
    with pytest.raises(InvalidModel, match=r"colours\.onnx: ONNX Runtime \S+ cannot load it"):
        draft.write(folder)
    (folder / "another.onnx").write_bytes(colour_model())
    with pytest.raises(InvalidModel, match=r"colours: 2 \.onnx files, expected one"):
        draft.write(folder)


def test_model_with_weights_in_another_file_gets_no_manifest(folder, model, monkeypatch):
    content, weights = with_weights_elsewhere(colour_model(), "colours.onnx.data")
    model.write_bytes(content)
    (folder / "colours.onnx.data").write_bytes(weights)
    monkeypatch.chdir(folder)
    with pytest.raises(InvalidModel, match=r"without external data: .* external_data=False"):
        draft.write(folder)
    assert not (folder / "manifest.json").exists()


def test_folder_that_is_none_or_model_file_that_is_one_is_refused(folder, model):
    for name, reason in {"nowhere": "there is no such folder", "labels.txt": "is a file"}.items():
        with pytest.raises(InvalidModel, match=rf"^{name}: {reason}; name a folder with a model in it$"):
            draft.write(folder / name)
    draft_of(model, colour_model())
    model.unlink()
    model.mkdir()
    unreadable = r"^colours\.onnx: cannot be read \(IsADirectoryError\); export the model"
    with pytest.raises(InvalidModel, match=unreadable):
        draft.write(folder, "2")
    (folder / "manifest.json").unlink()
    with pytest.raises(InvalidModel, match=unreadable):
        draft.write(folder)
