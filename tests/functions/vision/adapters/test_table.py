import json
import random
from typing import Any

import pytest
from botocore.stub import Stubber
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vision.adapters.aws_sdk import client
from vision.adapters.items import Items
from vision.adapters.table import Table
from vision.domain import records, table_keys
from vision.domain.envelopes import Envelope
from vision.domain.errors import Throttled
from vision.domain.executions import Attempt
from vision.domain.failures import Failure
from vision.domain.objects import ObjectVersion, comparable_sequencer

KEY = "private/ann/uploads/a+b 50%.jpg"
ARN = "arn:aws:states:eu-west-1:123456789012:execution:ProcessImage:one"
FIRST = Attempt(ARN, "2026-11-12T09:30:02.345Z")
REDRIVE = Attempt(ARN, "2026-11-12T10:30:02.345Z")
LATER = Attempt(f"{ARN}-2", "2026-11-12T11:30:02.345Z")
ERROR = {"name": "Throttled", "cause": "DetectLabels: slow down"}
LABELS = [{"name": "Rose", "confidence": 98.71, "parents": ["Plant"], "instances": []}]


def _envelope(version_id: str = "v1", sequencer: str = "617F08299329D189", key: str = KEY) -> Envelope:
    sequencer = comparable_sequencer(sequencer)
    return Envelope.of(ObjectVersion("amzn-s3-demo-bucket", key, version_id, "e1", sequencer, 5))


def _at(second: int) -> str:
    return f"2026-11-12T09:31:{second:02}.000Z"


OLDER, NEWER = _envelope("v1", "617F08299329D18"), _envelope("v2", "617F08299329D189")


@pytest.fixture
def table(table_name: str) -> Table:
    return Table(table_name)


def _item(table_name: str, key: dict[str, str]) -> dict[str, Any]:
    marshalled = {name: {"S": value} for name, value in key.items()}
    return client("dynamodb").get_item(TableName=table_name, Key=marshalled)["Item"]


def _photo(table_name: str, envelope: Envelope = NEWER) -> dict[str, Any]:
    return _item(table_name, table_keys.photo_key(envelope.photo_id))


def _image(table: Table, envelope: Envelope = NEWER) -> dict[str, Any]:
    image = table.image(envelope)
    assert image is not None
    return image


def _pending(envelope: Envelope, now: str) -> records.Record:
    return records.pending(envelope, now) | records.opened(envelope, now)


def _is(table: Table, status: str, *, error: Any = None, labels: Any = None) -> bool:
    image = _image(table)
    return (image["status"], image.get("error"), image.get("labels")) == (status, error, labels)


# Registered


def test_repeated_upload_event_records_one_pending_image(table: Table, table_name: str) -> None:
    assert table.image(NEWER) is None
    table.register(NEWER, _at(1))
    photo = _photo(table_name)
    for second in range(2, 6):
        table.register(NEWER, _at(second))
    assert _image(table) == _pending(NEWER, _at(1))
    assert _photo(table_name) == photo


def test_repeated_upload_event_does_not_reopen_a_finished_record(table: Table) -> None:
    table.register(NEWER, _at(1))
    table.advance(NEWER, FIRST, {"status": "SUCCEEDED"}, _at(2))
    table.register(NEWER, _at(3))
    assert _is(table, "SUCCEEDED")


@pytest.mark.parametrize("order", [(OLDER, NEWER), (NEWER, OLDER), (NEWER, OLDER, NEWER, OLDER)])
def test_photo_shows_its_newest_version_in_any_order_of_events(
    table: Table, table_name: str, order: tuple[Envelope, ...]
) -> None:
    for second, envelope in enumerate(order):
        table.register(envelope, _at(second))
    assert _photo(table_name)["object"]["M"]["version_id"] == {"S": "v2"}
    assert [_image(table, envelope)["object"]["version_id"] for envelope in (OLDER, NEWER)] == ["v1", "v2"]


def test_newest_of_many_versions_is_shown(table: Table, table_name: str) -> None:
    versions = [_envelope(f"v{number}", f"{number:04X}") for number in range(12)]
    for second, envelope in enumerate(random.Random(7).sample(versions, len(versions))):
        table.register(envelope, _at(second))
    assert _photo(table_name)["object"]["M"]["version_id"] == {"S": "v11"}


def test_new_version_keeps_the_list_position_of_its_photo(table: Table, table_name: str) -> None:
    table.register(OLDER, _at(1))
    first = _photo(table_name, OLDER)
    table.register(NEWER, _at(2))
    second = _photo(table_name)
    assert (second["listing_sk"], second["created_at"]) == (first["listing_sk"], first["created_at"])


def test_photos_of_an_owner_are_listed_newest_first(table: Table, table_name: str) -> None:
    for second, name in enumerate(("rose", "tulip", "daisy")):
        table.register(_envelope(key=f"private/ann/uploads/{name}.jpg"), _at(second))
    table.register(_envelope(key="private/bob/uploads/oak.jpg"), _at(9))
    page = client("dynamodb").query(
        TableName=table_name,
        IndexName="listing",
        KeyConditionExpression="listing_pk = :owner",
        ExpressionAttributeValues={":owner": {"S": "OWNER#ann"}},
        ScanIndexForward=False,
    )
    expected = [_envelope(key=f"private/ann/uploads/{name}.jpg").photo_id for name in ("daisy", "tulip", "rose")]
    assert [item["pk"]["S"] for item in page["Items"]] == [f"PHOTO#{photo_id}" for photo_id in expected]


def test_next_delivery_repairs_a_crash_between_the_two_writes(table: Table, table_name: str) -> None:
    with Stubber(client("dynamodb")) as stub:
        stub.add_response("put_item", {})
        stub.add_client_error("update_item", "ProvisionedThroughputExceededException")
        with pytest.raises(Throttled):
            table.register(NEWER, _at(1))
    table.register(NEWER, _at(1))
    assert _image(table) == _pending(NEWER, _at(1))
    assert _photo(table_name)["sequencer"]["S"] == NEWER.object.sequencer


# Running


def test_started_execution_makes_the_record_running_with_its_metadata(table: Table) -> None:
    table.register(NEWER, _at(1))
    # Lambda may run extract_metadata twice for one state.
    for second in (2, 3):
        assert table.begin(NEWER, FIRST, {"width": 4}, _at(second))
    image = _image(table)
    assert (image["status"], image["width"]) == ("RUNNING", 4)
    assert (image["execution_arn"], image["run_started_at"]) == (ARN, FIRST.started_at)


@pytest.mark.parametrize("status", ["SUCCEEDED", "PARTIAL", "FAILED"])
def test_late_running_after_the_end_changes_nothing(table: Table, status: str) -> None:
    table.register(NEWER, _at(1))
    table.advance(NEWER, FIRST, {"status": status}, _at(2))
    before = _image(table)
    assert not table.begin(NEWER, FIRST, {}, _at(3))
    assert _image(table) == before


def test_execution_of_an_unregistered_image_makes_its_record(table: Table) -> None:
    # Somebody started it by hand.
    assert table.begin(NEWER, FIRST, {}, _at(1))
    assert _is(table, "RUNNING")


# Ended


@pytest.mark.parametrize("is_running", [True, False], ids=["after its start", "before its start is recorded"])
def test_execution_finishes_its_record_once(table: Table, is_running: bool) -> None:
    # Lambda may run store_metadata twice for one state.
    table.register(NEWER, _at(1))
    if is_running:
        table.begin(NEWER, FIRST, {}, _at(2))
    outcome = {"status": "SUCCEEDED", "labels": LABELS}
    assert [table.advance(NEWER, FIRST, outcome, _at(second)) for second in (3, 4, 5)] == [True, False, False]
    assert _is(table, "SUCCEEDED", labels=LABELS)
    assert (_image(table)["created_at"], _image(table)["updated_at"]) == (_at(1), _at(3))


def test_execution_started_by_hand_makes_its_own_record(table: Table) -> None:
    table.advance(NEWER, FIRST, {"status": "SUCCEEDED"}, _at(3))
    started = {"status": "SUCCEEDED", "execution_arn": ARN, "run_started_at": FIRST.started_at}
    assert _image(table) == records.pending(NEWER, _at(3)) | started


@pytest.mark.parametrize("end", ["SUCCEEDED", "PARTIAL", "FAILED", "TIMED_OUT", "ABORTED"])
@pytest.mark.parametrize("late", ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])
def test_ended_attempt_stays_ended(table: Table, end: str, late: str) -> None:
    table.advance(NEWER, FIRST, {"status": end}, _at(1))
    assert not table.advance(NEWER, FIRST, {"status": late, "error": ERROR}, _at(2))
    assert _is(table, end)


@pytest.mark.parametrize("end", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_redrive_runs_again_and_removes_the_error(table: Table, end: str) -> None:
    table.advance(NEWER, FIRST, {"status": end, "error": ERROR}, _at(1))
    assert table.advance(NEWER, REDRIVE, {"status": "RUNNING"}, _at(2))
    assert _is(table, "RUNNING")
    # The late end of the first attempt does not close the redrive.
    assert not table.advance(NEWER, FIRST, {"status": end, "error": ERROR}, _at(3))
    table.advance(NEWER, REDRIVE, {"status": "SUCCEEDED", "labels": LABELS}, _at(4))
    assert _is(table, "SUCCEEDED", labels=LABELS)


def test_redrive_may_end_before_its_start_is_recorded_and_stays_ended(table: Table) -> None:
    table.advance(NEWER, FIRST, {"status": "FAILED", "error": ERROR}, _at(1))
    assert table.advance(NEWER, REDRIVE, {"status": "SUCCEEDED"}, _at(2))
    assert not table.advance(NEWER, REDRIVE, {"status": "RUNNING"}, _at(3))


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", "FAILED"])
def test_older_attempt_never_overwrites_a_newer_one(table: Table, status: str) -> None:
    table.advance(NEWER, LATER, {"status": status}, _at(1))
    before = _image(table)
    assert not table.advance(NEWER, FIRST, {"status": "SUCCEEDED", "labels": LABELS}, _at(2))
    assert _image(table) == before


@pytest.mark.parametrize("started_at", ["2026-11-12T09:30:02.344Z", "2026-11-12T09:30:02.346Z"])
def test_attempt_is_recognised_although_its_start_was_rounded_differently(table: Table, started_at: str) -> None:
    table.register(NEWER, _at(1))
    table.begin(NEWER, Attempt(ARN, started_at), {}, _at(2))
    assert table.advance(NEWER, FIRST, {"status": "SUCCEEDED"}, _at(3))


@pytest.mark.parametrize("started_at", ["2026-11-12T09:30:02.000Z", "2026-11-12T09:30:03.000Z"])
@pytest.mark.parametrize("status", ["RUNNING", "FAILED"])
def test_ended_attempt_stays_ended_although_its_start_was_rounded_differently(
    table: Table, started_at: str, status: str
) -> None:
    table.advance(NEWER, FIRST, {"status": "SUCCEEDED"}, _at(1))
    assert not table.advance(NEWER, Attempt(ARN, started_at), {"status": status}, _at(2))


def test_new_execution_of_a_finished_image_overwrites_its_outcome(table: Table) -> None:
    table.advance(NEWER, FIRST, {"status": "PARTIAL", "error": ERROR}, _at(1))
    assert table.advance(NEWER, LATER, {"status": "SUCCEEDED", "labels": LABELS}, _at(2))
    assert _is(table, "SUCCEEDED", labels=LABELS)


MOVES = (
    ("register", None, None),
    ("begin", FIRST, None),
    ("advance", FIRST, "FAILED"),
    ("advance", REDRIVE, "RUNNING"),
    ("advance", REDRIVE, "SUCCEEDED"),
)


def _move(table: Table, move: Any, second: int) -> None:
    name, attempt, status = move
    if name == "register":
        table.register(NEWER, _at(second))
    elif name == "begin":
        table.begin(NEWER, attempt, {}, _at(second))
    else:
        table.advance(NEWER, attempt, {"status": status}, _at(second))


@pytest.mark.parametrize("seed", range(8))
def test_last_attempt_wins_in_any_order_and_repetition_of_events(table: Table, seed: int) -> None:
    moves = random.Random(seed).choices(MOVES, k=6) + random.Random(seed).sample(MOVES, len(MOVES))
    for second, move in enumerate(moves):
        _move(table, move, second)
    image = _image(table)
    assert (image["status"], image["run_started_at"]) == ("SUCCEEDED", REDRIVE.started_at)


def test_fractions_are_stored_as_decimals(table: Table, table_name: str) -> None:
    # DynamoDB takes no floats, and 0.1 as a binary fraction has 55 digits.
    location = {"latitude": 48.8582222, "longitude": -0.1, "altitude_m": 1e-07}
    table.advance(NEWER, FIRST, {"status": "SUCCEEDED", "location": location}, _at(1))
    assert _item(table_name, table_keys.image_key(NEWER.object))["location"]["M"] == {
        "latitude": {"N": "48.8582222"},
        "longitude": {"N": "-0.1"},
        "altitude_m": {"N": "1e-07"},
    }


def test_record_is_read_as_it_was_stored(table: Table) -> None:
    changes = json.loads(
        '{"status": "SUCCEEDED", "width": 4032, "labels": [{"name": "Rose", "confidence": 98.71, "parents": [],'
        ' "instances": [{"box": {"left": 0.1, "top": 0.0}, "confidence": 100.0}]}], "empty": "", "none": null}'
    )
    table.advance(NEWER, FIRST, changes, _at(1))
    assert _image(table).items() >= changes.items()


# Open and silent

OPEN = {"PENDING", "RUNNING"}


def _opened(table_name: str) -> dict[str, tuple[str, str]]:
    """Return the entries of the index ``open`` by their sort key: the partition, and since when."""
    found = client("dynamodb").scan(TableName=table_name, IndexName="open")["Items"]
    assert all(set(entry) == {"pk", "sk", "open_pk", "open_since"} for entry in found)
    return {entry["sk"]["S"]: (entry["open_pk"]["S"], entry["open_since"]["S"]) for entry in found}


def test_record_is_open_with_the_same_keys_from_its_registration_to_its_end(table: Table, table_name: str) -> None:
    shard = f"OPEN#{table_keys.shard_of(NEWER.photo_id)}"
    table.register(NEWER, _at(1))
    assert _opened(table_name) == {"VERSION#v2": (shard, _at(1))}
    table.begin(NEWER, FIRST, {}, _at(2))
    table.advance(NEWER, FIRST, {"status": "RUNNING", "width": 4}, _at(3))
    assert _opened(table_name) == {"VERSION#v2": (shard, _at(1))}
    table.advance(NEWER, FIRST, {"status": "PARTIAL"}, _at(4))
    assert _opened(table_name) == {}
    table.advance(NEWER, REDRIVE, {"status": "RUNNING"}, _at(5))
    assert _opened(table_name) == {"VERSION#v2": (shard, _at(5))}
    table.advance(NEWER, REDRIVE, {"status": "SUCCEEDED", "labels": LABELS}, _at(6))
    assert _opened(table_name) == {}


def test_pending_record_of_an_earlier_release_is_open_when_it_runs(table: Table, items: Items, table_name: str) -> None:
    items.put_once(records.pending(NEWER, _at(1)))
    table.begin(NEWER, FIRST, {}, _at(2))
    assert [since for _, since in _opened(table_name).values()] == [_at(2)]


def test_record_that_was_refused_or_has_no_owner_is_never_open(table: Table, table_name: str) -> None:
    table.register(NEWER, _at(1), Failure("AllowanceExceeded", "uploads: no room"))
    inspected = _envelope(key="images/part.jpg")
    table.register(inspected, _at(1))
    for status in ("RUNNING", "SUCCEEDED"):
        table.advance(inspected, FIRST, {"status": status}, _at(2))
        assert _opened(table_name) == {}


@given(st.lists(st.sampled_from(MOVES), max_size=8))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_record_is_open_if_and_only_if_its_status_is(table: Table, table_name: str, moves: list[Any]) -> None:
    table.withdraw(NEWER)
    for second, move in enumerate(moves):
        _move(table, move, second)
        image = table.image(NEWER)
        assert bool(_opened(table_name)) == (image is not None and image["status"] in OPEN)


def test_silent_images_are_found_by_their_last_update(table: Table) -> None:
    for second, name in enumerate(("rose", "tulip", "daisy", "pending")):
        envelope = _envelope(key=f"private/ann/uploads/{name}.jpg")
        table.register(envelope, _at(second))
        if name != "pending":
            table.begin(envelope, FIRST, {}, _at(10 * second))
    silent = {record["object"]["key"]: record["status"] for record in table.silent_since(_at(15))}
    names = {"rose": "RUNNING", "tulip": "RUNNING", "pending": "PENDING"}
    assert silent == {f"private/ann/uploads/{name}.jpg": status for name, status in names.items()}


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "ABORTED"])
def test_ended_image_is_not_silent(table: Table, status: str) -> None:
    table.advance(NEWER, FIRST, {"status": status}, _at(1))
    assert list(table.silent_since(_at(59))) == []


def test_ended_record_that_the_last_release_left_open_is_unlisted(table: Table, items: Items, table_name: str) -> None:
    opened = records.opened(NEWER, _at(1))
    items.put_once(records.pending(NEWER, _at(1)) | opened | {"status": "SUCCEEDED"})
    assert list(table.silent_since(_at(59))) == []
    assert _opened(table_name) == {}
    assert _is(table, "SUCCEEDED")


def test_silent_image_has_what_closing_its_record_needs(table: Table) -> None:
    table.register(NEWER, _at(1))
    table.begin(NEWER, FIRST, {}, _at(2))
    [silent] = table.silent_since(_at(59))
    assert Envelope.from_dict({"object": silent["object"]}) == NEWER
    assert Attempt(silent["execution_arn"], silent["run_started_at"]) == FIRST


def test_scheduled_run_reads_a_limited_number_of_open_records(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision.adapters.table._READ_OF_A_SHARD", 2)
    monkeypatch.setattr(table_keys, "OPEN_SHARDS", 1)
    for second in range(4):
        envelope = _envelope(key=f"private/ann/uploads/{second}.jpg")
        table.register(envelope, _at(second))
        table.begin(envelope, FIRST, {}, _at(second))
    assert sorted(record["updated_at"] for record in table.silent_since(_at(59))) == [_at(0), _at(1)]


def test_scheduled_run_looks_for_the_executions_of_few_waiting_records(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vision.adapters.table._WAITING_OF_A_SHARD", 2)
    monkeypatch.setattr(table_keys, "OPEN_SHARDS", 1)
    for second in range(4):
        table.register(_envelope(key=f"private/ann/uploads/{second}.jpg"), _at(second))
    assert [record["status"] for record in table.silent_since(_at(59))] == ["PENDING"] * 2


# Counted and listed


def test_first_result_with_labels_decides_day_and_class_of_the_count(table: Table) -> None:
    tulip = [{**LABELS[0], "name": "Tulip"}]
    for attempt, labels in ((FIRST, []), (REDRIVE, LABELS), (LATER, tulip)):
        table.advance(NEWER, attempt, {"status": "SUCCEEDED", "labels": labels}, _at(1))
    image = _image(table)
    assert (image["counted_as"], image["labels"], image["earlier_labels"]) == ("2026-11-12#Rose", tulip, LABELS)


def test_record_without_an_owner_is_not_counted(table: Table) -> None:
    inspected = _envelope(key="images/part.jpg")
    table.advance(inspected, FIRST, {"status": "SUCCEEDED", "labels": LABELS}, _at(1))
    assert {"counted_as", "earlier_labels"}.isdisjoint(_image(table, inspected))
