"""The EXIF fields of a record: orientation, capture time, camera and location.

Tag numbers follow EXIF 2.32 (CIPA DC-008). Fields are independent: a field that is missing, impossible or
out of bounds is dropped, and the others are kept. Reading EXIF therefore never fails.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from vision.domain.image_file.gps import GPS_TAGS, Location
from vision.domain.image_file.tiff import TiffBlock, TiffValue

MAX_EXIF_BYTES = 65_536
"""The capacity of a JPEG segment. A PNG chunk can be longer, and is read up to this limit."""
MAX_NAME_CHARACTERS = 128

_MAKE, _MODEL, _ORIENTATION, _EXIF_DIRECTORY, _GPS_DIRECTORY = 0x10F, 0x110, 0x112, 0x8769, 0x8825
_MAIN_TAGS = frozenset((_MAKE, _MODEL, _ORIENTATION, _EXIF_DIRECTORY, _GPS_DIRECTORY))

_ORIGINAL = (0x9003, 0x9291, 0x9011)
_DIGITIZED = (0x9004, 0x9292, 0x9012)
"""The tags of date and time, fraction of a second, and offset from UTC."""
_TIME_TAGS = frozenset(_ORIGINAL + _DIGITIZED)

_DATE_TIME = re.compile(r"(\d{4})[:/-](\d{2})[:/-](\d{2})[ T](\d{2}):(\d{2}):(\d{2})")
_OFFSET = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d")
_FRACTION = re.compile(r"\d{1,6}")


@dataclass(frozen=True, slots=True)
class Exif:
    """The EXIF fields of a record, each with its default for an absent tag.

    Attributes
    ----------
    orientation
        How to rotate or flip the stored pixels, 1 to 8; 1, upright, if the tag is absent or impossible.
    capture_time
        ISO 8601, such as ``2024-05-01T12:34:56.78+02:00``. Without an offset it is the camera's local time.
    camera_make, camera_model
        At most 128 printable characters.
    location
        Where the photo was taken.
    """

    orientation: int = 1
    capture_time: str | None = None
    camera_make: str | None = None
    camera_model: str | None = None
    location: Location | None = None


def read_exif(data: bytes) -> Exif:
    """Read the fields from a TIFF block, with or without the ``Exif`` signature in front of it."""
    block = TiffBlock.open(data.removeprefix(b"Exif\0\0"))
    if block is None:
        return Exif()
    main = block.directory(block.first_directory(), _MAIN_TAGS)
    times = block.directory(_pointer(main.get(_EXIF_DIRECTORY)), _TIME_TAGS)
    gps = block.directory(_pointer(main.get(_GPS_DIRECTORY)), GPS_TAGS)
    return Exif(
        orientation=_orientation(main.get(_ORIENTATION)),
        capture_time=_capture_time(times, _ORIGINAL) or _capture_time(times, _DIGITIZED),
        camera_make=_name(main.get(_MAKE)),
        camera_model=_name(main.get(_MODEL)),
        location=Location.from_gps(gps),
    )


def _pointer(value: TiffValue | None) -> int:
    """Return the offset of a sub-directory; if the tag is absent, an offset beyond any block, so nothing is read."""
    if isinstance(value, tuple) and isinstance(value[0], int):
        return value[0]
    return MAX_EXIF_BYTES


def _orientation(value: TiffValue | None) -> int:
    if isinstance(value, tuple) and isinstance(value[0], int) and 1 <= value[0] <= 8:
        return value[0]
    return 1


def _name(value: TiffValue | None) -> str | None:
    """Return text without NULs, control characters and bidirectional marks, which would garble a page or a log."""
    if not isinstance(value, bytes):
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    printable = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in text)
    return " ".join(printable.split())[:MAX_NAME_CHARACTERS].rstrip() or None


def _text(value: TiffValue | None) -> str:
    return value.decode("latin-1").strip("\0 ") if isinstance(value, bytes) else ""


def _capture_time(times: Mapping[int, TiffValue], tags: tuple[int, int, int]) -> str | None:
    moment, fraction, offset = (_text(times.get(tag)) for tag in tags)
    parts = _DATE_TIME.fullmatch(moment)
    if parts is None:
        return None
    year, month, day, hour, minute, second = parts.groups()
    try:
        capture_time = datetime.fromisoformat(f"{year}-{month}-{day}T{hour}:{minute}:{second}").isoformat()
    except ValueError:
        return None
    if _FRACTION.fullmatch(fraction):
        capture_time += f".{fraction}"
    if _OFFSET.fullmatch(offset):
        capture_time += offset
    return capture_time
