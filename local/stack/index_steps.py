"""Deploy a template whose table has other indexes than the deployed one, in updates that CloudFormation accepts.

An update creates or deletes at most one global secondary index of a table, and should then change nothing else.
CloudFormation does not wait until a new index is complete; before that it is not read, and the table changes no more:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html#cfn-dynamodb-table-globalsecondaryindexes

Therefore the table gets each new index by an update of the deployed template, whose release goes on meanwhile. Then the
new release is deployed, and completes the records that only an old index finds. The old indexes go last.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import yaml
from botocore.config import Config
from botocore.exceptions import ClientError

TABLE = "ImageTable"
# It completes what an earlier release has written, before the index of the earlier release is deleted.
UPGRADE_FUNCTION = "TrackExecutionFunction"
UPGRADE_EVENT = {"detail-type": "Table Upgrade"}
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_LONGEST_INVOCATION_SECONDS = 900
_POLL_SECONDS = 10

Index = dict[str, Any]
Template = dict[str, Any]


def plan(
    deployed: Mapping[str, Index], target: Mapping[str, Index]
) -> tuple[list[dict[str, Index]], list[dict[str, Index]]]:
    """Return the indexes after each update of the deployed template, and after each one of the new template.

    The updates of the deployed template create indexes; the first one of the new template changes none, and the others
    delete indexes. The last one has the target.

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
    >>> before, after = plan({"a": {}, "b": {}}, {"a": {}, "c": {}})
    >>> [list(indexes) for indexes in before], [list(indexes) for indexes in after]
    ([['a', 'b', 'c']], [['a', 'b', 'c'], ['a', 'c']])
    """
    changed = [name for name, index in target.items() if deployed.get(name, index) != index]
    if changed:
        raise ValueError(
            f"the keys and the projection of an index never change, and those of {', '.join(changed)} differ from the "
            f"deployed table; give the index of the template a new name"
        )
    before, indexes = [], dict(deployed)
    for name in [added for added in target if added not in deployed]:
        indexes = indexes | {name: target[name]}
        before.append(indexes)
    after = [indexes]
    for name in [deleted for deleted in deployed if deleted not in target]:
        indexes = {kept: index for kept, index in indexes.items() if kept != name}
        after.append(indexes)
    return before, [*after[:-1], dict(target)]


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


class Update(Protocol):
    """Deploys a template, and returns when the stack is updated."""

    def __call__(self, template: Path, parameters: Mapping[str, str] | None) -> None:
        """Deploy a template; raise if that fails.

        Parameters
        ----------
        template
            A built template, or one that names packages in S3.
        parameters
            Those that change, while all others keep their values; None for those of the new release.
        """


def deploy(template: Path, stack_name: str, client: Callable[..., Any], update: Update) -> None:
    """Deploy a built template, in as many updates as its indexes need.

    Parameters
    ----------
    template
        What `sam build` has written. The other templates are written beside it, where its paths are valid.
    stack_name
        The stack, which may not exist yet.
    client
        Returns the client of a service in the account of the stack.

    Raises
    ------
    ValueError
        See `plan`.
    RuntimeError
        The table keeps an index, since records that only it finds could not be completed.
    """
    built = read(template)
    cloudformation = client("cloudformation")
    deployed = _deployed(cloudformation, stack_name)
    if deployed is None:
        update(template, None)
        return
    before, after = plan(indexes_of(deployed), indexes_of(built))
    types = _types(deployed) | _types(built)
    step = template.with_name("step.json")
    for indexes in before:
        print(f"The table gets the index {list(indexes)[-1]}.", flush=True)
        step.write_text(json.dumps(with_indexes(deployed, indexes, types)), encoding="utf-8")
        # A command line without any parameter has those of `samconfig.toml`.
        update(step, {"Release": _release(cloudformation, stack_name)})
        _wait_for_indexes(client, stack_name)
    for indexes in after[:-1]:
        step.write_text(json.dumps(with_indexes(built, indexes, types)), encoding="utf-8")
        update(step, None)
        _wait_for_indexes(client, stack_name)
        _complete_records(client, stack_name)
    update(template, None)


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
        body = cloudformation.get_template(StackName=stack_name, TemplateStage="Original")["TemplateBody"]
    except ClientError as error:
        # GetTemplate has no error of its own for this.
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    # The SDK reads JSON by itself; the SAM CLI spells out !Ref and its kind in what it uploads, too.
    try:
        template: Template = yaml.safe_load(body) if isinstance(body, str) else body
        return template if _table(template) else None
    except (yaml.YAMLError, AttributeError, TypeError) as error:
        raise ValueError(
            f"the deployed template of {stack_name} cannot be read ({error}); change the indexes of its table by hand, "
            f"as docs/operations/upgrade.md says"
        ) from error


def _release(cloudformation: Any, stack_name: str) -> str:
    (stack,) = cloudformation.describe_stacks(StackName=stack_name)["Stacks"]
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}
    return str(parameters["Release"])


def _physical_id(client: Callable[..., Any], stack_name: str, logical_id: str) -> str:
    found = client("cloudformation").describe_stack_resource(StackName=stack_name, LogicalResourceId=logical_id)
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def _wait_for_indexes(client: Callable[..., Any], stack_name: str) -> None:
    """Wait until no index is being created or deleted: for minutes, or for hours where the table is large."""
    table, dynamodb = _physical_id(client, stack_name, TABLE), client("dynamodb")
    while True:
        described = dynamodb.describe_table(TableName=table)["Table"]
        states = {
            described["TableStatus"],
            *(one["IndexStatus"] for one in described.get("GlobalSecondaryIndexes", [])),
        }
        if states == {"ACTIVE"}:
            return
        time.sleep(_POLL_SECONDS)


def _complete_records(client: Callable[..., Any], stack_name: str) -> None:
    """Have the deployed release complete the records of an earlier one, until it finds no more of them."""
    function = _physical_id(client, stack_name, UPGRADE_FUNCTION)
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
