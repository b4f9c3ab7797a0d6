"""What people do with their photos: albums, uploads, lists, searches, deletion; the token says who asks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice

from vision.adapters import storage
from vision.adapters.people import People
from vision.adapters.photos import Photos
from vision.domain import display, records, table_keys
from vision.domain.gallery import albums, daily_counts, pending_uploads
from vision.domain.gallery.daily_allowance import Allowance
from vision.domain.gallery.listing import ListPosition, Span
from vision.domain.gallery.pending_uploads import PendingUpload
from vision.domain.gallery.photos import Photo, PhotoQuery
from vision.domain.records import Record
from vision.domain.refusals import Conflict, NotFound
from vision.domain.table_keys import CONTENT_DELETED, ERASED
from vision.services import photo_deletion

# A page looks at so many photos of its list at most: a search that few match answers with less, and a place to go on.
_LOOKS_LIMIT = 400
_LOOKS_AT_ONCE = 100

# A request reads so many pages of the table in search of photos at most, well within the time that it has.
_SCANS_LIMIT = 50

# An index hears of a photo a moment after the table, mostly within a fraction of a second.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.Writes
_SETTLE_SECONDS = 1.0

# How long an address of an image works: as long as one looks at a page. Whoever has it needs nothing else.
_SHOWN_SECONDS = 3600

LABELS_LIMIT = 20
"""How many labels a search offers as one types."""

ERASED_AT_ONCE = 20
"""How many photos one request deletes, well within the 29 seconds that API Gateway waits."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A form that uploads one file: its address, its fields, and until when it may be sent."""

    url: str
    fields: dict[str, str]
    expires_at: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """The photos in one table and one bucket, and how many of them a person may add in a day."""

    people: People
    photos: Photos
    bucket: str
    allowance: Allowance

    # Albums

    def make_album(self, owner: str, name: str, idempotency_key: str) -> Record:
        """Make an album; the same key makes it once.

        Raises
        ------
        Conflict
            The key made another one, or there are as many as there may be.
        """
        album_id = pending_uploads.idempotent_id(owner, idempotency_key and f"album\n{idempotency_key}")
        new = albums.album(owner, album_id, name, records.now())
        album = self.people.album(owner, album_id) or self.people.make_album(new, albums.ALBUMS_LIMIT)
        if album is None:
            raise Conflict(f"albums: {albums.ALBUMS_LIMIT} are the most that a person may have; delete one first")
        if album["made_as"] != name:
            raise Conflict("Idempotency-Key: it has made an album of another name; take a new key")
        return album

    def rename_album(self, owner: str, album_id: str, name: str) -> Record:
        """Give an album another name.

        Raises
        ------
        NotFound
        """
        album = self.people.rename_album(owner, album_id, name, records.now()) and self.people.album(owner, album_id)
        if not album:
            raise NotFound
        return album

    def delete_album(self, owner: str, album_id: str) -> int:
        """Delete some of an album's photos, and the album when it has none any more. From now on it takes no more.

        Returns
        -------
        int
            How many photos were deleted; 0 says that the album is gone.

        Raises
        ------
        NotFound
        """
        if not self.people.close_album(owner, album_id, records.now()):
            raise NotFound
        places = self._some_of_album(owner, album_id)
        if not places:
            # A photo that was announced right before the album was closed may not be listed yet.
            time.sleep(_SETTLE_SECONDS)
            places = self._some_of_album(owner, album_id)
        if not places:
            self.people.remove_album(owner, album_id)
        for photo in self.photos.get_many(places):
            photo_deletion.delete_photo(self.photos, photo)
        self.photos.delete_entries(places)
        return len(places)

    def _some_of_album(self, owner: str, album_id: str) -> list[ListPosition]:
        partition = table_keys.album_listing(owner, album_id)
        return list(islice(self.photos.list_positions(partition, Span(), None, ERASED_AT_ONCE), ERASED_AT_ONCE))

    # Photos

    def announce(
        self, owner: str, name: str, content_type: str, size_bytes: int, album_id: str, idempotency_key: str
    ) -> tuple[Photo, Upload]:
        """Make a ticket, and the form that uploads its file; the same key makes the same ticket, and a new form.

        Raises
        ------
        NotFound
            The album is none of this owner's.
        Conflict
            The key made a ticket for something else, or its photo is deleted.
        AllowanceExceeded
            The owner has added as much today as a day lets them.
        """
        if not self._takes_photos(owner, album_id):
            raise NotFound
        token = pending_uploads.idempotent_id(owner, idempotency_key and f"photo\n{idempotency_key}")
        ticket = PendingUpload(self.bucket, owner, token, name, content_type, size_bytes, album_id)
        item = self._announced_today(ticket, records.now())
        # Whoever closed the album in between has looked for its photos before this one was there.
        if not self._takes_photos(owner, album_id):
            photo_deletion.delete_photo(self.photos, Photo(item, {}))
            raise NotFound
        url, fields = storage.presigned_post(
            self.bucket,
            ticket.key,
            content_type=content_type,
            size_bytes=size_bytes,
            valid_seconds=pending_uploads.UPLOAD_SECONDS,
        )
        [photo] = self.photos.get_many([Photo(item, {}).place()])
        return photo, Upload(url, fields, records.seconds_ago(-pending_uploads.UPLOAD_SECONDS))

    def _announced_today(self, ticket: PendingUpload, now: str) -> Record:
        """Return the item of a ticket, new or known, that is counted in this day of its owner."""
        item = self.photos.announced(ticket)
        if item is not None:
            _same(ticket, item)
            if not pending_uploads.is_waiting(item) or pending_uploads.last_announced(item) == daily_counts.day_of(now):
                return item
        self.people.charge(ticket.owner, ticket.size_bytes, self.allowance, now)
        # The same key may have been announced at the same moment, for another file.
        return _same(ticket, self.photos.announce(ticket, now))

    def _takes_photos(self, owner: str, album_id: str) -> bool:
        """Tell whether an album is there and not being deleted; no album takes everything."""
        album = self.people.album(owner, album_id) if album_id else {}
        return album is not None and table_keys.CLOSED not in album

    def find(
        self, wanted: PhotoQuery, after: ListPosition | None, limit: int
    ) -> tuple[list[Photo], ListPosition | None]:
        """Return a page of photos, newest first, and the place after which the next one begins.

        A page may have less than its limit although there are more: only a missing place says that it is the last.
        """
        places = self.photos.list_positions(wanted.partition, wanted.span, after, _LOOKS_AT_ONCE)
        found: list[Photo] = []
        looks, last, now = 0, None, records.now()
        # Most of what a list has is wanted, so a short page looks at few first, and only then at as many as it can.
        step = min(_LOOKS_AT_ONCE, 2 * limit)
        while looks < _LOOKS_LIMIT and (some := list(islice(places, step))):
            step = _LOOKS_AT_ONCE
            looks += len(some)
            there = {photo.item["pk"]: photo for photo in self.photos.get_many(some)}
            for last in some:
                photo = there.get(last.pk)
                if photo is not None and wanted.admits(photo) and not pending_uploads.has_expired(photo.item, now):
                    found.append(photo)
                if len(found) == limit:
                    return found, last
        return found, last if looks >= _LOOKS_LIMIT else None

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
        """Delete a photo with its objects; once more does what was left of it.

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
            Where the last one stopped; ``None`` to begin.
        deleted
            To which the id of each photo is added before it is deleted: an error leaves there what has begun.
        """
        previous = after
        key = {"pk": after.pk, "sk": after.sk} if after else None
        for _ in range(_SCANS_LIMIT):
            found, key = self.photos.scan_page(key, _LOOKS_AT_ONCE)
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
        """Return an address of the small copy, if there is one."""
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
        """Return an address of the image itself, if it is there."""
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


def _same(ticket: PendingUpload, item: Record) -> Record:
    """Return the item, if it is what the ticket asks for.

    Raises
    ------
    Conflict
    """
    if ERASED in item:
        raise Conflict("Idempotency-Key: the photo that it made is deleted; take a new key")
    asked = {name: getattr(ticket, name) for name in ("name", "content_type", "size_bytes", "album_id")}
    if {name: item.get(name, "") for name in asked} != asked:
        raise Conflict("Idempotency-Key: it has announced another file; take a new key")
    return item
