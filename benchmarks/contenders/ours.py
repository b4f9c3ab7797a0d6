"""Our own code, and the floor below it: the decode at one eighth without anything around it."""

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
    """Encode so well that only decoding and resizing can be told from the reference."""
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
    """Read through ranged requests; JSON of the metadata, the requests and the bytes that they brought."""
    source = SparseFile(lambda start, end: photo.data[start:end], len(photo.data))
    metadata = read_metadata(source, len(photo.data))
    counts = {"requests": source.requests, "fetched_bytes": source.fetched_bytes}
    return json.dumps({"metadata": asdict(metadata), **counts}).encode()


def _refusal(photo: Photo) -> bytes:
    """Name the error that the photo is refused with; empty where it is taken. Anything unnamed passes through."""
    try:
        size_bytes = len(photo.data)
        source = SparseFile(lambda start, end: photo.data[start:end], size_bytes)
        check_limits(read_metadata(source, size_bytes), size_bytes)
    except VisionError as error:
        refused = type(error).__name__
    else:
        refused = ""
    # Also what the limits refuse goes on to the decoder: bulk runs and one's own model have limits of their own.
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
