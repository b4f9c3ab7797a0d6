"""The capacity units that DynamoDB bills, index by index."""

import pytest

from benchmarks.cost.capacity import Index, indexes, read_units, write_units

LISTING = Index(("listing_pk", "listing_sk"), frozenset({"pk", "sk", "listing_pk", "listing_sk"}))
BARE = {"pk": {"S": "PHOTO#1"}, "sk": {"S": "PHOTO"}}
LISTED = BARE | {"listing_pk": {"S": "OWNER#ada"}, "listing_sk": {"S": "2026"}}
LARGE = BARE | {"labels": {"S": "x" * 1500}}


@pytest.mark.parametrize(
    ("before", "after", "index", "expected"),
    [
        pytest.param(None, BARE, [], 1, id="small item"),
        pytest.param(None, LARGE, [], 2, id="above a kilobyte"),
        pytest.param(LARGE, BARE, [], 2, id="shrinking: paid as it was"),
        pytest.param(None, None, [LISTING], 1, id="no change"),
        pytest.param(None, LISTED, [LISTING], 2, id="new entry of the index"),
        pytest.param(None, BARE, [LISTING], 1, id="no key of the index, no entry"),
        pytest.param(LISTED, LISTED | {"name": {"S": "beach"}}, [LISTING], 1, id="change outside of the entry"),
        pytest.param(LISTED, LISTED | {"listing_sk": {"S": "2027"}}, [LISTING], 3, id="entry deleted and put"),
        pytest.param(LISTED, BARE, [LISTING], 2, id="entry deleted"),
    ],
)
def test_write_units(before, after, index, expected):
    assert write_units(before, after, index) == expected


def test_indexes_are_read_from_the_description_of_the_table():
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
def test_read_takes_a_unit_for_each_four_kilobytes(items, expected):
    assert read_units(items) == expected
