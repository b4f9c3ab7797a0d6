"""Draft a manifest for an ONNX file: values that the file has, and usual values for those that only its makers know."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vision.domain.errors import InvalidModel
from vision.domain.own_model import manifests
from vision.domain.own_model.manifests import FILE_NAME
from vision.services.own_model.runtime import load_session

# How torchvision and timm prepare images of ImageNet, on which most models are pretrained.
# https://docs.pytorch.org/vision/stable/models.html
_IMAGENET = {"scale": round(1 / 255, 10), "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
_UNSCALED = {"scale": 1, "mean": 0, "std": 1}
_CROP = {"resize": "crop", "crop_fraction": 0.875, "filter": "bilinear"}
_LABELS = "labels.txt"
_SIZE = 224


def write(folder: Path, version: str | None = None) -> list[str]:
    """Write the manifest of a folder, or update the existing one with the digest of its new model file.

    Parameters
    ----------
    version
        The version of this file in the manifest; required if the folder has a manifest.

    Returns
    -------
    list of str
        What was written and what to check, as sentences.

    Raises
    ------
    InvalidModel
        The folder has no model that can be loaded, or the manifest would be refused.
    """
    if not folder.is_dir():
        why = "is a file" if folder.exists() else "there is no such folder"
        raise InvalidModel(f"{folder.name}: {why}; name a folder with a model in it")
    path = folder / FILE_NAME
    if path.exists():
        return _renew(path, version)
    model = _only_model(folder)
    content = _content(model)
    session = load_session(model.name, content)
    manifest = {
        "name": folder.resolve().name,
        "version": version or "1",
        "file": model.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "input": (drawn := _input(session)),
        "labels": _LABELS,
        "output": {"softmax": not _answers_with_probabilities(session, drawn)},
        "threshold": 50,
        "top_k": min(5, _classes(session) or 5),
    }
    path.write_text(_accepted(manifest), encoding="utf-8")
    return _sentences(folder, session, manifest)


def _renew(path: Path, version: str | None) -> list[str]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8-sig"))
        model = path.parent / manifest["file"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidModel(f"{FILE_NAME}: cannot be renewed ({error}); delete it to get a new one") from error
    content = _content(model)
    digest = hashlib.sha256(content).hexdigest()
    if digest == manifest.get("sha256"):
        return [f"{FILE_NAME} is there already, and has the digest of {manifest['file']}; nothing was changed."]
    if version is None or version == manifest.get("version"):
        raise InvalidModel(
            f"{FILE_NAME}: is of another {manifest['file']}, as version {manifest.get('version')}; give the new file a "
            "version of its own: --version"
        )
    path.write_text(_accepted(manifest | {"version": version, "sha256": digest}), encoding="utf-8")
    return [f"{FILE_NAME} has the digest of {manifest['file']} now, as version {version}; the rest is as it was."]


def _only_model(folder: Path) -> Path:
    models = sorted(folder.glob("*.onnx"))
    if len(models) != 1:
        raise InvalidModel(f"{folder.name}: {len(models)} .onnx files, expected one; export the model into the folder")
    return models[0]


def _content(model: Path) -> bytes:
    try:
        return model.read_bytes()
    except (OSError, ValueError) as error:
        raise InvalidModel(
            f"{model.name}: cannot be read ({type(error).__name__}); export the model into a file of that name"
        ) from error


def _accepted(manifest: Mapping[str, Any]) -> str:
    """Return a manifest as text; its class list may be added later.

    Raises
    ------
    InvalidModel
        The manifest would be refused.
    """
    text = json.dumps(manifest, indent=2) + "\n"
    manifests.parse(text, lambda _: "\n".join(map(str, range(manifests.TOP_K_LIMIT))))
    return text


def _input(session: Any) -> dict[str, Any]:
    one = session.get_inputs()[0]
    shape = [side if isinstance(side, int) else None for side in one.shape]
    if len(shape) != 4:
        raise InvalidModel(
            f"{one.name}: the model takes {one.shape}, no batch of images; export it with four dimensions"
        )
    is_last = shape[3] == 3 and shape[1] != 3
    height, width = (shape[1], shape[2]) if is_last else (shape[2], shape[3])
    values = _UNSCALED if one.type == "tensor(uint8)" else _IMAGENET
    return {
        "width": width or _SIZE,
        "height": height or _SIZE,
        "layout": "NHWC" if is_last else "NCHW",
        "channels": "RGB",
        **_CROP,
        **values,
    }


def _classes(session: Any) -> int | None:
    last = session.get_outputs()[0].shape[-1]
    return last if isinstance(last, int) else None


def _answers_with_probabilities(session: Any, drawn: Mapping[str, Any]) -> bool:
    """Return whether the output for noise lies between 0 and 1 and adds up to 1, as after a softmax."""
    one = session.get_inputs()[0]
    sides = (drawn["height"], drawn["width"])
    shape = (1, *sides, 3) if drawn["layout"] == "NHWC" else (1, 3, *sides)
    kind = {"tensor(uint8)": np.uint8, "tensor(float16)": np.float16, "tensor(double)": np.float64}
    noise = np.random.default_rng(0).uniform(0, 255 if one.type == "tensor(uint8)" else 1, shape)
    try:
        answer = np.asarray(session.run(None, {one.name: noise.astype(kind.get(one.type, np.float32))})[0], np.float64)
    except Exception as error:  # ONNX Runtime has a class for each reason, and no common base.
        raise InvalidModel(f"{one.name}: the model cannot be run ({str(error)[:200]}); export it again") from error
    return bool((answer >= 0).all() and (answer <= 1).all() and abs(answer.sum() - 1) < 1e-3)


def _sentences(folder: Path, session: Any, manifest: Mapping[str, Any]) -> list[str]:
    drawn, softmax = manifest["input"], manifest["output"]["softmax"]
    lines = [
        f"Wrote {FILE_NAME} for {manifest['file']}: {drawn['width']} × {drawn['height']}, {drawn['layout']}, answers "
        f"with {'scores, so softmax is true' if softmax else 'probabilities, so softmax is false'}.",
        "The file does not tell resize, crop_fraction, filter, channels, scale, mean and std: they are those of "
        "torchvision's ImageNet models. Set them to what yours was trained with.",
        "The threshold is 50: an image whose best class is less probable gets the class unknown.",
    ]
    if any(not isinstance(side, int) for side in session.get_inputs()[0].shape[1:]):
        lines.append(f"It takes images of any size; {_SIZE} stands for the one that it was trained with.")
    if not (folder / _LABELS).exists():
        number = _classes(session)
        lines.append(f"Put {f'its {number:,} classes' if number else 'its classes'} into {_LABELS}, one for each line.")
    return lines
