"""Responses of custom resources to CloudFormation."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

# CloudFormation accepts at most 4,096 bytes in a response, JSON takes up to 12 bytes for a character, and the name of a
# rule can be as long as the parameter.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
REASON_LIMIT = 250


def respond(event: Mapping[str, Any], reason: str, resource_id: str = "") -> None:
    """Respond to CloudFormation with success, or with the reason of a failure.

    Parameters
    ----------
    resource_id
        The physical id of the resource. An id that differs from the id in the request makes an update a replacement,
        and CloudFormation then sends a Delete request for the old id. By default, the id of the request is kept.
        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-delete.html

    Without a response, CloudFormation waits for an hour.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
    """
    answer = {
        "Status": "FAILED" if reason else "SUCCESS",
        "Reason": reason[:REASON_LIMIT] or "done",
        "PhysicalResourceId": resource_id or event.get("PhysicalResourceId") or f"{event['LogicalResourceId']}-1",
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    request = urllib.request.Request(  # noqa: S310 CloudFormation gives an https URL
        event["ResponseURL"], data=json.dumps(answer).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310 CloudFormation gives an https URL
        return
