"""Delete a photo, in an order of steps that is safe to repeat from any point."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from vision.adapters import storage
from vision.adapters.photos import Photos
from vision.domain import keys, records
from vision.domain.failures import Failure
from vision.domain.gallery.listing import ListPosition
from vision.domain.gallery.photos import Photo
from vision.domain.objects import ObjectVersion
from vision.domain.statuses import Status
from vision.domain.table_keys import CONTENT_DELETED, ERASED

REFUSED_SECONDS = 86_400
"""How long the content of a refused upload is kept: an operator can look at it and process it again."""

# This many are deleted within the time of one scheduled run; the next run continues.
_REFUSED_AT_ONCE = 200


def delete_photo(photos: Photos, photo: Photo) -> None:
    """Delete a photo: first remove it from all lists, then delete its objects, then its records.

    What a running execution still writes is deleted when that execution ends, see :mod:`vision.services.label_index`,
    or when ``track_execution`` closes its record.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
        Parts of the photo may remain. The next scheduled run deletes them, see :meth:`Photos.unfinished_deletions`.
    """
    erased_at = photo.item.get(ERASED) or records.now()
    photos.mark_deleting(photo, erased_at, records.now())
    where = photo.item["object"]
    # A later upload of the same key belongs to another photo.
    storage.delete_versions(
        where["bucket"], where["key"], is_prefix=False, until="" if photo.is_announced else erased_at
    )
    until = erased_at if photos.is_replaced(photo.photo_id) else ""
    # Folders that no record names yet are written by a running execution.
    folders = {(where["bucket"], folder) for folder in keys.thumbnail_folders(photo.photo_id, photo.owner)}
    for bucket, folder in sorted(folders | photos.thumbnail_folders(photo.photo_id)):
        storage.delete_versions(bucket, folder, is_prefix=True, until=until)
    photos.delete_records(photo, records.now(), until=until)


def refused(photos: Photos) -> Iterator[ListPosition]:
    """Yield the list positions of some refused uploads that are a day old."""
    return islice(photos.refused(records.seconds_ago(REFUSED_SECONDS)), _REFUSED_AT_ONCE)


def delete_refused(photos: Photos, position: ListPosition) -> None:
    """Delete the content of a refused upload, unless a later attempt succeeded; its record stays.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    record = photos.record(position)
    # The index is eventually consistent: it may still list a record that the table no longer lists.
    if record is None or record.get("listing_sk") != position.listing_sk:
        return
    is_refused = record["status"] == Status.FAILED and Failure(**record["error"]).is_of_upload
    if is_refused:
        storage.delete(ObjectVersion.from_dict(record["object"]))
    photos.unlist_refused(position, {CONTENT_DELETED: records.now()} if is_refused else {"updated_at": records.now()})
