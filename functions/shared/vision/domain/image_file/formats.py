"""The supported image formats, one row each.

All code that depends on the format looks it up here. A new format needs a row, a module that reads its head as
:mod:`.jpeg` does, and a decoder in :mod:`.pixels`; :mod:`vision.domain.detector_types` says which detectors apply its
orientation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from vision.domain.errors import CorruptImage, NotSupportedImageType
from vision.domain.image_file import jpeg, png
from vision.domain.image_file.sparse import ByteSource

FormatName = Literal["JPEG", "PNG"]
MediaType = Literal["image/jpeg", "image/png"]

SIGNATURE_BYTES = 16
"""The number of leading bytes that identify the format of a file."""

_OTHER_TYPES = {
    "GIF": (0, b"GIF8"),
    "WebP": (8, b"WEBP"),
    "TIFF": (0, b"II*\0"),
    "TIFF (big-endian)": (0, b"MM\0*"),
    "BMP": (0, b"BM"),
    "HEIC, AVIF or video": (4, b"ftyp"),
    "PDF": (0, b"%PDF"),
    "ZIP": (0, b"PK\3\4"),
    "HTML or XML": (0, b"<"),
}


@dataclass(frozen=True, slots=True)
class ImageFormat:
    """A supported image format.

    Attributes
    ----------
    name
        The name in records.
    media_type
        https://www.iana.org/assignments/media-types/media-types.xhtml#image
    suffixes
        File name suffixes in lower case; the first is the usual one.
    signature
        The first bytes of every such file.
    read_head
        Reads the part of the file before the pixels.
    """

    name: FormatName
    media_type: MediaType
    suffixes: tuple[str, ...]
    signature: bytes
    read_head: Callable[[ByteSource], jpeg.JpegHead | png.PngHead]


FORMATS = (
    ImageFormat("JPEG", "image/jpeg", (".jpg", ".jpeg"), jpeg.SIGNATURE, jpeg.read_head),
    ImageFormat("PNG", "image/png", (".png",), png.SIGNATURE, png.read_head),
)
MEDIA_TYPES = tuple(one.media_type for one in FORMATS)
SUFFIXES = tuple(suffix for one in FORMATS for suffix in one.suffixes)

_NAMES = " and ".join(one.name for one in FORMATS)


def by_name(name: str | None) -> ImageFormat | None:
    """Return the format with this name; ``None`` if the content has not been read."""
    return next((one for one in FORMATS if one.name == name), None)


def recognize(head: bytes) -> ImageFormat:
    """Return the format of a file from ``head``, its first :data:`SIGNATURE_BYTES` or all of a shorter file.

    Raises
    ------
    CorruptImage
        The file is empty, or ends within a signature.
    NotSupportedImageType
        The file has another format.
    """
    for one in FORMATS:
        if head.startswith(one.signature):
            return one
    if any(one.signature.startswith(head) for one in FORMATS):
        raise CorruptImage(f"the file ends after {len(head)} bytes; upload it again")
    found = next((name for name, (at, mark) in _OTHER_TYPES.items() if head.startswith(mark, at)), "not an image")
    raise NotSupportedImageType(f"the content is {found}, only {_NAMES} are looked at; convert it before upload")
