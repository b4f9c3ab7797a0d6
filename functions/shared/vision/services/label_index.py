"""Index a photo under its labels and count it, after its record is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vision.adapters.photos import Photos, is_newest
from vision.domain import records
from vision.domain.envelopes import Envelope
from vision.domain.executions import Attempt
from vision.domain.failures import Failure
from vision.domain.gallery import daily_counts
from vision.domain.gallery.photos import Photo
from vision.domain.statuses import Status
from vision.domain.table_keys import ERASED
from vision.services import photo_deletion


def add(photos: Photos, envelope: Envelope, attempt: Attempt, outcome: Mapping[str, Any]) -> None:
    """Index a photo under its labels and count it once, list a refused upload, or finish a deletion that has begun.

    The function is idempotent.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    if not envelope.owner:
        return
    photo = photos.read(envelope.photo_id)
    if photo is None:
        return
    if ERASED not in photo.item:
        _mark_refused(photos, photo, envelope, outcome)
        # The record has the labels; those of an earlier attempt are not found again by one without a detector.
        labels = photo.record.get("labels") if "detector" in outcome else None
        if not labels or not is_newest(photo, envelope.object):
            return
        photos.index_labels(photo, [label["name"] for label in labels])
        # Count under the day on which the execution started: a repetition after midnight finds the same day.
        day = daily_counts.day_of(attempt.started_at)
        photos.count(envelope, daily_counts.class_of(photo.record), day, records.now())
        # If the photo was deleted meanwhile, the entries just added would stay forever.
        photo = photos.read(envelope.photo_id) or photo
    if ERASED in photo.item:
        photo_deletion.delete_photo(photos, photo)


def _mark_refused(photos: Photos, photo: Photo, envelope: Envelope, outcome: Mapping[str, Any]) -> None:
    """List an unusable upload of a form, so that its content is deleted after a day.

    An upload that did not come from a form belongs to the team, and stays.
    """
    if outcome.get("status") != Status.FAILED or not photo.is_of_form(envelope.object):
        return
    if Failure(**outcome["error"]).is_of_upload:
        photos.list_refused(envelope, records.now())
