"""One AWS session, its clients, and the mapping of their errors to domain errors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from vision.domain.errors import (
    AccessDenied,
    ImageTooLarge,
    InvalidImage,
    ObjectNotFound,
    ServiceUnavailable,
    Throttled,
    VisionError,
)

# A state machine waits and retries for free, but a function that sleeps costs money. The SDK therefore makes few
# retries, and adaptive mode lowers its own rate when a service throttles.
_CONFIG = Config(
    connect_timeout=3,
    read_timeout=20,
    # A worker of a bulk run makes two parallel calls for each of its threads, see vision/services/bulk_worker.py.
    max_pool_connections=48,
    retries={"mode": "adaptive", "total_max_attempts": 3},
    user_agent_extra="image-recognition-pipeline",
)

_OF_SERVICE = {
    # Presigned URLs use the Regional endpoint of the bucket, because browsers need that. With the older signature, or
    # with the global endpoint of us-east-1, S3 redirects requests for a new bucket, which loses the form of an upload.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    "s3": _CONFIG.merge(
        Config(signature_version="s3v4", s3={"us_east_1_regional_endpoint": "regional", "addressing_style": "virtual"})
    ),
    # A function from a container image may first load its model. A retry meanwhile would only start another one.
    "lambda": Config(read_timeout=50, retries={"mode": "standard", "total_max_attempts": 1}),
    # A trigger of Cognito has five seconds for everything; two attempts and the wait between them take three at most.
    "cognito-idp": Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2}),
}

_ERRORS: dict[str, type[VisionError]] = {
    "NoSuchKey": ObjectNotFound,
    "NoSuchVersion": ObjectNotFound,
    "NoSuchBucket": ObjectNotFound,
    "404": ObjectNotFound,
    "AccessDenied": AccessDenied,
    "AccessDeniedException": AccessDenied,
    "AuthorizationError": AccessDenied,
    "KMSAccessDenied": AccessDenied,
    "403": AccessDenied,
    "ImageTooLargeException": ImageTooLarge,
    "InvalidImageFormatException": InvalidImage,
    "RequestTimeout": ServiceUnavailable,
    "SlowDown": Throttled,
    "503": Throttled,
    "Throttling": Throttled,
    "ThrottlingException": Throttled,
    "ThrottledException": Throttled,
    "KMSThrottling": Throttled,
    "TooManyRequestsException": Throttled,
    "RequestLimitExceeded": Throttled,
    "ProvisionedThroughputExceededException": Throttled,
    "LimitExceededException": Throttled,
    "ExecutionLimitExceeded": Throttled,
}

_REMEDIES: dict[type[VisionError], str] = {
    ObjectNotFound: "upload it again",
    AccessDenied: "let the policies of role, bucket and key allow it",
    ImageTooLarge: "resize before upload",
    InvalidImage: "save it again as JPEG or PNG",
    Throttled: "wait, or ask for a higher quota",
    ServiceUnavailable: "wait and try again",
}


_making = Lock()


def make_clients(*services: str) -> None:
    """Make clients when Lambda starts a function, instead of in its first call.

    Lambda starts a function with more CPU than a small function has afterwards. Elsewhere, as in a test, each client is
    made by its first call, so that a handler can be imported without a Region and credentials.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
        for service in services:
            client(service)


@cache
def client(service: str) -> Any:
    """Return the client of a service, created once per execution environment."""
    # Only one thread at a time creates a client, because a session is not thread-safe.
    # https://docs.aws.amazon.com/boto3/latest/guide/session.html
    with _making:
        return _session().create_client(service, config=_OF_SERVICE.get(service, _CONFIG))


@cache
def _session() -> Any:
    # Use botocore: boto3 adds resources and transfers that nothing here uses, and makes a cold start a fifth longer.
    return botocore.session.get_session()


@contextmanager
def domain_errors(subject: str) -> Iterator[None]:
    """Convert an SDK error to a domain error that names the subject.

    Raises
    ------
    Throttled, ServiceUnavailable
        Waiting can help.
    ObjectNotFound, AccessDenied, ImageTooLarge, InvalidImage
        Waiting cannot help. Any other client error is a bug in this product and passes through unchanged.
    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        status_code = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        kind = _ERRORS.get(code) or (ServiceUnavailable if status_code >= 500 else None)
        if kind is None:
            raise
        # The message of an access error contains the object's ARN, and so owner and file name. Keep those out of logs.
        message = "" if kind is AccessDenied else error.response.get("Error", {}).get("Message", "")
        raise kind(f"{subject}: {(message or code).rstrip('.')}; {_REMEDIES[kind]}") from error
    except BotoCoreError as error:
        remedy = _REMEDIES[ServiceUnavailable]
        raise ServiceUnavailable(f"{subject}: no answer in time ({type(error).__name__}); {remedy}") from error
