"""DynamoDB as the app's API uses it: expiry, transactions, batches, pages of an index."""

import time

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

from tests.local.engine.account import resources, unique

pytestmark = pytest.mark.local

PHOTOS = 25
EXPIRY = {"AttributeName": "expires_at"}


def keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def index(name: str) -> dict:
    projection = {"ProjectionType": "ALL" if name == "by-owner" else "KEYS_ONLY"}
    return {"IndexName": name, "KeySchema": keys("owner", "newest"), "Projection": projection}


def template(name: str, expires: bool = True, indexes: tuple[str, ...] = ("by-owner", "listing")) -> dict:
    attributes = ("pk", "sk", "owner", "newest") if indexes else ("pk", "sk")
    table = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": attribute, "AttributeType": "S"} for attribute in attributes],
        "KeySchema": keys("pk", "sk"),
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    }
    if expires:
        table["TimeToLiveSpecification"] = {**EXPIRY, "Enabled": True}
    if indexes:
        table["GlobalSecondaryIndexes"] = [index(one) for one in indexes]
    return {"Resources": resources(Table=("DynamoDB::Table", table))}


@pytest.fixture(scope="module")
def table(account, engine):
    name = unique("table")
    assert account.deploy(template(name), name)["StackStatus"] == "CREATE_COMPLETE"
    return boto3.resource("dynamodb", **engine.client_arguments).Table(name)


@pytest.fixture
def owner():
    return unique("ada")


@pytest.fixture
def photos(table, owner):
    """The owner's photos, one for each minute, newest first; another owner has as many."""
    moments = [f"{'album' if number % 5 else 'other'}#2026-11-21T10:{number:02}:00Z" for number in range(PHOTOS)]
    made = [
        {"pk": f"photo#{owner}#{number:02}", "sk": "photo", "owner": owner, "newest": moment, "size": number}
        for number, moment in enumerate(moments)
    ]
    with table.batch_writer() as batch:
        for item in made:
            batch.put_item(Item=item)
            batch.put_item(Item={**item, "pk": f"x{item['pk']}", "owner": f"{owner}x"})
    return sorted(made, key=lambda item: item["newest"], reverse=True)


@pytest.fixture
def transact(account):
    """Write a transaction; return its reasons when it was cancelled."""
    dynamodb = account.client("dynamodb")

    def write(*items: dict, **settings: str) -> list[dict]:
        try:
            dynamodb.transact_write_items(TransactItems=list(items), **settings)
        except dynamodb.exceptions.TransactionCanceledException as error:
            return error.response["CancellationReasons"]
        return []

    return write


def codes(reasons: list[dict]) -> list[str]:
    return [reason["Code"] for reason in reasons]


def put(table, pk: str, **values: int) -> dict:
    """Return the item of a transaction that puts a new item."""
    item = {"pk": {"S": pk}, "sk": {"S": "a"}, **{name: {"N": str(value)} for name, value in values.items()}}
    return {"Put": {"TableName": table.name, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}


def read(table, pk: str) -> dict:
    return table.get_item(Key={"pk": pk, "sk": "a"}, ConsistentRead=True).get("Item", {})


def count(table, owner: str, index: str = "by-owner") -> int:
    return table.query(IndexName=index, KeyConditionExpression=Key("owner").eq(owner))["Count"]


# Expiry


def test_update_adds_expiry_and_indexes_and_keeps_the_items(account, engine, owner):
    name = unique("table")

    def expiry() -> dict:
        return account.client("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]

    stack = account.deploy(template(name, expires=False, indexes=()), name)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert expiry() == {"TimeToLiveStatus": "DISABLED"}
    table = boto3.resource("dynamodb", **engine.client_arguments).Table(name)
    table.put_item(Item={"pk": "photo", "sk": "a", "owner": owner, "newest": "1"})
    with_index = template(name, indexes=("listing",))
    assert account.deploy(with_index, name, update=True)["StackStatus"] == "UPDATE_COMPLETE"
    assert expiry() == {"TimeToLiveStatus": "ENABLED", **EXPIRY}
    assert count(table, owner, "listing") == 1
    without_expiry = template(name, expires=False, indexes=("listing",))
    assert account.deploy(without_expiry, name, update=True)["StackStatus"] == "UPDATE_COMPLETE"
    assert expiry()["TimeToLiveStatus"] == "DISABLED"


def test_expired_item_may_remain(table):
    # DynamoDB deletes within days, so a reader compares the time itself.
    expired = int(time.time()) - 60
    table.put_item(Item={"pk": "expired", "sk": "a", "expires_at": expired})
    assert read(table, "expired").get("expires_at") in (expired, None)


# Changes of indexes


def reasons(account, stack: str) -> list[str]:
    """Why resources of a stack failed."""
    events = account.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return [one["ResourceStatusReason"] for one in events if one["ResourceStatus"] == "UPDATE_FAILED"]


def indexes_of(account, name: str) -> set[str]:
    described = account.client("dynamodb").describe_table(TableName=name)["Table"]
    return {one["IndexName"] for one in described.get("GlobalSecondaryIndexes", [])}


@pytest.mark.parametrize(
    "after",
    [("by-owner", "listing", "first", "second"), (), ("by-owner", "first")],
    ids=["two creations", "two deletions", "a creation and a deletion"],
)
def test_update_with_more_than_one_change_of_indexes_is_refused_and_leaves_the_table_as_it_was(account, owner, after):
    name = unique("table")
    account.deploy(template(name), name)
    account.client("dynamodb").put_item(TableName=name, Item={"pk": {"S": owner}, "sk": {"S": "a"}})
    # The refusal comes before any other change of the table.
    stack = account.deploy(template(name, expires=False, indexes=after), name, update=True)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    refusal = "Cannot perform more than one GSI creation or deletion in a single update"
    assert any(refusal in reason for reason in reasons(account, name))
    assert indexes_of(account, name) == {"by-owner", "listing"}
    described = account.client("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert described["TimeToLiveStatus"] == "ENABLED"
    assert account.client("dynamodb").scan(TableName=name)["Count"] == 1


def test_indexes_change_one_in_each_update(account):
    name = unique("table")
    account.deploy(template(name), name)
    for indexes in [("by-owner", "listing", "first"), ("by-owner", "first"), ("first",)]:
        stack = account.deploy(template(name, indexes=indexes), name, update=True)
        assert stack["StackStatus"] == "UPDATE_COMPLETE"
        assert indexes_of(account, name) == set(indexes)


def test_each_index_has_its_status(account, table):
    indexes = account.client("dynamodb").describe_table(TableName=table.name)["Table"]["GlobalSecondaryIndexes"]
    assert {one["IndexName"]: one["IndexStatus"] for one in indexes} == {"by-owner": "ACTIVE", "listing": "ACTIVE"}


def test_update_that_changes_the_keys_of_an_index_is_refused(account):
    name = unique("table")
    account.deploy(template(name), name)
    changed = template(name)
    changed["Resources"]["Table"]["Properties"]["GlobalSecondaryIndexes"][1]["KeySchema"] = keys("owner", "sk")
    assert account.deploy(changed, name, update=True)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert any("You can create a new GSI with a different name" in reason for reason in reasons(account, name))


def test_failed_update_takes_a_new_index_away_again(account):
    name, other = unique("table"), unique("table")

    def both(*indexes: str, of_the_other: tuple[str, ...]) -> dict:
        made = template(name, indexes=indexes)
        made["Resources"]["Other"] = template(other, indexes=of_the_other)["Resources"]["Table"]
        made["Resources"]["Other"]["DependsOn"] = "Table"
        return made

    account.deploy(both("listing", of_the_other=("listing",)), name)
    # The other table refuses its two indexes after the first one has got its own.
    failing = both("listing", "first", of_the_other=("listing", "first", "second"))
    assert account.deploy(failing, name, update=True)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert indexes_of(account, name) == indexes_of(account, other) == {"listing"}
    events = account.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    assert ("Table", "UPDATE_COMPLETE") in {(one["LogicalResourceId"], one["ResourceStatus"]) for one in events}


def test_call_with_two_changes_of_indexes_is_refused(account):
    name = unique("table")
    account.deploy(template(name), name)
    changes = [{"Create": index("first")}, {"Delete": {"IndexName": "listing"}}]
    with pytest.raises(ClientError, match="Only 1 online index can be created or deleted simultaneously") as error:
        account.client("dynamodb").update_table(
            TableName=name,
            AttributeDefinitions=template(name)["Resources"]["Table"]["Properties"]["AttributeDefinitions"],
            GlobalSecondaryIndexUpdates=changes,
        )
    assert error.value.response["Error"]["Code"] == "LimitExceededException"
    assert indexes_of(account, name) == {"by-owner", "listing"}


# Transactions


def test_transaction_writes_all_or_nothing_and_returns_the_old_item_on_request(table, transact):
    first, second, third = (unique("pk") for _ in range(3))
    assert transact(put(table, first, count=1), put(table, second, count=1)) == []
    assert read(table, first)["count"] == read(table, second)["count"] == 1
    again = put(table, second, count=2)
    assert codes(transact(put(table, third), again)) == ["None", "ConditionalCheckFailed"]
    assert read(table, third) == {}
    assert read(table, second)["count"] == 1
    again["Put"]["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    [reason] = transact(again)
    assert reason["Item"]["count"] == {"N": "1"}


def test_transaction_checks_updates_and_deletes(table, transact):
    pks = [unique("pk") for _ in range(3)]
    transact(*(put(table, pk, count=5) for pk in pks))

    def on(pk: str, condition: str, **values: str) -> dict:
        key = {"TableName": table.name, "Key": {"pk": {"S": pk}, "sk": {"S": "a"}}, "ConditionExpression": condition}
        numbers = {"ExpressionAttributeValues": {f":{name}": {"N": value} for name, value in values.items()}}
        return {**key, "ExpressionAttributeNames": {"#n": "count"}, **(numbers if values else {})}

    items = (
        {"ConditionCheck": on(pks[0], "#n = :five", five="5")},
        {"Update": {**on(pks[1], "#n < :limit", one="1", limit="10"), "UpdateExpression": "ADD #n :one"}},
        {"Delete": on(pks[2], "attribute_exists(#n)")},
    )
    assert transact(*items) == []
    assert read(table, pks[1])["count"] == 6
    assert codes(transact(*items)) == ["None", "None", "ConditionalCheckFailed"]
    assert read(table, pks[1])["count"] == 6


def test_transaction_with_a_token_is_written_once(table, transact):
    pk = unique("pk")
    add = {"TableName": table.name, "Key": {"pk": {"S": pk}, "sk": {"S": "a"}}, "UpdateExpression": "ADD hits :one"}
    add["ExpressionAttributeValues"] = {":one": {"N": "1"}}
    for _ in range(2):
        assert transact({"Update": add}, ClientRequestToken=pk) == []
    assert read(table, pk)["hits"] == 1


def test_two_operations_on_one_item_and_a_batch_of_26_are_refused(account, table):
    with pytest.raises(ClientError, match="multiple operations on one item"):
        account.client("dynamodb").transact_write_items(TransactItems=[put(table, "pk"), put(table, "pk")])
    requests = [{"PutRequest": {"Item": {"pk": {"S": f"p{n}"}, "sk": {"S": "a"}}}} for n in range(26)]
    with pytest.raises(ClientError, match="25"):
        account.client("dynamodb").batch_write_item(RequestItems={table.name: requests})


def pages(table, limit: int, condition: object, index: str = "by-owner") -> list[dict]:
    """Read an index page by page, each from where the last one ended."""
    query = {"IndexName": index, "KeyConditionExpression": condition, "ScanIndexForward": False, "Limit": limit}
    found = []
    while True:
        answer = table.query(**query)
        assert len(answer["Items"]) <= limit
        found += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return found
        assert set(answer["LastEvaluatedKey"]) == {"pk", "sk", "owner", "newest"}
        query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def test_pages_of_an_index_have_all_items_newest_first(table, photos, owner):
    for limit in (1, 7, PHOTOS, 100):
        assert pages(table, limit, Key("owner").eq(owner)) == photos
    keys_only = [{name: item[name] for name in ("pk", "sk", "owner", "newest")} for item in photos]
    assert pages(table, 4, Key("owner").eq(owner), "listing") == keys_only


def test_prefix_range_and_filter_select_a_part(table, photos, owner):
    album = pages(table, 4, Key("owner").eq(owner) & Key("newest").begins_with("album#"))
    assert album == [item for item in photos if item["newest"].startswith("album#")]
    assert len(album) == 20
    both_ends = Key("newest").between("album#2026-11-21T10:03", "album#2026-11-21T10:08:00Z")
    found = pages(table, 2, Key("owner").eq(owner) & both_ends)
    assert [item["size"] for item in found] == [8, 7, 6, 4, 3]
    none = {"KeyConditionExpression": Key("owner").eq(owner), "FilterExpression": Attr("size").gte(1000)}
    answer = table.query(IndexName="by-owner", **none, Limit=10)
    # A filter counts after the limit.
    assert answer["Count"] == 0
    assert answer["ScannedCount"] == 10
    assert "LastEvaluatedKey" in answer


def test_items_with_the_same_sort_key_are_not_lost_between_pages(table, owner):
    with table.batch_writer() as batch:
        for number in range(9):
            batch.put_item(Item={"pk": f"{owner}{number}", "sk": "photo", "owner": owner, "newest": "same"})
    table.put_item(Item={"pk": f"without the keys of the index {owner}", "sk": "a", "owner": owner})
    found = pages(table, 2, Key("owner").eq(owner))
    assert sorted(item["pk"] for item in found) == [f"{owner}{number}" for number in range(9)]


def test_page_continues_after_a_deleted_item_and_a_batch_deletes_its_items_only(table, photos, owner):
    query = {"KeyConditionExpression": Key("owner").eq(owner), "IndexName": "by-owner", "ScanIndexForward": False}
    first = table.query(Limit=5, **query)
    table.delete_item(Key={"pk": photos[4]["pk"], "sk": photos[4]["sk"]})
    second = table.query(Limit=5, ExclusiveStartKey=first["LastEvaluatedKey"], **query)
    assert second["Items"] == photos[5:10]
    with table.batch_writer() as batch:
        for item in photos:
            batch.delete_item(Key={"pk": item["pk"], "sk": item["sk"]})
    assert count(table, owner) == 0
    assert count(table, f"{owner}x") == PHOTOS
