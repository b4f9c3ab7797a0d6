"""Uploads that are admitted: one version of each form, and as many a day as the allowance has."""

import random
from typing import Any

import pytest

from tests.conftest import BUCKET
from tests.functions.conftest import NOTHING_FAILED, Hook, Listing, Metrics, Refuse, Start
from tests.functions.darkroom import clock
from tests.functions.photo_app import PhotoApp, rows
from tests.functions.vision.services.conftest import COPY, DAILY_UPLOADS, FORM, PARTS, PUT, Deliver, message
from vision.adapters.aws_sdk import client
from vision.domain import records
from vision.domain.envelopes import Envelope
from vision.domain.gallery.photo_query import PhotoQuery
from vision.domain.gallery.photos import Photo


def _put(app: PhotoApp, photo: Photo) -> Envelope:
    return app.put(photo.item["object"]["key"])


def _stored() -> set[str]:
    """The ids of all versions of all objects."""
    return {one["VersionId"] for one in client("s3").list_object_versions(Bucket=BUCKET).get("Versions", [])}


def _shown(app: PhotoApp, photo: Photo) -> str:
    """The version that is shown as the photo."""
    found = app.photos.read(photo.photo_id)
    assert found is not None
    return str(found.item["object"]["version_id"])


def _status(app: PhotoApp, envelope: Envelope) -> str:
    return str((app.table.image(envelope) or {})["status"])


def _counted() -> list[str]:
    return [day["uploads"]["N"] for day in rows("allowance")]


# One version of each form


def test_form_sent_a_hundred_times_starts_one_execution(app: PhotoApp, deliver: Deliver, executions: Listing) -> None:
    photo = app.announce()
    versions = [_put(app, photo) for _ in range(100)]
    random.Random(7).shuffle(versions)
    for start in range(0, 100, 10):
        assert deliver(*versions[start : start + 10]) == NOTHING_FAILED
    [image] = rows("image")
    assert len(executions()) == 1
    assert _stored() == {image["object"]["M"]["version_id"]["S"]} == {_shown(app, photo)}


def test_repeated_events_of_a_form_keep_the_first_version(app: PhotoApp, deliver: Deliver, executions: Listing) -> None:
    photo = app.announce()
    first, second = _put(app, photo), _put(app, photo)
    # The newer version is delivered first.
    deliver(second, first, second, first, first)
    assert _stored() == {second.object.version_id} == {_shown(app, photo)}
    assert len(executions()) == 1


@pytest.mark.parametrize(
    ("service", "operation"), [("dynamodb", "UpdateItem"), ("dynamodb", "GetItem"), ("s3", "DeleteObject")]
)
def test_next_delivery_completes_a_failed_refusal_of_a_second_version(
    app: PhotoApp, deliver: Deliver, executions: Listing, refuse: Refuse, service: str, operation: str
) -> None:
    photo = app.announce()
    first, second = _put(app, photo), _put(app, photo)
    deliver(first)
    refuse(service, operation, "SlowDown", 503, calls=(1,))
    assert deliver(second) != NOTHING_FAILED
    assert deliver(second) == NOTHING_FAILED
    assert _stored() == {first.object.version_id}
    assert len(executions()) == 1


@pytest.mark.parametrize("operation", ["UpdateItem", "PutItem"])
def test_next_delivery_completes_a_failed_admission_of_a_version(
    app: PhotoApp, deliver: Deliver, executions: Listing, refuse: Refuse, operation: str
) -> None:
    photo = app.announce()
    first, second = _put(app, photo), _put(app, photo)
    refuse("dynamodb", operation, "ThrottlingException", calls=(1,))
    deliver(first)
    assert deliver(second, first, second) == NOTHING_FAILED
    # Either version may be the one, but its object, its record and the photo agree.
    [kept] = _stored()
    assert kept == _shown(app, photo)
    assert [image["sk"]["S"] for image in rows("image")] == [f"VERSION#{kept}"]
    assert len(executions()) == 1


def test_form_of_a_deleted_photo_stores_nothing(app: PhotoApp, deliver: Deliver, executions: Listing) -> None:
    photo = app.announce()
    app.gallery.delete("ann", photo.photo_id)
    assert deliver(_put(app, photo)) == NOTHING_FAILED
    assert _stored() == set()
    assert rows("image") == executions() == []


@pytest.mark.parametrize("reason", [COPY, PUT])
def test_upload_that_used_no_form_replaces_the_version_of_a_form(
    app: PhotoApp, deliver: Deliver, executions: Listing, reason: str
) -> None:
    photo = app.announce()
    uploaded = _put(app, photo)
    deliver(uploaded)
    replaced = _put(app, photo)
    deliver(replaced, reason=reason)
    # A repeated event of the form deletes nothing and does not show the older version.
    assert deliver(uploaded) == NOTHING_FAILED
    assert _shown(app, photo) == replaced.object.version_id
    assert _stored() == {uploaded.object.version_id, replaced.object.version_id}
    assert len(executions()) == 2


def test_bucket_notification_identifies_a_form_too(function: Start, app: PhotoApp, state_machine_arn: str) -> None:
    photo = app.announce()
    sent = []
    for envelope in (_put(app, photo), _put(app, photo)):
        version = envelope.object
        source = {"key": version.key, "versionId": version.version_id, "eTag": version.etag, "size": 7}
        s3 = {"bucket": {"name": version.bucket}, "object": source | {"sequencer": version.sequencer}}
        sent.append(message(envelope, {"Records": [{"eventName": "ObjectCreated:Post", "s3": s3}]}))
    function("start_processing")({"Records": sent})
    assert len(_stored()) == 1


# Uploads beyond the daily allowance


@pytest.fixture
def excess(app: PhotoApp, deliver: Deliver) -> Envelope:
    """An upload without a form after the allowance of the day was used up."""
    for number in range(DAILY_UPLOADS):
        deliver(app.put(f"private/ann/uploads/{number}.jpg"), reason=PUT)
    envelope = app.put("private/ann/uploads/late.jpg")
    assert deliver(envelope, reason=PUT) == NOTHING_FAILED
    return envelope


def test_excess_upload_is_shown_with_limit_and_remedy_and_never_started(
    app: PhotoApp, excess: Envelope, deliver: Deliver, executions: Listing
) -> None:
    [photo] = [one for one in app.gallery.find(PhotoQuery("ann"), None, 10)[0] if one.photo_id == excess.photo_id]
    shown = photo.as_dict(records.now())
    assert (shown["status"], shown["error"]["name"]) == ("FAILED", "AllowanceExceeded")
    assert "3 photos" in shown["error"]["cause"]
    assert shown["error"]["remedy"]
    # Its event may be repeated later.
    before = rows("image")
    with clock("2026-12-05"):
        deliver(excess, reason=PUT)
    assert rows("image") == before
    # A multipart copy counts as an upload.
    copied = app.put(excess.object.key)
    deliver(copied, reason=PARTS)
    assert (app.table.image(copied) or {})["error"]["name"] == "AllowanceExceeded"
    assert len(executions()) == DAILY_UPLOADS


def test_excess_upload_is_processed_by_a_copy_or_an_execution(
    app: PhotoApp, excess: Envelope, deliver: Deliver, executions: Listing
) -> None:
    copied = app.put(excess.object.key)
    deliver(copied, reason=COPY)
    assert _status(app, copied) == "PENDING"
    assert len(executions()) == DAILY_UPLOADS + 1
    app.finish(excess)
    assert _status(app, excess) == "SUCCEEDED"
    assert "error" not in (app.table.image(excess) or {})


@pytest.mark.parametrize("reason", [FORM, PUT])
def test_key_that_was_never_announced_keeps_and_counts_each_version_once(
    app: PhotoApp, deliver: Deliver, executions: Listing, reason: str
) -> None:
    versions = [app.put("private/ann/uploads/garden.jpg") for _ in range(DAILY_UPLOADS)]
    deliver(*versions, *versions, reason=reason)
    assert len(executions()) == len(_stored()) == DAILY_UPLOADS
    assert _counted() == [str(DAILY_UPLOADS)]


def test_first_of_concurrent_deliveries_decides(
    app: PhotoApp, deliver: Deliver, executions: Listing, hook: Hook
) -> None:
    for number in range(DAILY_UPLOADS - 1):
        deliver(app.put(f"private/ann/uploads/{number}.jpg"), reason=PUT)
    envelope, met = app.put("private/ann/uploads/a.jpg"), []

    def meanwhile(**_: Any) -> None:
        if not met:
            met.append(1)
            deliver(envelope, reason=PUT)

    # The other delivery uses the last upload of the day after this one has looked for the record.
    hook("dynamodb", "after-call.SERVICE.GetItem", meanwhile)
    deliver(envelope, reason=PUT)
    assert _status(app, envelope) == "PENDING"
    assert len(executions()) == DAILY_UPLOADS


def test_refused_upload_is_a_metric(app: PhotoApp, excess: Envelope, deliver: Deliver, metrics: Metrics) -> None:
    metrics()
    photo = app.announce("bob")
    deliver(_put(app, photo), _put(app, photo))
    assert metrics()["UploadsRefused"] == 1
