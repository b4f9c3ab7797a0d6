"""The sample photos are as their catalogue describes them, read with plain Pillow."""

import pytest
from PIL import ExifTags, Image, ImageChops, ImageOps, ImageStat

from local.demo import sample_photos as catalogue
from local.demo.sample_photos import fetch_photos, photos

pytestmark = pytest.mark.local


def location(image):
    gps, tags = image.getexif().get_ifd(ExifTags.IFD.GPSInfo), ExifTags.GPS

    def degrees(tag, reference):
        whole, minutes, seconds = (float(part) for part in gps[tag])
        return (whole + minutes / 60 + seconds / 3600) * (-1 if gps[reference] in "SW" else 1)

    if tags.GPSLatitude not in gps:
        return None
    return degrees(tags.GPSLatitude, tags.GPSLatitudeRef), degrees(tags.GPSLongitude, tags.GPSLongitudeRef)


def test_catalogue_has_what_the_files_have(photos_dir):
    listed = photos(photos_dir)
    assert {photo.name: photo.refused_as for photo in listed if photo.refused_as} == {
        "shopping-list.jpg": "NotSupportedImageType",
        "interrupted-upload.jpg": "CorruptImage",
    }
    whole = [photo for photo in listed if not photo.refused_as]
    assert len(whole) >= 14
    assert {photo.orientation for photo in whole} == set(range(1, 9))
    assert any(photo.location for photo in whole)
    assert any(photo.name.endswith(".png") for photo in whole)
    for photo in whole:
        image = Image.open(photos_dir / photo.name)
        found, exif = location(image), image.getexif()
        camera = exif.get(ExifTags.Base.Make), exif.get(ExifTags.Base.Model)
        time = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal, "")
        assert ImageOps.exif_transpose(image).size == (photo.width, photo.height), photo.name
        assert exif.get(ExifTags.Base.Orientation, 1) == photo.orientation, photo.name
        assert photo.camera == (None if None in camera else camera), photo.name
        assert time.replace(":", "-", 2).replace(" ", "T") == (photo.capture_time or ""), photo.name
        assert photo.location == (found and pytest.approx(found, abs=1e-5)), photo.name


def test_present_photos_are_not_downloaded_again_and_missing_ones_not_listed(photos_dir, tmp_path):
    assert fetch_photos(photos_dir).downloaded_megabytes == 0
    (tmp_path / "cat.png").touch()
    assert [photo.name for photo in photos(tmp_path)] == ["cat.png"]


def test_pagoda_replaces_the_turned_photos_when_npm_is_missing(photos_dir, tmp_path, monkeypatch):
    """The files of PyPI come from the folder of all photos."""
    original = catalogue.fetch

    def fetch(files, folder, say):
        for file in files:
            if not file.optional:
                (folder / file.name).write_bytes((photos_dir / file.name).read_bytes())
        return original(files, folder, tmp_path / "cache", say)

    monkeypatch.setattr(catalogue, "fetch", fetch)
    monkeypatch.setattr("local.downloads.shutil.which", lambda _: None)
    (tmp_path / "photos").mkdir()
    fetched = fetch_photos(tmp_path / "photos")
    turned = [photo for photo in photos(tmp_path / "photos") if photo.name.startswith("pagoda-orientation")]
    assert "npm is not installed" in fetched.skipped[0]
    assert [photo.orientation for photo in turned] == list(range(1, 9))
    pagoda = Image.open(tmp_path / "photos/pagoda.jpg")
    for photo in turned:
        image = Image.open(tmp_path / "photos" / photo.name)
        assert location(image) == pytest.approx(photo.location)
        difference = ImageChops.difference(ImageOps.exif_transpose(image), pagoda)
        assert max(ImageStat.Stat(difference).mean) < 4
