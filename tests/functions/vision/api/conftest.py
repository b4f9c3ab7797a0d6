"""Callers of the API: a person and an operator."""

from collections.abc import Callable

import pytest

from tests.functions.http_api import Caller


@pytest.fixture
def ann(api: Callable[..., Caller]) -> Caller:
    return api("ann")


@pytest.fixture
def operator(api: Callable[..., Caller]) -> Caller:
    return api("olga", "operators")
