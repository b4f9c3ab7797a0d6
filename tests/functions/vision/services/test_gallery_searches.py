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


def test_list_continues_after_a_photo_deleted_meanwhile(app: PhotoApp, monkeypatch: pytest.MonkeyPatch) -> None:
    made = _many(app, monkeypatch, 4)
    _, after = app.gallery.find(PhotoQuery("ann"), None, 2)
    app.gallery.delete("ann", made[1])
    found, _ = app.gallery.find(PhotoQuery("ann"), after, 2)
    assert [photo.photo_id for photo in found] == made[2:]


@pytest.mark.parametrize("text", ["cursor of bob", "", "0", "2026-11-21T10:01:00.000Z", "~", "\x00", "写真"])
def test_foreign_or_invented_cursor_shows_own_photos(app: PhotoApp, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    _many(app, monkeypatch, 3, owner="bob")
    own = _many(app, monkeypatch, 3)
    _, cursor = app.gallery.find(PhotoQuery("bob"), None, 1)
    if text != "cursor of bob":
        cursor = ListPosition(text, "PHOTO#x", "CURRENT")
    found, _ = app.gallery.find(PhotoQuery("ann"), cursor, 100)
    assert {photo.photo_id for photo in found} <= set(own)


def test_search_with_few_matches_has_short_pages_with_a_cursor(app: PhotoApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "_EXAMINED_LIMIT", 4)
    oldest = _many(app, monkeypatch, 10)[-1]
    version = app.upload(app.gallery.photo("ann", oldest)).object
    Items(TABLE).update(table_keys.image_key(version), {"labels": found(Rose=95.0)}, {})
    pages = _pages(app, PhotoQuery("ann", min_confidence=90), 2)
    assert len(pages) > 1
    assert [*chain(*pages)] == [oldest]


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
        ({"label": "plant", "album_id": "rome"}, {"rose"}),
        ({"class_name": "plant"}, set()),
        ({"label": "Rose#"}, set()),
    ],
)
def test_search_finds_photos_by_label_confidence_class_and_album(
    app: PhotoApp, searched: dict[str, str], wanted: dict[str, Any], expected: set[str]
) -> None:
    album = {"album_id": app.album(key="rome")} if "album_id" in wanted else {}
    assert {searched[photo_id] for photo_id in app.listed(**wanted | album)} == expected


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


def test_photo_is_shown_to_its_owner_only(app: PhotoApp) -> None:
    photo = app.announce()
    assert app.gallery.photo("ann", photo.photo_id).photo_id == photo.photo_id
    for owner in ("bob", "", "an"):
        with pytest.raises(NotFound):
            app.gallery.photo(owner, photo.photo_id)


def test_urls_are_of_the_processed_version_and_its_thumbnail(app: PhotoApp) -> None:
    pending = app.announce()
    assert app.gallery.image_url(pending) is app.gallery.thumbnail_url(pending) is None
    photo = app.processed()
    assert photo.version is not None
    image_url = str(app.gallery.image_url(photo))
    assert f"versionId={photo.version.version_id}" in image_url
    assert "X-Amz-Expires=3600" in image_url
    assert "/private/ann/resized/" in str(app.gallery.thumbnail_url(photo))
