"""Which items of the table are somebody's photos."""

from unittest import mock

import pytest

from vision.adapters.items import Items
from vision.adapters.photos import Photos

OWNED = {"record_type": "photo", "owner": "ada", "pk": "PHOTO#1", "sk": "PHOTO"}


@pytest.fixture
def found():
    """Give a function that tells which of some items are photos."""

    def photos(*items):
        with mock.patch.object(Items, "scan", return_value=(list(items), None)):
            return [photo.item for photo in Photos("table").some(None, 10)[0]]

    return photos


def test_a_persons_photo_is_one(found):
    assert found(OWNED) == [OWNED]


def test_an_inspected_image_is_nobodys_photo(found):
    assert found({name: value for name, value in OWNED.items() if name != "owner"}) == []


def test_an_erased_photo_is_none(found):
    assert found(OWNED | {"erased_at": "2026-11-21T08:00:00.000Z"}) == []
