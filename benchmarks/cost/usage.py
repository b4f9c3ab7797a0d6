"""The usage of one image: measured counters for two sizes, stored in one file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

COUNTERS = Path(__file__).with_name("counters.json")


@dataclass(frozen=True)
class FunctionUse:
    """The usage of a function for one image.

    Attributes
    ----------
    cpu_seconds
        CPU time on the measuring machine.
    requests
        Requests to AWS, by kind; also ``bytes of`` each kind, and the read and write units of DynamoDB.
    """

    cpu_seconds: float
    requests: Mapping[str, float]


@dataclass(frozen=True)
class Usage:
    """The usage of one image of this size.

    Attributes
    ----------
    image_bytes
        Size of the image.
    transitions
        Transitions of the image's own Standard execution.
    table_bytes, thumbnail_bytes
        Storage besides the image: in the table and its indexes, and in the bucket.
    functions
        Usage of the functions, by their logical ids.
    """

    image_bytes: float
    transitions: float
    table_bytes: float
    thumbnail_bytes: float
    functions: Mapping[str, FunctionUse]

    def request(self, kind: str) -> float:
        """Return the number of requests of a kind by all functions."""
        return sum(use.requests.get(kind, 0) for use in self.functions.values())


@dataclass(frozen=True)
class Measured:
    """Ways through the product, each measured with small and with large images.

    Attributes
    ----------
    date
        Date of the measurement.
    ways
        The usage by way: the small image first.
    """

    date: str
    ways: Mapping[str, tuple[Usage, Usage]]


def read(path: Path = COUNTERS) -> Measured:
    """Read the counters."""
    content = json.loads(path.read_text(encoding="utf-8"))
    ways = {name: (_usage(small), _usage(large)) for name, (small, large) in content["ways"].items()}
    return Measured(content["date"], ways)


def write(measured: Measured, path: Path = COUNTERS) -> None:
    """Write the counters, rounded to significant digits."""
    path.write_text(json.dumps(_rounded(asdict(measured)), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _usage(content: Mapping[str, Any]) -> Usage:
    functions = {name: FunctionUse(**use) for name, use in content["functions"].items()}
    return Usage(**{**content, "functions": functions})


def _rounded(content: Any) -> Any:
    match content:
        case dict():
            return {name: _rounded(value) for name, value in content.items()}
        case list() | tuple():
            return [_rounded(value) for value in content]
        case float():
            return round(content, 4)
    return content
