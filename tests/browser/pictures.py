"""Pictures for the tests: photos of the demo in the public domain, and variants of them."""

from __future__ import annotations

import io
from functools import cache

from PIL import ExifTags, Image

from local.demo.sample_photos import PHOTOS_DIR

# Licence in local/demo/sample_photos.toml: CC0 or public domain. Each may stand in a screenshot.
FREE = ("cat.png", "coffee.png", "rocket.jpg", "astronaut.png", "photographer.png")

# A German name may be one word that is wider than any place for it.
LONG_NAME = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft am Sonntagnachmittag.jpg"

# Fort Point in San Francisco.
LATITUDE, LONGITUDE = 37.8106, -122.4771


@cache
def photo(name: str) -> bytes:
    """One of the demo's photos, unchanged."""
    return (PHOTOS_DIR / name).read_bytes()


@cache
def upright_cat() -> Image.Image:
    with Image.open(PHOTOS_DIR / "cat.png") as cat:
        return cat.convert("RGB")


@cache
def cat_on_its_side() -> bytes:
    """The cat as an upright phone stores it: rotated, with orientation and location in its Exif block."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "Example"
    exif[ExifTags.Base.Model] = "Phone 1"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:05:01 12:30:00"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            ExifTags.GPS.GPSLatitudeRef: "N",
            ExifTags.GPS.GPSLatitude: _degrees_minutes_seconds(LATITUDE),
            ExifTags.GPS.GPSLongitudeRef: "W",
            ExifTags.GPS.GPSLongitude: _degrees_minutes_seconds(-LONGITUDE),
        }
    )
    stored = io.BytesIO()
    upright_cat().transpose(Image.Transpose.ROTATE_90).save(stored, "JPEG", quality=90, exif=exif)
    return stored.getvalue()


@cache
def taken(moment: str, offset: str = "") -> bytes:
    """A JPEG with a capture time in the form of Exif, and an offset from UTC if there is one."""
    exif = Image.Exif()
    times = exif.get_ifd(ExifTags.IFD.Exif)
    times[ExifTags.Base.DateTimeOriginal] = moment
    if offset:
        times[ExifTags.Base.OffsetTimeOriginal] = offset
    content = io.BytesIO()
    Image.new("RGB", (160, 160), "navy").save(content, "JPEG", exif=exif)
    return content.getvalue()


def _degrees_minutes_seconds(degrees: float) -> tuple[float, float, float]:
    minutes, seconds = divmod(round(degrees * 3600, 2), 60)
    return (minutes // 60, minutes % 60, round(seconds, 2))


@cache
def plain(colour: str, side: int = 160) -> bytes:
    """A JPEG of one colour: quick to process."""
    content = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(content, "JPEG")
    return content.getvalue()


@cache
def noise() -> bytes:
    """A JPEG of about 200 KB, for a slow upload."""
    content = io.BytesIO()
    Image.effect_noise((340, 340), 200).save(content, "JPEG", quality=100)
    return content.getvalue()


@cache
def cut_off() -> bytes:
    """The first half of a JPEG, as an interrupted copy leaves it."""
    whole = photo("rocket.jpg")
    return whole[: len(whole) // 2]
