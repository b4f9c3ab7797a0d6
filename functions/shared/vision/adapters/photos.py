"""Photos of the table as their owners ask for them: in lists, alone, and until they are erased."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from vision.adapters.items import Items
from vision.domain import table_keys
from vision.domain.envelopes import Envelope
from vision.domain.gallery import daily_counts
from vision.domain.gallery.listing import ListPosition, Span
from vision.domain.gallery.pending_uploads import NEVER, PendingUpload
from vision.domain.gallery.photos import Photo, label_entry, label_name
from vision.domain.objects import ObjectVersion
from vision.domain.records import Record
from vision.domain.table_keys import CONTENT_DELETED, DELETING, ERASED, EXPIRES, GONE

_RECORD = (
    *("status", "error", "width", "height", "format", "labels", "detector", "thumbnail"),
    *("capture_time", "camera_make", "camera_model", "location", "execution_arn", CONTENT_DELETED),
)
_PHOTO = (
    *("photo_id", "owner", "album_id", "name", "object", "content_type", "size_bytes", "status", "created_at"),
    *("listing_sk", "sequencer", EXPIRES, ERASED),
)

# For so long what comes late finds out that its photo was erased: longer than queues and executions keep anything.
_REMEMBERED = timedelta(days=15)


class Photos:
    """The photos of one table.

    All methods raise Throttled, ServiceUnavailable and AccessDenied.
    """

    def __init__(self, table_name: str) -> None:
        self._items = Items(table_name)

    def announced(self, ticket: PendingUpload) -> Record | None:
        """Return the item of the photo that a ticket of this token announces, if there is one."""
        return self._items.get(table_keys.photo_key(ticket.photo_id))

    def announce(self, ticket: PendingUpload, now: str, created_at: str = "") -> Record:
        """Record a ticket, or let the one of this token that still waits for its upload expire later; return it.

        ``created_at`` is of a photo that was made earlier, in another system.
        """
        item, entry = ticket.photo(now, created_at), ticket.album_entry(created_at or now)
        # Both or neither: an album is deleted with what it lists.
        if self._items.put_together(item, entry) if entry else self._items.put_once(item):
            return item
        self._items.update(
            table_keys.photo_key(ticket.photo_id),
            {EXPIRES: item[EXPIRES]},
            {},
            condition="attribute_exists(pk) AND attribute_not_exists(sequencer)",
        )
        return self.announced(ticket) or {}

    def read(self, photo_id: str) -> Photo | None:
        """Return a photo, also one that was erased a while ago."""
        item = self._items.get(table_keys.photo_key(photo_id))
        if item is None:
            return None
        photo = Photo(item, {})
        record = self._items.get(table_keys.image_key(photo.version)) if photo.version else None
        return Photo(item, record or {})

    def list_positions(
        self, partition: str, span: Span, after: ListPosition | None, page_size: int
    ) -> Iterator[ListPosition]:
        """Yield the places of a list, newest first, from the one after a place on."""
        if span.is_empty(after):
            return
        found = self._items.query(
            "listing",
            "listing_pk = :partition AND listing_sk BETWEEN :low AND :high",
            {},
            {":partition": partition, ":low": span.low, ":high": span.high(after)},
            newest_first=True,
            page_size=page_size,
        )
        for item in found:
            place = ListPosition(item["listing_sk"], item["pk"], item["sk"])
            if after is None or place < after:
                yield place

    def get_many(self, places: Sequence[ListPosition]) -> list[Photo]:
        """Return the photos at these places, in their order, as they are now; those that are gone are left out."""
        wanted = [{"pk": pk, "sk": table_keys.PHOTO_SORT_KEY} for pk in dict.fromkeys(place.pk for place in places)]
        items = {item["pk"]: item for item in self._items.get_many(wanted, _PHOTO)}
        versions = {pk: version for pk, item in items.items() if (version := Photo(item, {}).version)}
        keys = [table_keys.image_key(version) for version in versions.values()]
        found = {item["pk"]: item for item in self._items.get_many(keys, _RECORD)}
        return [Photo(items[place.pk], found.get(place.pk, {})) for place in places if place.pk in items]

    def records_at(self, places: Sequence[ListPosition]) -> dict[ListPosition, Record]:
        """Return the image records at these places, as they are now."""
        found = self._items.get_many(
            [{"pk": place.pk, "sk": place.sk} for place in dict.fromkeys(places)],
            ("photo_id", "object", "moved_to", "format", "labels", "verdict", "rule", "reasons", "inspected_at"),
        )
        records = {(item["pk"], item["sk"]): item for item in found}
        return {place: records[place.pk, place.sk] for place in places if (place.pk, place.sk) in records}

    def file(self, photo: Photo, labels: Sequence[str]) -> None:
        """Let a photo be found by its labels, and its owner by the letters that a label begins with."""
        different = {label.casefold(): label for label in labels}.values()
        self._items.put_many([label_entry(photo, label) for label in different])
        names = [label_name(photo.owner, label) for label in different]
        # Most are known by the second photo, and to read one costs a fifth of writing it.
        known = self._items.get_many([{"pk": name["pk"], "sk": name["sk"]} for name in names], ("record_type",))
        seen = {item["sk"] for item in known}
        self._items.put_many([name for name in names if name["sk"] not in seen])

    def count(self, envelope: Envelope, class_name: str, day: str, now: str) -> None:
        """Count a version under its class and day, once."""
        self._items.add_once(
            table_keys.image_key(envelope.object),
            table_keys.COUNTED,
            now,
            table_keys.daily_count_key(envelope.owner, day, class_name),
            daily_counts.count(envelope.owner, day, class_name),
            daily_counts.COUNT,
        )

    def list_refused(self, envelope: Envelope, now: str) -> None:
        """Let :meth:`refused` find a version from now on."""
        self._items.update(
            table_keys.image_key(envelope.object),
            {
                "listing_pk": table_keys.REFUSED_LISTING,
                "listing_sk": table_keys.listing_sort_key(now, envelope.photo_id),
            },
            {},
            condition="attribute_exists(pk) AND attribute_not_exists(listing_pk)",
        )

    def refused(self, before: str) -> Iterator[ListPosition]:
        """Yield the places of the versions that were refused before a moment, oldest first."""
        found = self._items.query(
            "listing",
            "listing_pk = :partition AND listing_sk < :before",
            {},
            {":partition": table_keys.REFUSED_LISTING, ":before": before},
        )
        return (ListPosition(item["listing_sk"], item["pk"], item["sk"]) for item in found)

    def record(self, place: ListPosition) -> Record | None:
        """Return the image record at a place, as it is now."""
        return self._items.get({"pk": place.pk, "sk": place.sk})

    def unlist_refused(self, place: ListPosition, fields: Record) -> None:
        """Take a version out of the list of those that were refused, and set some attributes of it."""
        self._items.update(
            {"pk": place.pk, "sk": place.sk},
            fields,
            {},
            condition="attribute_exists(pk)",
            remove=("listing_pk", "listing_sk"),
        )

    def mark_deleting(self, photo: Photo, erased_at: str, now: str) -> None:
        """Take a photo out of every list that shows it, before anything of it is deleted.

        A ticket's key is used once: nothing that is uploaded there later is attached any more. A key that its owner
        chose may be used again, by an upload that is newer; that one is not marked for what was erased before it.
        """
        is_known = ERASED in photo.item
        self._items.update(
            table_keys.photo_key(photo.photo_id),
            {
                ERASED: erased_at,
                "status": DELETING,
                "updated_at": now,
                **({"sequencer": NEVER} if photo.is_announced else {}),
            },
            {},
            condition=f"{ERASED} = :{ERASED}" if is_known else "attribute_exists(pk)",
            remove=("listing_pk", "listing_sk", "name", GONE, EXPIRES),
        )

    def unfinished_deletions(self, before: str) -> Iterator[str]:
        """Yield the ids of photos whose deletion had not ended and was not gone on with since before a moment."""
        found = self._items.query(
            "by_status",
            "#status = :status AND updated_at < :before",
            {"#status": "status"},
            {":status": DELETING, ":before": before},
        )
        return (str(item["photo_id"]) for item in found)

    def delete_entries(self, places: Sequence[ListPosition]) -> None:
        """Delete these places themselves from the list that has them."""
        self._items.delete_many([{"pk": place.pk, "sk": place.sk} for place in places])

    def thumbnail_folders(self, photo_id: str) -> set[tuple[str, str]]:
        """Return the buckets and folders in which thumbnails of a photo are recorded, of bulk runs too."""
        known = self._items.query("", "pk = :pk", {}, {":pk": table_keys.photo_key(photo_id)["pk"]})
        thumbnails = [item["thumbnail"] for item in known if item.get("thumbnail")]
        return {(thumbnail["bucket"], thumbnail["key"].rsplit("/", 1)[0] + "/") for thumbnail in thumbnails}

    def is_replaced(self, photo_id: str) -> bool:
        """Tell whether a photo that was erased is there again: a newer upload has come to its key."""
        item = self._items.get(table_keys.photo_key(photo_id))
        return item is not None and ERASED not in item

    def delete_records(self, photo_id: str, now: str, *, until: str = "") -> None:
        """Delete whatever the table knows of a photo, but for that it was erased; its objects should be gone.

        With ``until`` only what was recorded until then: of a photo that was replaced meanwhile.
        """
        key = table_keys.photo_key(photo_id)
        known = self._items.query("", "pk = :pk", {}, {":pk": key["pk"]})
        erased = [
            {"pk": item["pk"], "sk": item["sk"]}
            for item in known
            if item["sk"] != key["sk"] and (not until or ("created_at" in item and item["created_at"] <= until))
        ]
        self._items.delete_many(erased)
        expires = int((datetime.now(UTC) + _REMEMBERED).timestamp())
        gone = {GONE: now, EXPIRES: expires}
        self._items.update(key, gone, {}, condition=f"attribute_exists({ERASED})", remove=("status",))

    def scan_page(self, start: Record | None, page_size: int) -> tuple[list[Photo], Record | None]:
        """Return some photos of anybody, and where to go on.

        One of which nothing is left is none, nor is an inspected image or one of a bulk run: they have no owner.
        """
        items, last = self._items.scan(start, page_size)
        return [
            Photo(item, {})
            for item in items
            if item.get("record_type") == "photo" and item.get("owner") and GONE not in item
        ], last


def is_newest(photo: Photo, version: ObjectVersion) -> bool:
    """Tell whether a version is the one that the photo shows."""
    return photo.version is not None and photo.version.identity == version.identity
