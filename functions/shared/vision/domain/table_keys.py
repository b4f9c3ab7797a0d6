"""The keys of the image table. Only this module builds them, and names the attributes that mark the state of an item.

docs/record.md has the same table, with the functions that write each item instead of the adapters:

| item | pk | sk | listing_pk | listing_sk | written by |
| --- | --- | --- | --- | --- | --- |
| photo | PHOTO#{photo_id} | CURRENT | OWNER#{owner} | {created_at}#{photo_id} | Table, Photos |
| image | PHOTO#{photo_id} | VERSION#{version_id} | | | Table |
| image, inspected | PHOTO#{photo_id} | VERSION#{version_id} | VERDICT#{verdict}#{day} | {inspected_at} | Table |
| image, refused | PHOTO#{photo_id} | VERSION#{version_id} | REFUSED | {refused_at}#{photo_id} | Photos |
| album | OWNER#{owner} | ALBUM#{album_id} | | | Albums |
| album_count | OWNER#{owner} | ALBUMS | | | Albums |
| album_entry | PHOTO#{photo_id} | ALBUM | OWNER#{owner}#ALBUM#{album_id} | {created_at}#{photo_id} | Photos |
| label_entry | OWNER#{owner}#LABEL#{label} | {created_at}#{photo_id} | | | Photos |
| label_entry, older | PHOTO#{photo_id} | LABEL#{label} | OWNER#{owner}#LABEL#{label} | {created_at}#{photo_id} | none |
| label_name | OWNER#{owner} | LABEL#{label} | | | Photos |
| older_row | OWNER#{owner} | OLDER#{token} | | | local.older_rows |
| count | COUNTS#{owner} | DAY#{day}#{class}#{version_digest} | | | Photos |
| count, older | COUNTS#{owner} | DAY#{day}#{class} | | | none |
| day_counts | COUNTS#{owner} | DAYS#{day} | | | People, Photos |
| allowance | ALLOWANCE#{owner} | DAY#{day} | | | People |
| bulk_run | RUN#{run_id} | SUMMARY | RUNS | {started_at}#{run_id} | BulkRuns |
| lease | PREFIX#{prefix_digest} | LEASE | | | BulkRuns |
| pace | PACE#{operation} | NEXT | | | RateLimiter |
| session | SESSION#{model_digest} | LEASE | | | Lease |
| model_session | MODEL-SESSION#{execution_name} | SESSION | SESSIONS | {started_at}#{execution_name} | SessionLog |

The name of an item is its ``record_type``. The sparse index ``listing`` has the items with a ``listing_pk``; a photo
without an owner has none. The partition keys of a person's items begin with the owner, which comes only from the JWT.
Text in a request therefore cannot reach the items of another person. Deployed stacks have items with these keys, so no
form ever changes: older forms are read, and no longer written.

The sparse index ``open`` has what is not finished, by ``open_pk`` and ``open_since``: ``OPEN#{shard}`` for the image
record of a photo that waits for its execution or runs, ``DELETING#{shard}`` for a photo that is being deleted. Each of
the shards takes an even part of the photos, so that none has more writes than DynamoDB takes for one key.
"""

from __future__ import annotations

import zlib

from vision.domain import keys
from vision.domain.objects import ObjectVersion

Key = dict[str, str]

PHOTO_SORT_KEY = "CURRENT"
"""The sort key of every photo. From any item in the partition of a photo, it leads to the photo."""

REFUSED_LISTING = "REFUSED"
"""The partition of uploads that were refused because of their content, which is deleted after a day."""

RUN_LISTING = "RUNS"
"""The partition of all bulk runs."""

SESSION_LISTING = "SESSIONS"
"""The partition of all sessions that started a Custom Labels model."""

OPEN_SHARDS = 16
"""How many partitions of the index ``open`` share the photos. A photo writes two entries: 16 take 8,000 a second."""

OPEN_PK = "open_pk"
"""The partition key of the index ``open``."""

OPEN_SINCE = "open_since"
"""The sort key of the index ``open``: when the record became open, or the deletion last began."""

LISTED_AS = "listed_as"
"""The attribute of a deleted photo with its former ``listing_sk``, by which its label entries are found."""

EXPIRES = "forget_after"
"""The time-to-live attribute of the table: when an item expires, in seconds since the epoch."""

FORM_VERSION = "form_version"
"""The attribute of a photo that names the version from its form, which can upload only one."""

ERASED = "erased_at"
"""The attribute of a deleted photo. The item stays for a while as a tombstone, so that late events find it."""

GONE = "gone_at"
"""The attribute of a photo whose deletion is complete: only then can the item itself expire."""

DELETING = "DELETING"
"""The status of a photo whose deletion is not complete, so that an interrupted deletion is found and finished."""

CONTENT_DELETED = "content_deleted_at"
"""The attribute of an image record whose content was refused and, after a day, deleted."""

COUNTED = "counted_as"
"""The attribute of an image record with the day and the class of its count. The first ones stay."""

COUNTED_BEFORE = "counted_at"
"""The attribute of an image record that an earlier release has counted, in the older form of counts."""

EARLIER_LABELS = "earlier_labels"
"""The attribute of an image record with the labels of attempts before, under which the photo may still be listed."""

CLOSED = "closed_at"
"""The attribute of an album that is being deleted: it accepts no more photos."""

UNCOUNTED = "uncounted_at"
"""The attribute of an album that is no longer counted, immediately before its deletion."""


def photo_key(photo_id: str) -> Key:
    """Return the key of a photo."""
    return {"pk": f"PHOTO#{photo_id}", "sk": PHOTO_SORT_KEY}


def image_key(version: ObjectVersion) -> Key:
    """Return the key of an image record. Only the version determines it, so a repeated write is the same item."""
    return {"pk": f"PHOTO#{keys.photo_id(version.bucket, version.key)}", "sk": f"VERSION#{version.identity}"}


def album_key(owner: str, album_id: str) -> Key:
    """Return the key of an album; with ``""``, the common prefix of all album keys of an owner."""
    return {"pk": f"OWNER#{owner}", "sk": f"ALBUM#{album_id}"}


def album_count_key(owner: str) -> Key:
    """Return the key of the item that counts an owner's albums."""
    return {"pk": f"OWNER#{owner}", "sk": "ALBUMS"}


def album_entry_key(photo_id: str) -> Key:
    """Return the key of the item that lists a photo in its album."""
    return {"pk": f"PHOTO#{photo_id}", "sk": "ALBUM"}


def label_entry_key(owner: str, label: str, listing_sk: str) -> Key:
    """Return the key of the item that lists a photo under a label, in any case, by the photo's ``listing_sk``."""
    return {"pk": label_listing(owner, label), "sk": listing_sk}


def older_label_entry_key(photo_id: str, label: str) -> Key:
    """Return the key that such an item had in earlier releases. Cursors still have this form."""
    return {"pk": f"PHOTO#{photo_id}", "sk": f"LABEL#{label.casefold()}"}


def label_name_key(owner: str, label: str) -> Key:
    """Return the key of a label name of an owner's photos; with a prefix, the common prefix of such keys.

    The key ignores the case of the label.
    """
    return {"pk": f"OWNER#{owner}", "sk": f"LABEL#{label.casefold()}"}


def older_row_key(owner: str, token: str) -> Key:
    """Return the key of the item that records what the import from an older system created for an owner."""
    return {"pk": f"OWNER#{owner}", "sk": f"OLDER#{token}"}


def count_key(owner: str, day: str, class_name: str, version: ObjectVersion) -> Key:
    """Return the key of the count of a version: the same for a repeated count."""
    digest = keys.digest(f"{version.bucket}/{version.key}\n{version.identity}")
    return {"pk": f"COUNTS#{owner}", "sk": f"DAY#{day}#{class_name}#{digest}"}


def counts_bound(owner: str, day: str) -> Key:
    """Return a key that sorts before all counts of a day, in both forms, and after all counts of earlier days."""
    return {"pk": f"COUNTS#{owner}", "sk": f"DAY#{day}"}


def day_counts_key(owner: str, day: str) -> Key:
    """Return the key of the item with all counts of a day that is over."""
    return {"pk": f"COUNTS#{owner}", "sk": f"DAYS#{day}"}


def allowance_key(owner: str, day: str) -> Key:
    """Return the key of the item that counts an owner's uploads on a day."""
    return {"pk": f"ALLOWANCE#{owner}", "sk": f"DAY#{day}"}


def bulk_run_key(run_id: str) -> Key:
    """Return the key of a bulk run."""
    return {"pk": f"RUN#{run_id}", "sk": "SUMMARY"}


def bulk_lease_key(bucket: str, prefix: str) -> Key:
    """Return the key of the lease of a bucket and prefix, which only one bulk run at a time holds."""
    return {"pk": f"PREFIX#{keys.photo_id(bucket, prefix)}", "sk": "LEASE"}


def pace_key(operation: str) -> Key:
    """Return the key of the rate limiter item of an operation."""
    return {"pk": f"PACE#{operation}", "sk": "NEXT"}


def model_lease_key(model_version_arn: str) -> Key:
    """Return the key of the lease of a Custom Labels model, an item of type ``session``."""
    return {"pk": f"SESSION#{keys.model_digest(model_version_arn)}", "sk": "LEASE"}


def model_session_key(execution_name: str) -> Key:
    """Return the key of a session that started its model."""
    return {"pk": f"MODEL-SESSION#{execution_name}", "sk": "SESSION"}


def owner_listing(owner: str) -> str:
    """Return the partition of all photos of an owner."""
    return f"OWNER#{owner}"


def album_listing(owner: str, album_id: str) -> str:
    """Return the partition of an album's photos."""
    return f"OWNER#{owner}#ALBUM#{album_id}"


def label_listing(owner: str, label: str) -> str:
    """Return the partition of an owner's photos with a label, in any case."""
    return f"OWNER#{owner}#LABEL#{label.casefold()}"


def verdict_listing(verdict: str, day: str) -> str:
    """Return the partition of the inspections with a verdict on a UTC day, in ISO 8601."""
    return f"VERDICT#{verdict}#{day}"


def shard_of(photo_id: str) -> int:
    """Return the shard of a photo in the index ``open``, always the same."""
    return zlib.crc32(photo_id.encode()) % OPEN_SHARDS


def open_listing(shard: int) -> str:
    """Return a partition of the image records that wait for their execution or run."""
    return f"OPEN#{shard}"


def deleting_listing(shard: int) -> str:
    """Return a partition of the photos that are being deleted."""
    return f"DELETING#{shard}"


def listing_sort_key(timestamp: str, item_id: str) -> str:
    """Return the ``listing_sk`` of an item, which sorts by time and is unique."""
    return f"{timestamp}#{item_id}"
