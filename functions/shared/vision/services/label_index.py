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
from vision.domain.table_keys import EARLIER_LABELS, ERASED
from vision.services import photo_deletion


def add(
    photos: Photos, envelope: Envelope, attempt: Attempt, outcome: Mapping[str, Any], *, is_first: bool = True
) -> None:
    """Index a photo under its labels and count it once, list a refused upload, or finish a deletion that has begun.

    The function is idempotent.

    Parameters
    ----------
    is_first
        Whether nobody can have begun this for the attempt before.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    if not envelope.owner:
        return
    photo = photos.read(envelope.photo_id)
    if photo is None:
        return
    # An attempt without a detector found no labels: those in the record are of an attempt before.
    labels = photo.record.get("labels", []) if "detector" in outcome else []
    names = [str(label["name"]) for label in labels]
    if ERASED not in photo.item:
        _mark_refused(photos, photo, envelope, outcome)
        if not names or not is_newest(photo, envelope.object):
            return
        _index(photos, photo, names)
        # Count under the day on which the execution started: a repetition after midnight finds the same day.
        photos.count(photo, envelope.object, daily_counts.mark(attempt.started_at, photo.record), records.now())
        listed, photo = photo, photos.read(envelope.photo_id) or photo
        if photo.listed_as != listed.listed_as:
            # The photo was deleted meanwhile, and a new upload has its key: the deletion has not seen these entries.
            photos.unindex_labels(listed, names)
    if ERASED in photo.item:
        # A deletion finds entries by the records, and may have deleted those before the entries were added.
        photos.unindex_labels(photo, names if names or is_first else photos.label_names(photo.owner))
        photo_deletion.delete_photo(photos, photo)


def _index(photos: Photos, photo: Photo, names: list[str]) -> None:
    """Index a photo under its labels, and no longer under those that only attempts before found."""
    photos.index_labels(photo, names)
    earlier = {label["name"].casefold() for label in photo.record.get(EARLIER_LABELS, ())}
    photos.unindex_labels(photo, earlier - {name.casefold() for name in names})


def _mark_refused(photos: Photos, photo: Photo, envelope: Envelope, outcome: Mapping[str, Any]) -> None:
    """List an unusable upload of a form, so that its content is deleted after a day.

    An upload that did not come from a form belongs to the team, and stays.
    """
    if outcome.get("status") != Status.FAILED or not photo.is_of_form(envelope.object):
        return
    if Failure(**outcome["error"]).is_of_upload:
        photos.list_refused(envelope, records.now())
