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
| label_entry | PHOTO#{photo_id} | LABEL#{label} | OWNER#{owner}#LABEL#{label} | {created_at}#{photo_id} | Photos |
| label_name | OWNER#{owner} | LABEL#{label} | | | Photos |
| older_row | OWNER#{owner} | OLDER#{token} | | | local.older_rows |
| count | COUNTS#{owner} | DAY#{day}#{class} | | | Photos |
| allowance | ALLOWANCE#{owner} | DAY#{day} | | | People |
| bulk_run | RUN#{run_id} | SUMMARY | RUNS | {started_at}#{run_id} | BulkRuns |
| lease | PREFIX#{prefix_digest} | LEASE | | | BulkRuns |
| pace | PACE#{operation} | NEXT | | | RateLimiter |
| session | SESSION#{model_digest} | LEASE | | | Lease |
| model_session | MODEL-SESSION#{execution_name} | SESSION | SESSIONS | {started_at}#{execution_name} | SessionLog |

The name of an item is its ``record_type``. The sparse index ``listing`` has the items with a ``listing_pk``; a photo
without an owner has none. The partition keys of a person's items begin with the owner, which comes only from the JWT.
Text in a request therefore cannot reach the items of another person. Deployed stacks have items with these keys, so no
form ever changes.
"""

from __future__ import annotations

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

COUNTED = "counted_at"
"""The attribute of a counted image record: a version is counted only once, even if an event repeats."""

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


def label_entry_key(photo_id: str, label: str) -> Key:
    """Return the key of the item that lists a photo under a label, in any case."""
    return {"pk": f"PHOTO#{photo_id}", "sk": f"LABEL#{label.casefold()}"}


def label_name_key(owner: str, label: str) -> Key:
    """Return the key of a label name of an owner's photos; with a prefix, the common prefix of such keys.

    The key ignores the case of the label.
    """
    return {"pk": f"OWNER#{owner}", "sk": f"LABEL#{label.casefold()}"}


def older_row_key(owner: str, token: str) -> Key:
    """Return the key of the item that records what the import from an older system created for an owner."""
    return {"pk": f"OWNER#{owner}", "sk": f"OLDER#{token}"}


def daily_count_key(owner: str, day: str, class_name: str) -> Key:
    """Return the key of a class's count on a day."""
    return {"pk": f"COUNTS#{owner}", "sk": f"DAY#{day}#{class_name}"}


def daily_counts_bound(owner: str, day: str) -> Key:
    """Return a key that sorts before all counts of a day, and after all counts of earlier days."""
    return {"pk": f"COUNTS#{owner}", "sk": f"DAY#{day}"}


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


def listing_sort_key(timestamp: str, item_id: str) -> str:
    """Return the ``listing_sk`` of an item, which sorts by time and is unique."""
    return f"{timestamp}#{item_id}"
