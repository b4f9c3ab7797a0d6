"""Labels from a team's own model: the container function `classify_image`, which reads the objects from S3 itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vision.adapters.aws_sdk import client, domain_errors
from vision.domain.errors import (
    AccessDenied,
    CorruptImage,
    ImageTooLarge,
    InvalidEvent,
    InvalidModel,
    NotSupportedImageType,
    ObjectNotFound,
    ServiceUnavailable,
    Throttled,
    TooManyPixels,
    UnusableAnswer,
    VisionError,
)
from vision.domain.labels import Detection
from vision.domain.objects import ObjectVersion

# What the function may say of an image, or of itself.
_ERRORS: dict[str, type[VisionError]] = {
    kind.__name__: kind
    for kind in (
        *(AccessDenied, CorruptImage, ImageTooLarge, InvalidEvent, InvalidModel, NotSupportedImageType),
        *(ObjectNotFound, ServiceUnavailable, Throttled, TooManyPixels, UnusableAnswer),
    )
}
# An image that is not whole never starts, however long one waits.
# https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html
_NEVER_STARTS = ("Runtime.ImportModuleError", "Runtime.HandlerNotFound", "Runtime.InvalidEntrypoint")


def detect_labels(
    version: ObjectVersion, function_arn: str, max_labels: int, min_confidence: float, top_k: int | None = None
) -> Detection:
    """Return the class of an object version, and the classes behind it that are at least ``min_confidence`` (0 to 100).

    The class itself is there however sure the model is: its manifest has a threshold, and below it the class is
    ``unknown``.

    Parameters
    ----------
    max_labels, top_k
        The most that are returned; how many the model is asked for, if not as many as its manifest says.

    Raises
    ------
    ObjectNotFound, AccessDenied, ImageTooLarge, NotSupportedImageType, CorruptImage, TooManyPixels, InvalidEvent
        Of this image.
    UnusableAnswer, InvalidModel
        Of the model.
    Throttled, ServiceUnavailable
    """
    [found] = classify([version], function_arn, top_k).outcomes
    if isinstance(found, VisionError):
        raise found
    return limited(found, max_labels, min_confidence)


def limited(found: Detection, max_labels: int, min_confidence: float) -> Detection:
    """Return the class of a detection, and those behind it that are sure enough, as :func:`detect_labels` does."""
    first, *others = found.labels
    sure = [label for label in others if label["confidence"] >= min_confidence]
    return Detection([first, *sure][:max_labels], found.detector)


@dataclass(frozen=True, slots=True)
class Classified:
    """What the model found in each image of a call, or why nothing; and the gigabytes and seconds that are billed."""

    outcomes: list[Detection | VisionError]
    gb_seconds: float


def classify(versions: Sequence[ObjectVersion], function_arn: str, top_k: int | None = None) -> Classified:
    """Return what the model finds in each of at most 32 object versions, or why it finds nothing.

    Raises
    ------
    InvalidEvent, InvalidModel, AccessDenied, Throttled, ServiceUnavailable
        The function could not be asked.
    """
    event: dict[str, Any] = {"objects": [version.as_dict() for version in versions]}
    answer = _invoke(function_arn, event | ({"top_k": top_k} if top_k else {}))
    detector = answer["detector"]
    outcomes = [
        _error(outcome["error"]["name"], outcome["error"]["cause"])
        if "error" in outcome
        else Detection(outcome["labels"], detector)
        for outcome in answer["outcomes"]
    ]
    return Classified(outcomes, answer["gb_seconds"])


def _invoke(function_arn: str, event: Mapping[str, Any]) -> dict[str, Any]:
    functions = client("lambda")
    try:
        with domain_errors("own model"):
            response = functions.invoke(FunctionName=function_arn, Payload=json.dumps(event).encode())
            payload = json.loads(response["Payload"].read())
    except functions.exceptions.ResourceNotFoundException as error:
        raise InvalidModel(
            "own model: there is no such function; deploy own-model.yaml and set OwnModelFunctionArn to its output"
        ) from error
    except functions.exceptions.ResourceConflictException as error:
        # Lambda puts images aside that nobody has asked for weeks, and takes a while to bring them back.
        # https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
        raise ServiceUnavailable("own model: the function is not active yet; wait and try again") from error
    if "FunctionError" in response:
        raise _error(str(payload.get("errorType", "")), str(payload.get("errorMessage", "")))
    return dict(payload)


def _error(name: str, cause: str) -> VisionError:
    if kind := _ERRORS.get(name):
        return kind(cause)
    if name in _NEVER_STARTS:
        return InvalidModel(f"own model: {name}: {cause}; build its image again")
    # What Lambda says of a function that ran out of time or memory, and a bug of ours: its log tells.
    return ServiceUnavailable(f"own model: {name or 'no reason'}: {cause[:200]}; look at the log of classify_image")
