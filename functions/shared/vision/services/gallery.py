"""The owners' use cases: albums, uploads, lists, searches, deletion. The owner comes from the access token."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from vision.adapters import storage
from vision.adapters.albums import Albums
from vision.adapters.people import People
from vision.adapters.photos import Photos
from vision.domain import display, records, table_keys
from vision.domain.gallery import albums, daily_counts, pending_uploads
from vision.domain.gallery.daily_allowance import Allowance
from vision.domain.gallery.listing import ListPosition, Span
from vision.domain.gallery.pending_uploads import PendingUpload
from vision.domain.gallery.photo_query import PhotoQuery
from vision.domain.gallery.photos import Photo
from vision.domain.records import Record
from vision.domain.request_errors import Conflict, NotFound
from vision.domain.table_keys import CONTENT_DELETED, ERASED
from vision.services import photo_deletion

# Most photos that one page reads from its list: a search with few matches returns fewer, and a list position.
_EXAMINED_LIMIT = 400
_EXAMINED_AT_ONCE = 100

# Most pages of the table that one request scans for photos, well within its time limit.
_SCANS_LIMIT = 50

# An index is updated shortly after the table, mostly within a fraction of a second.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.Writes
_SETTLE_SECONDS = 1.0

# How long a presigned URL of an image works: as long as a user looks at a page. The URL alone gives access.
_SHOWN_SECONDS = 3600

LABELS_LIMIT = 20
"""Most labels that the search suggests while the user types."""

ERASED_AT_ONCE = 20
"""Most photos that one request deletes, well within the 29 seconds that API Gateway waits."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A form that uploads one file: its URL, its fields, and when it expires."""

    url: str
    fields: dict[str, str]
    expires_at: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """The photos in one table and one bucket, and the daily allowance of each owner."""

    albums: Albums
    people: People
    photos: Photos
    bucket: str
    allowance: Allowance

    # Albums

    def make_album(self, owner: str, name: str, idempotency_key: str) -> Record:
        """Make an album; a repeated call with the same key makes no second one.

        Raises
        ------
        Conflict
            The key made a different album, or the owner has as many albums as allowed.
        """
        album_id = pending_uploads.idempotent_id(owner, idempotency_key and f"album\n{idempotency_key}")
        new = albums.album(owner, album_id, name, records.now())
        album = self.albums.get(owner, album_id) or self.albums.make(new, albums.ALBUMS_LIMIT)
        if album is None:
            raise Conflict(f"albums: {albums.ALBUMS_LIMIT} are the most that a person may have; delete one first")
        if album["made_as"] != name:
            raise Conflict("Idempotency-Key: it has made an album of another name; take a new key")
        return album

    def rename_album(self, owner: str, album_id: str, name: str) -> Record:
        """Rename an album.

        Raises
        ------
        NotFound
        """
        album = self.albums.rename(owner, album_id, name, records.now()) and self.albums.get(owner, album_id)
        if not album:
            raise NotFound
        return album

    def delete_album(self, owner: str, album_id: str) -> int:
        """Delete some of an album's photos, and the album itself once it is empty. It accepts no more photos.

        Returns
        -------
        int
            How many photos were deleted; 0 means that the album is deleted.

        Raises
        ------
        NotFound
        """
        if not self.albums.close(owner, album_id, records.now()):
            raise NotFound
        positions = self._some_of_album(owner, album_id)
        if not positions:
            # A photo that was announced just before the album was closed may not be listed yet.
            time.sleep(_SETTLE_SECONDS)
            positions = self._some_of_album(owner, album_id)
        if not positions:
            self.albums.remove(owner, album_id)
        for photo in self.photos.get_many(positions):
            photo_deletion.delete_photo(self.photos, photo)
        self.photos.delete_entries(positions)
        return len(positions)

    def _some_of_album(self, owner: str, album_id: str) -> list[ListPosition]:
        partition = table_keys.album_listing(owner, album_id)
        return list(islice(self.photos.list_positions(partition, Span(), None, ERASED_AT_ONCE), ERASED_AT_ONCE))

    # Photos

    def announce(
        self, owner: str, name: str, content_type: str, size_bytes: int, album_id: str, idempotency_key: str
    ) -> tuple[Photo, Upload]:
        """Announce a photo, and return it with the form that uploads its file.

        The same key returns the same pending upload, and a new form.

        Raises
        ------
        NotFound
            The owner has no such album.
        Conflict
            The key has announced a different file, or its photo is deleted.
        AllowanceExceeded
            The upload would exceed the owner's allowance of the day.
        """
        if not self._takes_photos(owner, album_id):
            raise NotFound
        token = pending_uploads.idempotent_id(owner, idempotency_key and f"photo\n{idempotency_key}")
        pending = PendingUpload(self.bucket, owner, token, name, content_type, size_bytes, album_id)
        item = self._announce_and_charge(pending, records.now())
        # A request that closed the album in between has listed its photos before this one was added.
        if not self._takes_photos(owner, album_id):
            photo_deletion.delete_photo(self.photos, Photo(item, {}))
            raise NotFound
        url, fields = storage.presigned_post(
            self.bucket,
            pending.key,
            content_type=content_type,
            size_bytes=size_bytes,
            valid_seconds=pending_uploads.UPLOAD_SECONDS,
        )
        [photo] = self.photos.get_many([Photo(item, {}).position()])
        return photo, Upload(url, fields, records.seconds_ago(-pending_uploads.UPLOAD_SECONDS))

    def _announce_and_charge(self, pending: PendingUpload, now: str) -> Record:
        """Return the item of a pending upload, new or known, which is charged to its owner's allowance of this day."""
        item = self.photos.announced(pending)
        if item is not None:
            _same(pending, item)
            if not pending_uploads.is_waiting(item) or pending_uploads.last_announced(item) == daily_counts.day_of(now):
                return item
        self.people.charge(pending.owner, pending.size_bytes, self.allowance, now)
        # A concurrent request with the same key may have announced another file.
        return _same(pending, self.photos.announce(pending, now))

    def _takes_photos(self, owner: str, album_id: str) -> bool:
        """Return whether an album exists and is not being deleted; True if no album is named."""
        album = self.albums.get(owner, album_id) if album_id else {}
        return album is not None and table_keys.CLOSED not in album

    def find(
        self, wanted: PhotoQuery, after: ListPosition | None, limit: int
    ) -> tuple[list[Photo], ListPosition | None]:
        """Return a page of photos, newest first, and the list position after which the next page begins.

        A page may have fewer photos than its limit although more follow: only the last page has no list position.
        """
        positions = self._positions(wanted, after)
        found: list[Photo] = []
        looks, last, now = 0, None, records.now()
        # Most photos of a list match, so a short page reads few of them first, and larger steps only after that.
        step = min(_EXAMINED_AT_ONCE, 2 * limit)
        while looks < _EXAMINED_LIMIT and (some := list(islice(positions, step))):
            step = _EXAMINED_AT_ONCE
            looks += len(some)
            there = {photo.item["pk"]: photo for photo in self.photos.get_many(some)}
            for last in some:
                photo = there.get(last.pk)
                if photo is not None and _is_found(photo, last, wanted, now):
                    found.append(photo)
                if len(found) == limit:
                    return found, last
        return found, last if looks >= _EXAMINED_LIMIT else None

    def _positions(self, wanted: PhotoQuery, after: ListPosition | None) -> Iterator[ListPosition]:
        if wanted.heading:
            return self.photos.list_labelled(wanted.owner, wanted.heading, wanted.span, after, _EXAMINED_AT_ONCE)
        return self.photos.list_positions(wanted.partition, wanted.span, after, _EXAMINED_AT_ONCE)

    def photo(self, owner: str, photo_id: str) -> Photo:
        """Return a photo.

        Raises
        ------
        NotFound
        """
        photo = self.photos.read(photo_id)
        if photo is None or photo.owner != owner or ERASED in photo.item:
            raise NotFound
        if pending_uploads.has_expired(photo.item, records.now()):
            raise NotFound
        return photo

    def delete(self, owner: str, photo_id: str) -> None:
        """Delete a photo with its objects; a repeated call deletes what remained.

        Raises
        ------
        NotFound
        """
        photo = self.photos.read(photo_id)
        if photo is None or not owner or photo.owner != owner:
            raise NotFound
        photo_deletion.delete_photo(self.photos, photo)

    def delete_some_of_everyone(self, after: ListPosition | None, deleted: list[str]) -> ListPosition | None:
        """Delete some photos of any owner, and return where to go on, ``None`` at the end.

        Parameters
        ----------
        after
            Where the previous call stopped; ``None`` to begin.
        deleted
            Receives the id of each photo before it is deleted: after an error it has the ids of all begun deletions.
        """
        previous = after
        key = {"pk": after.pk, "sk": after.sk} if after else None
        for _ in range(_SCANS_LIMIT):
            found, key = self.photos.scan_page(key, _EXAMINED_AT_ONCE)
            for photo in found:
                if len(deleted) == ERASED_AT_ONCE:
                    return previous
                deleted.append(photo.photo_id)
                photo_deletion.delete_photo(self.photos, photo)
                previous = ListPosition("", photo.item["pk"], photo.item["sk"])
            if key is None:
                return None
        return ListPosition("", key["pk"], key["sk"]) if key else None

    # Addresses

    def thumbnail_url(self, photo: Photo) -> str | None:
        """Return a presigned URL of the thumbnail, if there is one."""
        thumbnail = photo.record.get("thumbnail")
        if not thumbnail:
            return None
        return storage.presigned_url(
            thumbnail["bucket"],
            thumbnail["key"],
            content_type=display.content_type("JPEG"),
            valid_seconds=_SHOWN_SECONDS,
        )

    def image_url(self, photo: Photo) -> str | None:
        """Return a presigned URL of the image itself, if it exists."""
        version = photo.version
        if version is None or CONTENT_DELETED in photo.record:
            return None
        image_format = photo.record.get("format")
        return storage.presigned_url(
            version.bucket,
            version.key,
            content_type=display.content_type(image_format),
            disposition=display.disposition(photo.name, image_format),
            version_id=version.version_id,
            valid_seconds=_SHOWN_SECONDS,
        )


def _is_found(photo: Photo, position: ListPosition, wanted: PhotoQuery, now: str) -> bool:
    """Return whether a list has a photo at this position for a query.

    A photo that was deleted and uploaded again may still have an entry of its earlier upload under a label.
    """
    if wanted.heading and photo.listed_as != position.listing_sk:
        return False
    return wanted.admits(photo) and not pending_uploads.has_expired(photo.item, now)


def _same(pending: PendingUpload, item: Record) -> Record:
    """Return the item, if it belongs to the same announcement as the pending upload.

    Raises
    ------
    Conflict
    """
    if ERASED in item:
        raise Conflict("Idempotency-Key: the photo that it made is deleted; take a new key")
    asked = {name: getattr(pending, name) for name in ("name", "content_type", "size_bytes", "album_id")}
    if {name: item.get(name, "") for name in asked} != asked:
        raise Conflict("Idempotency-Key: it has announced another file; take a new key")
    return item
