"""Labels from Amazon Rekognition, which reads the object from S3: no image bytes pass through Lambda."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from vision.adapters import storage
from vision.adapters.aws_sdk import client, domain_errors
from vision.domain import labels
from vision.domain.detector_types import CUSTOM_LABELS, REKOGNITION
from vision.domain.errors import InvalidImage, ModelNotReady, ObjectNotAccessible
from vision.domain.labels import Detection
from vision.domain.objects import ObjectVersion


def detect_labels(
    version: ObjectVersion, max_labels: int, min_confidence: float, only: Sequence[str] = ()
) -> Detection:
    """Return at most ``max_labels`` labels of at least ``min_confidence`` (0 to 100) of an object version.

    Parameters
    ----------
    only
        Detect only these labels, at most 100. Without the filter, a limited response could lack the one that matters.

    Raises
    ------
    ObjectNotFound, ObjectNotAccessible, AccessDenied, ImageTooLarge, InvalidImage, Throttled, ServiceUnavailable
    """
    filters = {"Settings": {"GeneralLabels": {"LabelInclusionFilters": list(only)}}} if only else {}
    with _refusals("DetectLabels", version):
        response = client("rekognition").detect_labels(
            Image={"S3Object": _source(version)}, MaxLabels=max_labels, MinConfidence=min_confidence, **filters
        )
    detector = {"name": REKOGNITION.name, "version": response.get("LabelModelVersion", "unknown")}
    return Detection(labels.from_rekognition(response), detector)


def detect_custom_labels(version: ObjectVersion, model_version_arn: str, min_confidence: float) -> Detection:
    """Return the custom labels of at least ``min_confidence`` (0 to 100) of an object version.

    Raises
    ------
    ModelNotReady
        The model is not running yet, or no longer running.
    ObjectNotFound, ObjectNotAccessible, AccessDenied, ImageTooLarge, InvalidImage, Throttled, ServiceUnavailable
    """
    rekognition = client("rekognition")
    try:
        with _refusals("DetectCustomLabels", version):
            response = rekognition.detect_custom_labels(
                ProjectVersionArn=model_version_arn, Image={"S3Object": _source(version)}, MinConfidence=min_confidence
            )
    except rekognition.exceptions.ResourceNotReadyException as error:
        raise ModelNotReady("DetectCustomLabels: the model is not running; wait until it is") from error
    detector = {"name": CUSTOM_LABELS.name, "version": model_version_arn}
    return Detection(labels.from_custom_labels(response), detector)


@contextmanager
def _refusals(operation: str, version: ObjectVersion) -> Iterator[None]:
    """Convert the errors of Rekognition about an object to domain errors."""
    exceptions = client("rekognition").exceptions
    try:
        with domain_errors(operation):
            yield
    except exceptions.InvalidParameterException as error:
        message = error.response["Error"].get("Message", "").rstrip(".")
        raise InvalidImage(
            f"{operation}: {message}; check the sides of the image, or save it again as JPEG or PNG"
        ) from error
    except exceptions.InvalidS3ObjectException as error:
        # Rekognition raises the same error for a missing object and for one that it cannot read. Reading the object
        # raises ObjectNotFound or AccessDenied if that is the cause.
        # https://docs.aws.amazon.com/rekognition/latest/dg/error-handling.html
        storage.read_range(version, 0, 1)
        raise ObjectNotAccessible(
            f"{operation}: Rekognition cannot read the image, although it is there; use a bucket of this Region, and "
            "let the bucket policy and the policy of its KMS key allow what Rekognition reads in the name of this role"
        ) from error


def _source(version: ObjectVersion) -> dict[str, Any]:
    source = {"Bucket": version.bucket, "Name": version.key}
    return source | ({"Version": version.version_id} if version.version_id else {})
