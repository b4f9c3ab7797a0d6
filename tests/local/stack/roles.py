"""Permissions that tests remove from the deployed functions."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from tests.local.stack.pipeline import Pipeline


@contextmanager
def statement_removed(pipeline: Pipeline, function: str, sid: str) -> Iterator[None]:
    """Remove a statement from a function's role by its Sid, and restore it afterwards."""
    iam, role = pipeline.client("iam"), pipeline.resource_name(f"{function}Role")
    policies = {
        name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    }
    [name] = [name for name, policy in policies.items() if sid in [one.get("Sid") for one in policy["Statement"]]]
    kept = [statement for statement in policies[name]["Statement"] if statement.get("Sid") != sid]
    if kept:
        changed = json.dumps({**policies[name], "Statement": kept})
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=changed)
    else:
        # A policy needs at least one statement.
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policies[name]))


def without_statement(pipeline: Pipeline) -> Iterator[Callable[[str, str], None]]:
    """Give a fixture that removes statements until the end of the test."""
    with ExitStack() as removed:
        yield lambda function, sid: removed.enter_context(statement_removed(pipeline, function, sid))
