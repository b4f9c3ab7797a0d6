"""Daily allowance: what a person may announce and upload in a day, and announcements that expire unused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import BUCKET, TABLE
from tests.functions.conftest import Hook, Listing
from tests.functions.darkroom import clock
from tests.functions.photo_app import PhotoApp, rows
from tests.functions.vision.services.conftest import DAILY_UPLOADS, Deliver
from vision.adapters.aws_sdk import client
from vision.adapters.people import People
from vision.domain import table_keys
from vision.domain.errors import AllowanceExceeded
from vision.domain.gallery.daily_allowance import Allowance, seconds_left
from vision.domain.gallery.photos import Photo
from vision.domain.image_file.limits import MEGABYTE
from vision.domain.request_errors import NotFound
from vision.services.gallery import Gallery

Charge = Callable[..., bool]
NOW = "2026-11-30T18:30:00.000Z"


@pytest.fixture
def charge(table_name: str) -> Charge:
    """Charge the allowance of a person, and return whether it was enough."""

    def charged(size_bytes: int, uploads: int = 0, megabytes: int = 0, owner: str = "ann", now: str = NOW) -> bool:
        try:
            People(table_name).charge(owner, size_bytes, Allowance(uploads, megabytes), now)
        except AllowanceExceeded:
            return False
        return True

    return charged


@pytest.fixture
def bounded(app: PhotoApp) -> PhotoApp:
    """A gallery in which a person may announce three photos a day."""
    allowance = Allowance(DAILY_UPLOADS, 0)
    return PhotoApp(Gallery(app.gallery.albums, app.gallery.people, app.gallery.photos, BUCKET, allowance), app.table)


def _counted() -> dict[str, int]:
    """The number of counted uploads of each day."""
    return {day["sk"]["S"].removeprefix("DAY#"): int(day["uploads"]["N"]) for day in rows("allowance")}


def _delete(photo: Photo) -> None:
    """Delete an announcement as DynamoDB does when it has expired."""
    client("dynamodb").delete_item(TableName=TABLE, Key={name: {"S": photo.item[name]} for name in ("pk", "sk")})


def test_uploads_and_megabytes_are_charged_until_the_allowance_of_a_person_and_day_is_used(charge: Charge) -> None:
    assert not charge(2 * MEGABYTE, uploads=5, megabytes=1)
    assert charge(1)
    # Too large a file, and one without limits, count nothing.
    assert rows() == []
    assert sum(charge(MEGABYTE, uploads=40, megabytes=5000) for _ in range(100)) == 40
    sizes = (MEGABYTE, MEGABYTE + 1, MEGABYTE, 1)
    assert [charge(size, megabytes=2, owner="bob") for size in sizes] == [True, False, True, False]
    days = ("2026-12-01T00:00:00.000Z", "2026-11-30T23:59:59.999Z")
    assert [charge(1, uploads=1, now=now) for now in days] == [True, False]


def test_concurrent_charge_cannot_exceed_the_allowance(charge: Charge, hook: Hook) -> None:
    others: list[bool] = []

    def overtake(**_: Any) -> None:
        if not others:
            others.append(True)
            others.append(charge(1, uploads=1))

    hook("dynamodb", "before-call.SERVICE.UpdateItem", overtake)
    assert not charge(1, uploads=1)
    assert others == [True, True]


def test_count_of_a_day_expires_within_a_week_after_it(charge: Charge) -> None:
    charge(1, uploads=1)
    [day] = rows("allowance")
    kept = datetime.fromtimestamp(int(day[table_keys.EXPIRES]["N"]), UTC) - datetime(2026, 12, 1, tzinfo=UTC)
    assert timedelta(days=1) <= kept < timedelta(days=8)


def test_refusal_names_limits_time_and_remedy() -> None:
    refusal = Allowance(500, 5000).refusal(NOW)
    assert all(part in refusal for part in ("500 photos", "5,000 MB", "2026-12-01 00:00 UTC", "ask an operator"))
    assert "MB" not in Allowance(500, 0).refusal(NOW)


@pytest.mark.parametrize(
    ("now", "seconds"),
    [("2026-11-30T23:59:59.999Z", 1), ("2026-11-30T00:00:00.000Z", 86_400), ("2026-12-31T23:00:00.000Z", 3600)],
)
def test_time_until_the_next_day_is_at_least_a_second(now: str, seconds: int) -> None:
    assert seconds_left(now) == seconds


# Announcements


def test_announcement_counts_once_on_each_day_that_repeats_it(bounded: PhotoApp) -> None:
    # Announcements of earlier days therefore cannot be saved up for one day.
    for day in ("2026-11-28", "2026-11-29"):
        with clock(day):
            for number in (1, 1, 1, 2, 3):
                bounded.announce(key=str(number))
            with pytest.raises(AllowanceExceeded):
                bounded.announce()
    assert _counted() == {"2026-11-28": DAILY_UPLOADS, "2026-11-29": DAILY_UPLOADS}
    assert len(rows("photo")) == DAILY_UPLOADS


def test_repeated_announcement_of_an_uploaded_photo_is_not_counted(bounded: PhotoApp) -> None:
    with clock("2026-11-28"):
        bounded.upload(bounded.announce(key="k"))
    with clock("2026-11-29"):
        assert bounded.announce(key="k").is_uploaded
    assert _counted() == {"2026-11-28": 1}


def test_announcement_with_a_wrong_key_or_album_is_not_counted(bounded: PhotoApp) -> None:
    with clock("2026-11-28"):
        bounded.announce(key="k")
        for changed in ({"key": "k", "name": "tulip.jpg"}, {"album_id": "a" * 26}):
            with pytest.raises(Exception, match=r"another file|^$"):
                bounded.announce(**changed)
    assert _counted() == {"2026-11-28": 1}


def test_announcement_from_before_allowances_can_be_repeated_and_uploaded(
    bounded: PhotoApp, deliver: Deliver, executions: Listing
) -> None:
    photo = bounded.announce(key="k")
    client("dynamodb").update_item(
        TableName=TABLE,
        Key={name: {"S": photo.item[name]} for name in ("pk", "sk")},
        UpdateExpression=f"REMOVE {table_keys.EXPIRES}",
    )
    bounded.announce(key="k")
    deliver(bounded.put(photo.item["object"]["key"]))
    assert len(executions()) == 1


def test_upload_of_a_form_was_counted_when_it_was_announced(bounded: PhotoApp, deliver: Deliver) -> None:
    deliver(*(bounded.put(bounded.announce().item["object"]["key"]) for _ in range(DAILY_UPLOADS)))
    assert [*_counted().values()] == [DAILY_UPLOADS]
    assert {image["status"]["S"] for image in rows("image")} == {"PENDING"}


# Expiry


def test_announcement_expires_after_queues_have_dropped_its_upload_event(app: PhotoApp) -> None:
    with clock("2026-11-01"):
        photo = app.announce()
    expires = datetime.fromtimestamp(photo.item[table_keys.EXPIRES], UTC)
    # Queues keep the event of an upload for 14 days at most.
    assert timedelta(days=14) < expires - datetime(2026, 11, 1, 10, tzinfo=UTC) < timedelta(days=16)


def test_expired_announcement_is_hidden_before_dynamodb_deletes_it(app: PhotoApp) -> None:
    with clock("2026-11-01"):
        unused, used = app.announce(), app.announce()
        app.upload(used)
        repeated = app.announce(key="k")
    with clock("2026-11-15"):
        assert len(app.listed()) == 3
    with clock("2026-11-20"):
        app.announce(key="k")
        assert set(app.listed()) == {used.photo_id, repeated.photo_id}
        with pytest.raises(NotFound):
            app.gallery.photo("ann", unused.photo_id)


def test_uploaded_photo_does_not_expire(app: PhotoApp, deliver: Deliver) -> None:
    photo = app.announce()
    deliver(app.put(photo.item["object"]["key"]))
    found = app.photos.read(photo.photo_id)
    assert found is not None
    assert table_keys.EXPIRES not in found.item


def test_announcement_that_dynamodb_deleted_is_made_again_in_its_album(app: PhotoApp) -> None:
    album_id = app.album()
    photo = app.announce(key="k", album_id=album_id)
    _delete(photo)
    assert app.listed(album_id=album_id) == []
    app.announce(key="k", album_id=album_id)
    assert app.listed(album_id=album_id) == [photo.photo_id]
