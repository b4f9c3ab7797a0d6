"""One AWS session, its clients, and how their errors become the domain's."""

from __future__ import annotations

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

# The state machine waits and retries for free; a function that sleeps is paid for. So the SDK retries little,
# and adaptive mode lowers its own rate when a service asks for it.
_CONFIG = Config(
    connect_timeout=3,
    read_timeout=20,
    # A worker of a bulk run has two calls for each of its threads under way, see vision/services/bulk_worker.py.
    max_pool_connections=48,
    retries={"mode": "adaptive", "total_max_attempts": 3},
    user_agent_extra="image-recognition-pipeline",
)

_OF_SERVICE = {
    # Addresses are signed for the bucket's own Region, as browsers need them: with the older signature, and with the
    # global address of us-east-1, S3 answers those of a new bucket by a redirect, which loses an upload's form.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    "s3": _CONFIG.merge(
        Config(signature_version="s3v4", s3={"us_east_1_regional_endpoint": "regional", "addressing_style": "virtual"})
    ),
    # A function of an image may load its model first. Asking again while it does would only start another one.
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


@cache
def client(service: str) -> Any:
    """Return the client of a service, made once per execution environment and only where it is used."""
    # Threads that ask at the same time are served one after the other: a session is not for several at once.
    # https://docs.aws.amazon.com/boto3/latest/guide/session.html
    with _making:
        return _session().create_client(service, config=_OF_SERVICE.get(service, _CONFIG))


@cache
def _session() -> Any:
    # The SDK's core: boto3 adds resources and transfers that nothing here uses, and a fifth to a cold start.
    return botocore.session.get_session()


@contextmanager
def domain_errors(subject: str) -> Iterator[None]:
    """Turn what the SDK raises into a domain error that names the subject.

    Raises
    ------
    Throttled, ServiceUnavailable
        Waiting can help.
    ObjectNotFound, AccessDenied, ImageTooLarge, InvalidImage
        It cannot. A refusal that is none of these is a bug of ours and passes as the SDK raised it.
    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        status_code = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        kind = _ERRORS.get(code) or (ServiceUnavailable if status_code >= 500 else None)
        if kind is None:
            raise
        # A refusal of permission quotes the object's ARN, and with it owner and file name: those are not for logs.
        message = "" if kind is AccessDenied else error.response.get("Error", {}).get("Message", "")
        raise kind(f"{subject}: {(message or code).rstrip('.')}; {_REMEDIES[kind]}") from error
    except BotoCoreError as error:
        remedy = _REMEDIES[ServiceUnavailable]
        raise ServiceUnavailable(f"{subject}: no answer in time ({type(error).__name__}); {remedy}") from error
