"""A proxy for DynamoDB that passes on, holds or throttles the requests of a function, as a test sets it.

A function uses it through ``AWS_ENDPOINT_URL_DYNAMODB``, which takes precedence over the engine's address in the SDK.
Every task of a session calls DynamoDB, so a test can interrupt each of them in the middle of its work.
"""

import http.client
import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

# Longer than any function may run.
_HOLD_SECONDS = 60
_REFUSAL = {
    "__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException",
    "message": "Rate of requests exceeds the allowed throughput.",
}


class DynamoDBSwitch:
    """A proxy on loopback between one function and the engine's DynamoDB."""

    def __init__(self, engine_url: str) -> None:
        self.held = 0
        self._passes = 0
        self._engine = urlsplit(engine_url).netloc
        self._holds = False
        self._refusals = 0
        self._released = threading.Event()
        self._lock = threading.Lock()
        switch = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    answer = switch.answer(dict(self.headers), body, self._is_gone)
                    if answer is None:
                        self.close_connection = True
                        return
                    status, content = answer
                    self.send_response(status)
                    self.send_header("Content-Type", "application/x-amz-json-1.0")
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    # The function was killed, or the engine was stopped.
                    self.close_connection = True

            def _is_gone(self) -> bool:
                try:
                    return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
                except BlockingIOError:
                    return False
                except OSError:
                    return True

            def log_message(self, *_arguments: object) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def hold(self, after: int = 0) -> None:
        """Hold each request after the first ``after`` ones."""
        self.held, self._passes = 0, after
        self._released = threading.Event()
        self._holds = True

    def pass_new(self) -> None:
        """Pass on new requests; held ones stay held."""
        self._holds, self._refusals = False, 0

    def release(self) -> None:
        """Pass on new and held requests."""
        self.pass_new()
        self._released.set()

    def refuse(self, requests: int) -> None:
        """Throttle that many requests from now on."""
        self._refusals = requests

    def close(self) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, headers: dict[str, str], body: bytes, is_gone: Callable[[], bool]) -> tuple[int, bytes] | None:
        """Answer a request, or return None if its sender died while the request was held."""
        if self._is_to_wait():
            self._released.wait(_HOLD_SECONDS)
            if is_gone():
                return None
        with self._lock:
            if self._refusals > 0:
                self._refusals -= 1
                return 400, json.dumps(_REFUSAL).encode()
        engine = http.client.HTTPConnection(self._engine, timeout=_HOLD_SECONDS)
        try:
            engine.request("POST", "/", body, headers)
            response = engine.getresponse()
            return response.status, response.read()
        finally:
            engine.close()

    def _is_to_wait(self) -> bool:
        with self._lock:
            if not self._holds:
                return False
            if self._passes > 0:
                self._passes -= 1
                return False
            self.held += 1
            return True
