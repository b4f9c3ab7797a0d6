"""Errors as Rekognition puts them on the wire.

Codes, HTTP status and messages follow "Error handling" in the developer guide; where the guide is silent, what
users of the service have reported is followed and named next to the error.
"""

import uuid
from typing import Any


class RekognitionError(Exception):
    """A refusal: code, message and HTTP status of the answer."""

    def __init__(self, code: str, message: str, http_status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.http_status = http_status

    def body(self) -> dict[str, Any]:
        """Give the JSON 1.1 body, with the fields of the example in the developer guide."""
        return {
            "__type": self.code,
            "Code": self.code,
            "Logref": str(uuid.uuid4()),
            "Message": self.message,
        }


def invalid_s3_object() -> RekognitionError:
    """No such bucket, key or version, another Region, or no permission to read it: the service does not tell which."""
    return RekognitionError(
        "InvalidS3ObjectException",
        "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
    )


def invalid_image_format() -> RekognitionError:
    """Neither JPEG nor PNG, or not decodable."""
    return RekognitionError("InvalidImageFormatException", "Request has invalid image format")


def image_too_large() -> RekognitionError:
    """More bytes than a stored image may have."""
    return RekognitionError("ImageTooLargeException", "Image size is too large")


def too_many_pixels(width: int, height: int, limit: int) -> RekognitionError:
    """Longer side than DetectLabels takes; the wording is the one reported in aws-doc-sdk-examples#4848."""
    return RekognitionError(
        "ImageTooLargeException",
        f"Input image dimensions {width} x {height} exceed maximum dimension size of {limit} pixels",
    )


def invalid_parameters(detail: str = "") -> RekognitionError:
    """Answer a request that contradicts itself, or an image below the minimum side.

    That a small image is answered with this code and nothing more telling is reported in botocore#1366.
    ``detail`` is only for what is missing here and not on AWS.
    """
    return RekognitionError("InvalidParameterException", detail or "Request has invalid parameters")


def violated_constraint(value: Any, member: str, constraint: str) -> RekognitionError:
    """Answer a value outside the service model, which the web framework refuses before Rekognition sees it."""
    return RekognitionError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}",
    )


def unknown_operation(operation: str) -> RekognitionError:
    """Answer an operation that this stand-in does not have; the message says so, AWS sends none."""
    return RekognitionError("UnknownOperationException", f"{operation} is not part of the local Rekognition")


def slow_down() -> RekognitionError:
    """Answer a rate that grows too fast."""
    return RekognitionError("ThrottlingException", "Slow down; sudden increase in rate of requests")


def rate_exceeded() -> RekognitionError:
    """More calls per second than the quota."""
    return RekognitionError("ProvisionedThroughputExceededException", "Provisioned Rate exceeded.")


def internal_error() -> RekognitionError:
    """Answer a failure on the service's side."""
    return RekognitionError("InternalServerError", "Internal server error", http_status=500)
