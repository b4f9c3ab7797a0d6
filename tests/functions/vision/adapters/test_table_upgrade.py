"""Open records of the release before are adopted into the index that this release reads."""

import pytest

from tests.conftest import TABLE
from vision.adapters import table_upgrade
from vision.adapters.aws_sdk import client
from vision.adapters.items import Items
from vision.adapters.photos import Photos
from vision.adapters.table import Table
from vision.domain import records, table_keys
from vision.domain.envelopes import Envelope
from vision.domain.objects import ObjectVersion

OLD, LATER = "2026-11-21T10:00:00.000Z", "2026-11-21T11:00:00.000Z"
BY_STATUS = {
    "IndexName": "by_status",
    "KeySchema": [{"AttributeName": "status", "KeyType": "HASH"}, {"AttributeName": "updated_at", "KeyType": "RANGE"}],
    "Projection": {
        "ProjectionType": "INCLUDE",
        "NonKeyAttributes": ["object", "photo_id", "execution_arn", "run_started_at"],
    },
}


@pytest.fixture
def both_indexes(table_name: str) -> None:
    """The table in the middle of an upgrade."""
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("status", "updated_at")]
    client("dynamodb").update_table(
        TableName=table_name, AttributeDefinitions=attributes, GlobalSecondaryIndexUpdates=[{"Create": BY_STATUS}]
    )


def _envelope(name: str, version_id: str = "v1") -> Envelope:
    return Envelope.of(ObjectVersion("b", f"private/ann/uploads/{name}.jpg", version_id, "e1", "", 7))


def _running(items: Items, name: str) -> Envelope:
    """Put a RUNNING record as the release before wrote it."""
    envelope = _envelope(name)
    items.put_once(
        records.pending(envelope, OLD) | {"status": "RUNNING", "execution_arn": f"arn:{name}", "run_started_at": OLD}
    )
    return envelope


@pytest.mark.usefixtures("both_indexes")
def test_running_records_and_unfinished_deletions_are_adopted_once(items: Items) -> None:
    running = [_running(items, name) for name in ("rose", "tulip")]
    deleted = _envelope("daisy")
    tombstone = {"record_type": "photo", "photo_id": deleted.photo_id, "owner": "ann", "object": {"bucket": "b"}}
    items.put_once(
        table_keys.photo_key(deleted.photo_id)
        | tombstone
        | {"status": "DELETING", "updated_at": OLD, "erased_at": OLD, "created_at": OLD}
    )
    assert [table_upgrade.adopt(TABLE) for _ in range(2)] == [3, 0]
    found = {record["execution_arn"] for record in Table(TABLE).silent_since(LATER)}
    assert found == {"arn:rose", "arn:tulip"}
    assert [photo.photo_id for photo in Photos(TABLE).unfinished_deletions(LATER)] == [deleted.photo_id]
    record = items.get(table_keys.image_key(running[0].object)) or {}
    assert (record["open_since"], record["updated_at"]) == (OLD, OLD)


@pytest.mark.usefixtures("both_indexes")
def test_ended_records_announcements_and_bulk_runs_are_not_adopted(items: Items) -> None:
    items.put_once(records.pending(_envelope("rose"), OLD) | {"status": "FAILED"})
    items.put_once(table_keys.photo_key("a") | {"record_type": "photo", "status": "PENDING", "updated_at": OLD})
    items.put_once(table_keys.bulk_run_key("a") | {"record_type": "bulk_run", "status": "RUNNING", "updated_at": OLD})
    assert table_upgrade.adopt(TABLE) == 0


@pytest.mark.usefixtures("both_indexes")
def test_record_that_ends_meanwhile_is_not_opened_again(items: Items, monkeypatch: pytest.MonkeyPatch) -> None:
    envelope = _running(items, "rose")
    read = Items.get_many

    def late(self: Items, *arguments: object) -> list[records.Record]:
        found = read(self, *arguments)  # type: ignore[arg-type]
        items.update(table_keys.image_key(envelope.object), {"status": "SUCCEEDED"}, {})
        return found

    monkeypatch.setattr(Items, "get_many", late)
    assert table_upgrade.adopt(TABLE) == 0
    assert "open_pk" not in (items.get(table_keys.image_key(envelope.object)) or {})


@pytest.mark.usefixtures("both_indexes")
def test_call_adopts_a_limited_number_and_the_next_goes_on(items: Items, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_upgrade, "_ADOPTED_AT_ONCE", 2)
    monkeypatch.setattr(table_upgrade, "_READ_AT_ONCE", 1)
    for number in range(5):
        _running(items, str(number))
    assert [table_upgrade.adopt(TABLE) for _ in range(4)] == [2, 2, 1, 0]


def test_table_without_the_older_index_has_nothing_to_adopt(items: Items) -> None:
    _running(items, "rose")
    assert table_upgrade.adopt(TABLE) == 0
