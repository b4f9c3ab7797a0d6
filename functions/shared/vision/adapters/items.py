"""Items of a DynamoDB table as plain dictionaries: read items, put an item once, update it under a condition."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vision.adapters.attribute_values import marshalled as _marshalled
from vision.adapters.attribute_values import unmarshalled as _unmarshalled
from vision.adapters.aws_sdk import client, domain_errors
from vision.domain.errors import Throttled

Item = dict[str, Any]

# The maximum number of items in one BatchGetItem request.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_KEYS_LIMIT = 100
# The maximum number of items in one BatchWriteItem request.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
_WRITES_LIMIT = 25
# How long a transaction waits after a conflict with another one. Each wait is randomly shortened, to avoid another
# conflict.
_WAITS_SECONDS = (0.05, 0.1, 0.2, 0.4)


class Items:
    """The items of one table.

    All methods raise Throttled, ServiceUnavailable and AccessDenied.
    """

    def __init__(self, table_name: str) -> None:
        self._name = table_name

    def get(self, key: Item) -> Item | None:
        """Return an item with a consistent read, or None."""
        with domain_errors("record"):
            response = client("dynamodb").get_item(TableName=self._name, Key=_marshalled(key), ConsistentRead=True)
        return _unmarshalled(response["Item"]) if "Item" in response else None

    def get_many(self, keys: Sequence[Item], attributes: Sequence[str]) -> list[Item]:
        """Return these attributes of the existing items, with consistent reads. The keys must be distinct."""
        names = {f"#{name}": name for name in ("pk", "sk", *attributes)}
        found: list[Item] = []
        dynamodb = client("dynamodb")
        for start in range(0, len(keys), _KEYS_LIMIT):
            wanted = [_marshalled(key) for key in keys[start : start + _KEYS_LIMIT]]
            while wanted:
                request = {
                    "Keys": wanted,
                    "ProjectionExpression": ", ".join(names),
                    "ExpressionAttributeNames": names,
                    "ConsistentRead": True,
                }
                with domain_errors("records"):
                    response = dynamodb.batch_get_item(RequestItems={self._name: request})
                found += map(_unmarshalled, response["Responses"].get(self._name, []))
                left = response.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
                if len(left) == len(wanted):
                    raise Throttled("records: not one of them was read; wait, or ask for a higher quota")
                wanted = left
        return found

    def query(
        self,
        index: str,
        condition: str,
        names: Mapping[str, str],
        values: Item,
        *,
        newest_first: bool = False,
        page_size: int | None = None,
        attributes: Sequence[str] = (),
    ) -> Iterator[Item]:
        """Yield the items that match a key condition, or only some of their attributes.

        They come from an index or, if ``""``, from the table with consistent reads. Pages are read on demand: a
        caller that stops early does not pay for the rest.
        """
        pages = client("dynamodb").get_paginator("query")
        where: dict[str, Any] = {"IndexName": index} if index else {"ConsistentRead": True}
        wanted = {f"#{name}": name for name in attributes}
        if names or wanted:
            where["ExpressionAttributeNames"] = {**names, **wanted}
        if wanted:
            where["ProjectionExpression"] = ", ".join(wanted)
        with domain_errors("records"):
            for page in pages.paginate(
                TableName=self._name,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=_marshalled(values),
                ScanIndexForward=not newest_first,
                PaginationConfig={"PageSize": page_size},
                **where,
            ):
                yield from map(_unmarshalled, page["Items"])

    def beginning(self, start: Item, page_size: int | None = None) -> Iterator[Item]:
        """Yield the items of the partition of a key whose sort keys begin with that of the key."""
        return self.query(
            "",
            "pk = :pk AND begins_with(sk, :start)",
            {},
            {":pk": start["pk"], ":start": start["sk"]},
            page_size=page_size,
        )

    def scan(self, start: Item | None, page_size: int) -> tuple[list[Item], Item | None]:
        """Return a page of the table, and the key after which the next page starts, ``None`` at the end."""
        after = {"ExclusiveStartKey": _marshalled(start)} if start else {}
        with domain_errors("records"):
            page = client("dynamodb").scan(TableName=self._name, Limit=page_size, ConsistentRead=True, **after)
        last = page.get("LastEvaluatedKey")
        return [_unmarshalled(item) for item in page["Items"]], _unmarshalled(last) if last else None

    def put_once(self, item: Item) -> bool:
        """Put an item unless its key exists; return False if it does."""
        dynamodb = client("dynamodb")
        try:
            with domain_errors("record"):
                dynamodb.put_item(
                    TableName=self._name,
                    Item=_marshalled(item),
                    ConditionExpression="attribute_not_exists(pk)",
                )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def put_together(self, item: Item, *others: Item) -> bool:
        """Put an item unless its key exists, and others with it, all or none; return False if the key exists."""
        return self._together(
            [self._put(item), *({"Put": {"TableName": self._name, "Item": _marshalled(one)}} for one in others)]
        )

    def put_counted(self, item: Item, counter: Item, amount: str, limit: int) -> bool:
        """Put an item unless its key exists, and add one to a number of another item: both or neither.

        Returns
        -------
        bool
            False if the item exists, the counter does not, or the number has reached its limit. Nothing has changed
            then.
        """
        counting = {
            "TableName": self._name,
            "Key": _marshalled(counter),
            "UpdateExpression": "ADD #amount :one",
            "ConditionExpression": "#amount < :limit",
            "ExpressionAttributeNames": {"#amount": amount},
            "ExpressionAttributeValues": _marshalled({":one": 1, ":limit": limit}),
        }
        return self._together([self._put(item), {"Update": counting}])

    def _put(self, item: Item) -> dict[str, Any]:
        condition = "attribute_not_exists(pk)"
        return {"Put": {"TableName": self._name, "Item": _marshalled(item), "ConditionExpression": condition}}

    def _together(self, parts: Sequence[Mapping[str, Any]]) -> bool:
        """Write all parts or none; return False if a condition fails."""
        dynamodb = client("dynamodb")
        for wait_seconds in (*_WAITS_SECONDS, None):
            try:
                with domain_errors("records"):
                    dynamodb.transact_write_items(TransactItems=parts)
            except dynamodb.exceptions.TransactionCanceledException as cancelled:
                if _is_refused(cancelled.response):
                    return False
                if wait_seconds is None:
                    raise Throttled("records: others are written at the same moment; wait and try again") from cancelled
                time.sleep(random.uniform(0.5, 1) * wait_seconds)  # noqa: S311 not a secret
            else:
                break
        return True

    def put_many(self, items: Sequence[Item]) -> None:
        """Put items, and replace existing items with the same keys; the keys must be distinct."""
        self._write_many([{"PutRequest": {"Item": _marshalled(item)}} for item in items])

    def delete_many(self, keys: Sequence[Item]) -> None:
        """Delete items; a missing item is not an error."""
        self._write_many([{"DeleteRequest": {"Key": _marshalled(key)}} for key in keys])

    def _write_many(self, requests: Sequence[Any]) -> None:
        for start in range(0, len(requests), _WRITES_LIMIT):
            wanted = list(requests[start : start + _WRITES_LIMIT])
            while wanted:
                with domain_errors("records"):
                    response = client("dynamodb").batch_write_item(RequestItems={self._name: wanted})
                left = response.get("UnprocessedItems", {}).get(self._name, [])
                if len(left) == len(wanted):
                    raise Throttled("records: not one of them was written; wait, or ask for a higher quota")
                wanted = left

    def add_once(
        self,
        counted_key: Item,
        mark: str,
        now: str,
        counter_key: Item,
        counter_fields: Item,
        count: str,
        number: int = 1,
    ) -> bool:
        """Add a number to a counter, and mark the counted item, in one transaction.

        Parameters
        ----------
        counted_key, mark
            The key of the item that is counted, and the attribute that marks it.
        counter_key, counter_fields, count
            The key of the counter, its attributes besides the count, and the attribute with the count.

        Returns
        -------
        bool
            False if the item is already marked, or does not exist. Nothing has changed then.
        """
        dynamodb = client("dynamodb")
        marking = {
            "TableName": self._name,
            "Key": _marshalled(counted_key),
            "UpdateExpression": "SET #mark = :now",
            "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(#mark)",
            "ExpressionAttributeNames": {"#mark": mark},
            "ExpressionAttributeValues": _marshalled({":now": now}),
        }
        counting = {
            "TableName": self._name,
            "Key": _marshalled(counter_key),
            "UpdateExpression": f"SET {', '.join(f'#{name} = :{name}' for name in counter_fields)} ADD #count :number",
            "ExpressionAttributeNames": {"#count": count} | {f"#{name}": name for name in counter_fields},
            "ExpressionAttributeValues": _marshalled(
                {":number": number} | {f":{name}": value for name, value in counter_fields.items()}
            ),
        }
        try:
            with domain_errors("count"):
                dynamodb.transact_write_items(TransactItems=[{"Update": marking}, {"Update": counting}])
        except dynamodb.exceptions.TransactionCanceledException as cancelled:
            if _is_refused(cancelled.response):
                return False
            raise Throttled("count: another image is counted at the same moment; wait and try again") from cancelled
        return True

    def add(
        self,
        key: Item,
        amounts: Mapping[str, float],
        *,
        fields: Mapping[str, Any] | None = None,
        condition: str = "",
        values: Mapping[str, Any] | None = None,
    ) -> Item | None:
        """Add to numbers and set fields in one update; return the new values, or ``None`` if the condition failed.

        ``values`` are the expression values of the condition.
        """
        dynamodb = client("dynamodb")
        fields = fields or {}
        written = {f":{name}": value for name, value in {**amounts, **fields}.items()} | dict(values or {})
        settings = f" SET {', '.join(f'#{name} = :{name}' for name in fields)}" if fields else ""
        try:
            with domain_errors("record"):
                response = dynamodb.update_item(
                    TableName=self._name,
                    Key=_marshalled(key),
                    UpdateExpression="ADD " + ", ".join(f"#{name} :{name}" for name in amounts) + settings,
                    ExpressionAttributeNames={f"#{name}": name for name in (*amounts, *fields)},
                    ExpressionAttributeValues=_marshalled(written),
                    ReturnValues="UPDATED_NEW",
                    **({"ConditionExpression": condition} if condition else {}),
                )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return None
        return _unmarshalled(response["Attributes"])

    def update(
        self,
        key: Item,
        fields: Item,
        first: Item,
        *,
        condition: str = "",
        condition_values: Mapping[str, Any] | None = None,
        remove: tuple[str, ...] = (),
        kept: Mapping[str, str] | None = None,
    ) -> bool:
        """Set ``fields``, and those of ``first`` that the item lacks; return whether the condition was met.

        To the list of each attribute of ``kept`` that of the named attribute before the update is added.
        """
        kept = kept or {}
        # DynamoDB reads all values before it writes any. The local engine does not, so these come first.
        assignments = [
            f"#{name} = list_append(if_not_exists(#{name}, :nothing), if_not_exists(#{before}, :nothing))"
            for name, before in kept.items()
        ]
        assignments += [f"#{name} = :{name}" for name in fields]
        assignments += [f"#{name} = if_not_exists(#{name}, :{name})" for name in first]
        removal = f" REMOVE {', '.join(f'#{name}' for name in remove)}" if remove else ""
        names = {f"#{name}": name for name in (*kept, *kept.values(), *fields, *first, *remove)}
        values = {f":{name}": value for name, value in (fields | first).items()} | dict(condition_values or {})
        values |= {":nothing": []} if kept else {}
        dynamodb = client("dynamodb")
        try:
            with domain_errors("record"):
                dynamodb.update_item(
                    TableName=self._name,
                    Key=_marshalled(key),
                    UpdateExpression=f"SET {', '.join(assignments)}{removal}",
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=_marshalled(values),
                    **({"ConditionExpression": condition} if condition else {}),
                )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _is_refused(response: Mapping[str, Any]) -> bool:
    """Return whether a transaction was cancelled because one of its conditions failed."""
    return any(reason.get("Code") == "ConditionalCheckFailed" for reason in response.get("CancellationReasons", []))
