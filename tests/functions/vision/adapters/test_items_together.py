"""Many items at once, and two that change together or not at all."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.stub import Stubber

from vision.adapters.aws_sdk import client
from vision.adapters.items import Items
from vision.domain.errors import Throttled

TABLE = "image-table"
MARK = {"pk": "PHOTO#a", "sk": "VERSION#v1"}
COUNT = {"pk": "COUNTS#ann", "sk": "DAY#2026-11-21#Rose"}
FIRST = {"day": "2026-11-21", "class": "Rose", "record_type": "count", "owner": "ann"}
NOW = "2026-11-21T10:00:00.000Z"


@pytest.fixture
def dynamodb(stubbed: Callable[[str], Stubber]) -> Stubber:
    return stubbed("dynamodb")


def _key(number: int) -> dict[str, Any]:
    return {"pk": f"PHOTO#{number:03}", "sk": "CURRENT"}


def _numbered(number: int) -> dict[str, Any]:
    return _key(number) | {"number": number}


def _key_request(number: int) -> dict[str, Any]:
    return {name: {"S": value} for name, value in _key(number).items()}


def _put_request(number: int) -> dict[str, Any]:
    return {"PutRequest": {"Item": _key_request(number) | {"number": {"N": str(number)}}}}


# Many


def test_more_items_are_read_than_one_request_takes(items: Items) -> None:
    for number in range(0, 250, 2):
        items.put_once(_key(number) | {"status": "PENDING", "secret": number})
    found = items.get_many([_key(number) for number in range(250)], ("status",))
    assert sorted(item["pk"] for item in found) == [_key(number)["pk"] for number in range(0, 250, 2)]
    assert all(item.keys() == {"pk", "sk", "status"} for item in found)
    assert items.get_many([], ("status",)) == []


def test_unprocessed_keys_are_read_again(dynamodb: Stubber) -> None:
    first, second = _key_request(0), _key_request(1)
    dynamodb.add_response(
        "batch_get_item", {"Responses": {TABLE: [first]}, "UnprocessedKeys": {TABLE: {"Keys": [second]}}}
    )
    dynamodb.add_response("batch_get_item", {"Responses": {TABLE: [second]}, "UnprocessedKeys": {}})
    assert Items(TABLE).get_many([_key(0), _key(1)], ()) == [_key(0), _key(1)]


@pytest.fixture
def batch_sizes(aws: None) -> Iterator[list[int]]:
    """The number of writes in each batch; moto accepts more than the 25 of DynamoDB."""
    sizes: list[int] = []

    def record(params: dict[str, Any], **_: Any) -> None:
        sizes.append(len(params["RequestItems"][TABLE]))

    events = client("dynamodb").meta.events
    events.register("provide-client-params.dynamodb.BatchWriteItem", record)
    yield sizes
    events.unregister("provide-client-params.dynamodb.BatchWriteItem", record)


@pytest.mark.parametrize("number", [0, 1, 25, 26, 51])
def test_items_are_written_and_deleted_in_batches_of_25(items: Items, batch_sizes: list[int], number: int) -> None:
    items.put_once(MARK)
    items.put_many([_numbered(one) for one in range(number)])
    assert len(items.scan(None, 100)[0]) == number + 1
    items.delete_many([_key(one) for one in range(number)])
    assert items.scan(None, 100)[0] == [MARK]
    assert sum(batch_sizes) == 2 * number
    assert max(batch_sizes, default=0) == min(number, 25)


def test_deleting_missing_items_is_no_error(items: Items) -> None:
    items.delete_many([MARK, MARK | {"sk": "other"}])
    assert items.get(MARK) is None


def test_written_item_replaces_the_existing_one(items: Items) -> None:
    items.put_many([MARK | {"old": 1}])
    items.put_many([MARK | {"new": 2}])
    assert items.get(MARK) == MARK | {"new": 2}


def test_unprocessed_items_are_written_again(dynamodb: Stubber) -> None:
    dynamodb.add_response("batch_write_item", {"UnprocessedItems": {TABLE: [_put_request(1)]}})
    dynamodb.add_response("batch_write_item", {}, {"RequestItems": {TABLE: [_put_request(1)]}})
    Items(TABLE).put_many([_numbered(0), _numbered(1)])


def test_batch_of_which_nothing_is_processed_is_throttled(dynamodb: Stubber) -> None:
    dynamodb.add_response("batch_write_item", {"UnprocessedItems": {TABLE: [_put_request(0), _put_request(1)]}})
    with pytest.raises(Throttled, match="not one of them was written"):
        Items(TABLE).put_many([_numbered(0), _numbered(1)])
    left = {TABLE: {"Keys": [_key_request(0)]}}
    dynamodb.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": left})
    with pytest.raises(Throttled, match="not one of them was read"):
        Items(TABLE).get_many([_key(0)], ())


@pytest.mark.parametrize("page_size", [1, 2, 3, 7])
def test_scan_continues_to_the_end(items: Items, page_size: int) -> None:
    items.put_many([_numbered(one) for one in range(6)])
    found, start = [], None
    for _ in range(10):
        page, start = items.scan(start, page_size)
        found += page
        if start is None:
            break
    assert sorted(one["number"] for one in found) == list(range(6))


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
def test_throttled_request_is_a_named_error(dynamodb: Stubber, operation: str, call: Callable[[Items], Any]) -> None:
    dynamodb.add_client_error(operation, "ThrottlingException")
    with pytest.raises(Throttled, match=r"^\w+: "):
        call(Items(TABLE))


# Two together


def _count(items: Items, mark: dict[str, Any] = MARK) -> bool:
    return items.add_once(mark, "counted_at", NOW, COUNT, FIRST, "count")


def test_item_is_counted_once_and_marked(items: Items) -> None:
    items.put_once(MARK)
    assert [_count(items) for _ in range(3)] == [True, False, False]
    assert items.get(COUNT) == COUNT | FIRST | {"count": 1}
    assert items.get(MARK) == MARK | {"counted_at": NOW}


def test_missing_item_is_not_counted(items: Items) -> None:
    assert not _count(items)
    assert items.scan(None, 10)[0] == []


def test_concurrent_writers_count_each_item_once(items: Items, one_call_at_a_time: None) -> None:
    marks = [MARK | {"sk": f"VERSION#{number}"} for number in range(6)]
    items.put_many(marks)
    with ThreadPoolExecutor(6) as threads:
        counted = list(threads.map(lambda mark: _count(items, mark), marks * 3))
    assert counted.count(True) == 6
    assert (items.get(COUNT) or {})["count"] == 6


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
def test_cancelled_count_was_done_before_or_is_throttled(dynamodb: Stubber, reasons: list[str], is_busy: bool) -> None:
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
