"""Permissions that tests take away from the deployed functions."""

import json
from collections.abc import Callable, Iterator

from tests.local.stack.pipeline import Pipeline


def without_statement(pipeline: Pipeline) -> Iterator[Callable[[str, str], None]]:
    """Take a statement out of a function's role by its Sid, and put it back after the test."""
    iam, originals = pipeline.client("iam"), []

    def take(function: str, sid: str) -> None:
        role = pipeline.resource_name(f"{function}Role")
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            kept = [statement for statement in document["Statement"] if statement.get("Sid") != sid]
            if len(kept) < len(document["Statement"]):
                originals.append((role, name, document))
                put(role, name, {**document, "Statement": kept})
                return
        raise AssertionError(f"{role} has no statement {sid}")

    def put(role: str, name: str, document: dict) -> None:
        if document["Statement"]:
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
        else:
            iam.delete_role_policy(RoleName=role, PolicyName=name)

    yield take
    for original in originals:
        put(*original)
