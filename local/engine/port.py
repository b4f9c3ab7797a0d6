"""The engine's port: whether it is free, and what to say when it is not."""

from __future__ import annotations

import socket


def is_taken(port: int) -> bool:
    """Tell whether something listens on a port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def taken_message(port: int) -> str:
    """Say that a port is taken and what to do about it."""
    return f"127.0.0.1:{port} is already in use; stop what listens there (`make down`) or choose another --port"
