"""Shared by the tests of the layer: concurrent calls to a service that is not made for threads."""

import threading
from typing import Any

import pytest
from botocore.client import BaseClient


@pytest.fixture
def one_call_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moto, which is not thread-safe, answer one call after the other, as each write of DynamoDB is atomic."""
    lock, send = threading.RLock(), BaseClient._make_api_call

    def serial(self: BaseClient, *arguments: Any) -> Any:
        with lock:
            return send(self, *arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", serial)
