"""What DynamoDB bills for a write, index by index."""

import pytest

from benchmarks.cost.capacity import Index, indexes, read_units, write_units

LISTING = Index(("listing_pk", "listing_sk"), frozenset({"pk", "sk", "listing_pk", "listing_sk"}))
BARE = {"pk": {"S": "PHOTO#1"}, "sk": {"S": "PHOTO"}}
LISTED = BARE | {"listing_pk": {"S": "OWNER#ada"}, "listing_sk": {"S": "2026"}}
LARGE = BARE | {"labels": {"S": "x" * 1500}}


def test_a_new_small_item_takes_one_unit():
    assert write_units(None, BARE, []) == 1


def test_an_item_above_a_kilobyte_takes_two():
    assert write_units(None, LARGE, []) == 2


def test_an_item_that_shrinks_is_paid_as_it_was():
    assert write_units(LARGE, BARE, []) == 2


def test_a_write_that_changes_nothing_is_paid():
    assert write_units(None, None, [LISTING]) == 1


def test_a_new_entry_of_an_index_takes_one_more():
    assert write_units(None, LISTED, [LISTING]) == 2


def test_an_item_without_an_index_key_has_no_entry():
    assert write_units(None, BARE, [LISTING]) == 1


def test_a_change_beside_the_entry_leaves_it_alone():
    assert write_units(LISTED, LISTED | {"name": {"S": "beach"}}, [LISTING]) == 1


def test_an_entry_that_moves_is_deleted_and_put():
    assert write_units(LISTED, LISTED | {"listing_sk": {"S": "2027"}}, [LISTING]) == 3


def test_an_entry_that_goes_takes_one():
    assert write_units(LISTED, BARE, [LISTING]) == 2


def test_indexes_are_read_from_the_tables_description():
    table = {
        "KeySchema": [{"AttributeName": "pk"}, {"AttributeName": "sk"}],
        "GlobalSecondaryIndexes": [
            {
                "KeySchema": [{"AttributeName": "listing_pk"}, {"AttributeName": "listing_sk"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    }
    assert indexes(table) == [LISTING]


@pytest.mark.parametrize(("items", "expected"), [([], 1), ([BARE], 1), ([LARGE] * 3, 2)])
def test_a_read_takes_a_unit_for_each_four_kilobytes(items, expected):
    assert read_units(items) == expected
