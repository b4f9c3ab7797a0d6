"""Read the metadata of an image, and refuse an unsuitable image before anything is paid for."""

from __future__ import annotations

from collections.abc import Callable

from vision.adapters import storage
from vision.domain.image_file.limits import REKOGNITION_LIMITS, Limits, check_limits
from vision.domain.image_file.metadata import Metadata, read_metadata
from vision.domain.image_file.sparse import SparseFile
from vision.domain.objects import ObjectVersion


def examine(
    version: ObjectVersion,
    limits: Limits = REKOGNITION_LIMITS,
    read_range: Callable[[ObjectVersion, int, int], bytes] = storage.read_range,
) -> Metadata:
    """Return the metadata of an image, read from the head of its file.

    Parameters
    ----------
    limits
        The limits of the detector.
    read_range
        Returns the bytes of a half-open range of the object.

    Raises
    ------
    NotSupportedImageType, CorruptImage, ImageTooLarge, ImageTooSmall, TooManyPixels
        The image is unsuitable.
    ObjectNotFound, AccessDenied, Throttled, ServiceUnavailable
        The object cannot be read.
    """
    source = SparseFile(lambda start, end: read_range(version, start, end), version.size_bytes)
    metadata = read_metadata(source, version.size_bytes)
    check_limits(metadata, version.size_bytes, limits)
    return metadata
