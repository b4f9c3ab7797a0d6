"""Labels from Amazon Rekognition. It reads the object from S3 itself: no image bytes pass through Lambda."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from vision.adapters.session import client, domain_errors
from vision.domain import labels
from vision.domain.errors import InvalidImage, ModelNotReady
from vision.domain.labels import Detection
from vision.domain.objects import ObjectVersion

DETECTOR_NAME = "rekognition"
CUSTOM_DETECTOR_NAME = "custom-labels"


def detect_labels(
    version: ObjectVersion, max_labels: int, min_confidence: float, only: Sequence[str] = ()
) -> Detection:
    """Return at most ``max_labels`` labels of at least ``min_confidence`` (0 to 100) of an object version.

    Parameters
    ----------
    only
        Look for these labels and no others, at most 100: a list that was cut could lack the one that matters.

    Raises
    ------
    ObjectNotFound, AccessDenied, ImageTooLarge, InvalidImage, Throttled, ServiceUnavailable
    """
    filters = {"Settings": {"GeneralLabels": {"LabelInclusionFilters": list(only)}}} if only else {}
    rekognition = client("rekognition")
    try:
        with domain_errors("DetectLabels"):
            response = rekognition.detect_labels(
                Image={"S3Object": _source(version)}, MaxLabels=max_labels, MinConfidence=min_confidence, **filters
            )
    except rekognition.exceptions.InvalidParameterException as error:
        raise _refused("DetectLabels", error) from error
    detector = {"name": DETECTOR_NAME, "version": response.get("LabelModelVersion", "unknown")}
    return Detection(labels.from_rekognition(response), detector)


def detect_custom_labels(version: ObjectVersion, model_version_arn: str, min_confidence: float) -> Detection:
    """Return the custom labels of at least ``min_confidence`` (0 to 100) of an object version.

    Raises
    ------
    ModelNotReady
        The model is not running yet, or not any more.
    ObjectNotFound, AccessDenied, ImageTooLarge, InvalidImage, Throttled, ServiceUnavailable
    """
    rekognition = client("rekognition")
    try:
        with domain_errors("DetectCustomLabels"):
            response = rekognition.detect_custom_labels(
                ProjectVersionArn=model_version_arn, Image={"S3Object": _source(version)}, MinConfidence=min_confidence
            )
    except rekognition.exceptions.InvalidParameterException as error:
        raise _refused("DetectCustomLabels", error) from error
    except rekognition.exceptions.ResourceNotReadyException as error:
        raise ModelNotReady("DetectCustomLabels: the model is not running; wait until it is") from error
    return Detection(labels.from_custom_labels(response), {"name": CUSTOM_DETECTOR_NAME, "version": model_version_arn})


def _refused(operation: str, error: ClientError) -> InvalidImage:
    message = error.response["Error"].get("Message", "").rstrip(".")
    return InvalidImage(f"{operation}: {message}; check the sides of the image, or save it again as JPEG or PNG")


def _source(version: ObjectVersion) -> dict[str, Any]:
    source = {"Bucket": version.bucket, "Name": version.key}
    return source | ({"Version": version.version_id} if version.version_id else {})
