"""Attribute values of DynamoDB: what JSON can carry, as text, numbers, booleans, null, lists and maps.

boto3 has this too, with sets, binary and decimals. It is not used because it brings resources and transfers with it,
which a function that starts has to import.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def marshalled(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of an item as the API takes them.

    Raises
    ------
    TypeError
        A value is of a type that an item of this product does not have.
    """
    return {name: _value(value) for name, value in item.items()}


def unmarshalled(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of an item as plain Python values; a number without fraction is an integer."""
    return {name: _plain(value) for name, value in item.items()}


def _value(value: Any) -> dict[str, Any]:
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": str(value)}
        case int() | float():
            return {"N": str(value)}
        case list() | tuple():
            return {"L": [_value(element) for element in value]}
        case Mapping():
            return {"M": marshalled(value)}
    raise TypeError(f"an item has no attribute of type {type(value).__name__}")


def _plain(value: Mapping[str, Any]) -> Any:
    [(kind, content)] = value.items()
    match kind:
        case "NULL":
            return None
        case "N":
            return _number(content)
        case "L":
            return [_plain(element) for element in content]
        case "M":
            return unmarshalled(content)
    # Text and booleans, and the sets and bytes of an item that somebody else has written.
    return content


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        number = float(text)
        return int(number) if number.is_integer() else number
