"""Services that answer as a test says, refuse, or are silent."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from vision.adapters.aws_sdk import client

Hook = Callable[..., None]
Refuse = Callable[..., None]
Answer = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def hook(aws: None) -> Iterator[Callable[..., None]]:
    """Register a function for an event of botocore, until the end of the test: clients outlive it."""
    hooked = []

    def register(service: str, moment: str, act: Callable[..., Any], *, first: bool = False) -> None:
        events = client(service).meta.events
        event = moment.replace("SERVICE", client(service).meta.service_model.service_id.hyphenize())
        (events.register_first if first else events.register)(event, act)
        hooked.append((events, event, act))

    yield register
    for events, event, act in hooked:
        events.unregister(event, act)


@pytest.fixture
def answer(hook: Hook) -> Answer:
    """Let a service give these responses, repeating the last one, and return the list of its requests."""
    current: dict[tuple[str, str], tuple[list[dict[str, Any]], Iterator[dict[str, Any]]]] = {}

    def register(service: str, operation: str, *responses: dict[str, Any]) -> list[dict[str, Any]]:
        is_new = (service, operation) not in current
        asked: list[dict[str, Any]] = []
        current[service, operation] = asked, itertools.chain(responses, itertools.repeat(responses[-1]))

        def remember(params: dict[str, Any], **_: Any) -> None:
            current[service, operation][0].append(params)

        def respond(**_: Any) -> Any:
            return AWSResponse("", 200, {}, None), next(current[service, operation][1])

        if is_new:
            hook(service, f"provide-client-params.SERVICE.{operation}", remember)
            hook(service, f"before-call.SERVICE.{operation}", respond)
        return asked

    return register


@pytest.fixture
def refuse(hook: Hook) -> Callable[..., None]:
    """Let a service refuse all of its calls, or those with the given numbers, counted from 1."""

    def register(service: str, operation: str, code: str, http_status: int = 400, calls: tuple[int, ...] = ()) -> None:
        made = 0

        def maybe(**_: Any) -> Any:
            nonlocal made
            made += 1
            if calls and made not in calls:
                return None
            if code == "silence":
                raise ReadTimeoutError(endpoint_url=f"https://{service}")
            response = {
                "Error": {"Code": code, "Message": "as the service says it"},
                "ResponseMetadata": {"HTTPStatusCode": http_status},
            }
            return AWSResponse("", http_status, {}, None), response

        hook(service, f"before-call.SERVICE.{operation}", maybe, first=True)

    return register
