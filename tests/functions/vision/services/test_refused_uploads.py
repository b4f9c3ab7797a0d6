"""Content that the workflow refused is deleted after a day: the stack is not a file host."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import BUCKET
from tests.functions.conftest import Event, Refuse, Start
from tests.functions.darkroom import clock
from tests.functions.photo_app import PhotoApp, rows
from tests.functions.vision.services.conftest import PUT, Deliver
from vision.adapters.aws_sdk import client
from vision.domain import records
from vision.domain.envelopes import Envelope
from vision.domain.executions import Attempt
from vision.services import label_index, photo_deletion

Fail = Callable[..., None]
Sweep = Callable[[], None]


@pytest.fixture
def fail(app: PhotoApp) -> Fail:
    """End the execution of an upload with an error some hours ago, as store_metadata records it."""

    def end(envelope: Envelope, name: str = "NotSupportedImageType", hours_ago: int = 25) -> None:
        record = app.table.image(envelope) or {}
        attempt = Attempt(record.get("execution_arn", "arn:1"), record.get("run_started_at", records.now()))
        outcome = {"status": "FAILED", "error": {"name": name, "cause": "no image"}}
        with clock(records.timestamp(datetime.now(UTC) - timedelta(hours=hours_ago))):
            app.table.advance(envelope, attempt, outcome, records.now())
            label_index.add(app.photos, envelope, attempt, outcome)

    return end


@pytest.fixture
def sweep(app: PhotoApp, function: Start, event: Event) -> Sweep:
    """Run track_execution as its schedule does."""
    handler = function("track_execution")
    return lambda: handler(event("track_execution_schedule"))


@pytest.fixture
def uploaded(app: PhotoApp, deliver: Deliver) -> Envelope:
    envelope = app.put(app.announce().item["object"]["key"])
    deliver(envelope)
    return envelope


def _stored() -> set[str]:
    return {one["VersionId"] for one in client("s3").list_object_versions(Bucket=BUCKET).get("Versions", [])}


def test_refused_content_is_kept_for_a_day(app: PhotoApp, uploaded: Envelope, fail: Fail, sweep: Sweep) -> None:
    fail(uploaded, hours_ago=23)
    sweep()
    assert _stored() == {uploaded.object.version_id}
    assert app.gallery.image_url(app.gallery.photo("ann", uploaded.photo_id))


def test_refused_upload_is_shown_without_its_content(
    app: PhotoApp, uploaded: Envelope, fail: Fail, sweep: Sweep
) -> None:
    fail(uploaded)
    for _ in range(2):
        sweep()
        photo = app.gallery.photo("ann", uploaded.photo_id)
        assert _stored() == set()
        assert app.gallery.image_url(photo) is None
        assert photo.as_dict(records.now())["error"]["name"] == "NotSupportedImageType"


def test_refused_upload_that_was_processed_again_with_success_stays(
    app: PhotoApp, uploaded: Envelope, fail: Fail, sweep: Sweep
) -> None:
    fail(uploaded, "CorruptImage")
    app.finish(uploaded, started_at="2099-01-01T00:00:00.000Z")
    sweep()
    sweep()
    assert uploaded.object.version_id in _stored()
    assert app.gallery.image_url(app.gallery.photo("ann", uploaded.photo_id))


@pytest.mark.parametrize("name", ["AccessDenied", "States.Timeout", "ServiceUnavailable"])
def test_upload_that_the_service_failed_stays(uploaded: Envelope, fail: Fail, sweep: Sweep, name: str) -> None:
    fail(uploaded, name)
    sweep()
    assert _stored() == {uploaded.object.version_id}


def test_refused_upload_that_used_no_form_stays(app: PhotoApp, deliver: Deliver, fail: Fail, sweep: Sweep) -> None:
    envelope = app.put("private/ann/uploads/notes.txt")
    deliver(envelope, reason=PUT)
    fail(envelope)
    sweep()
    assert _stored() == {envelope.object.version_id}


def test_next_sweep_completes_a_deletion_that_failed(
    app: PhotoApp, uploaded: Envelope, fail: Fail, sweep: Sweep, refuse: Refuse
) -> None:
    fail(uploaded)
    # The object is deleted, but its record does not say so yet.
    refuse("dynamodb", "UpdateItem", "ThrottlingException", calls=(1,))
    with pytest.raises(Exception, match="as the service says it"):
        sweep()
    sweep()
    assert app.gallery.image_url(app.gallery.photo("ann", uploaded.photo_id)) is None
    assert [row for row in rows("image") if "listing_pk" in row] == []


def test_sweep_leaves_what_exceeds_its_limit_to_the_next(
    app: PhotoApp, deliver: Deliver, fail: Fail, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_deletion, "_REFUSED_AT_ONCE", 2)
    uploads = [app.put(app.announce().item["object"]["key"]) for _ in range(3)]
    deliver(*uploads)
    for envelope in uploads:
        fail(envelope)
    sweep()
    assert len(_stored()) == 1
    sweep()
    assert _stored() == set()
