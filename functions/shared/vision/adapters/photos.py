"""Photos in the table: announce, list, read and delete them."""

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

# How long the tombstone of a photo stays, so that late events find it: longer than queues and executions retain
# anything.
_REMEMBERED = timedelta(days=15)


class Photos:
    """The photos of one table.

    All methods raise Throttled, ServiceUnavailable and AccessDenied.
    """

    def __init__(self, table_name: str) -> None:
        self._items = Items(table_name)

    def announced(self, pending: PendingUpload) -> Record | None:
        """Return the item of the photo that a pending upload of this token announced, or None."""
        return self._items.get(table_keys.photo_key(pending.photo_id))

    def announce(self, pending: PendingUpload, now: str, created_at: str = "") -> Record:
        """Record a pending upload, or extend the expiry of the pending upload with this token; return its item.

        ``created_at`` is the creation time of a photo from another system.
        """
        item, entry = pending.photo(now, created_at), pending.album_entry(created_at or now)
        # Write both or neither: the deletion of an album deletes the photos that it lists.
        if self._items.put_together(item, entry) if entry else self._items.put_once(item):
            return item
        self._items.update(
            table_keys.photo_key(pending.photo_id),
            {EXPIRES: item[EXPIRES]},
            {},
            condition="attribute_exists(pk) AND attribute_not_exists(sequencer)",
        )
        return self.announced(pending) or {}

    def read(self, photo_id: str) -> Photo | None:
        """Return a photo, including one that was deleted recently."""
        item = self._items.get(table_keys.photo_key(photo_id))
        if item is None:
            return None
        photo = Photo(item, {})
        record = self._items.get(table_keys.image_key(photo.version)) if photo.version else None
        return Photo(item, record or {})

    def list_positions(
        self, partition: str, span: Span, after: ListPosition | None, page_size: int
    ) -> Iterator[ListPosition]:
        """Yield the positions of a list, newest first, starting after a position."""
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
            position = ListPosition(item["listing_sk"], item["pk"], item["sk"])
            if after is None or position < after:
                yield position

    def get_many(self, positions: Sequence[ListPosition]) -> list[Photo]:
        """Return the photos at these positions, in order, with consistent reads and without missing photos."""
        wanted = [{"pk": pk, "sk": table_keys.PHOTO_SORT_KEY} for pk in dict.fromkeys(one.pk for one in positions)]
        items = {item["pk"]: item for item in self._items.get_many(wanted, _PHOTO)}
        versions = {pk: version for pk, item in items.items() if (version := Photo(item, {}).version)}
        keys = [table_keys.image_key(version) for version in versions.values()]
        found = {item["pk"]: item for item in self._items.get_many(keys, _RECORD)}
        return [Photo(items[one.pk], found.get(one.pk, {})) for one in positions if one.pk in items]

    def records_at(self, positions: Sequence[ListPosition]) -> dict[ListPosition, Record]:
        """Return the image records at these positions, with consistent reads."""
        found = self._items.get_many(
            [{"pk": one.pk, "sk": one.sk} for one in dict.fromkeys(positions)],
            ("photo_id", "object", "moved_to", "format", "labels", "verdict", "rule", "reasons", "inspected_at"),
        )
        records = {(item["pk"], item["sk"]): item for item in found}
        return {one: records[one.pk, one.sk] for one in positions if (one.pk, one.sk) in records}

    def index_labels(self, photo: Photo, labels: Sequence[str]) -> None:
        """Add a photo to the label index, and its labels to the label names of its owner."""
        different = {label.casefold(): label for label in labels}.values()
        self._items.put_many([label_entry(photo, label) for label in different])
        names = [label_name(photo.owner, label) for label in different]
        # From the second photo on most names exist, and a read costs a fifth of a write.
        known = self._items.get_many([{"pk": name["pk"], "sk": name["sk"]} for name in names], ("record_type",))
        seen = {item["sk"] for item in known}
        self._items.put_many([name for name in names if name["sk"] not in seen])

    def count(self, envelope: Envelope, class_name: str, day: str, now: str) -> None:
        """Count a version once, under its class and day."""
        self._items.add_once(
            table_keys.image_key(envelope.object),
            table_keys.COUNTED,
            now,
            table_keys.daily_count_key(envelope.owner, day, class_name),
            daily_counts.count(envelope.owner, day, class_name),
            daily_counts.COUNT,
        )

    def list_refused(self, envelope: Envelope, now: str) -> None:
        """Add a version to the list that :meth:`refused` reads."""
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
        """Yield the positions of the versions that were refused before a time, oldest first."""
        found = self._items.query(
            "listing",
            "listing_pk = :partition AND listing_sk < :before",
            {},
            {":partition": table_keys.REFUSED_LISTING, ":before": before},
        )
        return (ListPosition(item["listing_sk"], item["pk"], item["sk"]) for item in found)

    def record(self, position: ListPosition) -> Record | None:
        """Return the image record at a position with a consistent read, or None."""
        return self._items.get({"pk": position.pk, "sk": position.sk})

    def unlist_refused(self, position: ListPosition, fields: Record) -> None:
        """Remove a version from the list of refused versions, and set some of its attributes."""
        self._items.update(
            {"pk": position.pk, "sk": position.sk},
            fields,
            {},
            condition="attribute_exists(pk)",
            remove=("listing_pk", "listing_sk"),
        )

    def mark_deleting(self, photo: Photo, erased_at: str, now: str) -> None:
        """Remove a photo from every list that shows it, before any of its content is deleted.

        The key of a pending upload is used only once: a later upload to it is no longer attached. A key that the owner
        chose can be used again by a newer upload, which the earlier deletion does not mark.
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
        """Yield the ids of photos whose deletion is unfinished and has made no progress since a time."""
        found = self._items.query(
            "by_status",
            "#status = :status AND updated_at < :before",
            {"#status": "status"},
            {":status": DELETING, ":before": before},
        )
        return (str(item["photo_id"]) for item in found)

    def delete_entries(self, positions: Sequence[ListPosition]) -> None:
        """Delete the items at these positions of a list."""
        self._items.delete_many([{"pk": one.pk, "sk": one.sk} for one in positions])

    def thumbnail_folders(self, photo_id: str) -> set[tuple[str, str]]:
        """Return the recorded buckets and folders of a photo's thumbnails, including those of bulk runs."""
        known = self._items.query("", "pk = :pk", {}, {":pk": table_keys.photo_key(photo_id)["pk"]})
        thumbnails = [item["thumbnail"] for item in known if item.get("thumbnail")]
        return {(thumbnail["bucket"], thumbnail["key"].rsplit("/", 1)[0] + "/") for thumbnail in thumbnails}

    def is_replaced(self, photo_id: str) -> bool:
        """Return whether a newer upload to the key of a deleted photo has replaced it."""
        item = self._items.get(table_keys.photo_key(photo_id))
        return item is not None and ERASED not in item

    def delete_records(self, photo_id: str, now: str, *, until: str = "") -> None:
        """Delete all items of a photo except its tombstone; its objects should already be deleted.

        With ``until``, delete only what was recorded up to then, for a photo that was replaced meanwhile.
        """
        key = table_keys.photo_key(photo_id)
        known = self._items.query("", "pk = :pk", {}, {":pk": key["pk"]})
        deleted = [
            {"pk": item["pk"], "sk": item["sk"]}
            for item in known
            if item["sk"] != key["sk"] and (not until or ("created_at" in item and item["created_at"] <= until))
        ]
        self._items.delete_many(deleted)
        expires = int((datetime.now(UTC) + _REMEMBERED).timestamp())
        gone = {GONE: now, EXPIRES: expires}
        self._items.update(key, gone, {}, condition=f"attribute_exists({ERASED})", remove=("status",))

    def scan_page(self, start: Record | None, page_size: int) -> tuple[list[Photo], Record | None]:
        """Return a page of photos of all owners, and the key after which the next page starts.

        The page leaves out completely deleted photos, and images without an owner, from inspection and bulk runs.
        """
        items, last = self._items.scan(start, page_size)
        return [
            Photo(item, {})
            for item in items
            if item.get("record_type") == "photo" and item.get("owner") and GONE not in item
        ], last


def is_newest(photo: Photo, version: ObjectVersion) -> bool:
    """Return whether a version is the newest version of the photo."""
    return photo.version is not None and photo.version.identity == version.identity
