"""Classify a batch of images with the own model: each image is read and classified on its own."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from vision.adapters import storage
from vision.domain.errors import ImageTooLarge, InvalidEvent, VisionError
from vision.domain.failures import Failure
from vision.domain.image_file import pixels
from vision.domain.image_file.limits import MEGABYTE
from vision.domain.objects import ObjectVersion
from vision.domain.own_model import scores
from vision.domain.own_model.manifests import TOP_K_LIMIT
from vision.services.own_model.runtime import Classifier

IMAGES_LIMIT = 32
"""Most images in one call: a few seconds of work, and a response far below the 6 MB of Lambda."""
SIZE_LIMIT_BYTES = 32 * MEGABYTE
IMAGES_AT_ONCE = 8
"""Most images whose pixels are in memory at the same time."""
# Reads wait for S3. A decode may take 400 MB, and the model uses all processors.
READERS = 4
DECODERS = 2

Outcome = dict[str, Any]

_EXAMPLE = '{"objects": [{"bucket": …, "key": …, "version_id": …, "size_bytes": …}]}'


def classify(classifier: Classifier, event: Mapping[str, Any]) -> dict[str, Any]:
    """Classify each image of an event.

    Parameters
    ----------
    event
        ``objects``: 1 to :data:`IMAGES_LIMIT` object versions; ``top_k``: how many classes to return, by default as
        many as the manifest says.

    Returns
    -------
    dict
        ``detector``, and ``outcomes`` in the order of the objects: the ``labels`` of each, or its ``error`` with name
        and cause. An image that cannot be classified is an outcome, and does not affect the others.

    Raises
    ------
    InvalidEvent
        The event names no images, or too many.
    InvalidModel
        The model cannot be run.
    """
    objects, top_k = _objects(event), _top_k(event)
    decoders = threading.Semaphore(DECODERS)

    def look(data: Any) -> bytes | VisionError:
        try:
            content = _content(ObjectVersion.from_dict(data))
            with decoders:
                return pixels.input_pixels(content, classifier.manifest.input)
        except VisionError as error:
            return error

    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(READERS) as readers:
        # Process a part at a time: the pixels of all images would not fit into memory.
        for start in range(0, len(objects), IMAGES_AT_ONCE):
            looked = list(readers.map(look, objects[start : start + IMAGES_AT_ONCE]))
            answers = iter(classifier.answers([one for one in looked if isinstance(one, bytes)]))
            outcomes += [
                _refused(one) if isinstance(one, VisionError) else _found(classifier, next(answers), top_k)
                for one in looked
            ]
    return {"detector": classifier.manifest.detector, "outcomes": outcomes}


def check_size(size_bytes: int) -> None:
    """Refuse an image that is larger than the size limit.

    Raises
    ------
    ImageTooLarge
    """
    if size_bytes > SIZE_LIMIT_BYTES:
        size = math.ceil(size_bytes / MEGABYTE * 10) / 10
        raise ImageTooLarge(f"{size:.1f} MB, {SIZE_LIMIT_BYTES // MEGABYTE} MB are read; resize before upload")


def _objects(event: Mapping[str, Any]) -> Sequence[Any]:
    objects = event.get("objects") if isinstance(event, Mapping) else None
    if not isinstance(objects, list) or not 1 <= len(objects) <= IMAGES_LIMIT:
        number = len(objects) if isinstance(objects, list) else "no list"
        raise InvalidEvent(
            f"objects: {number}; expected a list of 1 to {IMAGES_LIMIT} object versions, as in {_EXAMPLE}; "
            "send the rest again"
        )
    return objects


def _top_k(event: Mapping[str, Any]) -> int | None:
    top_k = event.get("top_k")
    if top_k is not None and (type(top_k) is not int or not 1 <= top_k <= TOP_K_LIMIT):
        raise InvalidEvent(f"top_k: {top_k!r:.80}; expected a whole number from 1 to {TOP_K_LIMIT}, or leave it out")
    return top_k


def _content(version: ObjectVersion) -> bytes:
    # Read one byte beyond the limit: it reveals a larger object than the event says, and no object fills the memory.
    content = storage.read_range(version, 0, SIZE_LIMIT_BYTES + 1)
    check_size(max(len(content), version.size_bytes))
    return content


def _found(classifier: Classifier, answer: Sequence[float], top_k: int | None) -> Outcome:
    manifest = classifier.manifest
    try:
        labels = scores.most_probable(manifest, scores.probabilities(manifest, answer), top_k)
    except VisionError as error:
        return _refused(error)
    return {"labels": labels}


def _refused(error: VisionError) -> Outcome:
    return {"error": Failure(type(error).__name__, str(error)).as_dict()}
