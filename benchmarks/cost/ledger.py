"""A proxy between functions and the local engine, with one address for each function, that counts billed usage.

``python -m benchmarks.cost.ledger ENGINE_URL TABLE FUNCTION …`` prints the ports as JSON; each answers ``/_counts`` as
:mod:`benchmarks.bulk.recorder` does, with DynamoDB's units beside the requests.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from benchmarks.bulk.aws import Request, operation_of
from benchmarks.bulk.recorder import Recorder
from benchmarks.cost.capacity import Index, indexes, read_units, write_units

Key = dict[str, Any]

_LIMIT_BYTES = 2**20
_NAMES = ("Cat", "Car", "Dog", "Outdoors", "Nature", "Tree", "Urban", "Building", "Sky", "Water")
_BOX = {"BoundingBox": {"Width": 0.25, "Height": 0.5, "Left": 0.125, "Top": 0.25}, "Confidence": 98.7654321}


def _answer(labels: list[dict[str, Any]]) -> bytes:
    body = json.dumps({"Labels": labels, "LabelModelVersion": "3.0"})
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nx-amzn-RequestId: 0\r\n\r\n{body}".encode()


TEN_LABELS = _answer(
    [
        {
            "Name": name,
            "Confidence": 98.7654321 - number,
            "Parents": [{"Name": "Environment"}],
            "Instances": [_BOX] if number < 3 else [],
            "Aliases": [],
            "Categories": [{"Name": "Nature and Outdoors"}],
        }
        for number, name in enumerate(_NAMES)
    ]
)
_TRANSACTION_FACTOR = 2
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html"""


class Ledger(Recorder):
    """Counts as a recorder does, and reads each item before and after a write.

    The response of DetectLabels has ten labels, each with a parent and three with a box, as AWS might return for a
    photo of a street: the local models find fewer, and later costs depend on the labels. No rule forbids these labels,
    so no notification is sent.
    """

    def __init__(self, host: str, port: int, dynamodb: Any, table: str, of: list[Index]) -> None:
        super().__init__(host, port)
        self._dynamodb, self._table, self._indexes = dynamodb, table, of

    async def _from_engine(self, request: Request) -> bytes:
        operation = operation_of(request)
        keys = written_keys(operation, request)
        before = [await asyncio.to_thread(self._item, key) for key in keys]
        answer = await super()._from_engine(request)
        after = [await asyncio.to_thread(self._item, key) for key in keys]
        factor = _TRANSACTION_FACTOR if operation == "TransactWriteItems" else 1
        for old, new in zip(before, after, strict=True):
            self._counts["write units"] += factor * write_units(old, new, self._indexes)
        self._counts["half read units"] += _half_units(operation, request, answer)
        return TEN_LABELS if operation == "DetectLabels" else answer

    def _item(self, key: Key) -> dict[str, Any] | None:
        found: dict[str, Any] = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return found.get("Item")


def written_keys(operation: str, request: Request) -> list[Key]:
    """Return the keys of the items that a request writes or can write."""
    match operation:
        case "PutItem":
            return [_key(json.loads(request.body)["Item"])]
        case "UpdateItem" | "DeleteItem":
            return [json.loads(request.body)["Key"]]
        case "TransactWriteItems":
            parts = [part for each in json.loads(request.body)["TransactItems"] for part in each.values()]
            return [part.get("Key") or _key(part["Item"]) for part in parts]
        case "BatchWriteItem":
            wanted = [one for each in json.loads(request.body)["RequestItems"].values() for one in each]
            return [
                one["DeleteRequest"]["Key"] if "DeleteRequest" in one else _key(one["PutRequest"]["Item"])
                for one in wanted
            ]
    return []


def _key(item: Mapping[str, Any]) -> Key:
    return {"pk": item["pk"], "sk": item["sk"]}


def _half_units(operation: str, request: Request, answer: bytes) -> int:
    """Return twice the units of a read, since an eventually consistent read takes half a unit.

    Each key of a batch is rounded up separately, and one without an item is billed too.
    """
    if operation == "BatchGetItem":
        return 2 * sum(len(each["Keys"]) for each in json.loads(request.body)["RequestItems"].values())
    if operation not in ("GetItem", "Query", "Scan"):
        return 0
    found = json.loads(answer[answer.index(b"{") : answer.rindex(b"}") + 1])
    items = found.get("Items") or [found[name] for name in ("Item",) if name in found]
    return read_units(items) * (2 if json.loads(request.body).get("ConsistentRead") else 1)


async def serve(engine_url: str, table: str, functions: list[str]) -> None:
    """Serve until the process ends."""
    address = urlsplit(engine_url)
    config = Config(retries={"max_attempts": 3}, max_pool_connections=64)
    dynamodb = boto3.client("dynamodb", endpoint_url=engine_url, config=config)
    of = indexes(dynamodb.describe_table(TableName=table)["Table"])
    servers, ports = [], {}
    for function in functions:
        ledger = Ledger(str(address.hostname), address.port or 80, dynamodb, table, of)
        server = await asyncio.start_server(ledger.connection, "127.0.0.1", 0, limit=_LIMIT_BYTES, backlog=1_000)
        servers.append(server)
        ports[function] = server.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], sys.argv[3:]))
