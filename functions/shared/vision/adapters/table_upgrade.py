"""Take the open records of the release before into the index ``open``, for one release.

The release before found them by ``status`` in the index ``by_status``. In an upgrade the table has both indexes for a
while; ``make deploy`` then sends the event ``Table Upgrade`` to track_execution until nothing is left to adopt. The
next release deletes this module with that event and with the permission to query ``by_status``.
"""

from __future__ import annotations

from itertools import islice

from botocore.exceptions import ClientError

from vision.adapters.items import Items
from vision.domain import table_keys
from vision.domain.records import Record
from vision.domain.statuses import Status
from vision.domain.table_keys import DELETING, OPEN_PK, OPEN_SINCE

EVENT = "Table Upgrade"
"""The detail-type of the event that asks for it."""

# Most records that one call adopts, well within the time limit of its function; the next call goes on.
_ADOPTED_AT_ONCE = 500
_READ_AT_ONCE = 100
_STATE = ("status", "updated_at", "record_type", "photo_id", OPEN_PK)


def adopt(table_name: str) -> int:
    """Give running image records and unfinished deletions their keys of the index ``open``; return how many got them.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    items, adopted = Items(table_name), 0
    for status in (Status.RUNNING, DELETING):
        listed = items.query("by_status", "#status = :status", {"#status": "status"}, {":status": status})
        try:
            while adopted < _ADOPTED_AT_ONCE and (some := list(islice(listed, _READ_AT_ONCE))):
                found = items.get_many([{"pk": one["pk"], "sk": one["sk"]} for one in some], _STATE)
                adopted += sum(_adopt(items, record) for record in found if record.get("status") == status)
        except ClientError as error:
            if not _is_missing_index(error):
                raise
    return adopted


def _adopt(items: Items, record: Record) -> bool:
    listings = {"image": table_keys.open_listing, "photo": table_keys.deleting_listing}
    # The others with this status are bulk runs, whose state machine records their end.
    if OPEN_PK in record or record["record_type"] not in listings:
        return False
    listing = listings[record["record_type"]](table_keys.shard_of(record["photo_id"]))
    return items.update(
        {"pk": record["pk"], "sk": record["sk"]},
        {"status": record["status"], OPEN_PK: listing, OPEN_SINCE: record["updated_at"]},
        {},
        condition=f"#status = :status AND attribute_not_exists({OPEN_PK})",
    )


def _is_missing_index(error: ClientError) -> bool:
    # DynamoDB: "The table does not have the specified index: by_status". The local engine has a code of its own.
    code, message = (error.response["Error"][name] for name in ("Code", "Message"))
    return code in ("ValidationException", "ResourceNotFoundException") and "index: by_status" in message
