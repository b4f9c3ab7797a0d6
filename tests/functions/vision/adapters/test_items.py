from typing import Any

import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from vision.adapters.aws_sdk import client
from vision.adapters.items import Items, _marshalled, _unmarshalled
from vision.domain.errors import AccessDenied, ServiceUnavailable, Throttled

ALWAYS = "attribute_not_exists(pk) OR attribute_exists(pk)"
KEY = {"pk": "SESSION#things", "sk": "LEASE"}
# DynamoDB keeps 38 digits of numbers from 1e-130 to 1e126; ours are whole, or fractions of a few digits.
numbers = st.integers(-(10**12), 10**12) | st.floats(-1e6, 1e6).map(lambda number: round(number, 5))
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=20),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def items(table_name: str) -> Items:
    return Items(table_name)


@given(st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=4))
def test_an_item_comes_back_as_it_was(item: dict[str, Any]) -> None:
    assert _unmarshalled(_marshalled(item)) == item


def test_an_item_survives_the_table(items: Items) -> None:
    value = {"whole": 3, "part": 0.1, "text": "Straße", "list": [1, {"deep": -2.5}], "flag": True, "empty": ""}
    items.put_once(KEY | value)
    assert items.get(KEY) == KEY | value


@pytest.mark.parametrize(("number", "kind"), [(98, int), (98.0, int), (98.7, float), (True, bool)])
def test_a_number_is_whole_or_not_by_its_value(number: Any, kind: type) -> None:
    assert type(_unmarshalled(_marshalled({"n": number}))["n"]) is kind


def test_an_item_that_is_not_there_is_none(items: Items) -> None:
    assert items.get(KEY) is None


def test_an_item_is_put_once(items: Items) -> None:
    items.put_once(KEY | {"owner": "first"})
    items.put_once(KEY | {"owner": "second"})
    assert items.get(KEY) == KEY | {"owner": "first"}


def test_an_update_whose_condition_holds_sets_its_fields(items: Items) -> None:
    items.put_once(KEY | {"owner": "first", "kept": 1})
    assert items.update(KEY, {"owner": "second"}, {}, condition="#owner = :was", condition_values={":was": "first"})
    assert items.get(KEY) == KEY | {"owner": "second", "kept": 1}


def test_an_update_whose_condition_does_not_hold_changes_nothing(items: Items) -> None:
    items.put_once(KEY | {"owner": "first"})
    assert not items.update(KEY, {"owner": "second"}, {}, condition="#owner = :was", condition_values={":was": "x"})
    assert items.get(KEY) == KEY | {"owner": "first"}


def test_what_is_set_first_stays(items: Items) -> None:
    for moment in ("one", "two"):
        items.update(
            KEY, {"at": moment}, {"first_at": moment}, condition="attribute_not_exists(pk) OR attribute_exists(pk)"
        )
    assert items.get(KEY) == KEY | {"at": "two", "first_at": "one"}


def test_what_is_removed_is_gone(items: Items) -> None:
    items.put_once(KEY | {"error": "no", "kept": 1})
    items.update(KEY, {"status": "fine"}, {}, condition="attribute_exists(pk)", remove=("error",))
    assert items.get(KEY) == KEY | {"status": "fine", "kept": 1}


@pytest.mark.parametrize(
    ("code", "http_status", "kind"),
    [
        ("ProvisionedThroughputExceededException", 400, Throttled),
        ("ThrottlingException", 400, Throttled),
        ("RequestLimitExceeded", 400, Throttled),
        ("AccessDeniedException", 400, AccessDenied),
        ("InternalServerError", 500, ServiceUnavailable),
    ],
)
@pytest.mark.parametrize("operation", ["get_item", "put_item", "update_item"])
def test_what_dynamodb_refuses_has_a_name(
    items: Items, operation: str, code: str, http_status: int, kind: type[Exception]
) -> None:
    calls = {
        "get_item": lambda: items.get(KEY),
        "put_item": lambda: items.put_once(KEY),
        "update_item": lambda: items.update(KEY, {"a": 1}, {}, condition="attribute_exists(pk)"),
    }
    with Stubber(client("dynamodb")) as stub:
        stub.add_client_error(operation, code, http_status_code=http_status)
        with pytest.raises(kind, match=r"^record: "):
            calls[operation]()
