"""A connection between a browser and a stack that a test can cut, even in the middle of a request."""

from __future__ import annotations

import contextlib
import selectors
import socket
import socketserver
import threading

_CHUNK_BYTES = 65_536


class Line:
    """Forwards all bytes between its own port and that of a local stack until it is cut."""

    def __init__(self, stack_port: int) -> None:
        self._stack_port = stack_port
        self._sockets: set[socket.socket] = set()
        self._is_cut = False
        line = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                line._pass_on(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def cut(self) -> None:
        """Close every connection at once, and accept none until the line is restored."""
        self._is_cut = True
        for one in list(self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def restore(self) -> None:
        self._is_cut = False

    def close(self) -> None:
        self.cut()
        self._server.shutdown()
        self._server.server_close()

    def _pass_on(self, browser: socket.socket) -> None:
        if self._is_cut:
            return
        with socket.create_connection(("127.0.0.1", self._stack_port)) as stack, selectors.DefaultSelector() as ready:
            other = {browser: stack, stack: browser}
            self._sockets.update(other)
            for one in other:
                ready.register(one, selectors.EVENT_READ)
            with contextlib.suppress(OSError):
                while not self._is_cut:
                    for key, _ in ready.select():
                        content = key.fileobj.recv(_CHUNK_BYTES)
                        if not content:
                            return
                        other[key.fileobj].sendall(content)
