"""Photos in the table: announce, list, read and delete them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby, islice

from vision.adapters.items import Items
from vision.domain import table_keys
from vision.domain.envelopes import Envelope
from vision.domain.gallery import daily_counts
from vision.domain.gallery.listing import ListPosition, Span
from vision.domain.gallery.pending_uploads import NEVER, PendingUpload
from vision.domain.gallery.photos import Photo, label_entry, label_name
from vision.domain.objects import ObjectVersion
from vision.domain.records import Record
from vision.domain.table_keys import (
    CONTENT_DELETED,
    COUNTED,
    COUNTED_BEFORE,
    DELETING,
    EARLIER_LABELS,
    ERASED,
    EXPIRES,
    GONE,
    LISTED_AS,
    OPEN_PK,
    OPEN_SINCE,
)

_RECORD = (
    *("status", "error", "width", "height", "format", "labels", "detector", "thumbnail"),
    *("capture_time", "camera_make", "camera_model", "location", "execution_arn", CONTENT_DELETED),
)
_PHOTO = (
    *("photo_id", "owner", "album_id", "name", "object", "content_type", "size_bytes", "status", "created_at"),
    *("listing_sk", "sequencer", EXPIRES, ERASED, LISTED_AS),
)

# Most interrupted deletions of a shard that one scheduled run continues; the next run finds the others.
_UNFINISHED_OF_A_SHARD = 10

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

    def list_labelled(
        self, owner: str, label: str, span: Span, after: ListPosition | None, page_size: int
    ) -> Iterator[ListPosition]:
        """Yield the positions of an owner's photos with a label, newest first, starting after a position.

        Entries of earlier releases are in the index ``listing``. A photo with both entries has the same position twice.
        """
        older = self.list_positions(table_keys.label_listing(owner, label), span, after, page_size)
        found = heapq.merge(self._entries(owner, label, span, after, page_size), older, reverse=True)
        return (position for position, _ in groupby(found))

    def _entries(
        self, owner: str, label: str, span: Span, after: ListPosition | None, page_size: int
    ) -> Iterator[ListPosition]:
        if span.is_empty(after):
            return
        found = self._items.query(
            "",
            "pk = :partition AND sk BETWEEN :low AND :high",
            {},
            {":partition": table_keys.label_listing(owner, label), ":low": span.low, ":high": span.high(after)},
            newest_first=True,
            page_size=page_size,
        )
        for item in found:
            # A folder of the bucket can be named so that the label names of its owner have this partition key.
            if item["record_type"] != "label_entry":
                continue
            pk, sk = table_keys.older_label_entry_key(item["photo_id"], label).values()
            position = ListPosition(item["sk"], pk, sk)
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
        names = [label_name(photo.owner, label) for label in different]
        # From the second photo on most names exist, and a read costs a fifth of a write.
        known = self._items.get_many([{"pk": name["pk"], "sk": name["sk"]} for name in names], ("record_type",))
        seen = {item["sk"] for item in known}
        # The names come first, so that they lead to all entries.
        self._items.put_many([name for name in names if name["sk"] not in seen])
        self._items.put_many([label_entry(photo, label) for label in different])

    def label_names(self, owner: str) -> list[str]:
        """Return the labels of all photos that an owner has ever had."""
        return [str(item["name"]) for item in self._items.beginning(table_keys.label_name_key(owner, ""))]

    def unindex_labels(self, photo: Photo, labels: Iterable[str]) -> None:
        """Remove a photo from the label index; the label names of its owner stay."""
        different = {label.casefold() for label in labels}
        self._items.delete_many(
            [table_keys.label_entry_key(photo.owner, label, photo.listed_as) for label in different]
        )

    def count(self, photo: Photo, version: ObjectVersion, counted_as: str, now: str) -> None:
        """Count the newest version of a photo once: under the day and class in its record, or else under these."""
        if COUNTED_BEFORE in photo.record:
            return
        count = daily_counts.count(photo.owner, photo.record.get(COUNTED, counted_as), version)
        self._items.put_many([count])
        if daily_counts.is_late(count["day"], now):
            # The sum of that day lacks this count, or is being made: it is not used again.
            self._items.put_many([daily_counts.day_counts(photo.owner, count["day"], None)])

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
                OPEN_PK: table_keys.deleting_listing(table_keys.shard_of(photo.photo_id)),
                OPEN_SINCE: now,
                LISTED_AS: photo.listed_as,
                **({"sequencer": NEVER} if photo.is_announced else {}),
            },
            {},
            condition=f"{ERASED} = :{ERASED}" if is_known else "attribute_exists(pk)",
            remove=("listing_pk", "listing_sk", "name", GONE, EXPIRES),
        )

    def unfinished_deletions(self, before: str) -> Iterator[Photo]:
        """Yield photos whose deletion is unfinished and has made no progress since a time, some of each shard."""
        for shard in range(table_keys.OPEN_SHARDS):
            listed = self._items.query(
                "open",
                f"{OPEN_PK} = :listing AND {OPEN_SINCE} < :before",
                {},
                {":listing": table_keys.deleting_listing(shard), ":before": before},
                page_size=_UNFINISHED_OF_A_SHARD,
            )
            positions = [ListPosition("", item["pk"], item["sk"]) for item in islice(listed, _UNFINISHED_OF_A_SHARD)]
            yield from (photo for photo in self.get_many(positions) if ERASED in photo.item)

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

    def delete_records(self, photo: Photo, now: str, *, until: str = "") -> None:
        """Delete all items of a photo except its tombstone; its objects should already be deleted.

        With ``until``, delete only what was recorded up to then, for a photo that was replaced meanwhile.
        """
        key = table_keys.photo_key(photo.photo_id)
        known = [
            item
            for item in self._items.query("", "pk = :pk", {}, {":pk": key["pk"]})
            if item["sk"] != key["sk"] and (not until or item.get("created_at", "~") <= until)
        ]
        # The records name the labels, so they are deleted after the entries under these labels.
        named = chain.from_iterable(item.get(name, ()) for item in known for name in ("labels", EARLIER_LABELS))
        self.unindex_labels(photo, {label["name"] for label in named})
        self._items.delete_many([{"pk": item["pk"], "sk": item["sk"]} for item in known])
        expires = int((datetime.now(UTC) + _REMEMBERED).timestamp())
        self._items.update(
            key,
            {GONE: now, EXPIRES: expires},
            {},
            condition=f"attribute_exists({ERASED})",
            remove=("status", OPEN_PK, OPEN_SINCE),
        )

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
