"""The manifest of an own model: a file beside the model file that describes its use, so that a model needs no code.

docs/own-model.md describes each field. This module validates everything that can be checked without the model file.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from vision.domain.detector_types import OWN_MODEL
from vision.domain.errors import InvalidModel
from vision.domain.image_file.model_input import Channels, Filter, Input, Layout, Resize, Triple

FILE_NAME = "manifest.json"

SIDE_LIMIT_PX = 2048
CLASSES_LIMIT = 20_000
TOP_K_LIMIT = 100
NAME_LIMIT = 128
UNKNOWN = "unknown"
"""The class of an image for which the confidence is below the threshold."""

_FIELDS = ("name", "version", "file", "sha256", "input", "labels", "output", "threshold", "top_k")
_INPUT_FIELDS = (
    *("width", "height", "layout", "channels", "resize", "crop_fraction", "pad_color", "filter"),
    *("scale", "mean", "std"),
)
_OUTPUT_FIELDS = ("name", "softmax")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A model, the conversion of images to its input, and the meaning of its output.

    Attributes
    ----------
    name, version
        Name and version that the authors gave the model.
    file
        The name of the ONNX file beside the manifest.
    sha256
        The digest of that file, in lower-case hexadecimal digits.
    input
        See :class:`Input`.
    labels
        The names of the classes, in the order of the output.
    output_name
        The name of the output to use; ``""`` if the model has only one.
    softmax
        Whether the output is scores, which softmax converts to probabilities. Otherwise it is probabilities.
    threshold
        Below this confidence, 0 to 100, the class is :data:`UNKNOWN`.
    top_k
        How many of the most probable classes to return.
    """

    name: str
    version: str
    file: str
    sha256: str
    input: Input
    labels: tuple[str, ...]
    output_name: str
    softmax: bool
    threshold: float
    top_k: int

    @property
    def detector(self) -> dict[str, str]:
        """The detector in the form of the record. The version distinguishes files with the same name and version."""
        return {"name": OWN_MODEL.name, "version": f"{self.name} {self.version} {self.sha256[:12]}"}


def parse(text: str, read_text: Callable[[str], str]) -> Manifest:
    """Parse a manifest.

    Parameters
    ----------
    text
        The content of :data:`FILE_NAME`.
    read_text
        Returns the content of a file beside the manifest by its name; raises ``OSError`` if it does not exist.

    Raises
    ------
    InvalidModel
        The message names the field, its allowed values and the remedy.
    """
    try:
        return _manifest(text, read_text)
    except RecursionError as error:
        raise InvalidModel(
            "manifest: lists or objects in one another deeper than Python reads; see docs/own-model.md for an example"
        ) from error


def _manifest(text: str, read_text: Callable[[str], str]) -> Manifest:
    try:
        data = json.loads(text, object_pairs_hook=_once)
    except ValueError as error:
        raise InvalidModel(f"manifest: no JSON ({error}); see docs/own-model.md for an example") from error
    fields = _object(data, "manifest", _FIELDS)
    output = _object(fields.get("output", {}), "output", _OUTPUT_FIELDS)
    labels = _labels(fields.get("labels"), read_text)
    return Manifest(
        name=_text(fields, "name"),
        version=_text(fields, "version"),
        file=_file_name(fields.get("file"), "file", ".onnx"),
        sha256=_digest(fields.get("sha256")),
        input=_input(fields.get("input")),
        labels=labels,
        output_name=_text(output, "name", "output.") if "name" in output else "",
        softmax=_softmax(output),
        threshold=_number(fields.get("threshold"), "threshold", 0, 100),
        top_k=_top_k(fields.get("top_k", min(5, len(labels))), len(labels)),
    )


def _input(value: Any) -> Input:
    fields = _object(value, "input", _INPUT_FIELDS)
    resize = _one_of(fields, "resize", Resize, None)
    if "crop_fraction" in fields and resize != "crop":
        raise InvalidModel(f'input.crop_fraction: has no meaning with resize "{resize}"; leave it out, or crop')
    if "pad_color" in fields and resize != "pad":
        raise InvalidModel(f'input.pad_color: has no meaning with resize "{resize}"; leave it out, or pad')
    fraction = _number(fields.get("crop_fraction", 1), "input.crop_fraction", 0, 1)
    if not fraction:
        raise InvalidModel("input.crop_fraction: 0 keeps nothing of the image; expected more than 0, up to 1")
    std = _triple(fields.get("std", 1), "input.std")
    if 0 in std:
        raise InvalidModel("input.std: 0 cannot be divided by; expected what the model was trained with")
    color = _triple(fields.get("pad_color", 0), "input.pad_color")
    if not all(0 <= one <= 255 and one == int(one) for one in color):
        raise InvalidModel("input.pad_color: expected whole numbers from 0 to 255, for red, green and blue")
    return Input(
        width=_whole(fields.get("width"), "input.width", SIDE_LIMIT_PX),
        height=_whole(fields.get("height"), "input.height", SIDE_LIMIT_PX),
        layout=cast("Layout", _one_of(fields, "layout", Layout, None)),
        channels=cast("Channels", _one_of(fields, "channels", Channels, None)),
        resize=cast("Resize", resize),
        crop_fraction=fraction,
        pad_color=(int(color[0]), int(color[1]), int(color[2])),
        filter=cast("Filter", _one_of(fields, "filter", Filter, "bilinear")),
        scale=_triple(fields.get("scale", 1), "input.scale"),
        mean=_triple(fields.get("mean", 0), "input.mean"),
        std=std,
    )


def _labels(value: Any, read_text: Callable[[str], str]) -> tuple[str, ...]:
    if isinstance(value, str):
        name = _file_name(value, "labels", ".txt")
        try:
            value = read_text(name).splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidModel(
                f"labels: {name} cannot be read ({type(error).__name__}); put it beside the manifest, UTF-8, one class "
                "for each line in the order of the output"
            ) from error
    if value is None:
        raise InvalidModel("labels: missing; give the classes in the order of the output, as a list or a .txt file")
    if not isinstance(value, list) or not value:
        raise InvalidModel("labels: expected a list of class names, or the name of a .txt file beside the manifest")
    if len(value) > CLASSES_LIMIT:
        raise InvalidModel(f"labels: {len(value):,} classes, at most {CLASSES_LIMIT:,} are taken; use fewer")
    seen: dict[str, int] = {}
    labels = [label.strip() if isinstance(label, str) else label for label in value]
    for number, label in enumerate(labels, 1):
        if not isinstance(label, str) or not 1 <= len(label) <= NAME_LIMIT or not label.isprintable():
            raise InvalidModel(f"labels: number {number} is {label!r:.60}; expected 1 to {NAME_LIMIT} characters")
        if label.casefold() == UNKNOWN:
            raise InvalidModel(
                f'labels: number {number} is "{label}", the word for what is below the threshold; rename'
            )
        if (first := seen.setdefault(label.casefold(), number)) != number:
            raise InvalidModel(f'labels: numbers {first} and {number} are both "{label}"; tell them apart')
    return tuple(labels)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object without duplicate fields; Python would silently keep the last of two."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidModel(f"manifest: {twice[:60]!r} is there twice in one object; keep one of them")
    return fields


def _object(value: Any, name: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidModel(f"{name}: {_got(value)}; expected a JSON object with {', '.join(known)}")
    if unknown := sorted(set(value) - set(known)):
        raise InvalidModel(f"{name}: {unknown[0][:60]!r} is no field; known are {', '.join(known)}")
    return value


def _text(fields: Mapping[str, Any], name: str, path: str = "") -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > NAME_LIMIT or not value.isprintable():
        raise InvalidModel(f"{path}{name}: {_got(value)}; expected text of 1 to {NAME_LIMIT} characters")
    return value


def _file_name(value: Any, name: str, ending: str) -> str:
    if not isinstance(value, str) or not _PLAIN_NAME.fullmatch(value) or not value.endswith(ending):
        raise InvalidModel(f"{name}: {_got(value)}; expected the name of a {ending} file beside the manifest, no path")
    return value


def _digest(value: Any) -> str:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise InvalidModel(f"sha256: {_got(value)}; expected 64 small hexadecimal digits, as sha256sum prints them")
    return value


def _softmax(output: Mapping[str, Any]) -> bool:
    value = output.get("softmax")
    if not isinstance(value, bool):
        raise InvalidModel(
            f"output.softmax: {_got(value)}; expected true when the model answers with scores (logits), false when it "
            "answers with probabilities"
        )
    return value


def _one_of(fields: Mapping[str, Any], name: str, kind: Any, default: str | None) -> str:
    value, allowed = fields.get(name, default), get_args(kind)
    if value not in allowed:
        raise InvalidModel(f"input.{name}: {_got(value)}; expected {' or '.join(allowed)}")
    return str(value)


def _triple(value: Any, name: str) -> Triple:
    values = value if isinstance(value, list) else [value] * 3
    if len(values) != 3 or not all(_is_number(one) for one in values):
        raise InvalidModel(f"{name}: {_got(value)}; expected a number, or three of them for red, green and blue")
    return float(values[0]), float(values[1]), float(values[2])


def _number(value: Any, name: str, least: float, most: float) -> float:
    if not _is_number(value) or not least <= value <= most:
        raise InvalidModel(f"{name}: {_got(value)}; expected a number from {least:g} to {most:g}")
    return float(value)


def _whole(value: Any, name: str, most: int) -> int:
    if type(value) is not int or not 1 <= value <= most:
        raise InvalidModel(f"{name}: {_got(value)}; expected a whole number from 1 to {most:,}")
    return value


def _top_k(value: Any, labels: int) -> int:
    top_k = _whole(value, "top_k", TOP_K_LIMIT)
    if top_k > labels:
        classes = f"{labels:,} class" if labels == 1 else f"{labels:,} classes"
        raise InvalidModel(
            f"labels: {classes}, fewer than the {top_k} that top_k tells; give all classes of the model, or lower top_k"
        )
    return top_k


def _is_number(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # A whole number beyond the range of a float.
        return False


def _got(value: Any) -> str:
    return "missing" if value is None else f"is {json.dumps(value)[:60]}"
