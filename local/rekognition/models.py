"""The two models: objects with boxes (COCO), and classes of the whole image (ImageNet).

An interpreter processes one image at a time, so each model has a small pool of them; all give the same result. Both
models take raw 8-bit RGB.
"""

import queue
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from PIL import Image

_INTERPRETERS = 2
_THREADS_EACH = 2
_LABEL_MAP = "labelmap.txt"


@dataclass(frozen=True)
class Box:
    """A rectangle in fractions of the image: 0 is left or top, 1 is right or bottom."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        """The fraction of the image that it covers."""
        return max(0.0, self.right - self.left) * max(0.0, self.bottom - self.top)

    def overlap(self, other: "Box") -> float:
        """Return intersection over union, 0 to 1."""
        shared = Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        ).area
        union = self.area + other.area - shared
        return shared / union if union else 0.0


@dataclass(frozen=True)
class DetectedObject:
    """One object: COCO class name, confidence 0–100, bounding box."""

    class_name: str
    confidence: float
    box: Box


class _Pool:
    """Interpreters of one model file, each created when needed and used by one thread at a time."""

    def __init__(self, model_path: Path) -> None:
        self._model_path = model_path
        self._idle: queue.LifoQueue[Interpreter | None] = queue.LifoQueue()
        for _ in range(_INTERPRETERS):
            self._idle.put(None)

    @contextmanager
    def borrow(self) -> Iterator[Interpreter]:
        interpreter = self._idle.get()
        try:
            if interpreter is None:
                interpreter = Interpreter(str(self._model_path), num_threads=_THREADS_EACH)
                interpreter.allocate_tensors()
            yield interpreter
        finally:
            self._idle.put(interpreter)


def _run(interpreter: Interpreter, image: Image.Image) -> list[NDArray[Any]]:
    """Run the model on one image, stretched to its input, and copy the outputs of the first batch entry."""
    entry = interpreter.get_input_details()[0]
    side = int(entry["shape"][1])
    pixels = np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))
    interpreter.set_tensor(entry["index"], pixels[np.newaxis])
    interpreter.invoke()
    return [interpreter.get_tensor(output["index"])[0] for output in interpreter.get_output_details()]


class Detector:
    """EfficientDet-Lite2: up to 25 objects of 80 everyday classes, best first."""

    input_side_pixels = 448

    def __init__(self, model_path: Path) -> None:
        self._pool = _Pool(model_path)
        with zipfile.ZipFile(model_path) as appended:
            self._class_names = appended.read(_LABEL_MAP).decode().splitlines()

    def detect(self, image: Image.Image) -> list[DetectedObject]:
        """Find objects in an upright RGB image."""
        with self._pool.borrow() as interpreter:
            boxes, classes, scores, _ = _run(interpreter, image)
        found = []
        for (top, left, bottom, right), class_index, score in zip(boxes, classes, scores, strict=True):
            edges = (min(1.0, max(0.0, float(edge))) for edge in (left, top, right, bottom))
            found.append(DetectedObject(self._class_names[int(class_index)], 100 * float(score), Box(*edges)))
        return found


class Classifier:
    """EfficientNet-Lite3: a probability for each of the thousand classes of ImageNet."""

    input_side_pixels = 280

    def __init__(self, model_path: Path) -> None:
        self._pool = _Pool(model_path)

    def classify(self, looks: Sequence[Image.Image]) -> NDArray[np.float64]:
        """Return 1,000 percentages for an upright RGB image: the mean over its views, see `images.views`."""
        with self._pool.borrow() as interpreter:
            scale, zero_point = interpreter.get_output_details()[0]["quantization"]
            answers = [_run(interpreter, look)[0].astype(np.float64) for look in looks]
        mean: NDArray[np.float64] = np.mean(answers, axis=0)
        return 100 * float(scale) * (mean - float(zero_point))
