"""Stubbed AWS clients, and calls to moto one at a time."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.stub import Stubber

from vision.adapters.aws_sdk import client
from vision.adapters.items import Items


@pytest.fixture
def items(table_name: str) -> Items:
    return Items(table_name)


@pytest.fixture
def stubbed(aws: None) -> Iterator[Callable[[str], Stubber]]:
    """Stub the client of a service. It returns what the test adds, in order, and all of that must be used."""
    stubs: list[Stubber] = []

    def stub(service: str) -> Stubber:
        stubs.append(Stubber(client(service)))
        stubs[-1].activate()
        return stubs[-1]

    yield stub
    for one in stubs:
        one.deactivate()
        one.assert_no_pending_responses()


@pytest.fixture
def one_call_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moto, which is not thread-safe, answer one call after the other, as each write of DynamoDB is atomic."""
    lock, send = threading.RLock(), BaseClient._make_api_call

    def serial(self: BaseClient, *arguments: Any) -> Any:
        with lock:
            return send(self, *arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", serial)
