"""Stubbed AWS clients, and calls to moto one at a time."""

from collections.abc import Callable, Iterator

import pytest
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
