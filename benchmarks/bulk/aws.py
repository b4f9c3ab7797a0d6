"""A server that imitates AWS for real botocore clients: latency, a strict quota, injected failures, counters.

It has the quota of DetectLabels and no other. Its only data are the photos from its start, and the time of
:class:`~vision.adapters.rate_limiter.RateLimiter`'s next call. It counts records without storing them, so that each
image is a new one.

``python -m benchmarks.bulk.aws PORT NAME=PHOTO …`` serves each photo under every key that ends with its name.
"""

import asyncio
import hashlib
import json
import random
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_HEADERS_LIMIT_BYTES = 2**20
# Log-normal service time: half of the responses take less than the median; the 99th percentile is 1.42 × the median.
_SIGMA = 0.15


@dataclass(frozen=True)
class Behaviour:
    """How the server answers.

    Attributes
    ----------
    detect_seconds
        Median of the log-normal service time of DetectLabels.
    calls_per_second
        Quota of DetectLabels, a token bucket with the calls of one second; 0 for none.
    s3_seconds, s3_bytes_per_second
        Time to the first byte, and the rate after it.
    table_seconds
        Time of each request to DynamoDB.
    fail_every
        Every nth request fails with HTTP status 500 before it has any effect; 0 for none.
    """

    detect_seconds: float = 0.4
    calls_per_second: float = 0.0
    s3_seconds: float = 0.025
    s3_bytes_per_second: float = 80e6
    table_seconds: float = 0.008
    fail_every: int = 0


NO_WAITING = Behaviour(detect_seconds=0, s3_seconds=0, s3_bytes_per_second=1e12, table_seconds=0)


class Bucket:
    """A strict token bucket: a call without a token is refused."""

    def __init__(self, per_second: float, now: float) -> None:
        self._per_second = self._tokens = per_second
        self._at = now

    def take(self, now: float) -> bool:
        """Return whether a call is allowed."""
        if not self._per_second:
            return True
        self._tokens = min(self._per_second, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@dataclass(frozen=True)
class Request:
    """One HTTP request, as received."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """One HTTP response."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] | None = None


class Aws:
    """The operations of S3, Rekognition and DynamoDB that a bulk worker uses."""

    def __init__(self, photos: Mapping[str, bytes]) -> None:
        self._photos = dict(photos)
        self._etags = {name: etag(content) for name, content in photos.items()}
        self._labels = json.dumps({"Labels": [_label(number) for number in range(10)], "LabelModelVersion": "3.0"})
        self.become(Behaviour())

    def become(self, behaviour: Behaviour) -> None:
        """Set the behaviour, and count from zero."""
        self._behaviour = behaviour
        self._bucket = Bucket(behaviour.calls_per_second, time.monotonic())
        self._counts: Counter[str] = Counter()
        self._requests = 0
        self._next_at: int | None = None

    async def answer(self, request: Request) -> Answer:
        """Answer one request, after its service time."""
        if request.path == "/_become":
            self.become(Behaviour(**json.loads(request.body)))
            return Answer()
        if request.path == "/_counts":
            return Answer(body=json.dumps(self._counts).encode())
        operation = operation_of(request)
        self._requests += 1
        self._counts[f"{operation} requests"] += 1
        if self._behaviour.fail_every and self._requests % self._behaviour.fail_every == 0:
            self._counts[f"{operation} failed"] += 1
            return Answer(500, b'{"__type":"InternalServerError","message":"switched on"}')
        match operation:
            case "DetectLabels":
                return await self._detect()
            case "GetObject":
                return await self._get(request)
            case "PutObject":
                self._counts["bytes put"] += len(request.body)
                await asyncio.sleep(self._behaviour.s3_seconds)
                return Answer(headers={"ETag": '"0"'})
            case "BatchGetItem":
                await asyncio.sleep(self._behaviour.table_seconds)
                return Answer(body=b'{"Responses":{},"UnprocessedKeys":{}}')
            case "UpdateItem":
                return await self._update(json.loads(request.body))
        return Answer(400, b'{"__type":"UnknownOperationException","message":"not served here"}')

    async def _detect(self) -> Answer:
        if not self._bucket.take(time.monotonic()):
            self._counts["throttled"] += 1
            await asyncio.sleep(min(0.01, self._behaviour.detect_seconds))
            return Answer(400, b'{"__type":"ThrottlingException","message":"Rate exceeded"}')
        self._counts["paid"] += 1
        await asyncio.sleep(self._behaviour.detect_seconds * random.lognormvariate(0, _SIGMA))
        return Answer(body=self._labels.encode())

    async def _get(self, request: Request) -> Answer:
        name = request.path.split("?")[0].rsplit("/", 1)[-1].rsplit("-", 1)[-1]
        content = self._photos.get(name)
        if content is None:
            return Answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        if request.headers.get("if-match", self._etags[name]).strip('"') != self._etags[name]:
            return Answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        status = 200
        if part := request.headers.get("range"):
            first, last = part.removeprefix("bytes=").split("-")
            content, status = content[int(first) : int(last) + 1], 206
        self._counts["bytes got"] += len(content)
        await asyncio.sleep(self._behaviour.s3_seconds + len(content) / self._behaviour.s3_bytes_per_second)
        return Answer(status, content, {"ETag": f'"{self._etags[name]}"', "Content-Type": "image/jpeg"})

    async def _update(self, request: dict[str, Any]) -> Answer:
        await asyncio.sleep(self._behaviour.table_seconds)
        if not request["Key"]["pk"]["S"].startswith("PACE#"):
            return Answer(body=b"{}")
        self._counts["pace writes"] += 1
        return self._pace(request)

    def _pace(self, request: dict[str, Any]) -> Answer:
        """Apply the two updates of the rate limiter as DynamoDB does; the event loop runs one at a time."""
        values = {name: int(value["N"]) for name, value in request["ExpressionAttributeValues"].items() if "N" in value}
        match (request["UpdateExpression"], request.get("ConditionExpression")):
            case ("ADD #next_at :next_at", "#next_at >= :now"):
                holds = self._next_at is not None and self._next_at >= values[":now"]
                moved = (self._next_at or 0) + values[":next_at"]
            case (
                "SET #next_at = :next_at, #record_type = :record_type",
                "attribute_not_exists(#next_at) OR #next_at < :now",
            ):
                holds = self._next_at is None or self._next_at < values[":now"]
                moved = values[":next_at"]
            case other:
                return Answer(400, json.dumps({"__type": "ValidationException", "message": f"not {other}"}).encode())
        if not holds:
            return Answer(
                400, b'{"__type":"ConditionalCheckFailedException","message":"The conditional request failed"}'
            )
        self._next_at = moved
        return Answer(body=json.dumps({"Attributes": {"next_at": {"N": str(moved)}}}).encode())


def operation_of(request: Request) -> str:
    """Return the operation of a request."""
    target = request.headers.get("x-amz-target", "")
    if target:
        return target.rsplit(".", 1)[-1]
    return {"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject"}.get(request.method, request.method)


def etag(content: bytes) -> str:
    """Return the ETag of an object without multipart upload, without quotes."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
    """Read one request, with a `100 Continue` if the client waits for it.

    Raises
    ------
    asyncio.IncompleteReadError
        The client has closed the connection.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    if headers.get("expect"):
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, path, headers, body)


def write_answer(writer: asyncio.StreamWriter, answer: Answer) -> None:
    """Write one answer."""
    lines = [f"HTTP/1.1 {answer.status} -", f"Content-Length: {len(answer.body)}", "x-amzn-RequestId: 0"]
    lines += [f"{name}: {value}" for name, value in (answer.headers or {}).items()]
    writer.write("\r\n".join((*lines, "", "")).encode("latin-1") + answer.body)


async def serve(aws: Aws, port: int) -> None:
    """Serve until the process ends."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                write_answer(writer, await aws.answer(await read_request(reader, writer)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", port, limit=_HEADERS_LIMIT_BYTES, backlog=1_000)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    async with server:
        await server.serve_forever()


def become(endpoint: str, behaviour: Behaviour) -> None:
    """Set the behaviour of a running server, and let it count from zero."""
    body = json.dumps(asdict(behaviour)).encode()
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/_become", body, method="POST"), timeout=10).close()


def counts(endpoint: str) -> Counter[str]:
    """Return the counters of a running server."""
    with urllib.request.urlopen(f"{endpoint}/_counts", timeout=10) as response:
        return Counter(json.load(response))


def _label(number: int) -> dict[str, Any]:
    name = ("Person", "Outdoors", "Nature", "Tree", "Urban", "Building", "Car", "Sky", "Water", "Plant")[number]
    return {"Name": name, "Confidence": 99.5 - number, "Instances": [], "Parents": [], "Aliases": [], "Categories": []}


def main() -> None:
    """Read the photos and serve."""
    port, *named = sys.argv[1:]
    photos = {name: Path(path).read_bytes() for name, _, path in (one.partition("=") for one in named)}
    asyncio.run(serve(Aws(photos), int(port)))


if __name__ == "__main__":
    main()
