"""Callers of the API: a person and an operator."""

import pytest

from tests.functions.http_api import Api, Caller


@pytest.fixture
def ann(api: Api) -> Caller:
    return api("ann")


@pytest.fixture
def operator(api: Api) -> Caller:
    return api("olga", "operators")
