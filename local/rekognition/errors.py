"""Errors as Rekognition returns them.

Codes, HTTP status and messages follow "Error handling" in the developer guide; where the guide says nothing, they
follow reports of users of the service, which are named next to the error.
"""

import uuid
from typing import Any


class RekognitionError(Exception):
    """An error: code, message and HTTP status of the response."""

    def __init__(self, code: str, message: str, http_status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.http_status = http_status

    def body(self) -> dict[str, Any]:
        """Return the JSON 1.1 body, with the fields of the example in the developer guide."""
        return {
            "__type": self.code,
            "Code": self.code,
            "Logref": str(uuid.uuid4()),
            "Message": self.message,
        }


def invalid_s3_object() -> RekognitionError:
    """Return the one error for an object that does not exist, is in another Region, or may not be read."""
    return RekognitionError(
        "InvalidS3ObjectException",
        "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
    )


def invalid_image_format() -> RekognitionError:
    """Return the error for an image that is neither JPEG nor PNG, or cannot be decoded."""
    return RekognitionError("InvalidImageFormatException", "Request has invalid image format")


def image_too_large() -> RekognitionError:
    """Return the error for an image with more bytes than the limit for S3."""
    return RekognitionError("ImageTooLargeException", "Image size is too large")


def too_costly() -> RekognitionError:
    """Return the error for an image whose decode takes more than this machine allows; AWS has no such error."""
    return RekognitionError(
        "ImageTooLargeException",
        "Decoding the image takes more memory or time than the local Rekognition has; resize it, or save it as "
        "baseline JPEG",
    )


def too_many_pixels(width: int, height: int, limit: int) -> RekognitionError:
    """Return the error for a side beyond the limit of DetectLabels, as reported in aws-doc-sdk-examples#4848."""
    return RekognitionError(
        "ImageTooLargeException",
        f"Input image dimensions {width} x {height} exceed maximum dimension size of {limit} pixels",
    )


def invalid_parameters(detail: str = "") -> RekognitionError:
    """Return the error for a request that contradicts itself, or for an image below the minimum side.

    botocore#1366 reports that a small image gets this code without further details.
    ``detail`` is only for features that are missing here and not on AWS.
    """
    return RekognitionError("InvalidParameterException", detail or "Request has invalid parameters")


def violated_constraint(value: Any, member: str, constraint: str) -> RekognitionError:
    """Return the error for a value outside the service model, which the web framework refuses before Rekognition."""
    return RekognitionError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}",
    )


def unknown_operation(operation: str) -> RekognitionError:
    """Return the error for an operation that is not implemented here; the message says so, AWS sends none."""
    return RekognitionError("UnknownOperationException", f"{operation} is not part of the local Rekognition")


def slow_down() -> RekognitionError:
    """Return the error for a rate that increases too fast."""
    return RekognitionError("ThrottlingException", "Slow down; sudden increase in rate of requests")


def rate_exceeded() -> RekognitionError:
    """Return the error for more calls per second than the quota."""
    return RekognitionError("ProvisionedThroughputExceededException", "Provisioned Rate exceeded.")


def internal_error() -> RekognitionError:
    """Return the error for a failure of the service."""
    return RekognitionError("InternalServerError", "Internal server error", http_status=500)
