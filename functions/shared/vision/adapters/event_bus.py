"""Events on the event bus of the product."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from vision.adapters.aws_sdk import client, domain_errors
from vision.domain.errors import ServiceUnavailable

SOURCE = "image-recognition"


def put(bus_name: str, detail_type: str, detail: Mapping[str, Any]) -> None:
    """Send an event to the event bus.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    entry = {"EventBusName": bus_name, "Source": SOURCE, "DetailType": detail_type, "Detail": json.dumps(detail)}
    with domain_errors("PutEvents"):
        response = client("events").put_events(Entries=[entry])
    if response.get("FailedEntryCount"):
        raise ServiceUnavailable(f"PutEvents: {response['Entries'][0].get('ErrorCode')}; wait and try again")
