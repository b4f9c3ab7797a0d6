"""The table of photos and image records. Every write is conditional: repeated and late writes change nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from vision.adapters.session import client, domain_errors
from vision.domain import records
from vision.domain.envelopes import Envelope
from vision.domain.executions import Run
from vision.domain.records import Record
from vision.domain.statuses import OPEN, Status

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize

# A run may write when nobody has run before, when it is newer than the run that wrote last, or while it is itself
# the run that the record waits for. So an older run never overwrites a newer one, be it the redrive of its own
# execution, and an ended run stays ended.
_MAY_ADVANCE = (
    "attribute_not_exists(execution_arn)"
    " OR (execution_arn <> :execution_arn AND run_started_at < :run_started_at)"
    " OR (execution_arn = :execution_arn AND run_started_at <= :latest_earlier)"
    " OR (execution_arn = :execution_arn AND run_started_at < :earliest_later"
    f" AND #status IN ({', '.join(f':{status.lower()}' for status in OPEN)}))"
)


class Table:
    """The table by its name.

    All methods raise Throttled, ServiceUnavailable and AccessDenied.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def register(self, envelope: Envelope, now: str) -> None:
        """Record that a version waits to be processed, and make it its photo's newest unless it is not.

        Both writes are no-ops when they have happened before, so a crash between them heals with the next delivery.
        """
        self._put_once(records.pending(envelope, now))
        photo = records.photo(envelope, now)
        fields = {name: value for name, value in photo.items() if name not in ("pk", "sk")}
        first = {"created_at": now} | ({"listing_sk": fields.pop("listing_sk")} if "listing_sk" in fields else {})
        self._update(
            records.photo_key(envelope.photo_id),
            fields,
            first,
            condition="attribute_not_exists(sequencer) OR sequencer < :sequencer",
        )

    def mark_running(self, envelope: Envelope, run: Run, now: str) -> bool:
        """Record that the execution has started, unless it has already said more than that itself."""
        return self._update(
            records.image_key(envelope.object),
            _run_fields(run) | {"status": Status.RUNNING, "updated_at": now},
            {},
            condition="attribute_exists(pk) AND attribute_not_exists(execution_arn)",
        )

    def advance(self, envelope: Envelope, run: Run, changes: Record, now: str) -> bool:
        """Move the image record forward to what this run knows.

        Parameters
        ----------
        changes
            Attributes to set, among them the ``status``; without an ``error`` an earlier one is removed.

        Returns
        -------
        bool
            False when a newer run has written, or this one has already ended: then nothing changes.
        """
        first = {
            name: value
            for name, value in records.pending(envelope, now).items()
            if name not in ("pk", "sk", "status", "updated_at")
        }
        return self._update(
            records.image_key(envelope.object),
            changes | _run_fields(run) | {"updated_at": now},
            first,
            remove=() if "error" in changes else ("error",),
            condition=_MAY_ADVANCE,
            condition_values={":latest_earlier": run.latest_earlier, ":earliest_later": run.earliest_later}
            | {f":{status.lower()}": str(status) for status in OPEN},
        )

    def image(self, envelope: Envelope) -> Record | None:
        """Return the image record of a version, if there is one."""
        with domain_errors("image record"):
            response = client("dynamodb").get_item(
                TableName=self._name, Key=_marshalled(records.image_key(envelope.object)), ConsistentRead=True
            )
        return _unmarshalled(response["Item"]) if "Item" in response else None

    def running_since(self, before: str) -> Iterator[Record]:
        """Yield what the index knows of each image that has been RUNNING without a word since before a moment."""
        pages = client("dynamodb").get_paginator("query")
        with domain_errors("images by status"):
            for page in pages.paginate(
                TableName=self._name,
                IndexName="by_status",
                KeyConditionExpression="#status = :status AND updated_at < :before",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=_marshalled({":status": Status.RUNNING, ":before": before}),
            ):
                yield from map(_unmarshalled, page["Items"])

    def _put_once(self, item: Record) -> None:
        dynamodb = client("dynamodb")
        try:
            with domain_errors("image record"):
                dynamodb.put_item(
                    TableName=self._name,
                    Item=_marshalled(item),
                    ConditionExpression="attribute_not_exists(pk)",
                )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return

    def _update(
        self,
        key: Record,
        fields: Record,
        first: Record,
        *,
        condition: str,
        condition_values: Mapping[str, Any] | None = None,
        remove: tuple[str, ...] = (),
    ) -> bool:
        """Set ``fields``, and those of ``first`` that the item lacks; return whether the condition held."""
        assignments = [f"#{name} = :{name}" for name in fields]
        assignments += [f"#{name} = if_not_exists(#{name}, :{name})" for name in first]
        removal = f" REMOVE {', '.join(f'#{name}' for name in remove)}" if remove else ""
        names = {f"#{name}": name for name in (*fields, *first, *remove)}
        values = {f":{name}": value for name, value in (fields | first).items()} | dict(condition_values or {})
        dynamodb = client("dynamodb")
        try:
            with domain_errors("record"):
                dynamodb.update_item(
                    TableName=self._name,
                    Key=_marshalled(key),
                    UpdateExpression=f"SET {', '.join(assignments)}{removal}",
                    ConditionExpression=condition,
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=_marshalled(values),
                )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _run_fields(run: Run) -> Record:
    return {"execution_arn": run.execution_arn, "run_started_at": run.started_at}


def _marshalled(item: Mapping[str, Any]) -> dict[str, Any]:
    # DynamoDB takes Decimal and no float; through text, so that 0.1 stays 0.1.
    plain = json.loads(json.dumps(item, ensure_ascii=False), parse_float=Decimal)
    return {name: _serialize(value) for name, value in plain.items()}


def _unmarshalled(item: Mapping[str, Any]) -> Record:
    return {name: _number(_deserialize(value)) for name, value in item.items()}


def _number(value: Any) -> Any:
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case list():
            return [_number(element) for element in value]
        case dict():
            return {name: _number(element) for name, element in value.items()}
    return value
