"""What follows when the record of a person's photo is written: it is filed under its labels, and counted."""

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


def add(photos: Photos, envelope: Envelope, run: Attempt, outcome: Mapping[str, Any]) -> None:
    """File a photo under the labels that were found, and count it once; or erase it, if it was erased meanwhile.

    Whatever has been done before changes nothing when it is done again.

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
        if not outcome.get("labels") or not is_newest(photo, envelope.object):
            return
        photos.file(photo, [label["name"] for label in outcome["labels"]])
        # The day of the execution's start: the same however often this is done, whatever the clock has passed since.
        photos.count(envelope, daily_counts.class_of(outcome), daily_counts.day_of(run.started_at), records.now())
        # What was filed after its photo had been erased would stay for ever.
        photo = photos.read(envelope.photo_id) or photo
    if ERASED in photo.item:
        photo_deletion.delete_photo(photos, photo)


def _mark_refused(photos: Photos, photo: Photo, envelope: Envelope, outcome: Mapping[str, Any]) -> None:
    """List what a form has uploaded and nobody can use, so that its content is deleted after a day.

    What came otherwise is the team's own, and stays.
    """
    if outcome.get("status") != Status.FAILED or not photo.is_of_form(envelope.object):
        return
    if Failure(**outcome["error"]).is_of_upload:
        photos.list_refused(envelope, records.now())
