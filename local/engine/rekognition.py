"""Rekognition as a service of the engine, implemented by `local.rekognition` in this process."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import uuid
from collections.abc import Callable
from typing import Any, Protocol

from ministack import app
from ministack.core import router
from ministack.core.responses import get_region
from ministack.core.router import extract_access_key_id
from ministack.services import s3
from ministack.services import stepfunctions as sf

from local.engine.iam import is_s3_read_allowed

logger = logging.getLogger("rekognition")

CONTENT_TYPE = "application/x-amz-json-1.1"

# The service itself, and the controls of its local stand-in (faults, counters).
TARGET_PREFIXES = ["RekognitionService", "LocalRekognition"]

ReadObject = Callable[[str, str, str | None], bytes]
Response = tuple[int, dict[str, str], bytes]


class RekognitionService(Protocol):
    """What answers the calls: `local.rekognition.service.Rekognition`."""

    def handle(self, operation: str, request: dict[str, Any], read_object: ReadObject) -> tuple[int, dict[str, Any]]:
        """Answer one call with an HTTP status and a response object."""


def install() -> None:
    """Register the service with the engine's router and with the `aws-sdk` tasks of state machines."""
    app.SERVICE_HANDLERS["rekognition"] = handle_request
    router.SERVICE_PATTERNS["rekognition"] = {
        "target_prefixes": TARGET_PREFIXES,
        "host_patterns": [r"rekognition\."],
    }
    sf._AWS_SDK_SERVICE_MAP["rekognition"] = {"target_prefix": TARGET_PREFIXES[0], "protocol": "json"}
    sf._AWS_SDK_ERROR_PREFIX["rekognition"] = "Rekognition"


async def handle_request(
    _method: str, _path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
) -> Response:
    """Answer one request in JSON 1.1, outside the event loop: a model can take a second."""
    target = headers.get("x-amz-target", "")
    access_key_id = extract_access_key_id(headers, query_params)

    def read_object(bucket: str, key: str, version_id: str | None) -> bytes:
        return read_object_as(access_key_id, bucket, key, version_id)

    return await asyncio.to_thread(_answer, target, body, read_object)


def read_object_as(access_key_id: str, bucket: str, key: str, version_id: str | None) -> bytes:
    """Read an object of the engine's S3 with the permissions of the caller, as Rekognition does.

    Raises
    ------
    PermissionError
        The caller's role or the bucket's policy does not allow the read.
    LookupError
        When there is no such bucket, key or version in this Region. AWS answers both with `InvalidS3ObjectException`.
        https://docs.aws.amazon.com/rekognition/latest/APIReference/API_S3Object.html
    """
    if not is_s3_read_allowed(access_key_id, bucket, key, version_id):
        raise PermissionError(f"the caller may not read s3://{bucket}/{key}")
    status, _, content = s3._get_object(bucket, key, {}, {"versionId": version_id} if version_id else {})
    if status != 200 or s3.bucket_region(bucket) != get_region():
        raise LookupError(f"no object s3://{bucket}/{key}")
    return bytes(content)


def _answer(target: str, body: str | bytes, read_object: ReadObject) -> Response:
    try:
        status, answer = _service.get().handle(target, json.loads(body or b"{}"), read_object)
    except (ImportError, FileNotFoundError) as error:
        # No model has been downloaded: the message of the error names the command for it.
        status, answer = _internal_error(str(error))
    except Exception as error:
        logger.exception("%s failed", target)
        status, answer = _internal_error(f"the local Rekognition failed in {target}: {error!r}")
    headers = {"Content-Type": CONTENT_TYPE}
    if "__type" in answer:
        headers["x-amzn-ErrorType"] = answer["__type"]
    return status, headers, json.dumps(answer).encode()


def _internal_error(message: str) -> tuple[int, dict[str, str]]:
    code = "InternalServerError"
    return 500, {"__type": code, "Code": code, "Message": message, "Logref": str(uuid.uuid4())}


class _LazyService:
    """The service, created at the first call: its model takes memory that other work does not need."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._service: RekognitionService | None = None

    def get(self) -> RekognitionService:
        with self._lock:
            if self._service is None:
                from local.rekognition.service import Rekognition

                self._service = Rekognition()
            return self._service


_service = _LazyService()
