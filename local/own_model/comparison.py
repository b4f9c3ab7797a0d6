"""Compare Rekognition and the own model on the same objects of the image bucket."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from local.demo.photo_demo import DemoFailed, utf8_name
from local.own_model.opinions import Compared, Comparison, Opinion
from vision.domain import labels
from vision.domain.errors import VisionError
from vision.domain.image_file import formats, pixels
from vision.domain.objects import ObjectVersion
from vision.services.own_model.classification import IMAGES_LIMIT

_ENDINGS = formats.SUFFIXES
_MAX_LABELS = 10
_MIN_CONFIDENCE = 60
_THUMBNAIL_PIXELS = 250
# No event rule matches this prefix of the bucket, and its objects are deleted afterwards.
_FOLDER = "compare"
_AT_ONCE = 8
_NAME_ANOTHER = "name the output ClassifyImageFunctionArn of own-model.yaml"


class Account(Protocol):
    """The account of the stack: the local AWS, or one on AWS."""

    def client(self, service: str) -> Any:
        """Return a client of a service."""


def pictures(folder: Path) -> list[Path]:
    """Return the pictures of a folder.

    Raises
    ------
    DemoFailed
        The folder does not exist, or has no pictures.
    """
    if not folder.is_dir():
        why = "is a file" if folder.exists() else "there is no such folder"
        raise DemoFailed(f"{folder}: {why}; name a folder with pictures ({', '.join(_ENDINGS)})")
    found = sorted(path for path in folder.glob("*") if path.is_file() and path.suffix.lower() in _ENDINGS)
    if not found:
        raise DemoFailed(f"{folder} has no pictures; name a folder with some ({', '.join(_ENDINGS)})")
    return found


def compare(
    account: Account, bucket: str, function_arn: str, files: Sequence[Path], min_confidence: float = _MIN_CONFIDENCE
) -> Comparison:
    """Run both detectors on each file.

    Parameters
    ----------
    bucket
        A bucket that the own model's function may read.
    min_confidence
        Lowest confidence of Rekognition's labels, 0 to 100; the own model has its threshold.

    Raises
    ------
    DemoFailed
        The account or the function cannot be called at all, or the response is not that of an own model.
    """
    try:
        s3 = account.client("s3")
    except BotoCoreError as error:
        raise _impossible(error) from error
    with _stored(s3, bucket, files) as versions:
        first, by_rekognition = _rekognition(account, versions, min_confidence)
        second, by_model = _own_model(account, versions, function_arn)
    opinions = zip(files, by_rekognition, by_model, strict=True)
    compared = [Compared(utf8_name(file), _thumbnail(file), left, right) for file, left, right in opinions]
    return Comparison(first, second, compared)


def _impossible(error: Exception) -> DemoFailed:
    return DemoFailed(f"the pictures cannot be compared ({error}); fix that and compare again")


def _thumbnail(file: Path) -> pixels.Thumbnail | None:
    """Make a thumbnail within the memory limit of the product, or return None: by now the labels are paid for."""
    try:
        return pixels.thumbnail(file.read_bytes(), _THUMBNAIL_PIXELS)
    except (VisionError, OSError):
        return None


@contextmanager
def _stored(s3: Any, bucket: str, files: Sequence[Path]) -> Iterator[list[ObjectVersion]]:
    folder = f"{_FOLDER}/{uuid.uuid4().hex}"
    stored: list[ObjectVersion] = []

    def put(numbered: tuple[int, Path]) -> ObjectVersion:
        number, file = numbered
        content, key = file.read_bytes(), f"{folder}/{number}{file.suffix.lower()}"
        answer = s3.put_object(Bucket=bucket, Key=key, Body=content)
        version = ObjectVersion(
            bucket=bucket,
            key=key,
            version_id=answer.get("VersionId", ""),
            etag=answer["ETag"].strip('"'),
            sequencer="0",
            size_bytes=len(content),
        )
        stored.append(version)
        return version

    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            versions = list(pool.map(put, enumerate(files)))
        yield versions
    except (ClientError, BotoCoreError, OSError) as error:
        raise _impossible(error) from error
    finally:
        left = [version.key for version in stored if not _delete(s3, version)]
        if left:
            first = f"{sys.exception()}; and " if sys.exception() else ""
            raise DemoFailed(f"{first}{len(left)} pictures are left in {bucket}; delete what is below {folder}/")


def _delete(s3: Any, version: ObjectVersion) -> bool:
    """Delete one object, and return whether that succeeded: a failure must not keep the others."""
    chosen = {"VersionId": version.version_id} if version.version_id else {}
    try:
        s3.delete_object(Bucket=version.bucket, Key=version.key, **chosen)
    except (ClientError, BotoCoreError):
        return False
    return True


def _rekognition(
    account: Account, versions: Sequence[ObjectVersion], min_confidence: float
) -> tuple[str, list[Opinion]]:
    rekognition = account.client("rekognition")
    names: set[str] = set()

    def ask(version: ObjectVersion) -> Opinion:
        stored = {"Bucket": version.bucket, "Name": version.key}
        if version.version_id:
            stored["Version"] = version.version_id
        try:
            answer = rekognition.detect_labels(
                Image={"S3Object": stored}, MaxLabels=_MAX_LABELS, MinConfidence=min_confidence
            )
        except ClientError as error:
            return Opinion(error=error.response["Error"]["Code"])
        names.add(f"rekognition {answer.get('LabelModelVersion', '')}".strip())
        return Opinion(labels.from_rekognition(answer))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        opinions = list(pool.map(ask, versions))
    return ", ".join(sorted(names)) or "rekognition", opinions


def _own_model(account: Account, versions: Sequence[ObjectVersion], function_arn: str) -> tuple[str, list[Opinion]]:
    function, name = account.client("lambda"), "own-model"
    opinions: list[Opinion] = []
    for start in range(0, len(versions), IMAGES_LIMIT):
        asked = versions[start : start + IMAGES_LIMIT]
        batch = {"objects": [version.as_dict() for version in asked]}
        answer = function.invoke(FunctionName=function_arn, Payload=json.dumps(batch).encode())
        payload = answer["Payload"].read()
        if "FunctionError" in answer:
            raise DemoFailed(f"the own model's function failed: {_reason(payload)}")
        try:
            name, found = _read(json.loads(payload))
        except (ValueError, TypeError, KeyError) as error:
            raise DemoFailed(f"{function_arn} does not answer as an own model does; {_NAME_ANOTHER}") from error
        if len(found) != len(asked):
            raise DemoFailed(f"{function_arn} answers of {len(found)} images, not of {len(asked)}; {_NAME_ANOTHER}")
        opinions += found
    return name, opinions


def _reason(payload: bytes) -> str:
    """Return Lambda's error type and message of a failed function, or the payload itself if it has another form."""
    try:
        error = json.loads(payload)
        return f"{error['errorType']}: {error['errorMessage']}"
    except (ValueError, TypeError, KeyError):
        return payload.decode("utf-8", "replace")


def _read(answer: Any) -> tuple[str, list[Opinion]]:
    """Read the response of a function; raise ValueError, TypeError or KeyError if it is not that of an own model."""
    return f"{answer['detector']['name']} {answer['detector']['version']}", [*map(_opinion, answer["outcomes"])]


def _opinion(outcome: Mapping[str, Any]) -> Opinion:
    if "error" in outcome:
        return Opinion(error=str(outcome["error"]["name"]))
    found: list[labels.Label] = [
        {
            "name": str(label["name"]),
            "confidence": float(label["confidence"]),
            "parents": [str(parent) for parent in label["parents"]],
            "instances": [],
        }
        for label in outcome["labels"]
    ]
    return Opinion(found)
