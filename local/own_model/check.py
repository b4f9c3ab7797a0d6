"""Check a model before anything is built, and report every result as a sentence."""

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
    """Return the results of the check as sentences.

    Parameters
    ----------
    folder
        The complete folder of a model.
    samples
        Images whose classes are reported.

    Raises
    ------
    InvalidModel
        The manifest, the class list, the model file or an answer is wrong; the message says what.
    InvalidEvent, ImageTooLarge, NotSupportedImageType, CorruptImage, TooManyPixels
        A sample cannot be classified; the message names it.
    """
    classifier = Classifier.load(folder)
    manifest = classifier.manifest
    sentences = [_describe(manifest), _model(classifier), memory.needed(folder), *_noise(classifier)]
    return sentences + [_sample(classifier, sample) for sample in samples]


def look(classifier: Classifier, content: bytes, top_k: int | None = None) -> list[Label]:
    """Return the classes of one image, as the function returns them.

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
    """Classify black, white and noise: the answers must be usable, and depend on the picture."""
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
    classes = ", ".join(f"{label['name']} {label['confidence']:.1f}" for label in found)
    return f"{sample.name}: {classes}."
