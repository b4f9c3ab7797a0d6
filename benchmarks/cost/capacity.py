"""The units that DynamoDB bills for a write, including its indexes.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.bulk.counted import item_bytes, units

Item = Mapping[str, Any]
Partition = tuple[str, str]
"""A partition key: the attribute, of the table or of an index, and its value."""

_READ_UNIT_BYTES = 4096


@dataclass(frozen=True)
class Index:
    """An index of the table, with the properties that decide the cost of a write.

    Attributes
    ----------
    keys
        Its own key attributes.
    attributes
        The attributes of an entry, including the keys of the table; empty for all attributes.
    """

    keys: tuple[str, ...]
    attributes: frozenset[str]

    def entry(self, item: Item) -> dict[str, Any] | None:
        """Return the item's entry; None if the item lacks a key of the index."""
        if any(name not in item for name in self.keys):
            return None
        return {name: value for name, value in item.items() if not self.attributes or name in self.attributes}


def indexes(table: Mapping[str, Any]) -> list[Index]:
    """Read the indexes from the response of DescribeTable."""
    found = []
    table_keys = _keys(table["KeySchema"])
    for index in table.get("GlobalSecondaryIndexes", []):
        keys, projection = _keys(index["KeySchema"]), index["Projection"]
        held = {*table_keys, *keys, *projection.get("NonKeyAttributes", [])}
        found.append(Index(keys, frozenset() if projection["ProjectionType"] == "ALL" else frozenset(held)))
    return found


def write_units(before: Item | None, after: Item | None, of: Iterable[Index]) -> int:
    """Return the units of a write that replaced ``before`` by ``after``, None for no item; each index adds its own."""
    return sum(partition_units(before, after, of).values())


def partition_units(before: Item | None, after: Item | None, of: Iterable[Index]) -> Counter[Partition]:
    """Return the units of a write by partition key, since each partition takes only so many a second."""
    written: Counter[Partition] = Counter()
    written[_partition("pk", after or before or {})] = max(1, _larger(before, after))
    for index in of:
        old, new = index.entry(before or {}), index.entry(after or {})
        if old == new:
            continue
        if old and new and all(old[name] == new[name] for name in index.keys):
            written[_partition(index.keys[0], new)] += _larger(old, new)
            continue
        for entry in filter(None, (old, new)):
            written[_partition(index.keys[0], entry)] += _larger(None, entry)
    return written


def read_units(items: Sequence[Item]) -> int:
    """Return the units of a consistent read that found these items together."""
    return max(1, math.ceil(sum(map(item_bytes, items)) / _READ_UNIT_BYTES))


def _partition(attribute: str, item: Item) -> Partition:
    return attribute, str(item.get(attribute, {}).get("S", ""))


def _larger(before: Item | None, after: Item | None) -> int:
    return max((units(item_bytes(item)) for item in (before, after) if item), default=0)


def _keys(schema: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    return tuple(element["AttributeName"] for element in schema)
