"""One service with the real models for all tests of this folder; models and photos are fetched when first needed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.demo.sample_photos import PHOTOS_DIR, fetch_photos
from local.rekognition.fetch import DETECTOR, MODELS_DIR, fetch_models
from local.rekognition.service import Rekognition

Answer = tuple[int, dict[str, Any]]


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
    """For tests of boxes and of the photos that only npm carries."""
    if not (models_dir / DETECTOR.name).is_file() or not (photos_dir / "waterfall-orientation-1.jpg").is_file():
        pytest.skip("npm is missing, so there is no detector; install Node.js to run this test")


@pytest.fixture(scope="session")
def warm_service(models_dir: Path) -> Rekognition:
    return Rekognition(models_dir)


@pytest.fixture
def service(warm_service: Rekognition) -> Rekognition:
    """The service without faults and with its counters at zero."""
    warm_service.handle("LocalRekognition.SetFaults", {}, _no_object)
    warm_service.handle("LocalRekognition.Counters", {"reset": True}, _no_object)
    return warm_service


@pytest.fixture
def detect(service: Rekognition) -> Callable[..., Answer]:
    """DetectLabels on bytes that lie in a bucket; keyword arguments go into the request."""

    def call(data: bytes, **parameters: Any) -> Answer:
        request = {"Image": {"S3Object": {"Bucket": "photo-bucket", "Name": "photo.jpg"}}, **parameters}
        return service.handle("DetectLabels", request, lambda *_: data)

    return call


def _no_object(bucket: str, key: str, version: str | None) -> bytes:
    raise LookupError(key)
