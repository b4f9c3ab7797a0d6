"""What somebody with an account can make the stack pay for: one version of a form, and an allowance of each day."""

import json
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import BUCKET, TABLE
from tests.functions.conftest import Handler
from tests.functions.darkroom import clock
from tests.functions.photo_app import PhotoApp, rows
from vision.adapters.aws_sdk import client
from vision.adapters.people import People
from vision.domain import records, table_keys
from vision.domain.envelopes import Envelope
from vision.domain.errors import AllowanceExceeded
from vision.domain.executions import Attempt
from vision.domain.gallery.daily_allowance import Allowance, seconds_left
from vision.domain.gallery.photos import Photo, PhotoQuery
from vision.domain.image_file.limits import MEGABYTE
from vision.domain.refusals import NotFound
from vision.services import label_index, photo_deletion
from vision.services.gallery import Gallery

Deliver = Callable[..., Any]
Listing = Callable[[], list[dict[str, Any]]]
FORM, COPY, PUT, PARTS = "POST Object", "CopyObject", "PutObject", "CompleteMultipartUpload"
LIMIT = 3
NOTHING_FAILED: dict[str, list[Any]] = {"batchItemFailures": []}
NOW = "2026-11-30T18:30:00.000Z"


def message(envelope: Envelope, reason: str) -> dict[str, Any]:
    """The message of an upload, as the queue hands it over."""
    version = envelope.object
    source = {"key": version.key, "size": version.size_bytes, "etag": version.etag, "version-id": version.version_id}
    detail = {
        "bucket": {"name": version.bucket},
        "object": source | {"sequencer": version.sequencer},
        "reason": reason,
    }
    return {
        "messageId": version.version_id,
        "body": json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail}),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:image-recognition-ProcessingQueue",
    }


@pytest.fixture
def app(table_name: str, bucket: str) -> PhotoApp:
    return PhotoApp()


@pytest.fixture
def deliver(
    function: Callable[[str], Handler], app: PhotoApp, state_machine_arn: str, monkeypatch: pytest.MonkeyPatch
) -> Deliver:
    """Hand uploads to start_processing, which lets a person add three photos a day."""
    monkeypatch.setenv("DAILY_UPLOADS", str(LIMIT))
    handler = function("start_processing")

    def hand_over(*envelopes: Envelope, reason: str = FORM) -> Any:
        return handler({"Records": [message(envelope, reason) for envelope in envelopes]})

    return hand_over


def _put(app: PhotoApp, photo: Photo) -> Envelope:
    return app.put(photo.item["object"]["key"])


def _stored() -> set[str]:
    """The ids of all versions of all objects."""
    return {one["VersionId"] for one in client("s3").list_object_versions(Bucket=BUCKET).get("Versions", [])}


def _attached(app: PhotoApp, photo: Photo) -> str:
    found = app.photos.read(photo.photo_id)
    assert found is not None
    return str(found.item["object"]["version_id"])


# One version of each form


def test_form_sent_a_hundred_times_starts_one_execution_and_keeps_one_version(
    app: PhotoApp, deliver: Deliver, executions: Listing
) -> None:
    photo = app.announce()
    versions = [_put(app, photo) for _ in range(100)]
    random.Random(7).shuffle(versions)
    for start in range(0, 100, 10):
        assert deliver(*versions[start : start + 10]) == NOTHING_FAILED
    [image] = rows("image")
    assert (len(executions()), _stored()) == (1, {image["object"]["M"]["version_id"]["S"]})
    assert _attached(app, photo) in _stored()


def test_repeated_and_late_events_of_a_form_keep_the_version_that_was_accepted(
    app: PhotoApp, deliver: Deliver, executions: Listing
) -> None:
    photo = app.announce()
    first, second = _put(app, photo), _put(app, photo)
    # The newer one is delivered first; then both again, in either order.
    deliver(second, first, second, first, first)
    assert (_attached(app, photo), _stored(), len(executions())) == (
        second.object.version_id,
        {second.object.version_id},
        1,
    )


@pytest.mark.parametrize(
    ("service", "operation"), [("dynamodb", "UpdateItem"), ("dynamodb", "GetItem"), ("s3", "DeleteObject")]
)
def test_crash_while_a_further_version_is_refused_heals_with_the_next_delivery(
    app: PhotoApp,
    deliver: Deliver,
    executions: Listing,
    refuse: Callable[..., None],
    service: str,
    operation: str,
) -> None:
    photo = app.announce()
    first, second = _put(app, photo), _put(app, photo)
    deliver(first)
    refuse(service, operation, "SlowDown", 503, calls=(1,))
    assert deliver(second) != NOTHING_FAILED
    assert deliver(second) == NOTHING_FAILED
    assert (_stored(), len(executions())) == ({first.object.version_id}, 1)


@pytest.mark.parametrize("operation", ["UpdateItem", "PutItem"])
def test_crash_while_the_version_of_a_form_is_accepted_heals_with_the_next_delivery(
    app: PhotoApp, deliver: Deliver, executions: Listing, refuse: Callable[..., None], operation: str
) -> None:
    photo = app.announce()
    first, second = _put(app, photo), _put(app, photo)
    refuse("dynamodb", operation, "ThrottlingException", calls=(1,))
    deliver(first)
    # Whichever is the one, it is one, and the whole of it.
    assert deliver(second, first, second) == NOTHING_FAILED
    [kept] = _stored()
    assert (kept, [image["sk"]["S"] for image in rows("image")]) == (_attached(app, photo), [f"VERSION#{kept}"])
    assert len(executions()) == 1


def test_form_of_a_deleted_photo_stores_nothing(app: PhotoApp, deliver: Deliver, executions: Listing) -> None:
    photo = app.announce()
    app.gallery.delete("ann", photo.photo_id)
    assert deliver(_put(app, photo)) == NOTHING_FAILED
    assert (_stored(), rows("image"), executions()) == (set(), [], [])


@pytest.mark.parametrize("reason", [COPY, PUT])
def test_team_replaces_what_a_form_has_uploaded(
    app: PhotoApp, deliver: Deliver, executions: Listing, reason: str
) -> None:
    photo = app.announce()
    uploaded = _put(app, photo)
    deliver(uploaded)
    replaced = _put(app, photo)
    deliver(replaced, reason=reason)
    # The late second event of the form's version deletes nothing and shows no older picture.
    assert deliver(uploaded) == NOTHING_FAILED
    assert (_attached(app, photo), len(executions())) == (replaced.object.version_id, 2)
    assert _stored() == {uploaded.object.version_id, replaced.object.version_id}


@pytest.mark.parametrize("reason", [FORM, PUT])
def test_key_that_was_never_announced_keeps_all_of_its_versions(
    app: PhotoApp, deliver: Deliver, executions: Listing, reason: str
) -> None:
    versions = [app.put("private/ann/uploads/garden.jpg") for _ in range(LIMIT)]
    deliver(*versions, reason=reason)
    assert (len(executions()), len(_stored())) == (LIMIT, LIMIT)


def test_notification_of_the_bucket_itself_tells_a_form_too(
    function: Callable[[str], Handler], app: PhotoApp, state_machine_arn: str
) -> None:
    photo = app.announce()
    sent = []
    for envelope in (_put(app, photo), _put(app, photo)):
        version = envelope.object
        source = {"key": version.key, "versionId": version.version_id, "eTag": version.etag, "size": 7}
        s3 = {"bucket": {"name": version.bucket}, "object": source | {"sequencer": version.sequencer}}
        body = json.dumps({"Records": [{"eventName": "ObjectCreated:Post", "s3": s3}]})
        sent.append(message(envelope, "") | {"body": body})
    function("start_processing")({"Records": sent})
    assert len(_stored()) == 1


# The allowance of a day


def test_thousand_uploads_of_a_person_are_counted_until_the_allowance_is_used(table_name: str) -> None:
    people, taken = People(table_name), 0
    for _ in range(1000):
        try:
            people.charge("ann", MEGABYTE, Allowance(uploads=40, megabytes=5000), NOW)
        except AllowanceExceeded:
            continue
        taken += 1
    assert taken == 40


def test_megabytes_of_a_day_are_used_to_the_last_byte(table_name: str) -> None:
    people, allowance = People(table_name), Allowance(uploads=0, megabytes=2)
    people.charge("ann", MEGABYTE, allowance, NOW)
    with pytest.raises(AllowanceExceeded):
        people.charge("ann", MEGABYTE + 1, allowance, NOW)
    people.charge("ann", MEGABYTE, allowance, NOW)
    with pytest.raises(AllowanceExceeded):
        people.charge("ann", 1, allowance, NOW)


def test_file_larger_than_the_allowance_of_a_day_is_refused_on_an_empty_day(table_name: str) -> None:
    with pytest.raises(AllowanceExceeded):
        People(table_name).charge("ann", 2 * MEGABYTE, Allowance(uploads=5, megabytes=1), NOW)
    assert rows() == []


def test_what_another_takes_between_question_and_count_is_not_there_any_more(
    table_name: str, hook: Callable[..., None]
) -> None:
    people, allowance = People(table_name), Allowance(uploads=1, megabytes=0)
    asked: list[int] = []

    def overtake(**_: Any) -> None:
        if not asked:
            asked.append(1)
            people.charge("ann", 1, allowance, NOW)

    hook("dynamodb", "before-call.SERVICE.UpdateItem", overtake)
    with pytest.raises(AllowanceExceeded):
        people.charge("ann", 1, allowance, NOW)


def test_each_person_and_each_day_has_an_allowance_of_its_own(table_name: str) -> None:
    people, allowance = People(table_name), Allowance(uploads=1, megabytes=0)
    people.charge("ann", 1, allowance, NOW)
    people.charge("bob", 1, allowance, NOW)
    people.charge("ann", 1, allowance, "2026-12-01T00:00:00.000Z")
    with pytest.raises(AllowanceExceeded):
        people.charge("ann", 1, allowance, "2026-11-30T23:59:59.999Z")


def test_without_limits_nothing_is_counted(table_name: str) -> None:
    People(table_name).charge("ann", 1, Allowance(0, 0), NOW)
    assert rows() == []


def test_count_of_a_day_is_forgotten_by_itself(table_name: str) -> None:
    People(table_name).charge("ann", 1, Allowance(1, 0), NOW)
    [day] = rows("allowance")
    kept = datetime.fromtimestamp(int(day[table_keys.EXPIRES]["N"]), UTC) - datetime(2026, 12, 1, tzinfo=UTC)
    assert timedelta(days=1) <= kept < timedelta(days=8)


def test_refusal_names_limits_time_and_remedy() -> None:
    told = Allowance(500, 5000).refusal(NOW)
    assert all(said in told for said in ("500 photos", "5,000 MB", "2026-12-01 00:00 UTC", "ask an operator"))
    assert "MB" not in Allowance(500, 0).refusal(NOW)


@pytest.mark.parametrize(
    ("now", "seconds"),
    [("2026-11-30T23:59:59.999Z", 1), ("2026-11-30T00:00:00.000Z", 86_400), ("2026-12-31T23:00:00.000Z", 3600)],
)
def test_time_until_the_next_day_is_at_least_a_second(now: str, seconds: int) -> None:
    assert seconds_left(now) == seconds


@pytest.fixture
def bounded(app: PhotoApp) -> PhotoApp:
    """A gallery that lets a person add three photos a day."""
    allowance = Allowance(LIMIT, 0)
    return PhotoApp(Gallery(app.gallery.people, app.gallery.photos, BUCKET, allowance), app.table)


def test_announcement_past_the_allowance_is_refused_and_makes_no_ticket(bounded: PhotoApp) -> None:
    for _ in range(LIMIT):
        bounded.announce()
    with pytest.raises(AllowanceExceeded):
        bounded.announce()
    assert len(rows("photo")) == LIMIT


def test_announcement_that_is_repeated_on_the_same_day_counts_once(bounded: PhotoApp) -> None:
    for _ in range(LIMIT + 1):
        bounded.announce(key="k")
    bounded.announce()
    assert [day["uploads"]["N"] for day in rows("allowance")] == ["2"]


def test_announcement_that_is_repeated_on_another_day_counts_in_that_day_too(bounded: PhotoApp) -> None:
    with clock("2026-11-28"):
        for number in range(LIMIT):
            bounded.announce(key=str(number))
    with clock("2026-11-29"):
        for number in range(LIMIT):
            bounded.announce(key=str(number))
        # So nobody saves up announcements of many days for one.
        with pytest.raises(AllowanceExceeded):
            bounded.announce()
        assert len(rows("photo")) == LIMIT


def test_announcement_of_an_uploaded_photo_is_repeated_at_no_cost(bounded: PhotoApp) -> None:
    with clock("2026-11-28"):
        bounded.upload(bounded.announce(key="k"))
    with clock("2026-11-29"):
        assert bounded.announce(key="k").is_uploaded
    assert [day["sk"]["S"] for day in rows("allowance")] == ["DAY#2026-11-28"]


def test_announcement_that_is_refused_for_its_key_or_its_album_counts_for_nothing(bounded: PhotoApp) -> None:
    bounded.announce(key="k")
    for changed in ({"key": "k", "name": "tulip.jpg"}, {"album_id": "a" * 26}):
        with pytest.raises(Exception, match=r"another file|^$"):
            bounded.announce(**changed)
    assert [day["uploads"]["N"] for day in rows("allowance")] == ["1"]


def test_ticket_that_was_made_before_allowances_is_announced_and_uploaded(
    bounded: PhotoApp, deliver: Deliver, executions: Listing
) -> None:
    photo = bounded.announce(key="k")
    table = client("dynamodb")
    key = {name: photo.item[name] for name in ("pk", "sk")}
    table.update_item(
        TableName=TABLE,
        Key={name: {"S": value} for name, value in key.items()},
        UpdateExpression=f"REMOVE {table_keys.EXPIRES}",
    )
    bounded.announce(key="k")
    deliver(_put(bounded, photo))
    assert len(executions()) == 1


def test_what_a_form_uploads_was_counted_when_it_was_announced(bounded: PhotoApp, deliver: Deliver) -> None:
    uploads = [_put(bounded, bounded.announce()) for _ in range(LIMIT)]
    deliver(*uploads)
    assert [day["uploads"]["N"] for day in rows("allowance")] == [str(LIMIT)]
    assert {image["status"]["S"] for image in rows("image")} == {"RUNNING"}


@pytest.fixture
def past(app: PhotoApp, deliver: Deliver) -> Envelope:
    """An upload that came, otherwise than by a form, when the day had no room any more."""
    for number in range(LIMIT):
        deliver(app.put(f"private/ann/uploads/{number}.jpg"), reason=PUT)
    envelope = app.put("private/ann/uploads/late.jpg")
    assert deliver(envelope, reason=PUT) == NOTHING_FAILED
    return envelope


def test_upload_past_the_allowance_is_recorded_as_refused_and_not_started(
    app: PhotoApp, past: Envelope, executions: Listing
) -> None:
    [photo] = [one for one in app.gallery.find(PhotoQuery("ann"), None, 10)[0] if one.photo_id == past.photo_id]
    shown = photo.as_dict(records.now())
    assert (shown["status"], shown["error"]["name"]) == ("FAILED", "AllowanceExceeded")
    assert "3 photos" in shown["error"]["cause"]
    assert shown["error"]["remedy"]
    assert len(executions()) == LIMIT


def test_upload_past_the_allowance_stays_refused_when_its_event_comes_again(
    past: Envelope, deliver: Deliver, executions: Listing
) -> None:
    before = rows("image")
    with clock("2026-12-05"):
        deliver(past, reason=PUT)
    assert (rows("image"), len(executions())) == (before, LIMIT)


def test_upload_past_the_allowance_is_processed_again_by_a_copy(
    app: PhotoApp, past: Envelope, deliver: Deliver, executions: Listing
) -> None:
    copied = app.put(past.object.key)
    deliver(copied, reason=COPY)
    assert (app.table.image(copied) or {})["status"] == "RUNNING"
    assert len(executions()) == LIMIT + 1


def test_copy_in_parts_counts_as_the_upload_that_its_event_tells(
    app: PhotoApp, past: Envelope, deliver: Deliver, executions: Listing
) -> None:
    copied = app.put(past.object.key)
    deliver(copied, reason=PARTS)
    assert (app.table.image(copied) or {})["error"]["name"] == "AllowanceExceeded"
    assert len(executions()) == LIMIT


def test_upload_past_the_allowance_is_processed_again_by_an_execution(app: PhotoApp, past: Envelope) -> None:
    app.finish(past)
    image = app.table.image(past) or {}
    assert (image["status"], "error" in image) == ("SUCCEEDED", False)


def test_event_that_comes_twice_counts_once(app: PhotoApp, deliver: Deliver) -> None:
    envelope = app.put("private/ann/uploads/a.jpg")
    deliver(envelope, envelope, reason=PUT)
    assert [day["uploads"]["N"] for day in rows("allowance")] == ["1"]


def test_of_two_deliveries_at_the_same_moment_the_first_decides(
    app: PhotoApp, deliver: Deliver, executions: Listing, hook: Callable[..., None]
) -> None:
    for number in range(LIMIT - 1):
        deliver(app.put(f"private/ann/uploads/{number}.jpg"), reason=PUT)
    envelope, met = app.put("private/ann/uploads/a.jpg"), []

    def meanwhile(**_: Any) -> None:
        if not met:
            met.append(1)
            deliver(envelope, reason=PUT)

    # The other delivery takes the last place of the day after this one has looked for the record.
    hook("dynamodb", "after-call.SERVICE.GetItem", meanwhile)
    deliver(envelope, reason=PUT)
    assert (app.table.image(envelope) or {})["status"] == "RUNNING"
    assert len(executions()) == LIMIT


def test_refusals_of_uploads_are_counted_apart(
    app: PhotoApp, past: Envelope, deliver: Deliver, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    photo = app.announce("bob")
    deliver(_put(app, photo), _put(app, photo))
    assert capsys.readouterr().out.count('"Name":"UploadsRefused"') == 1


# Announcements that nobody uses


def test_announcement_that_is_not_used_expires(app: PhotoApp) -> None:
    with clock("2026-11-01"):
        photo = app.announce()
    expires = datetime.fromtimestamp(photo.item[table_keys.EXPIRES], UTC)
    # Queues keep the event of an upload for 14 days at most.
    assert timedelta(days=14) < expires - datetime(2026, 11, 1, 10, tzinfo=UTC) < timedelta(days=16)


def test_expired_announcement_is_not_shown_before_dynamodb_has_deleted_it(app: PhotoApp) -> None:
    with clock("2026-11-01"):
        photo = app.announce()
        kept = app.announce()
        app.upload(kept)
    with clock("2026-11-15"):
        assert len(app.listed()) == 2
    with clock("2026-11-20"):
        assert app.listed() == [kept.photo_id]
        with pytest.raises(NotFound):
            app.gallery.photo("ann", photo.photo_id)


def test_upload_takes_the_expiry_of_its_announcement_away(app: PhotoApp, deliver: Deliver) -> None:
    photo = app.announce()
    deliver(_put(app, photo))
    found = app.photos.read(photo.photo_id)
    assert found is not None
    assert table_keys.EXPIRES not in found.item


def test_announcement_that_is_repeated_later_expires_later(app: PhotoApp) -> None:
    with clock("2026-11-01"):
        app.announce(key="k")
    with clock("2026-11-20"):
        photo = app.announce(key="k")
        assert app.listed() == [photo.photo_id]


def test_announcement_that_dynamodb_has_deleted_is_made_anew_in_its_album(app: PhotoApp) -> None:
    album_id = str(app.gallery.make_album("ann", "Rome", "")["album_id"])
    photo = app.announce(key="k", album_id=album_id)
    client("dynamodb").delete_item(TableName=TABLE, Key={name: {"S": photo.item[name]} for name in ("pk", "sk")})
    assert app.listed(album_id=album_id) == []
    app.announce(key="k", album_id=album_id)
    assert app.listed(album_id=album_id) == [photo.photo_id]


# Refused content is no file host


def refused(app: PhotoApp, envelope: Envelope, name: str) -> None:
    """Let the execution of an upload end with an error, as store_metadata records it."""
    record = app.table.image(envelope) or {}
    run = Attempt(record["execution_arn"], record["run_started_at"])
    outcome = {"status": "FAILED", "error": {"name": name, "cause": "no image"}}
    app.table.advance(envelope, run, outcome, records.now())
    label_index.add(app.photos, envelope, run, outcome)


@pytest.fixture
def sweep(app: PhotoApp, function: Callable[[str], Handler], event: Callable[[str], dict[str, Any]]) -> Deliver:
    """Let the schedule look."""
    handler = function("track_execution")
    return lambda: handler(event("track_execution_schedule"))


@pytest.fixture
def uploaded(app: PhotoApp, deliver: Deliver) -> Envelope:
    envelope = _put(app, app.announce())
    deliver(envelope)
    return envelope


def _long_ago() -> AbstractContextManager[None]:
    return clock(records.timestamp(datetime.now(UTC) - timedelta(hours=25)))


def test_content_of_a_refused_upload_is_kept_for_a_day_and_then_deleted(
    app: PhotoApp, uploaded: Envelope, sweep: Deliver
) -> None:
    with clock(records.timestamp(datetime.now(UTC) - timedelta(hours=23))):
        refused(app, uploaded, "NotSupportedImageType")
    sweep()
    assert _stored() == {uploaded.object.version_id}
    assert app.gallery.image_url(app.gallery.photo("ann", uploaded.photo_id))


@pytest.mark.parametrize("looks", [1, 2])
def test_refused_upload_is_shown_without_its_content_after_a_day(
    app: PhotoApp, uploaded: Envelope, sweep: Deliver, looks: int
) -> None:
    with _long_ago():
        refused(app, uploaded, "NotSupportedImageType")
    for _ in range(looks):
        sweep()
    photo = app.gallery.photo("ann", uploaded.photo_id)
    assert (_stored(), app.gallery.image_url(photo)) == (set(), None)
    assert photo.as_dict(records.now())["error"]["name"] == "NotSupportedImageType"


def test_refused_upload_that_was_processed_again_with_success_stays(
    app: PhotoApp, uploaded: Envelope, sweep: Deliver
) -> None:
    with _long_ago():
        refused(app, uploaded, "CorruptImage")
    app.finish(uploaded, started_at="2099-01-01T00:00:00.000Z")
    sweep()
    sweep()
    photo = app.gallery.photo("ann", uploaded.photo_id)
    assert uploaded.object.version_id in _stored()
    assert app.gallery.image_url(photo)


@pytest.mark.parametrize("name", ["AccessDenied", "States.Timeout", "ServiceUnavailable"])
def test_upload_that_the_service_failed_on_stays(app: PhotoApp, uploaded: Envelope, sweep: Deliver, name: str) -> None:
    with _long_ago():
        refused(app, uploaded, name)
    sweep()
    assert _stored() == {uploaded.object.version_id}


def test_refused_content_that_came_otherwise_than_by_a_form_stays(
    app: PhotoApp, deliver: Deliver, sweep: Deliver
) -> None:
    envelope = app.put("private/ann/uploads/notes.txt")
    deliver(envelope, reason=PUT)
    with _long_ago():
        refused(app, envelope, "NotSupportedImageType")
    sweep()
    assert _stored() == {envelope.object.version_id}


def test_deletion_of_refused_content_that_breaks_off_is_finished_by_the_next_look(
    app: PhotoApp, uploaded: Envelope, sweep: Deliver, refuse: Callable[..., None]
) -> None:
    with _long_ago():
        refused(app, uploaded, "NotSupportedImageType")
    # After the object has gone, before the record says so.
    refuse("dynamodb", "UpdateItem", "ThrottlingException", calls=(1,))
    with pytest.raises(Exception, match="as the service says it"):
        sweep()
    sweep()
    assert app.gallery.image_url(app.gallery.photo("ann", uploaded.photo_id)) is None
    assert [row for row in rows("image") if "listing_pk" in row] == []


def test_more_refused_uploads_than_a_look_deletes_wait_for_the_next(
    app: PhotoApp, deliver: Deliver, sweep: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_deletion, "_REFUSED_AT_ONCE", 2)
    uploads = [_put(app, app.announce()) for _ in range(3)]
    deliver(*uploads)
    with _long_ago():
        for envelope in uploads:
            refused(app, envelope, "NotSupportedImageType")
    sweep()
    assert len(_stored()) == 1
    sweep()
    assert _stored() == set()
