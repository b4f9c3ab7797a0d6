"""Labels from a team's own model. The container function `classify_image` reads the objects from S3 directly."""

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

# The errors that the function returns for an image, or raises for the call.
_ERRORS: dict[str, type[VisionError]] = {
    kind.__name__: kind
    for kind in (
        *(AccessDenied, CorruptImage, ImageTooLarge, InvalidEvent, InvalidModel, NotSupportedImageType),
        *(ObjectNotFound, ServiceUnavailable, Throttled, TooManyPixels, UnusableAnswer),
    )
}
# A function with a broken container image never starts, so waiting cannot help.
# https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html
_NEVER_STARTS = ("Runtime.ImportModuleError", "Runtime.HandlerNotFound", "Runtime.InvalidEntrypoint")


def detect_labels(
    version: ObjectVersion, function_arn: str, max_labels: int, min_confidence: float, top_k: int | None = None
) -> Detection:
    """Return the class of an object version, then further classes of at least ``min_confidence`` (0 to 100).

    The class itself is always returned, at any confidence. Below the threshold of the manifest, the class is
    ``unknown``.

    Parameters
    ----------
    max_labels, top_k
        The maximum number of labels to return, and how many to request from the model; by default as many as its
        manifest says.

    Raises
    ------
    ObjectNotFound, AccessDenied, ImageTooLarge, NotSupportedImageType, CorruptImage, TooManyPixels, InvalidEvent
        The cause is this image.
    UnusableAnswer, InvalidModel
        The cause is the model.
    Throttled, ServiceUnavailable
    """
    [found] = classify([version], function_arn, top_k).outcomes
    if isinstance(found, VisionError):
        raise found
    return limited(found, max_labels, min_confidence)


def limited(found: Detection, max_labels: int, min_confidence: float) -> Detection:
    """Return the class of a detection, then others of at least ``min_confidence``, as :func:`detect_labels`."""
    first, *others = found.labels
    confident = [label for label in others if label["confidence"] >= min_confidence]
    return Detection([first, *confident][:max_labels], found.detector)


@dataclass(frozen=True, slots=True)
class Classified:
    """The detection or the error of each image in a call, and the gigabyte-seconds of that call."""

    outcomes: list[Detection | VisionError]
    gb_seconds: float


def classify(versions: Sequence[ObjectVersion], function_arn: str, top_k: int | None = None) -> Classified:
    """Classify at most 32 object versions; return a detection or an error for each.

    Raises
    ------
    InvalidEvent, InvalidModel, AccessDenied, Throttled, ServiceUnavailable
        The whole call failed.
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
        # Lambda makes a function inactive that was not invoked for weeks, and takes a while to reactivate it.
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
    # The function ran out of time or memory, or it has a bug; its log has the details.
    return ServiceUnavailable(f"own model: {name or 'no reason'}: {cause[:200]}; look at the log of classify_image")
