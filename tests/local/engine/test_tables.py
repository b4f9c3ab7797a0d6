"""DynamoDB as the app's API uses it: expiry, transactions, batches, pages of an index."""

import json
import time
from decimal import Decimal

import boto3
import pytest
from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from tests.local.engine.account import unique, wait_for

pytestmark = pytest.mark.local

PHOTOS, OWNER = 25, "ada"


def template(name: str, expires: str | None = "expires_at", has_indexes: bool = True) -> str:
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    index_keys = [{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "newest", "KeyType": "RANGE"}]
    attributes = ("pk", "sk", "owner", "newest") if has_indexes else ("pk", "sk")
    table = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": attribute, "AttributeType": "S"} for attribute in attributes],
        "KeySchema": keys,
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    }
    if expires:
        table["TimeToLiveSpecification"] = {"AttributeName": expires, "Enabled": True}
    if has_indexes:
        table["GlobalSecondaryIndexes"] = [
            {"IndexName": "by-owner", "KeySchema": index_keys, "Projection": {"ProjectionType": "ALL"}},
            {"IndexName": "listing", "KeySchema": index_keys, "Projection": {"ProjectionType": "KEYS_ONLY"}},
        ]
    return json.dumps({"Resources": {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": table}}})


def finish(account, stack: str) -> str:
    cloudformation = account.client("cloudformation")

    def done() -> str | None:
        status = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        return None if status.endswith("_IN_PROGRESS") else status

    return wait_for(done)


@pytest.fixture(scope="module")
def table(account, engine):
    name = unique("table")
    account.client("cloudformation").create_stack(StackName=name, TemplateBody=template(name))
    assert finish(account, name) == "CREATE_COMPLETE"
    return boto3.resource("dynamodb", **engine.client_arguments).Table(name)


@pytest.fixture
def photos(table):
    """The owner's photos, one for each minute, and the photos of others; the owner's, newest first."""
    owner = unique(OWNER)
    made = [
        {
            "pk": f"photo#{owner}#{number:02}",
            "sk": "photo",
            "owner": owner,
            "newest": f"{'album' if number % 5 else 'other'}#2026-11-21T10:{number:02}:00Z",
            "size": number,
        }
        for number in range(PHOTOS)
    ]
    others = [{**item, "pk": f"x{item['pk']}", "owner": f"{owner}x"} for item in made]
    with table.batch_writer() as batch:
        for item in [*made, *others]:
            batch.put_item(Item=item)
    return owner, sorted(made, key=lambda item: item["newest"], reverse=True)


def put(table, pk: str, condition: str | None = "attribute_not_exists(pk)", **values) -> dict:
    item = {"pk": {"S": pk}, "sk": {"S": "a"}, **{name: {"N": str(value)} for name, value in values.items()}}
    return {"Put": {"TableName": table.name, "Item": item} | ({"ConditionExpression": condition} if condition else {})}


def reasons(error: pytest.ExceptionInfo[ClientError]) -> list[str]:
    return [reason["Code"] for reason in error.value.response["CancellationReasons"]]


def test_the_expiry_of_a_template_is_the_tables(account, table):
    told = account.client("dynamodb").describe_time_to_live(TableName=table.name)["TimeToLiveDescription"]
    assert told == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


def test_a_table_that_is_there_gets_an_expiry_and_indexes_and_keeps_its_items(account, engine):
    name, cloudformation = unique("table"), account.client("cloudformation")

    def expiry() -> dict:
        return account.client("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]

    body = template(name, None, has_indexes=False)
    cloudformation.create_stack(StackName=name, TemplateBody=body)
    assert finish(account, name) == "CREATE_COMPLETE"
    assert expiry() == {"TimeToLiveStatus": "DISABLED"}
    table = boto3.resource("dynamodb", **engine.client_arguments).Table(name)
    table.put_item(Item={"pk": "photo", "sk": "a", "owner": OWNER, "newest": "1"})
    cloudformation.update_stack(StackName=name, TemplateBody=template(name))
    assert finish(account, name) == "UPDATE_COMPLETE"
    assert expiry() == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    assert table.query(IndexName="listing", KeyConditionExpression=Key("owner").eq(OWNER))["Count"] == 1
    cloudformation.update_stack(StackName=name, TemplateBody=template(name, None))
    assert finish(account, name) == "UPDATE_COMPLETE"
    assert expiry()["TimeToLiveStatus"] == "DISABLED"


def test_an_item_that_has_expired_may_still_be_there(table):
    # DynamoDB deletes within days, so a reader compares the time itself.
    expired = int(time.time()) - 60
    table.put_item(Item={"pk": "expired", "sk": "a", "expires_at": expired})
    assert table.get_item(Key={"pk": "expired", "sk": "a"}).get("Item", {}).get("expires_at") in (expired, None)


def test_a_transaction_writes_all(account, table):
    pk = unique("pk")
    account.client("dynamodb").transact_write_items(TransactItems=[put(table, f"{pk}1"), put(table, f"{pk}2")])
    for number in (1, 2):
        assert "Item" in table.get_item(Key={"pk": f"{pk}{number}", "sk": "a"}, ConsistentRead=True)


def test_a_transaction_writes_nothing_when_one_condition_fails(account, table):
    pk, dynamodb = unique("pk"), account.client("dynamodb")
    dynamodb.transact_write_items(TransactItems=[put(table, f"{pk}2", count=1)])
    with pytest.raises(ClientError, match="TransactionCanceled") as error:
        dynamodb.transact_write_items(TransactItems=[put(table, f"{pk}1"), put(table, f"{pk}2", count=2)])
    assert reasons(error) == ["None", "ConditionalCheckFailed"]
    assert "Item" not in table.get_item(Key={"pk": f"{pk}1", "sk": "a"})
    assert table.get_item(Key={"pk": f"{pk}2", "sk": "a"})["Item"]["count"] == 1


def test_a_transaction_tells_what_was_there(account, table):
    pk, dynamodb = unique("pk"), account.client("dynamodb")
    dynamodb.transact_write_items(TransactItems=[put(table, pk, count=1)])
    again = put(table, pk, count=2)
    again["Put"]["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    with pytest.raises(ClientError) as error:
        dynamodb.transact_write_items(TransactItems=[again])
    [reason] = error.value.response["CancellationReasons"]
    assert reason["Item"]["count"] == {"N": "1"}


def test_a_transaction_checks_updates_and_deletes(account, table):
    pk, dynamodb = unique("pk"), account.client("dynamodb")
    dynamodb.transact_write_items(TransactItems=[put(table, f"{pk}{number}", count=5) for number in range(3)])
    key = {number: {"pk": {"S": f"{pk}{number}"}, "sk": {"S": "a"}} for number in range(3)}
    limit = {":limit": {"N": "10"}}
    add = {
        "TableName": table.name,
        "Key": key[1],
        "UpdateExpression": "ADD #n :one",
        "ConditionExpression": "#n < :limit",
        "ExpressionAttributeNames": {"#n": "count"},
        "ExpressionAttributeValues": {":one": {"N": "1"}, **limit},
    }
    check = {
        "TableName": table.name,
        "Key": key[0],
        "ConditionExpression": "#n = :five",
        "ExpressionAttributeNames": {"#n": "count"},
        "ExpressionAttributeValues": {":five": {"N": "5"}},
    }
    delete = {"TableName": table.name, "Key": key[2], "ConditionExpression": "attribute_exists(pk)"}
    items = [{"ConditionCheck": check}, {"Update": add}, {"Delete": delete}]
    dynamodb.transact_write_items(TransactItems=items)
    assert table.get_item(Key={"pk": f"{pk}1", "sk": "a"})["Item"]["count"] == 6
    with pytest.raises(ClientError) as error:
        dynamodb.transact_write_items(TransactItems=items)
    assert reasons(error) == ["None", "None", "ConditionalCheckFailed"]
    assert table.get_item(Key={"pk": f"{pk}1", "sk": "a"})["Item"]["count"] == 6


def test_a_transaction_with_a_token_is_done_once(account, table):
    pk, dynamodb = unique("pk"), account.client("dynamodb")
    key = {"pk": {"S": pk}, "sk": {"S": "a"}}
    add = {
        "TableName": table.name,
        "Key": key,
        "UpdateExpression": "ADD hits :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    for _ in range(2):
        dynamodb.transact_write_items(TransactItems=[{"Update": add}], ClientRequestToken=pk[:36])
    assert table.get_item(Key={"pk": pk, "sk": "a"})["Item"]["hits"] == 1


def test_a_transaction_names_an_item_once(account, table):
    pk = unique("pk")
    with pytest.raises(ClientError, match="multiple operations on one item"):
        account.client("dynamodb").transact_write_items(TransactItems=[put(table, pk), put(table, pk)])


def test_a_batch_deletes(account, table, photos):
    owner, items = photos
    with table.batch_writer() as batch:
        for item in items:
            batch.delete_item(Key={"pk": item["pk"], "sk": item["sk"]})
    assert table.query(IndexName="by-owner", KeyConditionExpression=Key("owner").eq(owner))["Count"] == 0
    assert table.query(IndexName="by-owner", KeyConditionExpression=Key("owner").eq(f"{owner}x"))["Count"] == PHOTOS


def test_a_batch_has_at_most_25_items(account, table):
    requests = [{"PutRequest": {"Item": {"pk": {"S": f"p{n}"}, "sk": {"S": "a"}}}} for n in range(26)]
    with pytest.raises(ClientError, match="25"):
        account.client("dynamodb").batch_write_item(RequestItems={table.name: requests})


def pages(table, limit: int, index: str = "by-owner", **query) -> list[dict]:
    """Read an index page by page, each from where the last one ended."""
    found, start = [], {}
    while True:
        answer = table.query(IndexName=index, ScanIndexForward=False, Limit=limit, **query, **start)
        assert len(answer["Items"]) <= limit
        found += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return found
        assert set(answer["LastEvaluatedKey"]) == {"pk", "sk", "owner", "newest"}
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


@pytest.mark.parametrize("limit", [1, 7, PHOTOS, 100])
def test_pages_of_an_index_are_the_whole_newest_first(table, photos, limit):
    owner, items = photos
    assert pages(table, limit, KeyConditionExpression=Key("owner").eq(owner)) == items


def test_an_index_of_keys_has_the_keys(table, photos):
    owner, items = photos
    found = pages(table, 4, "listing", KeyConditionExpression=Key("owner").eq(owner))
    assert found == [{name: item[name] for name in ("pk", "sk", "owner", "newest")} for item in items]


def test_a_prefix_of_the_sort_key_is_a_part_of_the_index(table, photos):
    owner, items = photos
    condition = Key("owner").eq(owner) & Key("newest").begins_with("album#")
    expected = [item for item in items if item["newest"].startswith("album#")]
    assert pages(table, 4, KeyConditionExpression=condition) == expected
    assert len(expected) == 20


def test_a_range_of_the_sort_key_has_both_ends(table, photos):
    owner, _ = photos
    condition = Key("owner").eq(owner) & Key("newest").between("album#2026-11-21T10:03", "album#2026-11-21T10:08:00Z")
    found = pages(table, 2, KeyConditionExpression=condition)
    assert [item["size"] for item in found] == [8, 7, 6, 4, 3]


def test_a_filter_counts_after_the_limit(table, photos):
    owner, _ = photos
    answer = table.query(
        IndexName="by-owner",
        KeyConditionExpression=Key("owner").eq(owner),
        FilterExpression="#s >= :least",
        ExpressionAttributeNames={"#s": "size"},
        ExpressionAttributeValues={":least": Decimal(1000)},
        Limit=10,
    )
    assert (answer["Count"], answer["ScannedCount"]) == (0, 10)
    assert "LastEvaluatedKey" in answer


def test_items_of_the_same_sort_key_are_not_lost_between_pages(table):
    owner = unique(OWNER)
    with table.batch_writer() as batch:
        for number in range(9):
            batch.put_item(Item={"pk": f"{owner}{number}", "sk": "photo", "owner": owner, "newest": "same"})
    found = pages(table, 2, KeyConditionExpression=Key("owner").eq(owner))
    assert sorted(item["pk"] for item in found) == [f"{owner}{number}" for number in range(9)]


def test_a_page_goes_on_after_an_item_that_has_gone(table, photos):
    owner, items = photos
    condition = {"KeyConditionExpression": Key("owner").eq(owner), "IndexName": "by-owner", "ScanIndexForward": False}
    first = table.query(Limit=5, **condition)
    table.delete_item(Key={"pk": items[4]["pk"], "sk": items[4]["sk"]})
    second = table.query(Limit=5, ExclusiveStartKey=first["LastEvaluatedKey"], **condition)
    assert second["Items"] == items[5:10]


def test_an_item_without_the_keys_of_the_index_is_not_in_it(table):
    owner = unique(OWNER)
    table.put_item(Item={"pk": f"album#{owner}", "sk": "a", "owner": owner})
    assert table.query(IndexName="by-owner", KeyConditionExpression=Key("owner").eq(owner))["Count"] == 0
