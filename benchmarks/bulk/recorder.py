"""A proxy between functions and the local engine that counts requests, and lets some of them fail.

``python -m benchmarks.bulk.recorder ENGINE_HOST ENGINE_PORT``; ``/_counts`` returns and resets the counters,
``/_fail/N`` lets every Nth request fail with HTTP status 500 before it reaches the engine.
"""

import asyncio
import json
import sys
from collections import Counter

from benchmarks.bulk.aws import Answer, Request, operation_of, read_request, write_answer

_LIMIT_BYTES = 2**20


class Recorder:
    """Counts requests by kind, and their bytes."""

    def __init__(self, host: str, port: int) -> None:
        self._engine = (host, port)
        self._counts: Counter[str] = Counter()
        self._requests = 0
        self._fail_every = 0

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one request, and return its response."""
        try:
            request = await read_request(reader, writer)
            if request.path == "/_counts":
                write_answer(writer, Answer(body=json.dumps(self._counts).encode()))
                self._counts.clear()
            elif request.path.startswith("/_fail/"):
                self._fail_every = int(request.path.removeprefix("/_fail/"))
                write_answer(writer, Answer())
            else:
                await self._pass_on(request, writer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _pass_on(self, request: Request, writer: asyncio.StreamWriter) -> None:
        kind = kind_of(request)
        self._requests += 1
        self._counts[kind] += 1
        if self._fail_every and self._requests % self._fail_every == 0:
            self._counts["failed on purpose"] += 1
            write_answer(writer, Answer(500, b'{"__type":"InternalServerError"}', {"Connection": "close"}))
            return
        answer = await self._from_engine(request)
        writer.write(answer)
        self._counts[f"bytes of {kind}"] += len(request.body) + len(answer.partition(b"\r\n\r\n")[2])

    async def _from_engine(self, request: Request) -> bytes:
        """Return the engine's response to a request, with head and body unchanged."""
        from_engine, to_engine = await asyncio.open_connection(*self._engine)
        headers = {**request.headers, "connection": "close", "content-length": str(len(request.body))}
        for unwanted in ("expect", "transfer-encoding"):
            headers.pop(unwanted, None)
        lines = [f"{request.method} {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        to_engine.write("\r\n".join((*lines, "", "")).encode("latin-1") + request.body)
        answer = await from_engine.read()
        to_engine.close()
        return answer


def kind_of(request: Request) -> str:
    """Return the operation of a request, with its variant where that matters."""
    operation = operation_of(request)
    if request.path.endswith("/invocations"):
        return "Invoke"
    if operation == "GetObject" and "range" in request.headers:
        return "GetObject, a part"
    if operation == "UpdateItem":
        partition = json.loads(request.body)["Key"]["pk"]["S"].partition("#")[0]
        return f"UpdateItem {partition}"
    return operation


async def serve(host: str, port: int) -> None:
    """Serve until the process ends."""
    recorder = Recorder(host, port)
    server = await asyncio.start_server(recorder.connection, "127.0.0.1", 0, limit=_LIMIT_BYTES, backlog=1_000)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
