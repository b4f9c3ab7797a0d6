"""DynamoDB: what one call of UpdateTable may change, and the status of an index."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import dynamodb


def install() -> None:
    """Patch the engine's DynamoDB."""
    change_one_index_in_a_call()
    tell_the_status_of_indexes()


def change_one_index_in_a_call() -> None:
    """Refuse a call of UpdateTable that creates or deletes more than one global secondary index.

    "You can create or delete only one global secondary index per UpdateTable operation":
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html
    """
    update_table = dynamodb._update_table

    def update_one_index(data: dict[str, Any]) -> Any:
        changes = [one for one in data.get("GlobalSecondaryIndexUpdates") or () if {"Create", "Delete"} & one.keys()]
        if len(changes) > 1:
            return error_response_json(
                "LimitExceededException",
                "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
                400,
            )
        return update_table(data)

    dynamodb._update_table = update_one_index


def tell_the_status_of_indexes() -> None:
    """Give the description of an index from a template its status, as that of one from UpdateTable has it.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GlobalSecondaryIndexDescription.html
    """
    describe = dynamodb._table_description

    def table_description(name: str) -> dict[str, Any]:
        description: dict[str, Any] = describe(name)
        indexes = description.get("GlobalSecondaryIndexes")
        if indexes:
            description["GlobalSecondaryIndexes"] = [{"IndexStatus": "ACTIVE", **index} for index in indexes]
        return description

    dynamodb._table_description = table_description
