"""The manifest of an own model: every error names the field and what is expected."""

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.domain.errors import InvalidModel
from vision.domain.own_model import manifests
from vision.domain.own_model.manifests import CLASSES_LIMIT, Manifest

SHA256 = "0123456789abcdef" * 4
INPUT: dict[str, Any] = {"width": 224, "height": 192, "layout": "NCHW", "channels": "RGB", "resize": "stretch"}
FIELDS: dict[str, Any] = {
    "name": "scratches",
    "version": "2026-11",
    "file": "model.onnx",
    "sha256": SHA256,
    "input": INPUT,
    "labels": ["Fine", "Scratched"],
    "output": {"softmax": True},
    "threshold": 60,
}


def parsed(fields: Any, files: dict[str, str] | None = None) -> Manifest:
    def read_text(name: str) -> str:
        try:
            return (files or {})[name]
        except KeyError as error:
            raise FileNotFoundError(name) from error

    return manifests.parse(json.dumps(fields), read_text)


# Valid manifests


def test_every_field_is_read() -> None:
    found = parsed(FIELDS | {"top_k": 1})
    assert (found.name, found.version, found.file, found.sha256) == ("scratches", "2026-11", "model.onnx", SHA256)
    assert (found.labels, found.softmax, found.threshold, found.top_k) == (("Fine", "Scratched"), True, 60.0, 1)
    assert (found.input.width, found.input.height, found.input.shape) == (224, 192, (3, 192, 224))
    assert parsed(FIELDS | {"input": INPUT | {"layout": "NHWC"}}).input.shape == (192, 224, 3)


def test_optional_fields_have_defaults() -> None:
    found = parsed(FIELDS)
    assert (found.top_k, found.output_name) == (2, "")
    assert (found.input.filter, found.input.crop_fraction, found.input.pad_color) == ("bilinear", 1.0, (0, 0, 0))
    assert (found.input.scale, found.input.mean, found.input.std) == ((1.0,) * 3, (0.0,) * 3, (1.0,) * 3)
    assert parsed(FIELDS | {"labels": [f"class {number}" for number in range(9)]}).top_k == 5


def test_one_number_is_that_of_three_channels() -> None:
    found = parsed(FIELDS | {"input": INPUT | {"mean": 127, "std": [1, 2, 3]}}).input
    assert (found.mean, found.std) == ((127.0, 127.0, 127.0), (1.0, 2.0, 3.0))


def test_labels_are_the_lines_of_a_file() -> None:
    found = parsed(FIELDS | {"labels": "classes.txt"}, {"classes.txt": "Fine\n Scratched \r\nBent\n"})
    assert found.labels == ("Fine", "Scratched", "Bent")
    with pytest.raises(InvalidModel, match=r"labels: classes\.txt cannot be read .*put it beside the manifest"):
        parsed(FIELDS | {"labels": "classes.txt"})


def test_detector_distinguishes_files_of_the_same_name_and_version() -> None:
    first, second = parsed(FIELDS).detector, parsed(FIELDS | {"sha256": SHA256[::-1]}).detector
    assert first == {"name": "own-model", "version": "scratches 2026-11 0123456789ab"}
    assert second["version"] != first["version"]


# Invalid manifests


@pytest.mark.parametrize("missing", ["name", "version", "file", "sha256", "labels", "threshold"])
def test_missing_field_is_named(missing: str) -> None:
    with pytest.raises(InvalidModel, match=f"^{missing}: missing; "):
        parsed({name: value for name, value in FIELDS.items() if name != missing})


@pytest.mark.parametrize("missing", ["width", "height", "layout", "channels", "resize"])
def test_missing_field_of_the_input_is_named(missing: str) -> None:
    with pytest.raises(InvalidModel, match=rf"^input\.{missing}: missing; expected "):
        parsed(FIELDS | {"input": {name: value for name, value in INPUT.items() if name != missing}})


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, 'name: is ""; expected text of 1 to 128 characters'),
    ({"name": "a\nb"}, "name: is "),
    ({"version": 3}, "version: is 3; expected text"),
    ({"file": "../model.onnx"}, 'file: is "../model.onnx"; expected the name of a .onnx file beside the manifest'),
    ({"file": "model.pth"}, "expected the name of a .onnx file"),
    ({"sha256": "ABC"}, "expected 64 small hexadecimal digits, as sha256sum prints them"),
    ({"sha256": SHA256.upper()}, "expected 64 small hexadecimal digits"),
    ({"input": None}, "input: missing; expected a JSON object with width, height"),
    ({"input": [224, 224]}, "input: is [224, 224]; expected a JSON object"),
    ({"input": INPUT | {"size": 224}}, "input: 'size' is no field; known are width, height"),
    ({"input": INPUT | {"width": 0}}, "input.width: is 0; expected a whole number from 1 to 2,048"),
    ({"input": INPUT | {"width": 224.5}}, "input.width: is 224.5; expected a whole number"),
    ({"input": INPUT | {"height": True}}, "input.height: is true; expected a whole number"),
    ({"input": INPUT | {"layout": "CHW"}}, 'input.layout: is "CHW"; expected NCHW or NHWC'),
    ({"input": INPUT | {"channels": "GRAY"}}, 'input.channels: is "GRAY"; expected RGB or BGR'),
    ({"input": INPUT | {"resize": "fit"}}, 'input.resize: is "fit"; expected stretch or crop or pad'),
    ({"input": INPUT | {"filter": "area"}}, 'input.filter: is "area"; expected bilinear or'),
    ({"input": INPUT | {"crop_fraction": 0.9}}, 'crop_fraction: has no meaning with resize "stretch"'),
    ({"input": INPUT | {"pad_color": 0}}, 'pad_color: has no meaning with resize "stretch"'),
    ({"input": INPUT | {"resize": "crop", "crop_fraction": 0}}, "input.crop_fraction: 0 keeps nothing of the image"),
    ({"input": INPUT | {"resize": "crop", "crop_fraction": 1.5}}, "expected a number from 0 to 1"),
    ({"input": INPUT | {"resize": "pad", "pad_color": 300}}, "input.pad_color: expected whole numbers from 0 to 255"),
    ({"input": INPUT | {"scale": "1/255"}}, 'input.scale: is "1/255"; expected a number, or three'),
    ({"input": INPUT | {"mean": [1, 2]}}, "input.mean: is [1, 2]; expected a number, or three"),
    ({"input": INPUT | {"std": [1, 0, 1]}}, "input.std: 0 cannot be divided by"),
    ({"labels": []}, "labels: expected a list of class names"),
    ({"labels": ["Fine", 7]}, "labels: number 2 is 7; expected 1 to 128 characters"),
    ({"labels": ["Fine", "  "]}, "labels: number 2 is ''"),
    ({"labels": ["Fine", "fine"]}, 'labels: numbers 1 and 2 are both "fine"; tell them apart'),
    ({"labels": ["Fine", "Unknown"]}, 'labels: number 2 is "Unknown", the word for what is below the threshold'),
    ({"labels": "list.csv"}, 'labels: is "list.csv"; expected the name of a .txt file'),
    ({"labels": [str(number) for number in range(CLASSES_LIMIT + 1)]}, "20,001 classes, at most 20,000 are taken"),
    ({"output": {}}, "output.softmax: missing; expected true when the model answers with scores"),
    ({"output": {"softmax": "yes"}}, 'output.softmax: is "yes"'),
    ({"output": {"softmax": True, "name": 1}}, "output.name: is 1; expected text"),
    ({"threshold": 101}, "threshold: is 101; expected a number from 0 to 100"),
    ({"threshold": "60"}, 'threshold: is "60"; expected a number'),
    ({"top_k": 0}, "top_k: is 0; expected a whole number from 1 to 100"),
    ({"top_k": 3}, "labels: 2 classes, fewer than the 3 that top_k tells; give all classes of the model, or lower"),
    ({"top_k": 2, "labels": ["Fine"]}, "labels: 1 class, fewer than the 2 that top_k tells"),
    ({"treshold": 5}, "manifest: 'treshold' is no field; known are name, version"),
]


@pytest.mark.parametrize(("change", "words"), WRONG)
def test_invalid_field_is_named_with_what_is_expected(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidModel) as refused:
        parsed(FIELDS | change)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("written", "changed", "expected"),
    [
        ('"threshold": 60', '"threshold": 5, "threshold": 60', "manifest: 'threshold' is there twice in one object"),
        ('"width": 224', '"width": 9, "width": 224', "manifest: 'width' is there twice in one object"),
        # Python reads these as numbers.
        *(('"threshold": 60', f'"threshold": {number}', "threshold: is ") for number in ("NaN", "Infinity", "1e999")),
        ('"threshold": 60', f'"threshold": {10**400}', r"threshold: is 1000.*; expected a number from 0 to 100"),
        ("{", "{{", r"manifest: no JSON .*docs/own-model\.md"),
        ("{", "[" * 100_000, "manifest: lists or objects in one another deeper than Python reads; see"),
        ("{", '{"name":' * 100_000, "manifest: lists or objects in one another deeper than Python reads; see"),
    ],
    ids=lambda text: text[:40],
)
def test_unusual_json_is_refused_by_name(written: str, changed: str, expected: str) -> None:
    with pytest.raises(InvalidModel, match=f"^{expected}"):
        manifests.parse(json.dumps(FIELDS).replace(written, changed, 1), lambda _: "")


@pytest.mark.parametrize("name", ["scale", "mean", "std"])
@pytest.mark.parametrize("value", [10**400, [1, 1, -(10**400)]], ids=["one", "three"])
def test_number_of_the_input_with_hundreds_of_digits_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidModel, match=rf"^input\.{name}: is .*; expected a number, or three of them"):
        parsed(FIELDS | {"input": INPUT | {name: value}})


@pytest.mark.parametrize("depth", range(sys.getrecursionlimit() - 100, sys.getrecursionlimit(), 20))
@pytest.mark.parametrize("name", ["name", "labels"])
def test_nested_field_that_cannot_be_shown_in_the_error_is_refused(name: str, depth: int) -> None:
    # Showing the value takes a few more calls than reading it.
    nested = json.dumps(FIELDS | {name: 0}).replace(f'"{name}": 0', f'"{name}": {"[" * depth}{"]" * depth}')
    with pytest.raises(InvalidModel):
        manifests.parse(nested, lambda _: "")


VALID = "valid"


def refusal(fields: dict[str, Any]) -> str:
    """Return why a manifest is refused, or that it is valid; any other error fails the test."""
    try:
        parsed(fields)
    except InvalidModel as error:
        return str(error)
    return VALID


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


@given(field=st.sampled_from([*FIELDS, "top_k"]), value=JSON)
def test_any_value_of_a_field_is_valid_or_refused_by_name(field: str, value: Any) -> None:
    assert refusal(FIELDS | {field: value}).startswith((field, "labels", VALID))


@given(field=st.sampled_from([*INPUT, "crop_fraction", "pad_color", "filter", "scale", "mean", "std"]), value=JSON)
def test_any_value_of_a_field_of_the_input_is_valid_or_refused_by_name(field: str, value: Any) -> None:
    assert refusal(FIELDS | {"input": INPUT | {field: value}}).startswith(("input.", VALID))
