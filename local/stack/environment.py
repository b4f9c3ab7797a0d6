"""The variables of a deployed stack's functions, in the form of `sam local invoke --env-vars`.

The SAM CLI fills in parameters, but cannot know the names that CloudFormation gave to tables and state machines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

FUNCTION = "AWS::Lambda::Function"


def variables(client: Callable[[str], Any], stack_name: str, endpoint_url: str = "") -> dict[str, dict[str, str]]:
    """Return each function's variables by logical id.

    Parameters
    ----------
    client
        Returns the client of a service, for the account or engine of the stack.
    stack_name
        A deployed stack of this template.
    endpoint_url
        Address of the engine; empty for AWS itself.
    """
    pages = client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack_name)
    functions = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == FUNCTION
    }
    endpoint = {"AWS_ENDPOINT_URL": endpoint_url} if endpoint_url else {}
    lambda_client = client("lambda")
    return {
        logical_id: lambda_client.get_function_configuration(FunctionName=name)["Environment"]["Variables"] | endpoint
        for logical_id, name in sorted(functions.items())
    }
