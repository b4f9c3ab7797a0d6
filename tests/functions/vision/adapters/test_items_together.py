"""Many items at once, and two that change together or not at all."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.stub import Stubber

from vision.adapters.aws_sdk import client
from vision.adapters.items import Items
from vision.domain.errors import AccessDenied, ServiceUnavailable, Throttled

TABLE = "image-table"
MARK = {"pk": "PHOTO#a", "sk": "VERSION#v1"}
COUNT = {"pk": "COUNTS#ann", "sk": "DAY#2026-11-21#Rose"}
FIRST = {"day": "2026-11-21", "class": "Rose", "record_type": "count", "owner": "ann"}
FAULTS = [
    ("ThrottlingException", 400, Throttled),
    ("AccessDeniedException", 400, AccessDenied),
    ("InternalServerError", 500, ServiceUnavailable),
]


@pytest.fixture
def items(table_name: str) -> Items:
    return Items(table_name)


@pytest.fixture
def dynamodb(aws: None) -> Any:
    with Stubber(client("dynamodb")) as stub:
        yield stub
        stub.assert_no_pending_responses()


def _numbered(number: int) -> dict[str, Any]:
    return {"pk": f"PHOTO#{number:03}", "sk": "CURRENT", "number": number}


def _key(item: dict[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("pk", "sk")}


def _request(number: int) -> dict[str, Any]:
    item = {"pk": {"S": f"PHOTO#{number:03}"}, "sk": {"S": "CURRENT"}, "number": {"N": str(number)}}
    return {"PutRequest": {"Item": item}}


# Many


@pytest.mark.parametrize("number", [0, 1, 25, 26, 51])
def test_as_many_are_written_as_there_are(items: Items, number: int) -> None:
    items.put_many([_numbered(one) for one in range(number)])
    assert len(items.scan(None, 100)[0]) == number


@pytest.mark.parametrize("number", [0, 1, 26])
def test_as_many_are_deleted_as_there_are_and_no_more(items: Items, number: int) -> None:
    items.put_many([_numbered(one) for one in range(30)])
    items.delete_many([_key(_numbered(one)) for one in range(number)])
    assert len(items.scan(None, 100)[0]) == 30 - number


def test_what_is_not_there_is_deleted_without_a_word(items: Items) -> None:
    items.delete_many([MARK, MARK | {"sk": "other"}])
    assert items.get(MARK) is None


def test_what_is_written_takes_the_place_of_what_was_there(items: Items) -> None:
    items.put_many([MARK | {"old": 1}])
    items.put_many([MARK | {"new": 2}])
    assert items.get(MARK) == MARK | {"new": 2}


def test_what_dynamodb_did_not_write_is_written_again(dynamodb: Stubber) -> None:
    dynamodb.add_response("batch_write_item", {"UnprocessedItems": {TABLE: [_request(1)]}})
    dynamodb.add_response("batch_write_item", {}, {"RequestItems": {TABLE: [_request(1)]}})
    Items(TABLE).put_many([_numbered(0), _numbered(1)])


def test_a_write_of_which_nothing_is_done_is_throttled_and_does_not_run_for_ever(dynamodb: Stubber) -> None:
    dynamodb.add_response("batch_write_item", {"UnprocessedItems": {TABLE: [_request(0), _request(1)]}})
    with pytest.raises(Throttled, match="not one of them was written"):
        Items(TABLE).put_many([_numbered(0), _numbered(1)])


@pytest.mark.parametrize("page_size", [1, 2, 3, 7])
def test_a_scan_goes_on_where_it_stopped_until_the_end(items: Items, page_size: int) -> None:
    items.put_many([_numbered(one) for one in range(6)])
    found, start = [], None
    for _ in range(10):
        page, start = items.scan(start, page_size)
        found += page
        if start is None:
            break
    assert sorted(one["number"] for one in found) == list(range(6))


@pytest.mark.parametrize(("code", "http_status", "kind"), FAULTS)
@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("batch_get_item", lambda items: items.get_many([MARK], ())),
        ("batch_write_item", lambda items: items.put_many([MARK])),
        ("batch_write_item", lambda items: items.delete_many([MARK])),
        ("scan", lambda items: items.scan(None, 1)),
        ("query", lambda items: list(items.query("", "pk = :pk", {}, {":pk": "a"}))),
        ("transact_write_items", lambda items: items.add_once(MARK, "counted_at", "now", COUNT, FIRST, "count")),
    ],
)
def test_what_dynamodb_refuses_of_many_has_a_name(
    dynamodb: Stubber,
    operation: str,
    call: Callable[[Items], Any],
    code: str,
    http_status: int,
    kind: type[Exception],
) -> None:
    dynamodb.add_client_error(operation, code, http_status_code=http_status)
    with pytest.raises(kind):
        call(Items(TABLE))


# Two together


def _count(items: Items, mark: dict[str, Any] = MARK) -> bool:
    return items.add_once(mark, "counted_at", "2026-11-21T10:00:00.000Z", COUNT, FIRST, "count")


def test_a_count_begins_at_one_and_says_what_it_counts(items: Items) -> None:
    items.put_once(MARK)
    assert _count(items)
    assert items.get(COUNT) == COUNT | FIRST | {"count": 1}


def test_what_was_counted_is_marked(items: Items) -> None:
    items.put_once(MARK)
    _count(items)
    assert items.get(MARK) == MARK | {"counted_at": "2026-11-21T10:00:00.000Z"}


def test_what_is_marked_is_not_counted_again(items: Items) -> None:
    items.put_once(MARK)
    assert [_count(items) for _ in range(3)] == [True, False, False]
    assert (items.get(COUNT) or {})["count"] == 1


def test_what_is_not_there_is_not_counted(items: Items) -> None:
    assert not _count(items)
    assert items.scan(None, 10)[0] == []


def test_many_that_count_at_the_same_moment_count_each_once(items: Items, monkeypatch: pytest.MonkeyPatch) -> None:
    marks = [MARK | {"sk": f"VERSION#{number}"} for number in range(6)]
    items.put_many(marks)
    # moto is not made for threads: each call is answered alone, as each write of DynamoDB is atomic.
    lock, send = Lock(), BaseClient._make_api_call

    def serial(self: BaseClient, *arguments: Any) -> Any:
        with lock:
            return send(self, *arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", serial)
    with ThreadPoolExecutor(6) as threads:
        counted = list(threads.map(lambda mark: _count(items, mark), marks * 3))
    assert (counted.count(True), (items.get(COUNT) or {})["count"]) == (6, 6)


@pytest.mark.parametrize(
    ("reasons", "is_busy"),
    [
        (["ConditionalCheckFailed", "None"], False),
        (["None", "TransactionConflict"], True),
        (["TransactionConflict", "None"], True),
        (["ThrottlingError", "None"], True),
        (["ConditionalCheckFailed", "TransactionConflict"], False),
    ],
)
def test_a_count_that_was_cancelled_was_done_or_is_worth_another_try(
    dynamodb: Stubber, reasons: list[str], is_busy: bool
) -> None:
    dynamodb.add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        modeled_fields={"CancellationReasons": [{"Code": code} for code in reasons]},
    )
    if is_busy:
        with pytest.raises(Throttled, match="another image is counted at the same moment"):
            _count(Items(TABLE))
    else:
        assert _count(Items(TABLE)) is False
