"""Lists and searches: each photo once, on pages, for its owner only."""

from datetime import date
from itertools import chain
from typing import Any

import pytest

from tests.conftest import TABLE
from tests.functions.conftest import Refuse
from tests.functions.photo_app import PhotoApp, found
from vision.adapters.items import Items
from vision.domain import records, table_keys
from vision.domain.errors import Throttled
from vision.domain.gallery.listing import ListPosition, Span
from vision.domain.gallery.photo_query import PhotoQuery
from vision.domain.gallery.photos import Photo
from vision.domain.request_errors import NotFound
from vision.services import gallery


def _many(app: PhotoApp, monkeypatch: pytest.MonkeyPatch, number: int, **announced: Any) -> list[str]:
    """Announce photos one minute apart, and return their ids, newest first."""
    made = []
    for minute in range(number):
        monkeypatch.setattr(records, "now", lambda minute=minute: f"2026-11-21T10:{minute:02}:00.000Z")
        made.append(app.announce(**announced).photo_id)
    return made[::-1]


def _pages(app: PhotoApp, wanted: PhotoQuery, limit: int) -> list[list[str]]:
    pages, after = [], None
    for _ in range(50):
        found, following = app.gallery.find(wanted, after, limit)
        pages.append([photo.photo_id for photo in found])
        if following is None:
            return pages
        after = ListPosition.from_cursor(following.cursor())
    raise AssertionError(f"no end: {pages}")


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_have_each_photo_once_newest_first(app: PhotoApp, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    made = _many(app, monkeypatch, 7)
    pages = _pages(app, PhotoQuery("ann"), limit)
    assert [*chain(*pages)] == made
    assert all(len(page) <= limit for page in pages)


def test_list_continues_after_a_photo_that_was_deleted_meanwhile(
    app: PhotoApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _many(app, monkeypatch, 4)
    _, after = app.gallery.find(PhotoQuery("ann"), None, 2)
    app.gallery.delete("ann", made[1])
    found, _ = app.gallery.find(PhotoQuery("ann"), after, 2)
    assert [photo.photo_id for photo in found] == made[2:]


@pytest.mark.parametrize("text", ["cursor of bob", "", "0", "2026-11-21T10:01:00.000Z", "~", "\x00", "写真"])
def test_foreign_or_invented_cursor_shows_only_own_photos(
    app: PhotoApp, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    _many(app, monkeypatch, 3, owner="bob")
    own = _many(app, monkeypatch, 3)
    _, cursor = app.gallery.find(PhotoQuery("bob"), None, 1)
    if text != "cursor of bob":
        cursor = ListPosition(text, "PHOTO#x", "CURRENT")
    found, _ = app.gallery.find(PhotoQuery("ann"), cursor, 100)
    assert {photo.photo_id for photo in found} <= set(own)


def test_search_with_few_matches_returns_short_pages_with_a_cursor(
    app: PhotoApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "_EXAMINED_LIMIT", 4)
    oldest = _many(app, monkeypatch, 10)[-1]
    version = app.upload(_read(app, oldest)).object
    Items(TABLE).update(table_keys.image_key(version), {"labels": found(Rose=95.0)}, {})
    pages = _pages(app, PhotoQuery("ann", min_confidence=90), 2)
    assert len(pages) > 1
    assert [*chain(*pages)] == [oldest]


def _read(app: PhotoApp, photo_id: str) -> Photo:
    photo = app.photos.read(photo_id)
    assert photo is not None
    return photo


@pytest.fixture
def searched(app: PhotoApp) -> dict[str, str]:
    """Photos with labels: the name of each by its id."""
    album_id = app.album(key="rome")
    photos = {
        "rose": app.processed({"Rose": 98.7, "Flower": 98.7, "Plant": 80}, album_id=album_id),
        "car": app.processed({"Car": 99, "Plant": 61}),
        "bobs": app.processed({"Rose": 99.9}, owner="bob"),
        "pending": app.announce(),
    }
    return {photo.photo_id: name for name, photo in photos.items()}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, {"rose", "car", "pending"}),
        ({"label": "PLANT"}, {"rose", "car"}),
        ({"label": "Plant", "min_confidence": 61.1}, {"rose"}),
        ({"class_name": "plant"}, set()),
        ({"label": "Rose#"}, set()),
    ],
)
def test_search_finds_photos_by_label_confidence_and_class(
    app: PhotoApp, searched: dict[str, str], wanted: dict[str, Any], expected: set[str]
) -> None:
    assert {searched[photo_id] for photo_id in app.listed(**wanted)} == expected


def test_search_in_an_album_finds_the_photos_of_the_album(app: PhotoApp, searched: dict[str, str]) -> None:
    found = app.listed(album_id=app.album(key="rome"), label="plant")
    assert [searched[photo_id] for photo_id in found] == ["rose"]


def test_label_that_the_newest_version_lacks_does_not_find_the_photo(app: PhotoApp) -> None:
    photo = app.processed({"Rose": 98})
    app.finish(app.upload(photo), Tulip=97)
    assert app.listed(label="rose") == []
    assert app.listed(label="tulip") == [photo.photo_id]


@pytest.mark.parametrize(
    ("first", "last", "found"), [(21, 21, 2), (20, 21, 2), (22, None, 0), (None, 20, 0), (None, None, 2)]
)
def test_search_includes_its_first_and_its_last_day(
    app: PhotoApp, monkeypatch: pytest.MonkeyPatch, first: int | None, last: int | None, found: int
) -> None:
    for moment in ("00:00:00.000", "23:59:59.999"):
        monkeypatch.setattr(records, "now", lambda moment=moment: f"2026-11-21T{moment}Z")
        app.announce()
    days = Span(first and date(2026, 11, first), last and date(2026, 11, last))
    assert len(app.listed(span=days)) == found


@pytest.mark.parametrize("operation", ["Query", "BatchGetItem"])
def test_throttled_list_raises_throttled(app: PhotoApp, refuse: Refuse, operation: str) -> None:
    app.announce()
    refuse("dynamodb", operation, "ThrottlingException")
    with pytest.raises(Throttled):
        app.listed()


# One photo


def test_photo_is_shown_to_its_owner_only(app: PhotoApp) -> None:
    photo = app.announce()
    assert app.gallery.photo("ann", photo.photo_id).photo_id == photo.photo_id
    for owner in ("bob", "", "an"):
        with pytest.raises(NotFound):
            app.gallery.photo(owner, photo.photo_id)


def test_pending_photo_has_no_urls(app: PhotoApp) -> None:
    photo = app.announce()
    assert app.gallery.image_url(photo) is None
    assert app.gallery.thumbnail_url(photo) is None


def test_urls_are_of_the_processed_version_and_its_thumbnail(app: PhotoApp) -> None:
    photo = app.processed()
    image_url, thumbnail_url = app.gallery.image_url(photo), app.gallery.thumbnail_url(photo)
    assert photo.version is not None
    assert image_url is not None
    assert thumbnail_url is not None
    assert f"versionId={photo.version.version_id}" in image_url
    assert "X-Amz-Expires=3600" in image_url
    assert "/private/ann/resized/" in thumbnail_url
