"""The answer that CloudFormation waits for from a custom resource."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

# CloudFormation reads at most 4,096 bytes of an answer, JSON spells a character with up to 12 of them, and a rule's
# name can be as long as the parameter.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
REASON_LIMIT = 250


def respond(event: Mapping[str, Any], reason: str, resource_id: str = "") -> None:
    """Tell CloudFormation that the request is done, or with a reason that it is not.

    Parameters
    ----------
    resource_id
        What identifies the resource; one that differs from the request's makes an update a replacement, and
        CloudFormation then asks to delete the old one. Without it the request's stays.
        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-delete.html

    Without an answer it waits for an hour.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
    """
    answer = {
        "Status": "FAILED" if reason else "SUCCESS",
        "Reason": reason[:REASON_LIMIT] or "done",
        "PhysicalResourceId": resource_id or event.get("PhysicalResourceId") or f"{event['LogicalResourceId']}-1",
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    request = urllib.request.Request(  # noqa: S310 the address is CloudFormation's own
        event["ResponseURL"], data=json.dumps(answer).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        return
