"""The manifest of an own model: whatever is wrong in it is named, with what it may be."""

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


def test_a_manifest_says_what_its_fields_say() -> None:
    found = parsed(FIELDS | {"top_k": 1})
    assert (found.name, found.version, found.file, found.sha256) == ("scratches", "2026-11", "model.onnx", SHA256)
    assert (found.labels, found.softmax, found.threshold, found.top_k) == (("Fine", "Scratched"), True, 60.0, 1)
    assert (found.input.width, found.input.height, found.input.shape) == (224, 192, (3, 192, 224))


def test_channels_come_last_where_the_layout_says_so() -> None:
    assert parsed(FIELDS | {"input": INPUT | {"layout": "NHWC"}}).input.shape == (192, 224, 3)


def test_what_may_be_left_out_has_a_usual_value() -> None:
    found = parsed(FIELDS)
    assert (found.top_k, found.output_name) == (2, "")
    assert (found.input.filter, found.input.crop_fraction, found.input.pad_color) == ("bilinear", 1.0, (0, 0, 0))
    assert (found.input.scale, found.input.mean, found.input.std) == ((1.0,) * 3, (0.0,) * 3, (1.0,) * 3)


def test_five_classes_are_told_where_the_manifest_does_not_say_how_many() -> None:
    assert parsed(FIELDS | {"labels": [f"class {number}" for number in range(9)]}).top_k == 5


def test_one_number_stands_for_three_channels() -> None:
    found = parsed(FIELDS | {"input": INPUT | {"mean": 127, "std": [1, 2, 3]}}).input
    assert (found.mean, found.std) == ((127.0, 127.0, 127.0), (1.0, 2.0, 3.0))


def test_classes_may_be_lines_of_a_file() -> None:
    found = parsed(FIELDS | {"labels": "classes.txt"}, {"classes.txt": "Fine\n Scratched \r\nBent\n"})
    assert found.labels == ("Fine", "Scratched", "Bent")


def test_the_detector_of_a_record_tells_apart_files_that_their_makers_call_the_same() -> None:
    first, second = parsed(FIELDS).detector, parsed(FIELDS | {"sha256": SHA256[::-1]}).detector
    assert first == {"name": "own-model", "version": "scratches 2026-11 0123456789ab"}
    assert second["version"] != first["version"]


def test_a_class_list_that_is_missing_is_named_with_where_it_belongs() -> None:
    with pytest.raises(InvalidModel, match=r"labels: classes\.txt cannot be read .*put it beside the manifest"):
        parsed(FIELDS | {"labels": "classes.txt"})


def test_what_is_no_json_is_said_to_be_none() -> None:
    with pytest.raises(InvalidModel, match=r"manifest: no JSON .*docs/own-model\.md"):
        manifests.parse("{", lambda _: "")


@pytest.mark.parametrize("missing", ["name", "version", "file", "sha256", "labels", "threshold"])
def test_a_field_that_is_missing_is_named(missing: str) -> None:
    with pytest.raises(InvalidModel, match=f"^{missing}: missing; "):
        parsed({name: value for name, value in FIELDS.items() if name != missing})


@pytest.mark.parametrize("missing", ["width", "height", "layout", "channels", "resize"])
def test_a_field_of_the_input_that_is_missing_is_named(missing: str) -> None:
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
def test_a_wrong_field_is_named_with_what_it_may_be(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidModel) as refused:
        parsed(FIELDS | change)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("there", "twice"),
    [('"threshold": 60', '"threshold": 5, "threshold": 60'), ('"width": 224', '"width": 9, "width": 224')],
)
def test_a_field_that_is_there_twice_is_refused_by_name(there: str, twice: str) -> None:
    name = there.partition(":")[0].strip('"')
    with pytest.raises(InvalidModel, match=f"^manifest: '{name}' is there twice in one object; keep one of them"):
        manifests.parse(json.dumps(FIELDS).replace(there, twice), lambda _: "")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999"])
def test_a_threshold_that_is_no_number_is_refused_although_python_reads_it(text: str) -> None:
    with pytest.raises(InvalidModel, match=r"^threshold: is "):
        manifests.parse(json.dumps(FIELDS).replace('"threshold": 60', f'"threshold": {text}'), lambda _: "")


def test_a_threshold_of_hundreds_of_digits_is_refused_by_name() -> None:
    with pytest.raises(InvalidModel, match=r"^threshold: is 1000.*; expected a number from 0 to 100"):
        parsed(FIELDS | {"threshold": 10**400})


@pytest.mark.parametrize("name", ["scale", "mean", "std"])
@pytest.mark.parametrize("value", [10**400, [1, 1, -(10**400)]], ids=["one", "three"])
def test_a_number_of_the_input_of_hundreds_of_digits_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidModel, match=rf"^input\.{name}: is .*; expected a number, or three of them"):
        parsed(FIELDS | {"input": INPUT | {name: value}})


@pytest.mark.parametrize("text", ["[" * 100_000, '{"name":' * 100_000], ids=["lists", "objects"])
def test_lists_and_objects_deeper_than_python_reads_are_refused(text: str) -> None:
    with pytest.raises(InvalidModel, match=r"^manifest: lists or objects in one another deeper than Python reads; see"):
        manifests.parse(text, lambda _: "")


@pytest.mark.parametrize("depth", range(sys.getrecursionlimit() - 100, sys.getrecursionlimit(), 20))
@pytest.mark.parametrize("name", ["name", "labels"])
def test_a_field_that_can_be_read_and_not_be_told_is_refused_too(name: str, depth: int) -> None:
    # Telling what is there takes a few calls more than reading it.
    nested = json.dumps(FIELDS | {name: 0}).replace(f'"{name}": 0', f'"{name}": {"[" * depth}{"]" * depth}')
    with pytest.raises(InvalidModel):
        manifests.parse(nested, lambda _: "")


TAKEN = "taken"


def refusal(fields: dict[str, Any]) -> str:
    """Return why a manifest is refused, or that it is not; any other error is one of this code."""
    try:
        parsed(fields)
    except InvalidModel as error:
        return str(error)
    return TAKEN


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


@given(field=st.sampled_from([*FIELDS, "top_k"]), value=JSON)
def test_whatever_stands_in_a_field_is_taken_or_refused_by_name(field: str, value: Any) -> None:
    assert refusal(FIELDS | {field: value}).startswith((field, "labels", TAKEN))


@given(field=st.sampled_from([*INPUT, "crop_fraction", "pad_color", "filter", "scale", "mean", "std"]), value=JSON)
def test_whatever_stands_in_a_field_of_the_input_is_taken_or_refused_by_name(field: str, value: Any) -> None:
    assert refusal(FIELDS | {"input": INPUT | {field: value}}).startswith(("input.", TAKEN))
