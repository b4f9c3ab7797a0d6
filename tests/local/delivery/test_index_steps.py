"""`make deploy` of a template with other indexes than the deployed table has, and `sam deploy` without its steps."""

import json
import subprocess

import pytest

from local.delivery import deploy, stages
from local.stack.deployment import SAM
from tests.local.engine.account import unique

pytestmark = pytest.mark.local

BEFORE, AFTER = {"listing": "KEYS_ONLY", "by_status": "ALL"}, {"listing": "KEYS_ONLY", "open": "KEYS_ONLY"}
REFUSAL = "end with .table2; update the stack with make deploy"

# It completes one record in each call, and finds them by the index of the earlier release.
COMPLETES = """
import os
import boto3

def handler(event, context):
    assert event == {"detail-type": "Table Upgrade"}, event
    table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
    found = table.query(
        IndexName="by_status",
        KeyConditionExpression=boto3.dynamodb.conditions.Key("by_status_pk").eq("RUNNING"),
        FilterExpression=boto3.dynamodb.conditions.Attr("open_pk").not_exists(),
    )["Items"]
    for item in found[:1]:
        table.put_item(Item={**item, "open_pk": "OPEN"})
    return {"adopted": len(found[:1])}
""".replace("import boto3\n", "import boto3\nimport boto3.dynamodb.conditions\n")
FAILS = "def handler(event, context):\n    raise RuntimeError('no')\n"
KNOWS_NOTHING = "def handler(event, context):\n    pass\n"


def template(indexes: dict[str, str], suffix: str = "") -> dict:
    """Return a template with a table, its function, and the parameter that names the indexes."""
    keys = ["pk", *(f"{name}_pk" for name in indexes)]
    function = {
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "CodeUri": "Function",
        "Timeout": 60,
        "Environment": {"Variables": {"TABLE": {"Ref": "ImageTable"}, "RELEASE": {"Ref": "Release"}}},
        "Policies": [{"DynamoDBCrudPolicy": {"TableName": {"Ref": "ImageTable"}}}],
    }
    table = {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in keys],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": name,
                "KeySchema": [{"AttributeName": f"{name}_pk", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": projection},
            }
            for name, projection in indexes.items()
        ],
    }
    release = {
        "Type": "String",
        "Default": f"unnamed{suffix}" if suffix else "",
        "AllowedPattern": f"[A-Za-z0-9._-]{{0,64}}{suffix.replace('.', '[.]')}",
        "ConstraintDescription": REFUSAL,
    }
    return {
        "Transform": "AWS::Serverless-2016-10-31",
        "Parameters": {"Release": release},
        "Resources": {
            "ImageTable": {"Type": "AWS::DynamoDB::Table", "Properties": table},
            "TrackExecutionFunction": {"Type": "AWS::Serverless::Function", "Properties": function},
        },
        "Outputs": {"Release": {"Value": {"Ref": "Release"}}, "Table": {"Value": {"Ref": "ImageTable"}}},
    }


class Stage:
    """A stage of `samconfig.toml`, and what is built for it."""

    def __init__(self, folder, client):
        self.client = client
        self.build = folder / "build"
        (self.build / "Function").mkdir(parents=True)
        self.template = self.build / "template.yaml"
        self.stack = unique("stack")
        settings = f'stack_name = "{self.stack}"\nresolve_s3 = true\ncapabilities = "CAPABILITY_IAM"\n'
        (folder / "samconfig.toml").write_text(f"version = 0.1\n[test.deploy.parameters]\n{settings}")

    def built(self, template: dict, code: str = KNOWS_NOTHING) -> None:
        self.template.write_text(json.dumps(template))
        (self.build / "Function/app.py").write_text(code)

    def deploy(self) -> None:
        deploy.deploy(stages.read("test", stages.CONFIGURATION), self.template, None)

    def sam_deploy(self) -> subprocess.CompletedProcess:
        call = [str(SAM), "deploy", "--config-env", "test", "--config-file", str(stages.CONFIGURATION)]
        call += ["--template-file", str(self.template)]
        return subprocess.run(call, capture_output=True, text=True, timeout=180, check=False)

    def outputs(self) -> dict[str, str]:
        [described] = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        return {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}

    def indexes(self) -> set[str]:
        described = self.client("dynamodb").describe_table(TableName=self.outputs()["Table"])["Table"]
        return {one["IndexName"] for one in described["GlobalSecondaryIndexes"]}

    def change_sets(self) -> list[str]:
        found = self.client("cloudformation").list_change_sets(StackName=self.stack)["Summaries"]
        return [one["ExecutionStatus"] for one in found]

    def updates(self) -> int:
        events = self.client("cloudformation").describe_stack_events(StackName=self.stack)["StackEvents"]
        return sum(
            (one["LogicalResourceId"], one["ResourceStatus"]) == (self.stack, "UPDATE_COMPLETE") for one in events
        )


@pytest.fixture
def stage(environment, client, tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "CONFIGURATION", tmp_path / "samconfig.toml")
    return Stage(tmp_path, client)


@pytest.fixture
def earlier(stage, client):
    """A stage with the earlier release, and three records that are found by its index only."""
    stage.built(template(BEFORE))
    stage.deploy()
    for number in range(3):
        item = {"pk": {"S": f"photo{number}"}, "by_status_pk": {"S": "RUNNING"}}
        client("dynamodb").put_item(TableName=stage.outputs()["Table"], Item=item)
    return stage


def open_records(stage) -> int:
    return stage.client("dynamodb").query(
        TableName=stage.outputs()["Table"],
        IndexName="open",
        KeyConditionExpression="open_pk = :open",
        ExpressionAttributeValues={":open": {"S": "OPEN"}},
    )["Count"]


def test_skipped_step_is_refused_before_the_change_set_and_taken_by_make_deploy(earlier, capfd):
    earlier.built(template(AFTER, ".table2"), COMPLETES)
    refused = earlier.sam_deploy()
    assert refused.returncode != 0
    assert REFUSAL in refused.stdout + refused.stderr
    assert earlier.change_sets() == ["EXECUTE_COMPLETE"]
    assert earlier.indexes() == {"listing", "by_status"}
    capfd.readouterr()

    earlier.deploy()
    assert earlier.indexes() == {"listing", "open"}
    assert open_records(earlier) == 3
    assert "The table gets the index open." in capfd.readouterr().out
    release = earlier.outputs()["Release"]
    assert release.endswith(".table2")
    # The index, the release, and the index that goes.
    assert earlier.updates() == 3

    earlier.built(template(AFTER, ".table2"), KNOWS_NOTHING)
    assert earlier.sam_deploy().returncode == 0
    assert earlier.outputs()["Release"] == release
    assert earlier.updates() == 4


def test_index_stays_until_the_records_are_complete(earlier):
    earlier.built(template(AFTER, ".table2"), FAILS)
    with pytest.raises(RuntimeError, match="keeps the index"):
        earlier.deploy()
    assert earlier.indexes() == {"listing", "by_status", "open"}
    # The deployed function would fail again: the one of this build is asked.
    earlier.built(template(AFTER, ".table2"), COMPLETES)
    earlier.deploy()
    assert earlier.indexes() == {"listing", "open"}
    assert open_records(earlier) == 3


def test_new_stack_has_the_default_and_goes_back_to_an_earlier_release_in_steps(stage):
    stage.built(template(AFTER, ".table2"))
    assert stage.sam_deploy().returncode == 0
    assert stage.outputs()["Release"] == "unnamed.table2"
    stage.built(template(BEFORE))
    stage.deploy()
    assert stage.indexes() == {"listing", "by_status"}
