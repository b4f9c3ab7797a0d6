"""CloudFormation: properties get the types that their service declares, and tables change as DynamoDB allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import dynamodb
from ministack.services.cloudformation import provisioners


def install() -> None:
    """Patch the engine's CloudFormation."""
    give_event_source_mappings_their_numbers()
    tell_the_issuer_of_a_user_pool()
    let_items_of_a_table_expire()
    change_one_index_in_an_update()


def give_event_source_mappings_their_numbers() -> None:
    """Convert a number that comes from a parameter to an integer, as CloudFormation does by the resource's schema.

    Parameters are strings, even those of type Number. The engine passes ``MaximumConcurrency`` on as a string, and the
    poller of the mapping then compares it with an integer and never reads the queue.
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    create, update = handlers["create"], handlers["update"]

    def typed_create(logical_id: str, properties: dict[str, Any], *rest: Any) -> Any:
        return create(logical_id, _with_numbers(properties), *rest)

    def typed_update(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        return update(physical_id, _with_numbers(old), _with_numbers(new), *rest)

    changed: dict[str, Callable[..., Any]] = {"create": typed_create, "update": typed_update}
    handlers.update(changed)


def tell_the_issuer_of_a_user_pool() -> None:
    """Give a user pool the attribute `ProviderURL`: the issuer of its tokens, for the configuration of authorizers.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-cognito-userpool.html
    """
    attributes = provisioners._cognito_user_pool_attributes

    def user_pool_attributes(pool_id: str) -> dict[str, str]:
        known: dict[str, str] = attributes(pool_id)
        return {**known, "ProviderURL": f"https://{known['ProviderName']}"}

    provisioners._cognito_user_pool_attributes = user_pool_attributes


def let_items_of_a_table_expire() -> None:
    """Give a table the `TimeToLiveSpecification` of the template, which the engine leaves out.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-dynamodb-table.html
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]
    create, update = handlers["create"], handlers["update"]

    def create_with_expiry(logical_id: str, properties: dict[str, Any], *rest: Any) -> Any:
        created = create(logical_id, properties, *rest)
        _set_expiry(created[0], {}, properties)
        return created

    def update_with_expiry(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        updated = update(physical_id, old, new, *rest)
        _set_expiry(updated[0], old if updated[0] == physical_id else {}, new)
        return updated

    changed: dict[str, Callable[..., Any]] = {"create": create_with_expiry, "update": update_with_expiry}
    handlers.update(changed)


def change_one_index_in_an_update() -> None:
    """Refuse an update of a table that creates or deletes more than one global secondary index, or changes one.

    The engine makes one call of UpdateTable for each change. CloudFormation refuses the update instead, before anything
    of the table changes: a table takes one new index or one deletion in an update, and a definition never changes.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html#cfn-dynamodb-table-globalsecondaryindexes
    The messages are those of stacks in AWS: https://github.com/aws/aws-cdk/issues/14920,
    https://github.com/aws-amplify/amplify-cli/issues/12826
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]
    update = handlers["update"]

    def update_one_index(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        before, after = _indexes(old), _indexes(new)
        if any(before[name] != after[name] for name in before.keys() & after.keys()):
            raise ValueError(
                "Cannot update GSI's properties other than Provisioned Throughput and Contributor Insights "
                "Specification. You can create a new GSI with a different name."
            )
        if len(before.keys() ^ after.keys()) > 1:
            raise ValueError("Cannot perform more than one GSI creation or deletion in a single update")
        return update(physical_id, old, new, *rest)

    handlers["update"] = update_one_index


def _indexes(table: dict[str, Any]) -> dict[str, Any]:
    """Return the keys and the projection of each global secondary index by its name."""
    return {
        index["IndexName"]: (index["KeySchema"], index["Projection"])
        for index in table.get("GlobalSecondaryIndexes", [])
    }


def _set_expiry(table: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    before, after = old.get("TimeToLiveSpecification"), new.get("TimeToLiveSpecification")
    if before == after:
        return
    wanted = dict(after or {**(before or {}), "Enabled": False})
    wanted["Enabled"] = str(wanted.get("Enabled")).lower() == "true"
    status, _, body = dynamodb._update_ttl({"TableName": table, "TimeToLiveSpecification": wanted})
    if status >= 400:
        raise ValueError(f"AWS::DynamoDB::Table TimeToLiveSpecification failed: {body!r}")


def _with_numbers(properties: dict[str, Any]) -> dict[str, Any]:
    typed = dict(properties)
    for name in ("BatchSize", "MaximumBatchingWindowInSeconds", "MaximumRetryAttempts"):
        if name in typed:
            typed[name] = int(typed[name])
    if "MaximumConcurrency" in typed.get("ScalingConfig", {}):
        typed["ScalingConfig"] = {"MaximumConcurrency": int(typed["ScalingConfig"]["MaximumConcurrency"])}
    return typed
