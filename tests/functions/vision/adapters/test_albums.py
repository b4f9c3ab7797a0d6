import pytest

from vision.adapters.albums import Albums
from vision.adapters.items import Items
from vision.adapters.people import People
from vision.domain.gallery.albums import album as new_album
from vision.domain.gallery.photos import label_name

ALBUM_ID = "a" * 26
NOW, LATER = "2026-11-21T10:00:00.000Z", "2026-11-22T10:00:00.000Z"
ROME = new_album("ann", ALBUM_ID, "Rome", NOW)


@pytest.fixture
def albums(table_name: str) -> Albums:
    return Albums(table_name)


def test_album_that_is_created_again_is_the_first_one(albums: Albums) -> None:
    first = albums.make(ROME, 2)
    assert albums.make(new_album("ann", ALBUM_ID, "Oslo", NOW), 2) == first
    assert albums.of_owner("ann") == [first]


def test_album_is_removed_once(albums: Albums) -> None:
    albums.make(ROME, 2)
    for _ in range(2):
        albums.remove("ann", ALBUM_ID)
        assert albums.get("ann", ALBUM_ID) is None


def test_renamed_album_keeps_everything_else_and_a_missing_one_is_not_created(albums: Albums) -> None:
    assert not albums.rename("ann", ALBUM_ID, "Roma", NOW)
    assert albums.of_owner("ann") == []
    album = albums.make(ROME, 2)
    assert albums.rename("ann", ALBUM_ID, "Roma", LATER)
    assert albums.get("ann", ALBUM_ID) == album | {"name": "Roma", "updated_at": LATER}


def test_albums_are_separate_from_labels(albums: Albums, table_name: str, items: Items) -> None:
    items.put_once(label_name("ann", "Album"))
    albums.make(ROME, 2)
    assert len(albums.of_owner("ann")) == 1
    assert People(table_name).labels("ann", "", 20) == ["Album"]
