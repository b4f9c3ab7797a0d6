"""Deploy a template whose table has other indexes than the deployed table, in updates that CloudFormation accepts.

An update creates or deletes at most one global secondary index of a table:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html

A template with more changes is deployed in steps. Each step but the last is the template itself with other indexes:
first the table gets the new ones, then it loses the old ones. When an index is deleted, the functions of this release
run already, and have completed the records that only that index finds.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from botocore.config import Config
from botocore.exceptions import ClientError

TABLE = "ImageTable"
# It completes what an earlier release has written, before the index of the earlier release is deleted.
UPGRADE_FUNCTION = "TrackExecutionFunction"
UPGRADE_EVENT = {"detail-type": "Table Upgrade"}
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_LONGEST_INVOCATION_SECONDS = 900

Index = dict[str, Any]
Template = dict[str, Any]


def plan(deployed: Mapping[str, Index], target: Mapping[str, Index]) -> list[dict[str, Index]]:
    """Return the indexes of the table after each step, by their names; the last ones are the target.

    Every index is created before one is deleted. A deletion is never the first step: what this release does before it
    is not what the deployed release does, which may be the one that failed there.

    Parameters
    ----------
    deployed, target
        The definitions of indexes by their names.

    Raises
    ------
    ValueError
        An index has the name of a deployed one and another definition, which no update can change.

    Examples
    --------
    >>> [list(step) for step in plan({"a": {}, "b": {}}, {"a": {}, "c": {}})]
    [['a', 'b', 'c'], ['a', 'c']]
    >>> [list(step) for step in plan({"a": {}, "b": {}}, {"a": {}})]
    [['a', 'b'], ['a']]
    >>> [list(step) for step in plan({"a": {}}, {"a": {}, "b": {}})]
    [['a', 'b']]
    """
    changed = [name for name, index in target.items() if deployed.get(name, index) != index]
    if changed:
        raise ValueError(
            f"the keys and the projection of an index never change, and those of {', '.join(changed)} differ from the "
            f"deployed table; give the index of the template a new name"
        )
    steps = [dict(deployed)]
    for name in [added for added in target if added not in deployed]:
        steps.append(steps[-1] | {name: target[name]})
    for name in [deleted for deleted in deployed if deleted not in target]:
        steps.append({kept: index for kept, index in steps[-1].items() if kept != name})
    is_deletion_first = len(steps) > 1 and len(steps[1]) < len(deployed)
    return [*(steps if is_deletion_first else steps[1:])[:-1], dict(target)]


def with_indexes(template: Template, indexes: Mapping[str, Index], types: Mapping[str, str]) -> Template:
    """Return a template whose table has these indexes.

    Parameters
    ----------
    types
        The types of attributes by their names. DynamoDB refuses a definition of an attribute that is no key, so the
        template gets those of its keys only.
    """
    changed = copy.deepcopy(template)
    table = changed["Resources"][TABLE]["Properties"]
    schemas = [table["KeySchema"], *(index["KeySchema"] for index in indexes.values())]
    names = dict.fromkeys(key["AttributeName"] for schema in schemas for key in schema)
    table["AttributeDefinitions"] = [{"AttributeName": name, "AttributeType": types[name]} for name in names]
    table["GlobalSecondaryIndexes"] = list(indexes.values())
    return changed


def deploy(template: Path, stack_name: str, client: Callable[[str], Any], update: Callable[[Path], None]) -> None:
    """Deploy a built template, in as many steps as its indexes need.

    Parameters
    ----------
    template
        What `sam build` has written. Templates of steps are written beside it, where its paths are valid.
    stack_name
        The stack, which may not exist yet.
    client
        Returns the client of a service in the account of the stack, with the given configuration.
    update
        Deploys a template and returns when the stack is updated; it raises if that fails.

    Raises
    ------
    ValueError
        See `plan`.
    RuntimeError
        The table keeps an index, since records that are found by it only could not be completed.
    """
    built = read(template)
    deployed = _deployed(client("cloudformation"), stack_name)
    if deployed is None:
        update(template)
        return
    before, after = indexes_of(deployed), indexes_of(built)
    steps = plan(before, after)
    types = _types(deployed) | _types(built)
    for number, indexes in enumerate(steps, 1):
        if before.keys() - indexes.keys():
            _complete_records(client, stack_name)
        if number == len(steps):
            update(template)
            return
        print(f"Step {number} of {len(steps)}: the table has the indexes {', '.join(indexes)}.", flush=True)
        path = template.with_name(f"step-{number}.json")
        path.write_text(json.dumps(with_indexes(built, indexes, types), indent=1), encoding="utf-8")
        update(path)
        before = indexes


def read(template: Path) -> Template:
    """Return a template that `sam build` has written.

    Raises
    ------
    FileNotFoundError
        Nothing was built.
    """
    if not template.exists():
        raise FileNotFoundError(f"{template} is missing; build it first (make package)")
    # The SAM CLI spells out !Ref and its kind.
    content: Template = yaml.safe_load(template.read_text(encoding="utf-8"))
    return content


def indexes_of(template: Template) -> dict[str, Index]:
    """Return the indexes of the template's table by their names."""
    indexes = _table(template).get("GlobalSecondaryIndexes", [])
    return {index["IndexName"]: index for index in indexes}


def default_release(template: Template) -> str:
    """Return the value of `Release` for a deployment that has no name of its own.

    Its end names the indexes of the template's table: `AllowedPattern` demands it, so that CloudFormation refuses a
    change set with the previous value of a stack whose table needs steps.
    """
    release: str = template.get("Parameters", {}).get("Release", {}).get("Default", "")
    return release


def release_of(template: Template, name: str) -> str:
    """Return the value of `Release` for a deployment with this name.

    Examples
    --------
    >>> release_of({"Parameters": {"Release": {"Default": "unnamed.table2"}}}, "20261121T083501Z-1a2b3c4")
    '20261121T083501Z-1a2b3c4.table2'
    >>> release_of({"Parameters": {"Release": {"Default": ""}}}, "20261121T083501Z-1a2b3c4")
    '20261121T083501Z-1a2b3c4'
    """
    _, point, indexes = default_release(template).rpartition(".")
    return f"{name}{point}{indexes}"


def _table(template: Template) -> dict[str, Any]:
    found: dict[str, Any] = template.get("Resources", {}).get(TABLE, {}).get("Properties", {})
    return found


def _types(template: Template) -> dict[str, str]:
    return {one["AttributeName"]: one["AttributeType"] for one in _table(template).get("AttributeDefinitions", [])}


def _deployed(cloudformation: Any, stack_name: str) -> Template | None:
    """Return the template of a stack; None if there is no stack, or if it has no table yet."""
    try:
        body = cloudformation.get_template(StackName=stack_name, TemplateStage="Processed")["TemplateBody"]
    except ClientError as error:
        # GetTemplate has no error of its own for this.
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    # The SDK reads JSON by itself.
    template: Template = yaml.safe_load(body) if isinstance(body, str) else body
    return template if _table(template) else None


def _complete_records(client: Callable[..., Any], stack_name: str) -> None:
    """Have the deployed release complete the records of an earlier one, until it finds no more of them."""
    resource = client("cloudformation").describe_stack_resource(
        StackName=stack_name, LogicalResourceId=UPGRADE_FUNCTION
    )
    function = resource["StackResourceDetail"]["PhysicalResourceId"]
    lambda_ = client("lambda", config=Config(read_timeout=_LONGEST_INVOCATION_SECONDS + 10))
    while True:
        answer = lambda_.invoke(FunctionName=function, Payload=json.dumps(UPGRADE_EVENT))
        content = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            raise RuntimeError(
                f"{function} could not complete the records of the earlier release, and its log says why. The table "
                f"keeps the index of that release, and the stack works; deploy again later. {json.dumps(content)}"
            )
        # A release that has nothing to complete does not know the event, and answers nothing.
        adopted = (content or {}).get("adopted", 0)
        if not adopted:
            return
        print(f"{adopted} records of the earlier release are in the new index.", flush=True)
