import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from vision.adapters.attribute_values import marshalled, unmarshalled
from vision.adapters.items import Items
from vision.domain.errors import Throttled

KEY = {"pk": "SESSION#things", "sk": "LEASE"}
# DynamoDB keeps 38 digits of numbers from 1e-130 to 1e126; ours are whole, or fractions of a few digits.
numbers = st.integers(-(10**12), 10**12) | st.floats(-1e6, 1e6).map(lambda number: round(number, 5))
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=20),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=4))
def test_item_survives_marshalling(item: dict[str, Any]) -> None:
    assert unmarshalled(marshalled(item)) == item


@pytest.mark.parametrize(("number", "kind"), [(98, int), (98.0, int), (98.7, float), (True, bool)])
def test_number_is_an_integer_or_a_fraction_by_its_value(number: Any, kind: type) -> None:
    assert type(unmarshalled(marshalled({"n": number}))["n"]) is kind


@given(st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=4))
def test_boto3_reads_what_is_marshalled(item: dict[str, Any]) -> None:
    decimals = json.loads(json.dumps(item), parse_float=Decimal)
    read = {name: TypeDeserializer().deserialize(value) for name, value in marshalled(item).items()}
    assert read == decimals


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object()])
def test_value_that_no_item_has_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=f"no attribute of type {type(value).__name__}"):
        marshalled({"other": value})


def test_sets_and_bytes_of_others_are_read() -> None:
    assert unmarshalled({"set": {"SS": ["a", "b"]}, "raw": {"B": b"\x00"}}) == {"set": ["a", "b"], "raw": b"\x00"}


def test_item_is_put_once_and_read_as_it_was_written(items: Items) -> None:
    assert items.get(KEY) is None
    value = {"whole": 3, "part": 0.1, "text": "Straße", "list": [1, {"deep": -2.5}], "flag": True, "empty": ""}
    assert items.put_once(KEY | value)
    assert not items.put_once(KEY | {"whole": 4})
    assert items.get(KEY) == KEY | value


def test_update_changes_its_fields_only_under_its_condition(items: Items) -> None:
    items.put_once(KEY | {"owner": "first", "kept": 1})
    condition: dict[str, Any] = {"condition": "#owner = :was", "condition_values": {":was": "first"}}
    assert items.update(KEY, {"owner": "second"}, {}, **condition)
    assert not items.update(KEY, {"owner": "third"}, {}, **condition)
    assert items.get(KEY) == KEY | {"owner": "second", "kept": 1}


def test_first_value_of_an_attribute_stays(items: Items) -> None:
    for moment in ("one", "two"):
        items.update(
            KEY, {"at": moment}, {"first_at": moment}, condition="attribute_not_exists(pk) OR attribute_exists(pk)"
        )
    assert items.get(KEY) == KEY | {"at": "two", "first_at": "one"}


def test_update_removes_an_attribute(items: Items) -> None:
    items.put_once(KEY | {"error": "no", "kept": 1})
    items.update(KEY, {"status": "fine"}, {}, condition="attribute_exists(pk)", remove=("error",))
    assert items.get(KEY) == KEY | {"status": "fine", "kept": 1}


def test_numbers_are_added_under_a_condition_and_returned(items: Items) -> None:
    assert items.add(KEY, {"seen": 2, "failed": 0}) == KEY | {"seen": 2, "failed": 0}
    assert (items.add(KEY, {"seen": 3}) or {})["seen"] == 5
    assert items.add(KEY, {"seen": 2}, condition="#seen > :least", values={":least": 5}) is None
    assert (items.get(KEY) or {})["seen"] == 5


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("get_item", lambda items: items.get(KEY)),
        ("put_item", lambda items: items.put_once(KEY)),
        ("update_item", lambda items: items.update(KEY, {"a": 1}, {}, condition="attribute_exists(pk)")),
        ("update_item", lambda items: items.add(KEY, {"seen": 1})),
    ],
)
def test_throttled_request_is_a_named_error(
    stubbed: Callable[[str], Stubber], operation: str, call: Callable[[Items], Any]
) -> None:
    stubbed("dynamodb").add_client_error(operation, "ThrottlingException")
    with pytest.raises(Throttled, match=r"^record: "):
        call(Items("image-table"))
