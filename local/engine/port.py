"""The engine's port: check that it is free."""

from __future__ import annotations

import socket


class PortTakenError(RuntimeError):
    """Something listens on the port already."""


def require_free(port: int) -> None:
    """Refuse a port of 127.0.0.1 that something listens on.

    Raises
    ------
    PortTakenError
        With the port and the remedy.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        is_taken = probe.connect_ex(("127.0.0.1", port)) == 0
    if is_taken:
        raise PortTakenError(
            f"127.0.0.1:{port} is already in use; stop what listens there (`make down`) or choose another --port"
        )
