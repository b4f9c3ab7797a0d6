"""The product's own code, and its lower bound: only the decode at one eighth."""

import io
import json
from dataclasses import asdict

import PIL
from PIL import Image, features

from benchmarks.contenders.worker import Photo, serve
from vision.domain.errors import VisionError
from vision.domain.image_file import pixels
from vision.domain.image_file.limits import check_limits
from vision.domain.image_file.metadata import read_metadata
from vision.domain.image_file.sparse import SparseFile


def _thumbnail(photo: Photo) -> bytes:
    return pixels.thumbnail(photo.data, photo.box).data


def _thumbnail_at_100(photo: Photo) -> bytes:
    """Encode at quality 100, so that only decoding and resizing differ from the reference."""
    quality = pixels.QUALITY
    pixels.QUALITY = 100
    try:
        return _thumbnail(photo)
    finally:
        pixels.QUALITY = quality


def _metadata_and_thumbnail(photo: Photo) -> bytes:
    read_metadata(io.BytesIO(photo.data), len(photo.data))
    return _thumbnail(photo)


def _floor(photo: Photo) -> bytes:
    image = Image.open(io.BytesIO(photo.data), formats=("JPEG",))
    image.draft(None, (image.width // 8, image.height // 8))
    image.load()
    return b""


def _metadata(photo: Photo) -> bytes:
    """Read through ranged requests; return JSON of the metadata, the requests and their bytes."""
    source = SparseFile(lambda start, end: photo.data[start:end], len(photo.data))
    metadata = read_metadata(source, len(photo.data))
    counts = {"requests": source.requests, "fetched_bytes": source.fetched_bytes}
    return json.dumps({"metadata": asdict(metadata), **counts}).encode()


def _refusal(photo: Photo) -> bytes:
    """Return the name of the error that refuses the photo; empty if it is accepted. Other exceptions are raised."""
    try:
        size_bytes = len(photo.data)
        source = SparseFile(lambda start, end: photo.data[start:end], size_bytes)
        check_limits(read_metadata(source, size_bytes), size_bytes)
    except VisionError as error:
        refused = type(error).__name__
    else:
        refused = ""
    # Photos beyond the limits are decoded too: bulk runs and own models have different limits.
    try:
        pixels.thumbnail(photo.data, photo.box)
    except VisionError as error:
        refused = refused or type(error).__name__
    return refused.encode()


if __name__ == "__main__":
    serve(
        f"Pillow {PIL.__version__} (libjpeg-turbo {features.version('libjpeg_turbo')})",
        {
            "thumbnail": _thumbnail,
            "thumbnail_at_100": _thumbnail_at_100,
            "metadata_and_thumbnail": _metadata_and_thumbnail,
            "floor": _floor,
            "metadata": _metadata,
            "refusal": _refusal,
        },
    )
