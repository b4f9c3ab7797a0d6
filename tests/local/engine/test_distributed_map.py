"""Distributed Map, and the calls of a state machine to other services."""

import json

import pytest

from tests.local.engine.account import wait_for
from tests.local.engine.language import PASS, Case, check, fails_with, invoke, jsonata, machine, start, succeeds_with
from tests.local.inventories import write_inventory

pytestmark = pytest.mark.local

S3_LIST = "arn:aws:states:::s3:listObjectsV2"
S3_GET = "arn:aws:states:::s3:getObject"
IN_BUCKET = {"Bucket": "$BUCKET"}
DOUBLE = jsonata(X={"Type": "Pass", "Output": "{% $states.input.Items ~> $sum %}", "End": True})


def distributed(processor: dict | None = None, kind: str = "STANDARD", **fields: object) -> dict:
    config = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}}
    return {"Type": "Map", "ItemProcessor": {**config, **(processor or machine(X=PASS))}, "End": True, **fields}


def sdk(action: str, **fields: object) -> dict:
    following = {} if "Next" in fields else {"End": True}
    return {"Type": "Task", "Resource": f"arn:aws:states:::aws-sdk:{action}", **following, **fields}


CASES = [
    Case(
        "items come from a listing of objects",
        machine(
            A=distributed(
                ItemReader={"Resource": S3_LIST, "Parameters": {**IN_BUCKET, "Prefix": "in/"}},
                ItemSelector={"k.$": "$$.Map.Item.Value.Key"},
                ResultSelector={"k.$": "$[*].k"},
            )
        ),
        succeeds_with({"k": [f"in/{index}.txt" for index in range(5)]}),
    ),
    Case(
        "items come from the rows of a CSV file",
        machine(
            A=distributed(
                ItemReader={
                    "Resource": S3_GET,
                    "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
                    "Parameters": {**IN_BUCKET, "Key": "data.csv"},
                }
            )
        ),
        succeeds_with([{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
    ),
    Case(
        "MaxItems limits what is read",
        machine(
            A=distributed(
                ItemReader={
                    "Resource": S3_GET,
                    "ReaderConfig": {"InputType": "JSON", "MaxItems": 2},
                    "Parameters": {**IN_BUCKET, "Key": "data.json"},
                }
            )
        ),
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
                DOUBLE,
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
        machine(A=distributed(ItemsPath="$.l", ToleratedFailurePercentage=50)),
        succeeds_with([1]),
        {"l": [1]},
    ),
    Case(
        "too many failures fail the run",
        machine(A=distributed(machine(X={"Type": "Fail", "Error": "E"}), ItemsPath="$.l", ToleratedFailureCount=1)),
        fails_with("States.ExceedToleratedFailureThreshold"),
        {"l": [1, 2, 3]},
    ),
    Case(
        "children may be express",
        machine(A=distributed(kind="EXPRESS", ItemsPath="$.l")),
        succeeds_with([1]),
        {"l": [1]},
    ),
    Case(
        "an SDK call returns what the service lists",
        machine(
            A=sdk(
                "s3:listObjectsV2",
                Parameters={**IN_BUCKET, "Prefix": "in/"},
                ResultSelector={"k.$": "$.Contents[*].Key"},
            )
        ),
        succeeds_with({"k": [f"in/{index}.txt" for index in range(5)]}),
    ),
    Case(
        "an object is written and read",
        machine(
            A=sdk(
                "s3:putObject", Parameters={**IN_BUCKET, "Key": "o.json", "Body": {"a": 1}}, ResultPath=None, Next="B"
            ),
            B=sdk(
                "s3:getObject",
                Parameters={**IN_BUCKET, "Key": "o.json"},
                ResultSelector={"b.$": "States.StringToJson($.Body)"},
            ),
        ),
        succeeds_with({"b": {"a": 1}}),
    ),
    Case(
        "a missing object is named as the SDK for Java does",
        machine(A=sdk("s3:getObject", Parameters={**IN_BUCKET, "Key": "missing"})),
        fails_with("S3.NoSuchKeyException"),
    ),
    Case(
        "Rekognition answers a task",
        machine(
            A=sdk("rekognition:detectLabels", Parameters={"Image": {"S3Object": {**IN_BUCKET, "Name": "in/1.txt"}}})
        ),
        fails_with("Rekognition.InvalidImageFormatException"),
    ),
]


@pytest.fixture(scope="module")
def executions(account, echo, bucket):
    """All cases run at the same time."""
    return {case.sentence: start(case, account, echo, bucket) for case in CASES}


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
    assert [row["Input"] for row in read(succeeded[0]["Key"])] == ["1", "2"]


def test_an_inventory_is_read_by_its_manifest_with_its_keys_as_they_are_written(account, bucket):
    keys = ["a+b%2Bc.jpg", 'quote"d.jpg', "comma,e.jpg"]
    rows = [{"Bucket": "b", "Key": key, "Size": "7"} for key in keys]
    manifest = write_inventory(account.client("s3"), bucket, "inventory/", rows)
    execution = account.run(machine(A=distributed(ItemReader=inventory(bucket, manifest))))
    assert sorted(json.loads(execution["output"]), key=lambda row: keys.index(row["Key"])) == rows


def test_an_inventory_without_a_manifest_fails_the_reader(account, bucket):
    execution = account.run(machine(A=distributed(ItemReader=inventory(bucket, "nowhere/manifest.json"))))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.ItemReaderFailed")


def inventory(bucket: str, key: str) -> dict:
    config = {"InputType": "MANIFEST"}
    return {"Resource": S3_GET, "ReaderConfig": config, "Parameters": {"Bucket": bucket, "Key": key}}


def map_run(account, execution_arn: str) -> dict:
    states = account.client("stepfunctions")
    [run] = wait_for(lambda: states.list_map_runs(executionArn=execution_arn)["mapRuns"])
    return states.describe_map_run(mapRunArn=run["mapRunArn"])


def one_after_the_other(echo: str, **fields: object) -> dict:
    """Twenty children, each of which takes a while."""
    payload = {"action": "sleep", "seconds": 0.2}
    task = {**invoke(payload), "Parameters": {"FunctionName": echo, "Payload": payload}}
    if fields:
        task = {**task, "End": False, "Next": "Y"}
    states = machine(X=task, **({"Y": {"Type": "Fail", "Error": "E"}} if fields else {}))
    return machine(A=distributed(states, ItemsPath="$.l", MaxConcurrency=1, **fields))


def test_a_stopped_execution_begins_no_more_children_and_aborts_those_that_run(account, echo):
    execution_arn = account.start(account.state_machine(one_after_the_other(echo)), {"l": list(range(20))})
    wait_for(lambda: map_run(account, execution_arn)["executionCounts"]["succeeded"] > 1)
    account.client("stepfunctions").stop_execution(executionArn=execution_arn)
    wait_for(lambda: map_run(account, execution_arn)["status"] == "ABORTED")
    counts = map_run(account, execution_arn)["executionCounts"]
    assert counts["running"] == 0
    assert counts["aborted"] > 0
    assert counts["succeeded"] + counts["aborted"] + counts["pending"] == 20


def test_a_map_run_that_has_failed_begins_no_more_children(account, echo):
    definition = one_after_the_other(echo, ToleratedFailureCount=1)
    execution_arn = account.start(account.state_machine(definition), {"l": list(range(20))})
    assert account.end(execution_arn)["error"] == "States.ExceedToleratedFailureThreshold"
    assert 1 < map_run(account, execution_arn)["executionCounts"]["failed"] < 10
