import pytest

from vision.adapters.items import Items
from vision.adapters.people import People
from vision.domain.gallery import albums
from vision.domain.gallery.photos import label_name

ALBUM_ID = "a" * 26
NOW, LATER = "2026-11-21T10:00:00.000Z", "2026-11-22T10:00:00.000Z"
ROME = albums.album("ann", ALBUM_ID, "Rome", NOW)


@pytest.fixture
def people(table_name: str) -> People:
    return People(table_name)


def test_album_that_is_created_again_is_the_first_one(people: People) -> None:
    first = people.make_album(ROME, 2)
    assert people.make_album(albums.album("ann", ALBUM_ID, "Oslo", NOW), 2) == first
    assert people.albums("ann") == [first]


def test_album_is_removed_once(people: People) -> None:
    people.make_album(ROME, 2)
    for _ in range(2):
        people.remove_album("ann", ALBUM_ID)
        assert people.album("ann", ALBUM_ID) is None


def test_renamed_album_keeps_everything_else_and_a_missing_one_is_not_created(people: People) -> None:
    assert not people.rename_album("ann", ALBUM_ID, "Roma", NOW)
    assert people.albums("ann") == []
    album = people.make_album(ROME, 2)
    assert people.rename_album("ann", ALBUM_ID, "Roma", LATER)
    assert people.album("ann", ALBUM_ID) == album | {"name": "Roma", "updated_at": LATER}


@pytest.mark.parametrize("owner", ["an", "anne", "ANN", "bob"])
def test_albums_are_separate_from_labels_and_from_similar_owners(people: People, items: Items, owner: str) -> None:
    items.put_once(label_name("ann", "Album"))
    people.make_album(ROME, 2)
    assert len(people.albums("ann")) == 1
    assert people.labels("ann", "", 20) == ["Album"]
    assert people.albums(owner) == []
