"""Lists and searches: every photo once, on pages, to its owner alone."""

from collections.abc import Callable
from datetime import date
from itertools import chain
from typing import Any

import pytest

from tests.conftest import TABLE
from tests.functions.photo_app import PhotoApp, found
from vision.adapters.items import Items
from vision.domain import records, table_keys
from vision.domain.errors import Throttled
from vision.domain.gallery.listing import ListPosition, Span
from vision.domain.gallery.photos import Photo, PhotoQuery
from vision.domain.refusals import NotFound
from vision.services import gallery


@pytest.fixture
def app(table_name: str, bucket: str) -> PhotoApp:
    return PhotoApp()


def _album(app: PhotoApp, owner: str = "ann", name: str = "Rome", key: str = "") -> str:
    return str(app.gallery.make_album(owner, name, key)["album_id"])


def _many(app: PhotoApp, monkeypatch: pytest.MonkeyPatch, number: int, **announced: Any) -> list[str]:
    """Photos of one moment each, newest first."""
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
def test_pages_have_every_photo_once_newest_first(app: PhotoApp, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    made = _many(app, monkeypatch, 7)
    pages = _pages(app, PhotoQuery("ann"), limit)
    assert [*chain(*pages)] == made
    assert all(len(page) <= limit for page in pages)


def test_a_list_goes_on_after_a_photo_that_was_deleted_meanwhile(
    app: PhotoApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _many(app, monkeypatch, 4)
    _, after = app.gallery.find(PhotoQuery("ann"), None, 2)
    app.gallery.delete("ann", made[1])
    found, _ = app.gallery.find(PhotoQuery("ann"), after, 2)
    assert [photo.photo_id for photo in found] == made[2:]


def test_the_cursor_of_another_shows_nothing_of_the_other(app: PhotoApp, monkeypatch: pytest.MonkeyPatch) -> None:
    _many(app, monkeypatch, 3, owner="bob")
    own = _many(app, monkeypatch, 3)
    _, cursor = app.gallery.find(PhotoQuery("bob"), None, 1)
    found, _ = app.gallery.find(PhotoQuery("ann"), cursor, 100)
    assert {photo.photo_id for photo in found} <= set(own)


@pytest.mark.parametrize("text", ["", "0", "2026-11-21T10:01:00.000Z", "~", "\x00", "写真"])
def test_a_cursor_that_somebody_made_up_moves_within_the_own_list_only(
    app: PhotoApp, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    own = _many(app, monkeypatch, 3)
    _many(app, monkeypatch, 3, owner="bob")
    found, _ = app.gallery.find(PhotoQuery("ann"), ListPosition(text, "PHOTO#x", "CURRENT"), 100)
    assert {photo.photo_id for photo in found} <= set(own)


def test_a_search_that_few_match_answers_with_less_and_a_place_to_go_on(
    app: PhotoApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "_LOOKS_LIMIT", 4)
    oldest = _many(app, monkeypatch, 10)[-1]
    version = app.upload(_read(app, oldest)).object
    Items(TABLE).update(table_keys.image_key(version), {"labels": found(Rose=95.0)}, {})
    pages = _pages(app, PhotoQuery("ann", min_confidence=90), 2)
    assert (len(pages) > 1, [*chain(*pages)]) == (True, [oldest])


def _read(app: PhotoApp, photo_id: str) -> Photo:
    photo = app.photos.read(photo_id)
    assert photo is not None
    return photo


@pytest.fixture
def searched(app: PhotoApp) -> dict[str, str]:
    """A few photos with labels, by a name of ours."""
    album_id = _album(app, key="rome")
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
def test_a_search_finds_what_is_asked_for(
    app: PhotoApp, searched: dict[str, str], wanted: dict[str, Any], expected: set[str]
) -> None:
    assert {searched[photo_id] for photo_id in app.listed(**wanted)} == expected


def test_a_search_in_an_album_finds_the_photos_of_the_album(app: PhotoApp, searched: dict[str, str]) -> None:
    found = app.listed(album_id=_album(app, key="rome"), label="plant")
    assert [searched[photo_id] for photo_id in found] == ["rose"]


def test_a_label_that_a_newer_version_has_not_finds_the_photo_no_more(app: PhotoApp) -> None:
    photo = app.processed({"Rose": 98})
    app.finish(app.upload(photo), Tulip=97)
    assert (app.listed(label="rose"), app.listed(label="tulip")) == ([], [photo.photo_id])


@pytest.mark.parametrize(
    ("first", "last", "found"), [(21, 21, 2), (20, 21, 2), (22, None, 0), (None, 20, 0), (None, None, 2)]
)
def test_the_days_of_a_search_are_both_included(
    app: PhotoApp, monkeypatch: pytest.MonkeyPatch, first: int | None, last: int | None, found: int
) -> None:
    for moment in ("00:00:00.000", "23:59:59.999"):
        monkeypatch.setattr(records, "now", lambda moment=moment: f"2026-11-21T{moment}Z")
        app.announce()
    days = Span(first and date(2026, 11, first), last and date(2026, 11, last))
    assert len(app.listed(span=days)) == found


@pytest.mark.parametrize("operation", ["Query", "BatchGetItem"])
def test_a_list_that_dynamodb_throttles_says_so(app: PhotoApp, refuse: Callable[..., None], operation: str) -> None:
    app.announce()
    refuse("dynamodb", operation, "ThrottlingException")
    with pytest.raises(Throttled):
        app.listed()


# One photo


def test_a_photo_is_shown_to_its_owner_alone(app: PhotoApp) -> None:
    photo = app.announce()
    assert app.gallery.photo("ann", photo.photo_id).photo_id == photo.photo_id
    for owner in ("bob", "", "an"):
        with pytest.raises(NotFound):
            app.gallery.photo(owner, photo.photo_id)


def test_a_photo_that_is_not_uploaded_has_no_addresses(app: PhotoApp) -> None:
    photo = app.announce()
    assert (app.gallery.image_url(photo), app.gallery.thumbnail_url(photo)) == (None, None)


def test_the_address_of_an_image_is_of_the_version_that_was_processed(app: PhotoApp) -> None:
    photo = app.processed()
    assert photo.version is not None
    url = app.gallery.image_url(photo)
    assert url is not None
    assert (f"versionId={photo.version.version_id}" in url, "X-Amz-Expires=3600" in url) == (True, True)


def test_the_address_of_a_thumbnail_is_of_its_owner(app: PhotoApp) -> None:
    url = app.gallery.thumbnail_url(app.processed())
    assert url is not None
    assert "/private/ann/resized/" in url
