import json
import random
from typing import Any

import pytest
from botocore.stub import Stubber

from vision.adapters.aws_sdk import client
from vision.adapters.table import Table
from vision.domain import records, table_keys
from vision.domain.envelopes import Envelope
from vision.domain.errors import AccessDenied, ServiceUnavailable, Throttled
from vision.domain.executions import Attempt
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


def _photo(table_name: str, envelope: Envelope) -> dict[str, Any]:
    item = client("dynamodb").get_item(
        TableName=table_name,
        Key={name: {"S": value} for name, value in table_keys.photo_key(envelope.photo_id).items()},
    )
    return item["Item"]


def _image(table: Table, envelope: Envelope) -> dict[str, Any]:
    image = table.image(envelope)
    assert image is not None
    return image


def _said(table: Table, envelope: Envelope) -> tuple[Any, ...]:
    image = _image(table, envelope)
    return image["status"], image.get("error"), image.get("labels")


def test_an_upload_is_recorded_as_pending(table: Table) -> None:
    table.register(NEWER, _at(1))
    assert _image(table, NEWER) == records.pending(NEWER, _at(1))


def test_there_is_no_record_of_what_was_never_uploaded(table: Table) -> None:
    assert table.image(NEWER) is None


def test_a_repeated_event_changes_nothing(table: Table, table_name: str) -> None:
    table.register(NEWER, _at(1))
    photo = _photo(table_name, NEWER)
    for second in range(2, 6):
        table.register(NEWER, _at(second))
    assert (_image(table, NEWER), _photo(table_name, NEWER)) == (records.pending(NEWER, _at(1)), photo)


def test_a_repeated_event_does_not_open_a_finished_record_again(table: Table) -> None:
    table.register(NEWER, _at(1))
    table.advance(NEWER, FIRST, {"status": "SUCCEEDED"}, _at(2))
    table.register(NEWER, _at(3))
    assert _image(table, NEWER)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("order", [(OLDER, NEWER), (NEWER, OLDER), (NEWER, OLDER, NEWER, OLDER)])
def test_a_photo_shows_its_newest_version_in_whatever_order_they_come(
    table: Table, table_name: str, order: tuple[Envelope, ...]
) -> None:
    for second, envelope in enumerate(order):
        table.register(envelope, _at(second))
    assert _photo(table_name, NEWER)["object"]["M"]["version_id"] == {"S": "v2"}


def test_each_version_keeps_a_record_of_its_own(table: Table) -> None:
    table.register(NEWER, _at(1))
    table.register(OLDER, _at(2))
    assert [_image(table, envelope)["object"]["version_id"] for envelope in (OLDER, NEWER)] == ["v1", "v2"]


def test_of_many_versions_in_any_order_the_newest_is_shown(table: Table, table_name: str) -> None:
    versions = [_envelope(f"v{number}", f"{number:04X}") for number in range(12)]
    for second, envelope in enumerate(random.Random(7).sample(versions, len(versions))):
        table.register(envelope, _at(second))
    assert _photo(table_name, NEWER)["object"]["M"]["version_id"] == {"S": "v11"}


def test_a_new_version_keeps_the_photos_place_in_its_owners_list(table: Table, table_name: str) -> None:
    table.register(OLDER, _at(1))
    first = _photo(table_name, OLDER)
    table.register(NEWER, _at(2))
    second = _photo(table_name, NEWER)
    assert (second["listing_sk"], second["created_at"]) == (first["listing_sk"], first["created_at"])


def test_an_owners_photos_are_listed_newest_first(table: Table, table_name: str) -> None:
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


def test_a_crash_between_the_two_writes_heals_with_the_next_delivery(table: Table, table_name: str) -> None:
    item = records.pending(NEWER, _at(1))
    with Stubber(client("dynamodb")) as stub:
        stub.add_response("put_item", {})
        stub.add_client_error("update_item", "ProvisionedThroughputExceededException")
        with pytest.raises(Throttled):
            table.register(NEWER, _at(1))
    table.register(NEWER, _at(1))
    assert (_image(table, NEWER), _photo(table_name, NEWER)["sequencer"]["S"]) == (item, NEWER.object.sequencer)


def test_a_started_execution_makes_the_record_running(table: Table) -> None:
    table.register(NEWER, _at(1))
    assert table.mark_running(NEWER, FIRST, _at(2))
    image = _image(table, NEWER)
    assert (image["status"], image["execution_arn"], image["run_started_at"]) == ("RUNNING", ARN, FIRST.started_at)


def test_running_is_said_once(table: Table) -> None:
    table.register(NEWER, _at(1))
    table.mark_running(NEWER, FIRST, _at(2))
    assert not table.mark_running(NEWER, FIRST, _at(3))


@pytest.mark.parametrize("status", ["SUCCEEDED", "PARTIAL", "FAILED"])
def test_a_late_running_after_the_end_changes_nothing(table: Table, status: str) -> None:
    table.register(NEWER, _at(1))
    table.advance(NEWER, FIRST, {"status": status}, _at(2))
    before = _image(table, NEWER)
    assert not table.mark_running(NEWER, FIRST, _at(3))
    assert _image(table, NEWER) == before


def test_what_was_never_registered_cannot_be_running(table: Table) -> None:
    assert not table.mark_running(NEWER, FIRST, _at(1))
    assert table.image(NEWER) is None


def test_an_execution_finishes_its_record(table: Table) -> None:
    table.register(NEWER, _at(1))
    table.mark_running(NEWER, FIRST, _at(2))
    assert table.advance(NEWER, FIRST, {"status": "SUCCEEDED", "labels": LABELS}, _at(3))
    assert _said(table, NEWER) == ("SUCCEEDED", None, LABELS)


def test_an_execution_that_is_faster_than_its_start_finishes_its_record_too(table: Table) -> None:
    table.register(NEWER, _at(1))
    assert table.advance(NEWER, FIRST, {"status": "SUCCEEDED", "labels": LABELS}, _at(2))


def test_an_execution_started_by_hand_makes_its_own_record(table: Table) -> None:
    table.advance(NEWER, FIRST, {"status": "SUCCEEDED"}, _at(3))
    expected = records.pending(NEWER, _at(3)) | {
        "status": "SUCCEEDED",
        "execution_arn": ARN,
        "run_started_at": FIRST.started_at,
    }
    assert _image(table, NEWER) == expected


def test_finishing_keeps_when_the_image_came(table: Table) -> None:
    table.register(NEWER, _at(1))
    table.advance(NEWER, FIRST, {"status": "SUCCEEDED"}, _at(3))
    image = _image(table, NEWER)
    assert (image["created_at"], image["updated_at"]) == (_at(1), _at(3))


@pytest.mark.parametrize("end", ["SUCCEEDED", "PARTIAL", "FAILED", "TIMED_OUT", "ABORTED"])
@pytest.mark.parametrize("late", ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])
def test_an_ended_run_stays_ended(table: Table, end: str, late: str) -> None:
    table.advance(NEWER, FIRST, {"status": end}, _at(1))
    assert not table.advance(NEWER, FIRST, {"status": late, "error": ERROR}, _at(2))
    assert _said(table, NEWER) == (end, None, None)


@pytest.mark.parametrize("end", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_redrive_moves_a_failed_record_back_to_running(table: Table, end: str) -> None:
    table.advance(NEWER, FIRST, {"status": end, "error": ERROR}, _at(1))
    assert table.advance(NEWER, REDRIVE, {"status": "RUNNING"}, _at(2))
    assert _said(table, NEWER) == ("RUNNING", None, None)


def test_a_redrive_that_succeeds_removes_the_error(table: Table) -> None:
    table.advance(NEWER, FIRST, {"status": "FAILED", "error": ERROR}, _at(1))
    table.advance(NEWER, REDRIVE, {"status": "RUNNING"}, _at(2))
    table.advance(NEWER, REDRIVE, {"status": "SUCCEEDED", "labels": LABELS}, _at(3))
    assert _said(table, NEWER) == ("SUCCEEDED", None, LABELS)


def test_a_redrive_whose_start_was_never_announced_may_still_end(table: Table) -> None:
    table.advance(NEWER, FIRST, {"status": "FAILED", "error": ERROR}, _at(1))
    assert table.advance(NEWER, REDRIVE, {"status": "SUCCEEDED"}, _at(2))


def test_the_late_announcement_of_a_redrive_does_not_open_what_it_has_ended(table: Table) -> None:
    table.advance(NEWER, REDRIVE, {"status": "SUCCEEDED"}, _at(1))
    assert not table.advance(NEWER, REDRIVE, {"status": "RUNNING"}, _at(2))


@pytest.mark.parametrize("open_or_ended", ["RUNNING", "SUCCEEDED", "FAILED"])
def test_an_older_run_never_overwrites_a_newer_one(table: Table, open_or_ended: str) -> None:
    table.advance(NEWER, LATER, {"status": open_or_ended}, _at(1))
    before = _image(table, NEWER)
    assert not table.advance(NEWER, FIRST, {"status": "SUCCEEDED", "labels": LABELS}, _at(2))
    assert _image(table, NEWER) == before


def test_the_late_end_of_a_run_does_not_close_the_redrive_of_its_execution(table: Table) -> None:
    table.advance(NEWER, FIRST, {"status": "FAILED", "error": ERROR}, _at(1))
    table.advance(NEWER, REDRIVE, {"status": "RUNNING"}, _at(2))
    assert not table.advance(NEWER, FIRST, {"status": "FAILED", "error": ERROR}, _at(3))


@pytest.mark.parametrize("started_at", ["2026-11-12T09:30:02.344Z", "2026-11-12T09:30:02.346Z"])
def test_a_run_is_recognised_although_its_start_was_rounded_differently(table: Table, started_at: str) -> None:
    table.register(NEWER, _at(1))
    table.mark_running(NEWER, Attempt(ARN, started_at), _at(2))
    assert table.advance(NEWER, FIRST, {"status": "SUCCEEDED"}, _at(3))


@pytest.mark.parametrize("started_at", ["2026-11-12T09:30:02.000Z", "2026-11-12T09:30:03.000Z"])
@pytest.mark.parametrize("status", ["RUNNING", "FAILED"])
def test_an_ended_run_stays_ended_although_its_start_was_rounded_differently(
    table: Table, started_at: str, status: str
) -> None:
    table.advance(NEWER, FIRST, {"status": "SUCCEEDED"}, _at(1))
    assert not table.advance(NEWER, Attempt(ARN, started_at), {"status": status}, _at(2))


def test_processing_again_on_purpose_writes_over_what_was(table: Table) -> None:
    table.advance(NEWER, FIRST, {"status": "PARTIAL", "error": ERROR}, _at(1))
    assert table.advance(NEWER, LATER, {"status": "SUCCEEDED", "labels": LABELS}, _at(2))
    assert _said(table, NEWER) == ("SUCCEEDED", None, LABELS)


def test_the_end_of_a_run_is_written_once(table: Table) -> None:
    # Lambda may run store_metadata twice for one state.
    table.register(NEWER, _at(1))
    done = [table.advance(NEWER, FIRST, {"status": "SUCCEEDED"}, _at(second)) for second in (2, 3, 4)]
    assert done == [True, False, False]


MOVES = (
    ("register", None, None),
    ("mark_running", FIRST, None),
    ("advance", FIRST, "FAILED"),
    ("advance", REDRIVE, "RUNNING"),
    ("advance", REDRIVE, "SUCCEEDED"),
)


@pytest.mark.parametrize("seed", range(8))
def test_in_whatever_order_and_how_often_words_arrive_the_last_run_has_the_last(table: Table, seed: int) -> None:
    moves = random.Random(seed).choices(MOVES, k=6) + random.Random(seed).sample(MOVES, len(MOVES))
    for second, (move, run, status) in enumerate(moves):
        if move == "register":
            table.register(NEWER, _at(second))
        elif move == "mark_running":
            table.mark_running(NEWER, run, _at(second))
        else:
            table.advance(NEWER, run, {"status": status}, _at(second))
    image = _image(table, NEWER)
    assert (image["status"], image["run_started_at"]) == ("SUCCEEDED", REDRIVE.started_at)


def test_fractions_are_stored_as_they_are_written(table: Table, table_name: str) -> None:
    # DynamoDB takes no floats, and 0.1 as a binary fraction has 55 digits.
    location = {"latitude": 48.8582222, "longitude": -0.1, "altitude_m": 1e-07}
    table.advance(NEWER, FIRST, {"status": "SUCCEEDED", "location": location}, _at(1))
    item = client("dynamodb").get_item(
        TableName=table_name, Key={name: {"S": value} for name, value in table_keys.image_key(NEWER.object).items()}
    )["Item"]
    assert item["location"]["M"] == {
        "latitude": {"N": "48.8582222"},
        "longitude": {"N": "-0.1"},
        "altitude_m": {"N": "1E-7"},
    }


def test_a_record_comes_back_as_it_was_stored(table: Table) -> None:
    changes = json.loads(
        '{"status": "SUCCEEDED", "width": 4032, "labels": [{"name": "Rose", "confidence": 98.71, "parents": [],'
        ' "instances": [{"box": {"left": 0.1, "top": 0.0}, "confidence": 100.0}]}], "empty": "", "none": null}'
    )
    table.advance(NEWER, FIRST, changes, _at(1))
    image = _image(table, NEWER)
    assert {name: image[name] for name in changes} == changes


def test_what_runs_without_a_word_is_found_by_when_it_was_last_heard_of(table: Table) -> None:
    for second, name in enumerate(("rose", "tulip", "daisy")):
        envelope = _envelope(key=f"private/ann/uploads/{name}.jpg")
        table.register(envelope, _at(second))
        table.mark_running(envelope, FIRST, _at(10 * second))
    silent = [record["object"]["key"] for record in table.running_since(_at(15))]
    assert silent == ["private/ann/uploads/rose.jpg", "private/ann/uploads/tulip.jpg"]


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "ABORTED"])
def test_what_has_ended_is_not_looked_for(table: Table, status: str) -> None:
    table.advance(NEWER, FIRST, {"status": status}, _at(1))
    assert list(table.running_since(_at(59))) == []


def test_the_index_carries_what_closing_a_record_needs(table: Table) -> None:
    table.register(NEWER, _at(1))
    table.mark_running(NEWER, FIRST, _at(2))
    [silent] = table.running_since(_at(59))
    assert Envelope.from_dict({"object": silent["object"]}) == NEWER
    assert Attempt(silent["execution_arn"], silent["run_started_at"]) == FIRST


def test_every_page_of_the_silent_ones_is_read(aws: None) -> None:
    page = {"Items": [{"photo_id": {"S": "one"}}], "LastEvaluatedKey": {"pk": {"S": "p"}}}
    with Stubber(client("dynamodb")) as stub:
        stub.add_response("query", page)
        stub.add_response("query", {"Items": [{"photo_id": {"S": "two"}}]})
        assert [record["photo_id"] for record in Table("t").running_since(_at(1))] == ["one", "two"]


REFUSALS = [
    ("ProvisionedThroughputExceededException", 400, Throttled),
    ("RequestLimitExceeded", 400, Throttled),
    ("ThrottlingException", 400, Throttled),
    ("InternalServerError", 500, ServiceUnavailable),
    ("AccessDeniedException", 400, AccessDenied),
]
CALLS = {
    "register": ("put_item", lambda table: table.register(NEWER, _at(1))),
    "mark_running": ("update_item", lambda table: table.mark_running(NEWER, FIRST, _at(1))),
    "advance": ("update_item", lambda table: table.advance(NEWER, FIRST, {"status": "FAILED"}, _at(1))),
    "image": ("get_item", lambda table: table.image(NEWER)),
    "running_since": ("query", lambda table: list(table.running_since(_at(1)))),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("code", "http_status", "kind"), REFUSALS)
def test_what_dynamodb_refuses_has_a_name(
    aws: None, call: str, code: str, http_status: int, kind: type[Exception]
) -> None:
    operation, use = CALLS[call]
    with Stubber(client("dynamodb")) as stub:
        stub.add_client_error(operation, code, http_status_code=http_status)
        with pytest.raises(kind):
            use(Table("image-table"))
