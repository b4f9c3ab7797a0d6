"""The service: takes an operation and its JSON request, returns the HTTP status and the JSON response.

It does not depend on HTTP servers or signatures; the engine's adapter has those. An operation is a method and an
entry in one table; those of Custom Labels are in `local.rekognition.custom_labels`.
"""

import base64
import binascii
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from local.rekognition import errors, limits
from local.rekognition.custom_labels.operations import CustomLabels
from local.rekognition.custom_labels.projects import PROJECTS_DIR
from local.rekognition.decoder import Decoder
from local.rekognition.errors import RekognitionError
from local.rekognition.faults import Faults
from local.rekognition.fetch import CLASSIFIER, DETECTOR, MODELS_DIR
from local.rekognition.labels import Label, merge, taxonomy
from local.rekognition.models import Classifier, Detector

ReadObject = Callable[[str, str, str | None], bytes]
"""Reads an S3 object by bucket, key and version (``None``: the current one) on behalf of the caller.

Raises ``LookupError`` when it does not exist and ``PermissionError`` when the caller may not read it.
"""

_SERVICE_TARGET = "RekognitionService"
_CONTROL_TARGET = "LocalRekognition"
_BUCKET_PATTERN = r"[0-9A-Za-z\.\-_]*"


class Rekognition:
    """A local Amazon Rekognition.

    Parameters
    ----------
    models_dir
        The folder of the models from ``python -m local.rekognition.fetch``. The detector may be missing: then
        labels have no boxes and ``LabelModelVersion`` says so.
    faults
        The faults, for callers in the same process that set them without a request.
    projects_dir
        The folder of the Custom Labels project versions from ``python -m local.rekognition.train``.

    Raises
    ------
    FileNotFoundError
        The classifier is missing; the message names the command that downloads it.

    Examples
    --------
    >>> service = Rekognition()  # doctest: +SKIP
    >>> image = {"S3Object": {"Bucket": "photos", "Name": "cat.jpg"}}
    >>> service.handle("DetectLabels", {"Image": image}, read_object)  # doctest: +SKIP
    (200, {'Labels': [...], 'LabelModelVersion': 'local-1.0 (EfficientDet-Lite2 + EfficientNet-Lite3)'})
    """

    def __init__(
        self, models_dir: Path = MODELS_DIR, faults: Faults | None = None, projects_dir: Path = PROJECTS_DIR
    ) -> None:
        classifier_path = models_dir / CLASSIFIER.name
        if not classifier_path.is_file():
            raise FileNotFoundError(
                f"{CLASSIFIER.name} is not in {models_dir}; fetch it with `python -m local.rekognition.fetch`"
            )
        self._classifier = Classifier(classifier_path)
        detector_path = models_dir / DETECTOR.name
        self._detector = Detector(detector_path) if detector_path.is_file() else None
        self.faults = faults or Faults()
        self._decoder = Decoder()
        self._custom_labels = custom = CustomLabels(classifier_path, projects_dir, decoder=self._decoder)
        self._operations: dict[str, Callable[[dict[str, Any], ReadObject], dict[str, Any]]] = {
            f"{_SERVICE_TARGET}.DetectLabels": self._detect_labels,
            f"{_SERVICE_TARGET}.DetectCustomLabels": self._detect_custom_labels,
            f"{_SERVICE_TARGET}.CreateProject": lambda request, _: custom.create_project(request),
            f"{_SERVICE_TARGET}.DescribeProjects": lambda request, _: custom.describe_projects(request),
            f"{_SERVICE_TARGET}.DeleteProject": lambda request, _: custom.delete_project(request),
            f"{_SERVICE_TARGET}.DescribeProjectVersions": lambda request, _: custom.describe_project_versions(request),
            f"{_SERVICE_TARGET}.StartProjectVersion": lambda request, _: custom.start_project_version(request),
            f"{_SERVICE_TARGET}.StopProjectVersion": lambda request, _: custom.stop_project_version(request),
            f"{_SERVICE_TARGET}.DeleteProjectVersion": lambda request, _: custom.delete_project_version(request),
        }
        self._controls = {
            f"{_CONTROL_TARGET}.SetFaults": self._set_faults,
            f"{_CONTROL_TARGET}.SetProjectVersion": custom.set_project_version,
            f"{_CONTROL_TARGET}.Counters": self._counters,
        }

    @property
    def label_model_version(self) -> str:
        """The models of the labels; starts with ``local-``, so that a record is not mistaken for one of AWS."""
        if self._detector is None:
            return "local-1.0 (EfficientNet-Lite3, no boxes: EfficientDet-Lite2 is missing)"
        return "local-1.0 (EfficientDet-Lite2 + EfficientNet-Lite3)"

    def handle(self, operation: str, request: dict[str, Any], read_object: ReadObject) -> tuple[int, dict[str, Any]]:
        """Answer one call.

        Parameters
        ----------
        operation
            The ``X-Amz-Target`` header (``RekognitionService.DetectLabels``, ``LocalRekognition.SetFaults``), or
            the bare name of an operation of the service.
        request
            The JSON body; ``Image.Bytes`` is base64, as on the wire.
        read_object
            Reads the image that ``S3Object`` names.

        Returns
        -------
        tuple[int, dict]
            HTTP status and JSON body. Errors are returned as responses too; nothing is raised.
        """
        target = operation if "." in operation else f"{_SERVICE_TARGET}.{operation}"
        try:
            if control := self._controls.get(target):
                return 200, control(request)
            answer = self._operations.get(target)
            if answer is None:
                raise errors.unknown_operation(target)
            self.faults.before(target.partition(".")[2], _object_key(request))
            return 200, answer(request, read_object)
        except RekognitionError as error:
            self.faults.refused(error)
            return error.http_status, error.body()

    def _set_faults(self, request: dict[str, Any]) -> dict[str, Any]:
        self.faults.set(request)
        return {}

    def _counters(self, request: dict[str, Any]) -> dict[str, Any]:
        reset = bool(request.get("reset"))
        return self.faults.counters(reset) | self._custom_labels.counters(reset)

    def _detect_labels(self, request: dict[str, Any], read_object: ReadObject) -> dict[str, Any]:
        max_labels, min_confidence, keeps = _label_settings(request)
        labels = self._look_at(lambda: _image_bytes(request.get("Image"), read_object))
        self.faults.answered()
        wanted = [label for label in labels if label.confidence >= min_confidence and keeps(label)]
        return {
            "Labels": [label.on_the_wire() for label in wanted[:max_labels]],
            "LabelModelVersion": self.label_model_version,
        }

    def _detect_custom_labels(self, request: dict[str, Any], read_object: ReadObject) -> dict[str, Any]:
        return self._custom_labels.detect_custom_labels(
            request, lambda: _image_bytes(request.get("Image"), read_object)
        )

    def _look_at(self, read_image: Callable[[], bytes]) -> list[Label]:
        sides = [Detector.input_side_pixels] if self._detector else []
        views = self._decoder.views("DetectLabels", read_image, [*sides, Classifier.input_side_pixels])
        objects = self._detector.detect(views.pop(0)) if self._detector else []
        return merge(objects, np.asarray(self._classifier.classify(views)))


def _object_key(request: dict[str, Any]) -> str | None:
    image = request.get("Image")
    reference = image.get("S3Object") if isinstance(image, dict) else None
    return reference.get("Name") if isinstance(reference, dict) else None


def _image_bytes(image: Any, read_object: ReadObject) -> bytes:
    """Read the image from the request or from S3, within the size limit of each."""
    if not isinstance(image, dict):
        raise errors.violated_constraint("null", "image", "Member must not be null")
    inline, reference = image.get("Bytes"), image.get("S3Object")
    if (inline is None) == (reference is None):
        raise errors.invalid_parameters()
    if inline is not None:
        return _inline_bytes(inline)
    if not isinstance(reference, dict) or not reference.get("Bucket") or not reference.get("Name"):
        raise errors.invalid_parameters()
    if not re.fullmatch(_BUCKET_PATTERN, reference["Bucket"]):
        raise errors.violated_constraint(
            reference["Bucket"],
            "image.s3Object.bucket",
            f"Member must satisfy regular expression pattern: {_BUCKET_PATTERN}",
        )
    try:
        data = read_object(reference["Bucket"], reference["Name"], reference.get("Version"))
    except (LookupError, PermissionError):
        raise errors.invalid_s3_object() from None
    if len(data) > limits.MAX_S3_IMAGE_BYTES:
        raise errors.image_too_large()
    return data


def _inline_bytes(encoded: str) -> bytes:
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise RekognitionError("SerializationException", "Image.Bytes is not base64") from None
    if not 1 <= len(data) <= limits.MAX_INLINE_IMAGE_BYTES:
        bound = f"less than or equal to {limits.MAX_INLINE_IMAGE_BYTES}" if data else "greater than or equal to 1"
        raise errors.violated_constraint("<bytes>", "image.bytes", f"Member must have length {bound}")
    return data


def _label_settings(request: dict[str, Any]) -> tuple[int, float, Callable[[Label], bool]]:
    """Read MaxLabels, MinConfidence and the filters.

    Features other than GENERAL_LABELS are refused with a message instead of an empty response.
    """
    unavailable = set(request.get("Features") or ()) - {"GENERAL_LABELS"}
    if unavailable:
        raise errors.invalid_parameters(f"The local Rekognition has no {sorted(unavailable)[0]}")
    max_labels = request.get("MaxLabels", limits.MAX_LABELS)
    if not isinstance(max_labels, int) or max_labels < 0:
        raise errors.violated_constraint(max_labels, "maxLabels", "Member must have value greater than or equal to 0")
    min_confidence = request.get("MinConfidence", limits.DEFAULT_MIN_CONFIDENCE)
    if not isinstance(min_confidence, int | float) or not 0 <= min_confidence <= 100:
        bound = "less than or equal to 100" if _is_above(min_confidence, 100) else "greater than or equal to 0"
        raise errors.violated_constraint(min_confidence, "minConfidence", f"Member must have value {bound}")
    filters = (request.get("Settings") or {}).get("GeneralLabels") or {}
    return min(max_labels, limits.MAX_LABELS), float(min_confidence), _label_filter(filters)


def _is_above(value: Any, bound: float) -> bool:
    return isinstance(value, int | float) and value > bound


def _label_filter(filters: dict[str, list[str]]) -> Callable[[Label], bool]:
    """Combine the four filters of ``GeneralLabels``: included by name or category, then not excluded by either."""
    for member, values in filters.items():
        if len(values) > limits.MAX_FILTER_VALUES:
            path = f"settings.generalLabels.{member[:1].lower()}{member[1:]}"
            raise errors.violated_constraint(
                len(values), path, f"Member must have length less than or equal to {limits.MAX_FILTER_VALUES}"
            )
    included_names = set(filters.get("LabelInclusionFilters", ()))
    included_categories = set(filters.get("LabelCategoryInclusionFilters", ()))
    excluded_names = set(filters.get("LabelExclusionFilters", ()))
    excluded_categories = set(filters.get("LabelCategoryExclusionFilters", ()))

    def keeps(label: Label) -> bool:
        category = taxonomy().category(label.name)
        if (included_names or included_categories) and not (
            label.name in included_names or category in included_categories
        ):
            return False
        return label.name not in excluded_names and category not in excluded_categories

    return keeps
