"""Everything that can be wrong with a model, found before anything is built, in words."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from local.own_model import memory
from vision.domain.errors import InvalidEvent, VisionError
from vision.domain.image_file import pixels
from vision.domain.labels import Label
from vision.domain.own_model import scores
from vision.domain.own_model.manifests import Manifest
from vision.services.own_model import classification
from vision.services.own_model.runtime import Classifier

_RUNS = 5


def check(folder: Path, samples: Sequence[Path] = ()) -> list[str]:
    """Return what was found right, as sentences.

    Parameters
    ----------
    folder
        A model's folder, complete.
    samples
        Images whose classes are told.

    Raises
    ------
    InvalidModel
        Naming what is wrong with manifest, class list, model file or what it answers.
    InvalidEvent, ImageTooLarge, NotSupportedImageType, CorruptImage, TooManyPixels
        Of a sample, naming it.
    """
    classifier = Classifier.load(folder)
    manifest = classifier.manifest
    told = [_describe(manifest), _model(classifier), memory.told(folder), *_noise(classifier)]
    return told + [_sample(classifier, sample) for sample in samples]


def look(classifier: Classifier, content: bytes, top_k: int | None = None) -> list[Label]:
    """Return the classes of one image, as the function does.

    Raises
    ------
    VisionError
    """
    [answer] = classifier.answers([pixels.input_pixels(content, classifier.manifest.input)])
    return scores.most_probable(classifier.manifest, scores.probabilities(classifier.manifest, answer), top_k)


def _describe(manifest: Manifest) -> str:
    drawn = manifest.input
    resize = f"{drawn.resize} {drawn.crop_fraction:g}" if drawn.resize == "crop" else drawn.resize
    return (
        f"manifest.json: {manifest.name} {manifest.version}, {len(manifest.labels):,} classes, {drawn.width} × "
        f"{drawn.height} {drawn.layout} {drawn.channels}, {resize}, unknown below {manifest.threshold:g} %."
    )


def _model(classifier: Classifier) -> str:
    side = classifier.manifest.input
    grey = b"\x7f" * (side.width * side.height * 3)
    seconds = []
    for _ in range(_RUNS):
        began = time.perf_counter()
        classifier.answers([grey])
        seconds.append(time.perf_counter() - began)
    many = "any number of images" if classifier.takes_many else "one image"
    return (
        f"{classifier.manifest.file}: has the digest of the manifest, loads, takes {many} at once; one takes "
        f"{statistics.median(seconds) * 1000:.0f} ms on this machine."
    )


def _noise(classifier: Classifier) -> list[str]:
    """Look at pictures of nothing: an answer must be usable, and depend on the picture."""
    side = classifier.manifest.input
    size = side.width * side.height * 3
    random = np.random.default_rng(0)
    pictures = [b"\x00" * size, b"\xff" * size, random.integers(0, 256, size, np.uint8).tobytes()]
    found = [scores.probabilities(classifier.manifest, answer) for answer in classifier.answers(pictures)]
    if all(np.allclose(found[0], one, rtol=0, atol=1e-9) for one in found[1:]):
        return [
            "Look again: black, white and noise have the same answer. Either scale, mean and std of the manifest are "
            "not those of the training, or the model was never trained."
        ]
    return []


def _sample(classifier: Classifier, sample: Path) -> str:
    try:
        with sample.open("rb") as file:
            content = file.read(classification.SIZE_LIMIT_BYTES + 1)
            size_bytes = max(len(content), os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise InvalidEvent(f"{sample.name}: cannot be read ({type(error).__name__}); name an image") from error
    try:
        classification.check_size(size_bytes)
        found = look(classifier, content)
    except VisionError as error:
        raise type(error)(f"{sample.name}: {error}") from error
    told = ", ".join(f"{label['name']} {label['confidence']:.1f}" for label in found)
    return f"{sample.name}: {told}."
