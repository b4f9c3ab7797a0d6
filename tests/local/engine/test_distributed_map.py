"""Distributed Map, and the calls of a state machine to other services."""

import json

import pytest

from tests.local.engine.account import wait_for
from tests.local.engine.language import PASS, Case, check, fails_with, invoke, jsonata, machine, succeeds_with
from tests.local.inventories import write_inventory

pytestmark = pytest.mark.local

IN_BUCKET = {"Bucket": "$BUCKET"}
PREFIX, JSON_OBJECT = {**IN_BUCKET, "Prefix": "in/"}, {**IN_BUCKET, "Key": "o.json"}
IMAGE = {"S3Object": {**IN_BUCKET, "Name": "in/1.txt"}}
KEYS = [f"in/{index}.txt" for index in range(5)]
SUM = jsonata(X={"Type": "Pass", "Output": "{% $states.input.Items ~> $sum %}", "End": True})
TOLERATED = "States.ExceedToleratedFailureThreshold"


def distributed(processor: dict | None = None, kind: str = "STANDARD", **fields: object) -> dict:
    config = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}}
    return {"Type": "Map", "ItemProcessor": {**config, **(processor or machine(X=PASS))}, "End": True, **fields}


def from_file(bucket: str, key: str, **config: object) -> dict:
    """Return a Map over the items in a file."""
    reader = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": config}
    return distributed(ItemReader={**reader, "Parameters": {"Bucket": bucket, "Key": key}})


def sdk(action: str, **fields: object) -> dict:
    following = {} if "Next" in fields else {"End": True}
    return {"Type": "Task", "Resource": f"arn:aws:states:::aws-sdk:{action}", **following, **fields}


FAILS_FOR_ONE = machine(
    X={"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 1, "Next": "Y"}], "Default": "Z"},
    Y={"Type": "Fail", "Error": "E"},
    Z=PASS,
)

CASES = [
    Case(
        "items come from a listing of objects",
        machine(
            A=distributed(
                ItemReader={"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": PREFIX},
                ItemSelector={"k.$": "$$.Map.Item.Value.Key"},
                ResultSelector={"k.$": "$[*].k"},
            )
        ),
        succeeds_with({"k": KEYS}),
    ),
    Case(
        "items come from the rows of a CSV file",
        machine(A=from_file("$BUCKET", "data.csv", InputType="CSV", CSVHeaderLocation="FIRST_ROW")),
        succeeds_with([{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
    ),
    Case(
        "MaxItems limits the items that are read",
        machine(A=from_file("$BUCKET", "data.json", InputType="JSON", MaxItems=2)),
        succeeds_with([{"a": 0}, {"a": 1}]),
    ),
    Case(
        "items are batched with a shared input",
        machine(A=distributed(ItemsPath="$.l", ItemBatcher={"MaxItemsPerBatch": 2, "BatchInput": {"b": 1}})),
        succeeds_with([{"BatchInput": {"b": 1}, "Items": [1, 2]}, {"BatchInput": {"b": 1}, "Items": [3]}]),
        {"l": [1, 2, 3]},
    ),
    Case(
        "batches in JSONata have computed sizes",
        jsonata(
            A=distributed(
                SUM,
                Items="{% $states.input.l %}",
                ItemBatcher={"MaxItemsPerBatch": "{% $states.input.size %}"},
                Output="{% $states.result %}",
            )
        ),
        succeeds_with([3, 3]),
        {"l": [1, 2, 3], "size": 2},
    ),
    Case(
        "tolerated failures do not fail the run",
        machine(A=distributed(FAILS_FOR_ONE, ToleratedFailurePercentage=50, ResultPath=None)),
        succeeds_with([1, 2]),
        [1, 2],
    ),
    Case(
        "more failures than the tolerated share fail the run",
        machine(A=distributed(FAILS_FOR_ONE, ToleratedFailurePercentage=49, ResultPath=None)),
        fails_with(TOLERATED),
        [1, 2],
    ),
    Case(
        "too many failures fail the run",
        machine(A=distributed(machine(X={"Type": "Fail", "Error": "E"}), ItemsPath="$.l", ToleratedFailureCount=1)),
        fails_with(TOLERATED),
        {"l": [1, 2, 3]},
    ),
    Case("children may be express", machine(A=distributed(kind="EXPRESS")), succeeds_with([1]), [1]),
    Case(
        "an SDK call returns the answer of the service",
        machine(A=sdk("s3:listObjectsV2", Parameters=PREFIX, ResultSelector={"k.$": "$.Contents[*].Key"})),
        succeeds_with({"k": KEYS}),
    ),
    Case(
        "an object is written and read",
        machine(
            A=sdk("s3:putObject", Parameters={**JSON_OBJECT, "Body": {"a": 1}}, ResultPath=None, Next="B"),
            B=sdk("s3:getObject", Parameters=JSON_OBJECT, ResultSelector={"b.$": "States.StringToJson($.Body)"}),
        ),
        succeeds_with({"b": {"a": 1}}),
    ),
    Case(
        "an error of a service has the name of the SDK for Java",
        machine(A=sdk("s3:getObject", Parameters={**IN_BUCKET, "Key": "missing"})),
        fails_with("S3.NoSuchKeyException"),
    ),
    Case(
        "Rekognition answers a task",
        machine(A=sdk("rekognition:detectLabels", Parameters={"Image": IMAGE})),
        fails_with("Rekognition.InvalidImageFormatException"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_services(case, account, executions):
    check(case, account.end(executions[case.sentence]))


def test_result_files_and_their_manifest_are_written(account, bucket):
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": bucket, "Prefix": "results"}}
    execution = account.run(machine(A=distributed(ItemsPath="$.l", ResultWriter=writer)), {"l": [1, 2]})
    written = json.loads(execution["output"])["ResultWriterDetails"]

    def read(key: str) -> object:
        return json.loads(account.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())

    succeeded = read(written["Key"])["ResultFiles"]["SUCCEEDED"]
    assert sorted(row["Input"] for row in read(succeeded[0]["Key"])) == ["1", "2"]


def test_inventory_is_read_by_its_manifest_with_its_keys_unchanged(account, bucket):
    keys = ["a+b%2Bc.jpg", 'quote"d.jpg', "comma,e.jpg"]
    rows = [{"Bucket": "b", "Key": key, "Size": "7"} for key in keys]
    manifest = write_inventory(account.client("s3"), bucket, "inventory/", rows)
    execution = account.run(machine(A=from_file(bucket, manifest, InputType="MANIFEST")))
    assert sorted(json.loads(execution["output"]), key=lambda row: keys.index(row["Key"])) == rows
    missing = account.run(machine(A=from_file(bucket, "nowhere/manifest.json", InputType="MANIFEST")))
    assert fails_with("States.ItemReaderFailed")(missing)


def map_run(account, execution_arn: str) -> dict:
    states = account.client("stepfunctions")
    [run] = wait_for(lambda: states.list_map_runs(executionArn=execution_arn)["mapRuns"])
    return states.describe_map_run(mapRunArn=run["mapRunArn"])


@pytest.fixture
def start_twenty(account, echo):
    """Start a run of twenty children, one after the other, each of which takes a while; further states follow."""

    def start(further: dict, **fields: object) -> str:
        payload = {"action": "sleep", "seconds": 0.2}
        following = {"Next": next(iter(further))} if further else {}
        slow = {**invoke(payload, **following), "Parameters": {"FunctionName": echo, "Payload": payload}}
        children = distributed(machine(X=slow, **further), ItemsPath="$.l", MaxConcurrency=1, **fields)
        return account.start(account.state_machine(machine(A=children)), {"l": list(range(20))})

    return start


def test_stopped_execution_aborts_running_children_and_starts_no_more(account, start_twenty):
    execution_arn = start_twenty({})
    wait_for(lambda: map_run(account, execution_arn)["executionCounts"]["succeeded"] > 1)
    account.client("stepfunctions").stop_execution(executionArn=execution_arn)
    wait_for(lambda: map_run(account, execution_arn)["status"] == "ABORTED")
    counts = map_run(account, execution_arn)["executionCounts"]
    assert counts["running"] == 0
    assert counts["aborted"] > 0
    assert counts["succeeded"] + counts["aborted"] + counts["pending"] == 20


def test_failed_map_run_starts_no_more_children(account, start_twenty):
    execution_arn = start_twenty({"Y": {"Type": "Fail", "Error": "E"}}, ToleratedFailureCount=1)
    assert account.end(execution_arn)["error"] == TOLERATED
    assert 1 < map_run(account, execution_arn)["executionCounts"]["failed"] < 10
